"""Asking language models: who can be asked, what it costs, what goes wrong, and never paying twice.

asking.py     Prompt and Reply, the one-method protocol `LLM`
models.py     `anthropic:MODEL`, `openai:MODEL`, ... -> an LLM; the default models
keys.py       which variables hold keys, and who is sent which
web.py        the HTTP client of both SDKs: one address, one deadline, one size
answers.py    body of an answer -> Reply
claude.py  gpt.py    the providers' own SDKs, loaded when first asked
faults.py     an SDK's error -> ask again, or one sentence that says what to do
replay.py  manual.py    a saved conversation; a person with a chat window
money.py      prices, the estimate, the cap
opening.py    open models by their names, and the desk
desk.py       the one way to ask: saved replies first, then within the cap, with retries
prompts.py    templates -> the text of a prompt
reading.py    text of a reply -> the record that was asked for, or a finding
dialogue.py   ask until the answer is usable
"""
