"""Every prompt's caller: designer, critic, analyzer, card writer. How models are asked at all is not here, but in `llm`."""
