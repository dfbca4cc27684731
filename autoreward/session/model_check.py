"""Ask one model one cheap question, and say what works: before a run finds out what doesn't."""

import tempfile
import time
from pathlib import Path

from autoreward.core.visible import visible_line
from autoreward.core.wording import Setting
from autoreward.errors import NoAnswer, UsageError
from autoreward.llm.context import context_window
from autoreward.llm.cost import OWN_SERVER, price, tokens
from autoreward.llm.open import open_model
from autoreward.llm.parsing import Unusable, parse_record, usable_text
from autoreward.llm.provider import ProviderModel
from autoreward.llm.structured import schema
from autoreward.llm.types import Prompt, Reply, RetryLater
from autoreward.records import Record

_MOST_TOKENS = 2_000
"""Of the answer: enough for models that think about everything."""
_LONG_ANSWER = 6_000
"""Tokens of a designer's answer with eight programs."""


class Sum(Record):
    """The answer to the question."""

    sum: int


def check_model(name: str) -> dict[str, str]:
    """What works with this model, in words, by what it is about; asks it once.

    Raises:
        UsageError: it has no such name, no key, or there is nothing to find out about it.
        NoAnswer: it is not there, busy or too slow; nothing is waited for.
        ProviderError: it refuses; the message says what to do.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = open_model(name, Path(folder)) if name != "grammar" else None
    if not isinstance(model, ProviderModel):
        raise UsageError(
            Setting("model", name), ": there is nothing to find out; name a model that is asked over HTTP."
        )
    question = 'What is 17 + 25? Answer with JSON: {"sum": NUMBER}\n'
    prompt = Prompt("doctor", "designer", question, schema(Sum), _MOST_TOKENS)
    begun = time.monotonic()
    try:
        reply = model.ask(prompt)
    except RetryLater as busy:
        raise NoAnswer(f"{busy}. A run would wait for it, or ask again.") from None
    return {
        "model": f"{name}, which calls itself {visible_line(reply.model, 100)}",
        **_said(reply, time.monotonic() - begun),
        **_form(model),
        **_counted(name, prompt, reply),
    }


def _said(reply: Reply, seconds: float) -> dict[str, str]:
    speed = reply.output_tokens / max(seconds, 1e-3)
    slow = ""
    if 0.0 < speed < 50.0:
        slow = f"; {speed:.0f} tokens a second, so a long answer takes {_LONG_ANSWER / speed / 60:.0f} minutes"
    try:
        answer = parse_record(usable_text(reply), Sum)
        what = "right" if answer.sum == 42 else f"wrong: {answer.sum}"
    except Unusable as why:
        what = f"UNUSABLE: {visible_line(str(why), 200)}"
    thought = "it does not, or does not count it"
    if reply.thinking_tokens:
        thought = f"{reply.thinking_tokens:,} of {reply.output_tokens:,} tokens"
    return {"answers": f"{what}, in {seconds:.1f} s{slow}", "thinks": thought}


def _form(model: ProviderModel) -> dict[str, str]:
    form, told = model.form, model.context()
    most = f", {form.most:,} tokens at most" if form.most else ""
    assumed = f"{context_window(model.name):,} tokens, by the price list or as is assumed: it does not say"
    return {
        "JSON mode": "yes" if form.structured else "no: it is asked in words",
        "streaming": "yes" if form.streamed else "no: all of an answer is silence",
        "longest answer": f"as {form.limit_name or 'max_tokens'}{most}",
        "context": f"{told:,} tokens, as it says" if told else assumed,
    }


def _counted(name: str, prompt: Prompt, reply: Reply) -> dict[str, str]:
    sent, received = reply.input_tokens or tokens(prompt.text), reply.output_tokens or tokens(reply.text)
    counts = (
        f"{reply.input_tokens:,} in, {reply.output_tokens:,} out"
        if reply.input_tokens
        else "not counted: texts are measured"
    )
    cost = price(name, sent, received, reply.cache_read_tokens, reply.cache_write_tokens)
    own = (
        "not counted: a server of your own"
        if name.startswith(f"{OWN_SERVER}:")
        else "NOT KNOWN: no limit in dollars can hold"
    )
    return {"tokens": counts, "price": own if cost is None else f"${cost:.4f} for this question"}
