# ruff: noqa: E501 - what servers say is quoted as they say it
"""Servers that are slow, small, still loading or old: the question is asked in a form that they take, and answered.

Real SDKs, a local server, waits that are counted and not waited for; seconds stand for minutes.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_provider import Answer, Provider, provider
from test_llm import KINDS, PROMPT, Word, client, model

from autoreward.errors import LimitReached, NoAnswer, UsageError
from autoreward.llm.cost import tokens
from autoreward.llm.forms import NEW_LIMIT, OLD_LIMIT, Form, Refusal, TooLong, after_refusal, told_context
from autoreward.llm.open import open_model
from autoreward.llm.streams import is_stream, joined
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import (
    CLOUD_LIMITS,
    OWN_LIMITS,
    ChosenLimits,
    PromptTooLong,
    RequestRefused,
    RetryLater,
    TimeLimits,
    time_limits,
)
from autoreward.session.model_check import check_model

WORD = '{"word": "yes"}'

# --------------------------------------------------------------------------------------------------------------- time


def test_a_server_of_ones_own_has_longer_and_a_person_may_say_how_long() -> None:
    assert time_limits("https://api.openai.com/v1") == CLOUD_LIMITS
    assert time_limits("http://gpu:8000/v1") == OWN_LIMITS
    assert min(*CLOUD_LIMITS, *OWN_LIMITS) > 310.0
    assert time_limits("http://gpu", ChosenLimits(5.0, 9.0)) == TimeLimits(5.0, 9.0)
    assert time_limits("http://gpu", ChosenLimits(total=9.0)) == TimeLimits(9.0, 9.0), "silence is part of the total"
    assert time_limits("http://gpu", ChosenLimits(silence=9000.0)) == TimeLimits(9000.0, 9000.0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_may_take_longer_than_the_longest_silence(kind: str) -> None:
    with provider(Answer(WORD, pauses=0.03)) as server:
        assert model(kind, server.url, TimeLimits(0.15, 5.0)).ask(PROMPT).text == WORD
    assert server.requests[0]["stream"] is True


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "limits", "says", "kept"),
    [
        (Answer(WORD, sleep=0.3), TimeLimits(0.05, 5.0), r"said nothing for 0\.05 s", None),
        (Answer(WORD, sleep=0.3), TimeLimits(0.05, 0.05), r"did not answer within 0\.05 s", None),
        (Answer(WORD, pauses=0.12), TimeLimits(5.0, 0.18), r"did not answer within 0\.18 s", "choices|content"),
        (Answer(WORD, plain=True, cut=True), TimeLimits(5.0, 5.0), "breaks off", "yes|usage|id"),
    ],
    ids=["silent", "both", "too long", "cut"],
)
def test_what_ends_an_answer_is_said_and_what_came_is_kept(
    kind: str, answer: Answer, limits: TimeLimits, says: str, kept: str | None
) -> None:
    with provider(answer) as server, pytest.raises(RetryLater, match=says) as caught:
        model(kind, server.url, limits).ask(PROMPT)
    assert caught.value.may_cost
    assert (caught.value.came is None) == (kept is None)
    assert kept is None or re.search(kept, caught.value.came or "")


def test_a_time_out_is_a_call_and_its_reservation_after_a_resume_too(tmp_path: Path) -> None:
    with provider(Answer(WORD, sleep=0.2), Answer(WORD)) as server:
        llm = model("anthropic", server.url, TimeLimits(0.1, 0.1))
        first = client(tmp_path, llm)
        first.ask(PROMPT)
        assert len(first.bills()) == 2
        again = client(tmp_path, llm, max_calls=2)
        with pytest.raises(LimitReached, match="2 model calls"):
            again.ask(PROMPT._replace(key="other"))
    failed = json.loads((tmp_path / "replies" / "k.failed-0.json").read_text())
    assert "did not answer within 0.1 s" in failed["what"]
    assert failed["bill"]["dollars"] == pytest.approx(0.01, rel=0.01), "the longest answer that was asked for"


def test_time_outs_end_with_the_setting_that_gives_more(tmp_path: Path) -> None:
    with provider(Answer(WORD, sleep=0.1)) as server:
        asked = client(tmp_path, model("openai", server.url, TimeLimits(0.03, 0.03)))
        with pytest.raises(NoAnswer, match=r"within 0\.03 s; it did so 3 times\. Give it longer with model_timeout\.$"):
            asked.ask(PROMPT)


# ------------------------------------------------------------------------------------------------------------ waiting


def until(seconds: float, slept: list[float], before: Answer) -> Callable[[dict[str, Any]], Answer | None]:
    return lambda asked: before if sum(slept) < seconds else None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "message", ["Loading model", "The server is warming up", "model is not ready", "Service is starting"]
)
def test_a_model_that_is_loading_for_three_minutes_is_waited_for(kind: str, message: str, tmp_path: Path) -> None:
    slept: list[float] = []
    with provider(Answer(WORD)) as server:
        server.decide = until(180.0, slept, Answer(message, status=503))
        asked = client(tmp_path, model(kind, server.url), slept, max_calls=1)
        assert asked.ask(PROMPT).text == WORD
    assert 180.0 <= sum(slept) < 200.0
    assert len(asked.bills()) == 1, "nobody was asked before"


def test_loading_does_not_use_up_the_tries_of_other_trouble(tmp_path: Path) -> None:
    slept: list[float] = []
    answers = [Answer("Loading model", status=503)] * 5 + [Answer(status=500)] * 3 + [Answer(WORD)]
    with provider(*answers) as server:
        assert client(tmp_path, model("openai", server.url), slept).ask(PROMPT).text == WORD
    assert slept == [1.0, 4.0, 16.0, 16.0, 16.0, 1.0, 4.0, 16.0]


def test_a_server_that_never_comes_up_is_waited_for_and_then_told_what_happened(tmp_path: Path) -> None:
    slept: list[float] = []
    told: list[str] = []
    with provider(Answer("x")) as server:
        url = server.url
    asked = client(tmp_path, model("anthropic", url), slept)
    asked._tell = told.append
    with pytest.raises(NoAnswer, match=r"can't be reached .*; it has been so for 5 minutes\.$"):
        asked.ask(PROMPT)
    assert sum(slept) == pytest.approx(300.0)
    assert len(told) == 1
    assert "waiting for it, 5 minutes at most" in told[0]


def test_a_mixed_end_says_what_happened_before(tmp_path: Path) -> None:
    answers = [Answer("Loading model", status=503), *[Answer(status=500)] * 4]
    with (
        provider(*answers) as server,
        pytest.raises(NoAnswer, match=r"it did so 4 times\. Before that it was not ready 1 time"),
    ):
        client(tmp_path, model("openai", server.url)).ask(PROMPT)


# ------------------------------------------------------------------------------------------------------------ forms

VLLM = (
    "This model's maximum context length is {held} tokens. However, you requested {total} tokens ({sent} in the messages, "
    "{asked} in the completion). Please reduce the length of the messages or completion."
)
SAID = {
    "vllm": (VLLM, 8192, 1041),
    "vllm new": ("'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is {held} tokens "
        "and your request has {sent} input tokens ({asked} > {held} - {sent}).", 8192, 1041),
    "sglang": ("Requested token count exceeds the model's maximum context length of {held} tokens. You requested a total of {total} "
        "tokens: {sent} tokens from the input messages and {asked} tokens for the completion.", 8192, 1041),
    "tgi": ("`inputs` tokens + `max_new_tokens` must be <= {held}. Given: {sent} `inputs` tokens and {asked} `max_new_tokens`", 4096, 1041),
    "anthropic": ("input length and `max_tokens` exceed context limit: {sent} + {asked} > {held}, decrease input length", 8192, 1041),
    "sums": ("{held} tokens are the maximum: {sent} in the messages and {asked} in the completion make {total} of context", 8192, 1041),
    "commas": ("maximum context length is 8,192 tokens, you requested {asked}", 8192, None),
}  # fmt: skip
LONG = PROMPT._replace(text="word " * 700, max_tokens=16_000)


@pytest.mark.parametrize(("text", "held", "sent"), SAID.values(), ids=SAID.keys())
def test_an_answer_that_does_not_fit_is_asked_for_shorter(text: str, held: int, sent: int | None) -> None:
    counted = tokens(LONG.text)
    said = text.format(held=held, sent=sent, asked=16_000, total=16_000 + (sent or 0))
    form = after_refusal(Form(OLD_LIMIT), Refusal(said, LONG, counted, 400))
    assert isinstance(form, Form)
    assert form.context == held
    assert form.structured, "JSON mode was not the cause"
    room = form.answer_room(LONG, counted)
    assert held - 200 < room + (sent or counted) <= held
    shorter = LONG._replace(text="word")
    assert form.answer_room(shorter, tokens(shorter.text)) > room, "what fits depends on the question"


@pytest.mark.parametrize(
    ("said", "most"),
    [
        (
            "max_tokens is too large: 16000. This model supports at most 4096 completion tokens, whereas you provided 16000.",
            4096,
        ),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("`max_completion_tokens` must be less than or equal to `8192`", 8192),
        ("max_tokens: 16000 > 8192, which is the maximum allowed number of output tokens for claude-x-20251001", 8192),
        ("max_tokens is too large", 8000),
    ],
)
def test_the_longest_answer_of_a_model_is_learned(said: str, most: int) -> None:
    form = after_refusal(Form(OLD_LIMIT), Refusal(said, LONG, tokens(LONG.text), 400))
    assert form == Form(OLD_LIMIT, most=most)


@pytest.mark.parametrize(
    "said",
    [
        '{"message": "request (9030 tokens) exceeds the available context size (8192 tokens), try increasing it", "code": 400}',
        '{"message": "the request exceeds the available context size", "n_prompt_tokens": 9030, "n_ctx": 8192}',
        "prompt is too long: 9030 tokens > 8192 maximum",
        "Requested tokens (9030) exceed context window of 8192",
        "Trying to keep the first 9030 tokens when context overflows. The model is loaded with context length of only 8192 tokens",
    ],
)
def test_a_question_that_does_not_fit_is_too_long(said: str) -> None:
    prompt = LONG._replace(text="word " * 6000)
    assert after_refusal(Form(OLD_LIMIT), Refusal(said, prompt, 10_001, 400)) == TooLong(8192, 9030)


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("response_format is unknown", Form(OLD_LIMIT, structured=False)),
        (
            '[{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]',
            Form(OLD_LIMIT, structured=False),
        ),
        ("This response_format type is unavailable now", Form(OLD_LIMIT, structured=False)),
        ("output_config: Extra inputs are not permitted", Form(OLD_LIMIT, structured=False)),
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            Form(NEW_LIMIT),
        ),
        ("Unknown parameter: stream_options", Form(OLD_LIMIT, usage=False)),
        ("streaming is not supported", Form(OLD_LIMIT, streamed=False)),
        ("no reason", None),
        ("your request was flagged by our policy", None),
    ],
)
def test_what_a_refusal_names_is_left_out_and_nothing_else(said: str, form: Form | None) -> None:
    assert after_refusal(Form(OLD_LIMIT), Refusal(said, PROMPT, 10, 400)) == form


def dislikes(what: str, **refusal: Any) -> Callable[[dict[str, Any]], Answer | None]:
    return lambda asked: Answer(**refusal) if what in asked else None


NAMED = [(status, True) for status in (400, 422, 500, 501)]
UNNAMED = [(status, False) for status in (400, 422, 501)]
"""A 500 that names nothing is trouble of the server's own."""


@pytest.mark.parametrize(("status", "named"), NAMED + UNNAMED)
@pytest.mark.parametrize(
    ("kind", "what"),
    [("openai", "response_format"), ("openai", "stream_options"), ("openai", "max_tokens"), ("openai", "stream"),
     ("anthropic", "output_config"), ("anthropic", "stream")],
)  # fmt: skip
def test_a_server_that_does_not_know_something_is_asked_without_it(
    kind: str, what: str, status: int, named: bool, tmp_path: Path
) -> None:
    slept: list[float] = []
    with provider(Answer(WORD)) as server:
        said = f"{what} is not supported" if named else "bad request"
        server.decide = dislikes(what, text=said, status=status)
        asked = client(tmp_path, model(kind, server.url), slept)
        assert asked.ask(PROMPT).text == WORD
        tries = len(server.requests)
        assert asked.ask(PROMPT._replace(key="l")).text == WORD
        assert len(server.requests) == tries + 1, "it is known from then on"
    usual = {"openai": {"response_format", "stream"}, "anthropic": {"output_config", "stream"}}[kind]
    assert usual - {what} <= set(server.requests[-1]), "what was not the cause stays"
    assert slept == []


def test_json_mode_stays_where_the_server_dislikes_something_that_nobody_knows(tmp_path: Path) -> None:
    with provider(Answer(status=400)) as server:
        asked = client(tmp_path, llm := model("openai", server.url))
        with pytest.raises(RequestRefused, match="it said: no reason"):
            asked.ask(PROMPT)
        server.answers = [Answer(WORD)]
        assert llm.ask(PROMPT).text == WORD
    assert "response_format" in server.requests[-1]


def small(server: Provider, held: int, characters: float = 4.0) -> Callable[[dict[str, Any]], Answer | None]:
    """A server that holds so many tokens, counts them, and says so as vLLM does."""

    def decide(asked: dict[str, Any]) -> Answer | None:
        sent = int(len(asked["messages"][0]["content"]) / characters)
        wanted = asked.get("max_tokens") or asked["max_completion_tokens"]
        if sent + wanted <= held:
            return None
        return Answer(VLLM.format(held=held, total=sent + wanted, sent=sent, asked=wanted), status=400)

    return decide


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("characters", [2.0, 4.0])
def test_a_context_of_8000_tokens_is_enough(kind: str, tells: bool, characters: float, tmp_path: Path) -> None:
    """The answer is asked for shorter, then the question; what is saved is found again by a resume."""
    history = "line\n" * 8000

    def text(room: int) -> str:
        return "question " + history[: max(room * 3 - 20, 0)]

    with provider(Answer(WORD)) as server:
        server.decide = small(server, 8000, characters)
        if tells:
            server.models = {"data": [{"id": "gpt-6.1-terra", "max_model_len": 8000}]}

        def asking() -> tuple[Word | None, tuple[str, ...]]:
            asked = client(tmp_path, model(kind, server.url))
            request = Request("k", "designer", text(asked.room("k", "designer", 16_000)), 16_000, text)
            return ask_structured(asked, request, Word)

        assert asking() == (Word(word="yes"), ())
        tries = len(server.requests)
        assert asking() == (Word(word="yes"), ())
        assert len(server.requests) == tries, "the same question as before"
    assert len(server.requests[-1]["messages"][0]["content"]) > 2000, "it was not shortened to nothing"
    assert (server.requests[-1].get("max_tokens") or 0) >= 1000


def test_a_question_that_can_not_be_shortened_says_what_to_do(tmp_path: Path) -> None:
    with provider(Answer(WORD)) as server:
        server.decide = small(server, 8000)
        request = Request("k", "critic", "word " * 12_000, 6000)
        with pytest.raises(PromptTooLong, match=r"about 15,000 tokens.*holds 8,000.*longer context"):
            ask_structured(client(tmp_path, model("openai", server.url)), request, Word)
    assert list((tmp_path / "replies").glob("*.json")) == []


@pytest.mark.parametrize(
    ("models", "held"),
    [
        ({"data": [{"id": "m", "max_model_len": 8192}]}, 8192),
        ({"data": [{"id": "other", "meta": {"n_ctx": 4096, "n_ctx_train": 32768}}]}, 4096),
        (
            {
                "data": [
                    {"id": "x", "max_model_len": 1000},
                    {"id": "m", "loaded_context_length": 4096, "max_context_length": 9000},
                ]
            },
            4096,
        ),
        ({"data": [{"id": "x", "max_model_len": 1000}, {"id": "y"}]}, None),
        ({"data": [{"id": "m", "max_model_len": True, "meta": []}]}, None),
        ({"data": "no"}, None),
        ([], None),
    ],
)
def test_a_list_of_models_may_say_what_is_held(models: object, held: int | None) -> None:
    assert told_context(models, "m") == held


def test_a_server_that_does_not_know_the_new_name_of_the_limit_has_one(tmp_path: Path) -> None:
    """Ollama ignores `max_completion_tokens`: an answer would have no end."""
    with provider(Answer(WORD)) as server:
        open_model(f"openai+{server.url}/v1:llama", tmp_path, {}).ask(PROMPT)
    assert server.requests[0]["max_tokens"] == 1000
    assert "max_completion_tokens" not in server.requests[0]


# ----------------------------------------------------------------------------------------------------------- streams


def events(*said: object) -> bytes:
    return b"".join(f"data: {each if isinstance(each, str) else json.dumps(each)}\n\n".encode() for each in said)


def test_a_stream_is_one_answer() -> None:
    body = events(
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "hm"}}]},
        {"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "a"}]}}]},
        {"choices": [{"index": 1, "delta": {"content": "another choice"}}]},
        {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "length"}], "usage": None},
        {"choices": [], "usage": {"prompt_tokens": 3}},
    )
    assert is_stream(b"\xef\xbb\xbf\n: comment\n\n" + body)
    stream = joined(b": keep-alive\r\n\r\n" + body.replace(b"\n", b"\r\n"))
    answer = json.loads(stream.body)
    assert (stream.whole, stream.error, answer["usage"]) == (True, None, {"prompt_tokens": 3})
    assert answer["choices"][0]["message"] == {
        "content": "ab", "reasoning_content": "hm", "refusal": "", "tool_calls": []
    }  # fmt: skip
    assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (events({"choices": [{"delta": {"content": "x"}}]}, "[DONE]"), True),
        (events({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}), True),
        (events({"choices": [{"delta": {"content": "x"}}]}), False),
        (events({"choices": [{"delta": {"content": "x"}}]}, "{rubbish", "[DONE]"), False),
        (events({"type": "message_start", "message": {}}, {"type": "message_stop"}), True),
        (
            events(
                {"type": "message_start", "message": {}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            ),
            False,
        ),
        (events("[" * 100_000, "[DONE]"), False),
    ],
)
def test_a_stream_that_breaks_off_is_known(body: bytes, whole: bool) -> None:
    assert joined(body).whole == whole


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"error": {"code": 400, "message": "request (9030 tokens) exceeds the available context size (8192 tokens)"}}, PromptTooLong),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, RetryLater),
        ({"error": "no"}, RetryLater),
    ],
)  # fmt: skip
def test_an_error_within_a_stream_is_the_error_that_it_would_have_been(event: object, error: type[Exception]) -> None:
    raw = b": begun\n\n" + events(event)
    with provider(Answer(raw=raw)) as server, pytest.raises(error):
        model("openai", server.url).ask(PROMPT._replace(text="word " * 6000))


# ----------------------------------------------------------------------------------------------------------- doctor


def test_doctor_asks_once_and_says_what_works() -> None:
    with provider(Answer('{"sum": 42}')) as server:
        server.models = {"data": [{"id": "llama", "max_model_len": 8192}]}
        server.decide = dislikes("response_format", text="response_format is not supported", status=422)
        found = check_model(f"openai+{server.url}/v1:llama")
    assert found["answers"].startswith("right, in ")
    assert {k: found[k] for k in ("JSON mode", "streaming", "longest answer", "context", "tokens", "price")} == {
        "JSON mode": "no: it is asked in words",
        "streaming": "yes",
        "longest answer": "as max_tokens",
        "context": "8,192 tokens, as it says",
        "tokens": "1,000 in, 500 out",
        "price": "not counted: a server of your own",
    }
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [(Answer("42"), "UNUSABLE"), (Answer('{"sum": 41}'), "wrong: 41"), (Answer("", finish="length"), "UNUSABLE")],
)
def test_doctor_says_what_can_not_be_read(answer: Answer, says: str) -> None:
    with provider(answer) as server:
        assert says in check_model(f"openai+{server.url}/v1:llama")["answers"]


def test_doctor_waits_for_nobody() -> None:
    with provider(Answer("Loading model", status=503)) as server:
        name = f"openai+{server.url}/v1:llama"
        with pytest.raises(NoAnswer, match=r"not ready yet.*A run would wait"):
            check_model(name)
    with pytest.raises(NoAnswer, match="can't be reached"):
        check_model(name)
    for other in ("manual", "grammar"):
        with pytest.raises(UsageError, match="nothing to find out"):
            check_model(other)


def test_a_server_that_cuts_prompts_without_a_word_is_told_of(tmp_path: Path) -> None:
    told: list[str] = []
    with provider(Answer(WORD, usage={"prompt_tokens": 4096})) as server:
        asked = client(tmp_path, model("openai", server.url))
        asked._tell = told.append
        asked.ask(PROMPT._replace(text="word " * 2500))
        assert told == []
        asked.ask(PROMPT._replace(key="l", text="word " * 9000))
    assert "read 4,096 tokens of a prompt of about 15,001" in told[0]
