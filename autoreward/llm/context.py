"""How much a model can read at once."""

from autoreward.llm.cost import FREE_PROVIDERS, OWN_SERVER
from autoreward.llm.names import full_name, on_server

ASSUMED_CONTEXT = 32_768
"""Tokens of question and answer that a model is taken to hold where nobody says: what servers of one's own usually start with."""


def context_window(model: str) -> int:
    """Tokens that question and answer may have together, from the genai-prices package; ASSUMED_CONTEXT where it has none."""
    provider, _, name = full_name(model).partition(":")
    if provider in FREE_PROVIDERS or provider == OWN_SERVER:
        return ASSUMED_CONTEXT
    from genai_prices.data_snapshot import get_snapshot

    address, sold = on_server(name) if provider == "openai+https" else ("", name)
    url = f"https:{address}" if address else None
    try:
        _, found = get_snapshot().find_provider_model(sold, None, None if url else provider, url)
    except LookupError:
        return ASSUMED_CONTEXT
    return found.context_window or ASSUMED_CONTEXT


def prompt_room(window: int, answer: int) -> int:
    """Tokens of a context that a prompt may have if its answer may have `answer`; half of one smaller than two answers."""
    return max(window - answer, window // 2)
