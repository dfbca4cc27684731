"""Asking language models: who can be asked, what it costs, what goes wrong, and never paying twice. No role, no prompt of one.

types.py      Prompt and Reply, the one-method protocol `LLM`
names.py      `anthropic:MODEL`, `openai:MODEL`, ...: what is meant by them; the default models
keys.py       which variables hold keys, and who is sent which
transport.py  the HTTP client of both SDKs: one address, limits on silence, time and size
streams.py    an answer that comes as events -> the one body that it makes
responses.py  body of an answer -> Reply
responses_api.py  OpenAI's Responses, for questions with tools
provider.py   what both SDKs share: a question in the form that its server takes
forms.py      what a server refused -> the form to ask in next
anthropic_api.py  openai_api.py    the providers' own SDKs, loaded when first asked
thinking.py   what thinking takes of an answer's tokens
repeats.py    how far a question begins like an earlier one
patience.py   how often one question is asked, and how long is waited
provider_errors.py  an SDK's error -> ask again, or one sentence that says what to do
replay.py  manual.py    a saved conversation; a person with a chat window
pictures.py   PNG frames of a question: their files, their tokens
cost.py       prices, the estimate, the cap
context.py    how much a model can read at once
open.py       open models by their names, and the client
client.py     the one way to ask: saved replies first, then within the cap, with retries
conversation.py  turns in which a model calls tools before it answers
prompts.py    templates -> the text of a prompt
lenient.py    the JSON values in a text, however they are written down
parsing.py    text of a reply -> the record that was asked for, or a finding
programs.py   a program as a model spells it -> its source
structured.py  ask until the answer is usable
portions.py   one question about several things, in as many portions as a context makes of it
"""
