"""How much a model thinks, what that takes of its answer, and what providers keep of a question: asked for, counted and billed."""

import json
from pathlib import Path
from typing import Any

import pytest
from fake_provider import Answer, provider
from test_llm import KINDS, PROMPT, Word, client, model

from autoreward.config import RunConfig
from autoreward.llm.anthropic_api import AnthropicModel
from autoreward.llm.cost import Bill, estimate_cost, price
from autoreward.llm.keys import NO_HEADERS, PROVIDER_ADDRESSES, Access
from autoreward.llm.openai_api import OpenAIModel
from autoreward.llm.repeats import Repeats
from autoreward.llm.responses import anthropic_reply, openai_reply
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.thinking import cut_while_thinking, thinking_room
from autoreward.llm.types import Reply, RequestRefused

WORD = '{"word": "yes"}'
ANSWER = Answer(WORD)


def test_every_role_thinks_as_the_designer_unless_it_is_said() -> None:
    assert RunConfig(model="manual").efforts == {"designer": None, "critic": None, "analyzer": None}
    assert RunConfig(model="manual", effort="high", critic_effort="low").efforts == {
        "designer": "high", "critic": "low", "analyzer": "high",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("effort", "openai", "anthropic"),
    [
        (None, {}, {}),
        ("none", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ("low", {"reasoning_effort": "low"}, {"thinking": {"type": "adaptive"}, "effort": "low"}),
        ("max", {"reasoning_effort": "max"}, {"thinking": {"type": "adaptive"}, "effort": "max"}),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_effort_is_each_providers_own_setting(
    kind: str, effort: Any, openai: dict[str, Any], anthropic: dict[str, Any], tmp_path: Path
) -> None:
    with provider(ANSWER) as server:
        asked = client(tmp_path, model(kind, server.url), efforts={"designer": effort, "critic": "max"})
        asked.ask(PROMPT)
    sent = server.requests[0]
    settings = {k: sent[k] for k in ("reasoning_effort", "thinking") if k in sent}
    settings |= {k: v for k, v in sent.get("output_config", {}).items() if k == "effort"}
    assert settings == (openai if kind == "openai" else anthropic)
    assert sent["max_tokens"] == PROMPT.max_tokens + thinking_room(effort), "thinking counts toward the limit"


def test_a_model_that_takes_tokens_to_think_is_given_tokens(tmp_path: Path) -> None:
    with provider(ANSWER) as server:
        server.decide = lambda asked: (
            Answer("adaptive thinking is not supported on this model", status=400)
            if asked["thinking"]["type"] == "adaptive"
            else None
        )
        client(tmp_path, model("anthropic", server.url), efforts={"designer": "medium"}).ask(PROMPT)
    assert server.requests[-1]["thinking"] == {"type": "enabled", "budget_tokens": 6500}
    assert server.requests[-1]["max_tokens"] == 13_000
    assert "format" in server.requests[-1]["output_config"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_effort_that_a_model_does_not_know_is_a_sentence_and_never_left_out(kind: str, tmp_path: Path) -> None:
    said = "effort 'xhigh' is not supported by this model; it knows low and high"
    with provider(Answer(said, status=400)) as server:
        asked = client(tmp_path, model(kind, server.url), efforts={"critic": "xhigh"})
        with pytest.raises(
            RequestRefused, match=r"to think as asked \(xhigh\).*knows low and high.*Choose another critic_effort"
        ):
            asked.ask(PROMPT._replace(role="critic"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "cut"),
    [
        (Reply(text="", model="m", finish="length"), True),
        (Reply(text="<think>so", model="m", finish="length"), True),
        (Reply(text="<think>so</think>\n{", model="m", finish="length"), False),
        (Reply(text="{", model="m", finish="length", output_tokens=100, thinking_tokens=90), True),
        (Reply(text="{", model="m", finish="length", output_tokens=100, thinking_tokens=10), False),
        (Reply(text="", model="m"), False),
    ],
)
def test_what_cut_an_answer_off_is_told_apart(reply: Reply, cut: bool) -> None:
    assert cut_while_thinking(reply) is cut


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_while_thinking_is_asked_again_with_more_room(kind: str, tmp_path: Path) -> None:
    with provider(Answer("", finish="length"), Answer("<think>hm", finish="length"), ANSWER) as server:
        asked = client(tmp_path, model(kind, server.url))
        answer, findings = ask_structured(asked, Request("q", "critic", "One word.", 1000), Word)
    assert answer == Word(word="yes")
    assert [request["max_tokens"] for request in server.requests] == [1000, 2000, 4000]
    assert len({json.dumps(request["messages"]) for request in server.requests}) == 1, (
        "nothing was wrong with the question"
    )
    assert ["with more room" in finding for finding in findings] == [True, True]


# ----------------------------------------------------------------------------------------------------------- caching

LINES = "The same line, again and again.\n" * 200


def test_what_was_asked_before_is_found_and_nothing_shorter() -> None:
    repeats = Repeats()
    assert repeats.begin("m", LINES + "one") == 0, "nobody knows that it comes again"
    repeats.add("m", LINES + "one")
    assert repeats.begin("other", LINES + "one") == 0
    assert repeats.begin("m", LINES + "two") == len(LINES)
    assert repeats.begin("m", LINES + "one, and more") == len(LINES), "whole lines"
    assert repeats.begin("m", LINES[:1000] + "x") == 0, "too short to be kept"
    for number in range(8):
        repeats.add("m", f"{number}")
    assert repeats.begin("m", LINES) == 0, "it was too long ago"


def test_a_beginning_that_comes_again_is_kept(tmp_path: Path) -> None:
    with provider(ANSWER) as server:
        asked = client(tmp_path, model("anthropic", server.url))
        for key in "abc":
            asked.ask(PROMPT._replace(key=key, text=LINES + key))
    first, *others = [request["messages"][0]["content"] for request in server.requests]
    assert first == LINES + "a"
    for key, content in zip("bc", others, strict=True):
        assert [part["text"] for part in content] == [LINES, key]
        assert ["cache_control" in part for part in content] == [True, False]


def test_a_server_that_knows_no_marks_gets_none(tmp_path: Path) -> None:
    with provider(ANSWER) as server:
        server.decide = lambda asked: (
            Answer("cache_control: Extra inputs are not permitted", status=400)
            if "cache_control" in json.dumps(asked)
            else None
        )
        asked = client(tmp_path, model("anthropic", server.url))
        for key in "abc":
            assert asked.ask(PROMPT._replace(key=key, text=LINES + key)).text == WORD
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("kind", "usage"),
    [
        ("anthropic", {"input_tokens": 100, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 300}),
        ("openai", {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 300}}),
    ],
)
@pytest.mark.parametrize("plain", [True, False])
def test_the_bill_counts_what_was_read_from_a_cache_and_written_to_it(
    kind: str, usage: dict[str, Any], plain: bool, tmp_path: Path
) -> None:
    with provider(Answer(WORD, usage=usage, plain=plain)) as server:
        asked = client(tmp_path, model(kind, server.url))
        asked.ask(PROMPT)
    (bill,) = asked.bills()
    assert (bill.input_tokens, bill.cache_read_tokens, bill.cache_write_tokens) == (1000, 600, 300)
    per_token = {"anthropic": (2.0, 0.1, 2.5, 10.0), "openai": (1.0, 0.05, 1.25, 5.0)}[kind]
    counts = (100, 600, 300, 500)
    assert bill.dollars == pytest.approx(sum(a * b for a, b in zip(per_token, counts, strict=True)) / 1e6)


def test_counts_of_a_cache_that_can_not_be_are_no_trouble(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 300}}
    with provider(Answer(WORD, usage=usage)) as server:
        asked = client(tmp_path, model("openai", server.url))
        asked.ask(PROMPT)
    assert (asked.bills()[0].cache_read_tokens, asked.bills()[0].cache_write_tokens) == (10, 0)


def test_thinking_is_counted_by_both() -> None:
    said = {
        "choices": [{"message": {"content": "x"}}],
        "usage": {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}},
    }
    assert openai_reply(json.dumps(said), "m").thinking_tokens == 7
    said = {"content": "x", "usage": {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}}}
    assert anthropic_reply(json.dumps(said), "m").thinking_tokens == 7


def test_what_is_expected_and_set_aside_knows_of_thinking() -> None:
    names: Any = dict.fromkeys(("designer", "critic", "analyzer"), "anthropic")
    usual = estimate_cost(names, 1).dollars or 0.0
    thoughtful = estimate_cost(names, 1, {"designer": "high"}).dollars or 0.0
    assert thoughtful - usual == pytest.approx(3 * 16_000 * 10 / 1e6)


def test_older_bills_have_no_cache() -> None:
    bill = Bill.model_validate_json(
        '{"role": "critic", "model": "m", "input_tokens": 1, "output_tokens": 1, "dollars": 0.5}'
    )
    assert bill.cache_read_tokens == 0
    assert price("anthropic", 1000, 0, 1000) == pytest.approx(0.0001)


@pytest.mark.parametrize("kind", KINDS)
def test_openai_alone_is_told_which_questions_begin_alike(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = OpenAIModel if kind == "openai" else AnthropicModel
    with provider(ANSWER) as server:
        elsewhere = made("n", "m", Access("k", server.url, NO_HEADERS, "KEY"))
        elsewhere.ask(PROMPT)
        monkeypatch.setitem(PROVIDER_ADDRESSES, kind, server.url)
        made("n", "m", Access("k", server.url, NO_HEADERS, "KEY")).ask(PROMPT)
    assert ["prompt_cache_key" in request for request in server.requests] == [False, kind == "openai"]
