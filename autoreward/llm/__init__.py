"""Asking language models: who can be asked, what it costs, what goes wrong, and never paying twice.

asking.py     Prompt and Reply, the one-method protocol `LLM`
models.py     `anthropic:MODEL`, `openai:MODEL`, ... -> an LLM; the default models
claude.py  gpt.py    the providers' own SDKs, loaded when first asked
replay.py  manual.py    a saved conversation; a person with a chat window
money.py      prices, the estimate, the cap
desk.py       the one way to ask: saved replies first, then within the cap, with retries
reading.py    text of a reply -> the record that was asked for, or a finding
"""
