"""Hostile and broken answers of providers, over the wire and through the real SDKs: each ends as its file says, and none is lost.

A file of `redteam_replies/` is one answer: `status`, `headers` and `body` (`times`: so often in a row; `gzip`: packed; `latin1`:
words that are sent in that encoding; `cut`: half of it), and what `must` happen: a `reply` with this `text`, being `asked again`
(what came with status 200 is `kept`), or being `refused` in these `words`.
"""

import gzip
import importlib
import json
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fake_provider import Answer, provider
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_llm import KINDS, PROMPT, client, model

from autoreward.core.visible import visible_line
from autoreward.errors import LimitReached, NoAnswer, ProviderError, RunDamaged
from autoreward.llm.client import SavedReply
from autoreward.llm.cost import Bill, tokens
from autoreward.llm.parsing import MOST_READ, Unusable, code_blocks, parse_record, usable_text
from autoreward.llm.replay import ReplayModel
from autoreward.llm.responses import NotAnAnswer, anthropic_reply, openai_reply
from autoreward.llm.types import Reply, RequestRefused, RetryLater, TimeLimits
from autoreward.records import Record

CASES = sorted((Path(__file__).parent / "redteam_replies").glob("*.json"))
WORD = '{"word": "yes"}'


class Word(Record):
    word: str


def answer(case: dict[str, Any]) -> Answer:
    body = (case["body"] * case.get("times", 1)).encode()
    for written, sent in case.get("latin1", {}).items():
        body = body.replace(written.encode(), sent.encode("latin-1"))
    body = gzip.compress(body, 1) if case.get("gzip") else body
    return Answer(status=case["status"], headers=case.get("headers", {}), raw=body, cut=case.get("cut", False))


def test_there_are_seventy() -> None:
    assert len(CASES) == 71
    assert {json.loads(path.read_text())["must"] for path in CASES} == {"reply", "asked again", "refused"}


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_each_ends_as_its_file_says(path: Path, tmp_path: Path) -> None:
    case = json.loads(path.read_text())
    slept: list[float] = []
    with provider(answer(case)) as server:
        asked = client(tmp_path, model(case["protocol"], server.url), slept)
        if case["must"] == "reply":
            read(case, asked.ask(PROMPT), tmp_path)
            return
        with pytest.raises(ProviderError) as caught:
            asked.ask(PROMPT)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 500
    assert isinstance(caught.value, NoAnswer if case["must"] == "asked again" else RequestRefused)
    assert re.search(case.get("words", "."), said), said
    kept = list((tmp_path / "replies").glob("k.unreadable-*.txt"))
    if case["must"] == "asked again":
        assert slept == case.get("slept", [1.0, 4.0, 16.0])
        assert len(kept) == (4 if case.get("kept", True) else 0)
        counted = asked.bills()
        assert len(counted) == len(slept) + 1, "calls that failed are calls, after a resume, too"
        assert all((bill.dollars or 0.0) > 0.0 for bill in counted) is bool(kept)
    else:
        assert asked.bills() == ()


def read(case: dict[str, Any], reply: Reply, folder: Path) -> None:
    assert reply.text == case.get("text", WORD)
    assert reply.finish == case.get("finish", "stop")
    saved = SavedReply.model_validate_json((folder / "replies" / "k.json").read_bytes())
    assert saved.reply == reply == ReplayModel(folder).ask(PROMPT)
    guessed = (tokens(PROMPT.text), tokens(reply.text)) if case.get("estimated") else (10, 5)
    given, answered = case.get("tokens", guessed)
    assert saved.bill.input_tokens == (tokens(PROMPT.text) if given is None else given)
    assert saved.bill.output_tokens == answered
    assert saved.bill.dollars is not None
    assert saved.bill.dollars > 0.0


@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "dollars"])
def test_a_bill_is_never_negative(field: str) -> None:
    bill = {"role": "critic", "model": "m", "input_tokens": 1, "output_tokens": 1, "dollars": 0.5}
    assert Bill.model_validate(bill)
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Bill.model_validate(bill | {field: -1})


@pytest.mark.parametrize("changed", [{"dollars": -5.0}, {"output_tokens": -1}, {"dollars": "NaN"}])
def test_a_saved_bill_that_would_fill_the_purse_is_damage(changed: dict[str, object], tmp_path: Path) -> None:
    with provider(Answer(WORD)) as server:
        asked = client(tmp_path, model("openai", server.url))
        asked.ask(PROMPT)
    path = tmp_path / "replies" / "k.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps(saved | {"bill": saved["bill"] | changed}))
    with pytest.raises(RunDamaged, match=r"k\.json is damaged"):
        asked.bills()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_drips_is_let_go(kind: str) -> None:
    """It sends a byte every 10 ms, of headers and body alike, and would take ten times as long as it is given."""
    importlib.import_module(kind)  # which takes a second and more
    with provider(Answer("x" * 50, drip=0.01)) as server:
        begun = time.monotonic()
        with pytest.raises(RetryLater, match=r"did not answer within 0\.15 s"):
            model(kind, server.url, TimeLimits(9.0, 0.15)).ask(PROMPT)
        assert time.monotonic() - begun < 1.0
        assert 0 < server.dripped < 100


def test_a_server_that_drips_fast_enough_is_read(tmp_path: Path) -> None:
    with provider(Answer(WORD, drip=0.0001)) as server:
        assert model("openai", server.url).ask(PROMPT).text == WORD


def test_what_may_have_been_paid_stays_set_aside(tmp_path: Path) -> None:
    """Four unreadable answers to a question of about a cent each are as good as paid."""
    with provider(Answer(raw=b"{}")) as server:
        made = client(tmp_path, model("anthropic", server.url), max_cost=0.045)
        with pytest.raises(NoAnswer):
            made.ask(PROMPT)
        with pytest.raises(LimitReached, match=r"\$0\.04 of"):
            made.ask(PROMPT._replace(key="l"))
    assert {p.read_text() for p in (tmp_path / "replies").glob("k.unreadable-*.txt")} == {"{}"}


# --------------------------------------------------------------------------------------------------------- reading

HARD = {
    "a fence of spaces": ("```", " ", "x"),
    "a fence of letters": ("```", "a", ""),
    "a fence of tabs": ("\t", "\t", "```"),
    "fences": ("", "```\n", ""),
    "an open fence and halves of others": ("```py\n", "  ``` x\n", ""),
    "lines of spaces": ("", " " * 50 + "\n", ""),
    "open brackets": ('{"word":', "[", ""),
    "open tables": ("", '{"word":', ""),
    "objects": ("", '{"word":1}', ""),
    "backslashes": ('{"word":"', "\\", ""),
    "digits": ('{"word":', "9", "}"),
    "quotes": ("```json\n", '"', "\n```"),
    "functions": ("", "def f():\n  return 0\n", ""),
}


@pytest.mark.parametrize("shape", HARD.values(), ids=HARD.keys())
def test_reading_is_linear_in_the_length_of_a_reply(shape: tuple[str, str, str]) -> None:
    """Work is counted in lines of Python that run; what C does on a line is bounded by a generous time for the longest reply."""
    start, middle, end = shape

    def work(characters: int) -> int:
        text = start + middle * (characters // len(middle)) + end
        lines = 0

        def count(frame: Any, event: str, argument: Any) -> Any:
            nonlocal lines
            lines += 1
            return count if frame.f_code.co_filename.endswith("reading.py") else None

        before = sys.gettrace()
        sys.settrace(count)
        try:
            look(text)
        finally:
            sys.settrace(before)
        return lines

    work(100)
    assert work(10_000) < 3 * work(5_000) + 1000
    begun = time.process_time()
    look(start + middle * ((MOST_READ - 20) // len(middle)) + end)
    assert time.process_time() - begun < 5.0


def look(text: str) -> None:
    with suppress(Unusable):
        parse_record(usable_text(Reply(text=text, model="m")), Word)
    code_blocks(text)
    visible_line(text, 100)


def test_halves_of_characters_that_json_spells_are_mended() -> None:
    assert parse_record('{"word": "\\ud800x"}', Word) == Word(word="\ufffdx")
    assert parse_record('{"word": "\\ud83d\\ude00"}', Word) == Word(word="\U0001f600")


def test_fences_of_other_systems_end_too() -> None:
    assert code_blocks("```python\r\ndef f():\r\n    return 1\r\n```\r\nDone.\r\n") == ["def f():\r\n    return 1\r\n"]


# ------------------------------------------------------------------------------------------------------------ fuzz

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "choices message content usage prompt_tokens input_tokens tool_calls function arguments text type refusal".split()
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
CHAT = st.fixed_dictionaries(
    {}, optional={"choices": st.lists(st.fixed_dictionaries({"message": JSON}, optional={"finish_reason": JSON})) | JSON,
                  "content": st.lists(JSON) | JSON, "usage": JSON, "model": JSON, "stop_reason": JSON},
)  # fmt: skip


def saved_or_no_answer(body: str) -> None:
    for read_it in (openai_reply, anthropic_reply):
        with suppress(NotAnAnswer):
            reply = read_it(body, "asked")
            assert Reply.model_validate_json(reply.model_dump_json()) == reply
            look(reply.text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CHAT | JSON)
def test_any_json_is_a_reply_or_no_answer(value: object) -> None:
    saved_or_no_answer(json.dumps(value))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_reply_or_no_answer(body: bytes) -> None:
    from autoreward.llm.transport import as_text

    saved_or_no_answer(as_text(body))


@pytest.mark.nightly
@settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CHAT | JSON)
def test_five_thousand_answers(value: object) -> None:
    saved_or_no_answer(json.dumps(value))


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_saved_as_it_came_but_for_halves_of_characters(text: str) -> None:
    reply = Reply(text=text, model="m")
    assert reply.text == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    assert Reply.model_validate_json(reply.model_dump_json()) == reply
    look(text)
