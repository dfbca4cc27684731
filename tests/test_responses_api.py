"""Questions with tools in OpenAI's Responses: real SDK, a local server; thinking goes back with the calls that it led to."""

import json
from pathlib import Path
from typing import Any

import pytest
from fake_provider import Answer, provider
from test_llm import PROMPT, Word, client, model
from test_tools import CALL, ECHO, QUESTION, WORD, Echo

from autoreward.llm.forms import Form
from autoreward.llm.keys import PROVIDER_ADDRESSES
from autoreward.llm.pictures import png_size
from autoreward.llm.responses import NotAnAnswer
from autoreward.llm.responses_api import responses_reply, responses_request
from autoreward.llm.streams import joined
from autoreward.llm.structured import ask_structured
from autoreward.llm.types import Exchange, RequestRefused, ToolCall, Turn

REFUSES = (
    "Function tools with reasoning_effort are not supported for gpt-6.1-terra in /v1/chat/completions. To use function tools, use "
    "/v1/responses or set reasoning_effort to 'none'."
)
ASKED = ToolCall(id="c0", name="echo", arguments='{"x": "one"}')
PNG = bytes.fromhex("89504e470d0a1a0a0000000d494844520000000200000003") + b"\x08\x02\x00\x00\x00"


@pytest.mark.parametrize("plain", [False, True], ids=["streamed", "whole"])
def test_openai_itself_is_asked_in_responses_where_there_are_tools(
    plain: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = Echo()
    with provider(CALL._replace(plain=plain), Answer(WORD, plain=plain)) as server:
        monkeypatch.setitem(PROVIDER_ADDRESSES, "openai", server.url + "/v1")
        asked = client(tmp_path, model("openai", server.url), efforts={"designer": "high"})
        answer, findings = ask_structured(asked, QUESTION._replace(tools=echo.tools), Word)
        assert (answer, findings) == (Word(word="yes"), ())
        assert ask_structured(asked, QUESTION._replace(tools=echo.tools), Word)[0] == answer
        asked.ask(PROMPT._replace(key="plain"))
    assert echo.run == ["one", "two"], "run once, though asked twice"
    assert server.paths == ["/v1/responses", "/v1/responses", "/v1/chat/completions"]
    first, second, _ = server.requests
    assert (first["store"], first["tool_choice"], first["reasoning"]) == (False, "auto", {"effort": "high"})
    assert first["tools"][0] == {
        "type": "function", "name": "echo", "description": ECHO.about, "parameters": dict(ECHO.parameters), "strict": False,
    }  # fmt: skip
    assert first["text"]["format"]["type"] == "json_schema"
    assert first["prompt_cache_key"] == second["prompt_cache_key"]
    assert first["max_output_tokens"] > QUESTION.max_tokens, "with room for thinking"
    assert first["input"] == [{"role": "user", "content": QUESTION.text}]
    question, thought, said, *calls = second["input"]
    assert question == first["input"][0]
    assert thought["encrypted_content"] == "sealed"
    assert said["phase"] == "commentary"
    assert [(i["type"], i["call_id"]) for i in calls] == [
        (kind, f"c{n}") for kind in ("function_call", "function_call_output") for n in (0, 1)
    ]
    assert [i["output"] for i in calls[2:]] == ["it says one", "it says two"]
    bill = asked.bills()[0]
    assert (bill.input_tokens, bill.output_tokens) == (1000, 500)
    assert (bill.cache_read_tokens, bill.cache_write_tokens) == (600, 100)


def test_a_gateway_that_says_so_is_asked_in_responses(tmp_path: Path) -> None:
    """What today's models refuse in Chat Completions is asked there, and tools are not given up."""
    echo = Echo(turns=1)
    told: list[str] = []
    with provider(Answer(WORD)) as server:
        server.answers = [Answer(REFUSES, status=400), CALL, Answer(WORD)]
        asked = client(tmp_path, model("openai", server.url), tell=told.append)
        assert ask_structured(asked, QUESTION._replace(tools=echo.tools), Word) == (Word(word="yes"), ())
    assert server.paths == ["/v1/chat/completions", "/v1/responses", "/v1/responses"]
    assert server.requests[-1]["tool_choice"] == "none"
    assert "Nothing can be called any more" in server.requests[-1]["input"][-1]["content"]
    assert told == []


@pytest.mark.parametrize("own", ["", '{"reasoning_content": "Hm."}', '[{"type": "text", "text": "Hm."}]'])
def test_a_turn_that_another_protocol_had_is_given_back_as_its_calls(own: str) -> None:
    turn = Exchange("Let me look.", (ASKED,), ("it says one",), own)
    prompt = PROMPT._replace(tools=(ECHO,), exchanges=(turn,), earlier=(Turn("a", "b"),), close="Now.")
    sent = responses_request(prompt, Form())["input"]
    assert [item.get("role") or item["type"] for item in sent] == [
        "user", "assistant", "user", "assistant", "function_call", "function_call_output", "user",
    ]  # fmt: skip


def test_a_turn_of_responses_is_given_back_as_its_calls_elsewhere(tmp_path: Path) -> None:
    own = json.dumps({"responses": [{"type": "reasoning"}]})
    prompt = PROMPT._replace(tools=(ECHO,), exchanges=(Exchange("", (ASKED,), ("it says one",), own),))
    for kind in ("anthropic", "openai"):
        with provider(Answer(WORD)) as server:
            model(kind, server.url).ask(prompt)
        assert "reasoning" not in json.dumps(server.requests[0])
        assert "it says one" in json.dumps(server.requests[0])


def test_pictures_come_after_the_text() -> None:
    assert png_size(PNG) == (2, 3)
    (question,) = responses_request(PROMPT._replace(tools=(ECHO,), pictures=(PNG,)), Form())["input"]
    assert [part["type"] for part in question["content"]] == ["input_text", "input_image"]
    assert question["content"][1]["image_url"].startswith("data:image/png;base64,")


def message(*parts: dict[str, Any], **more: Any) -> str:
    return json.dumps({"output": [{"type": "message", "content": parts}], "status": "completed"} | more)


@pytest.mark.parametrize(
    ("body", "text", "finish"),
    [
        (message({"type": "output_text", "text": "yes"}), "yes", "stop"),
        (message(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "", "length"),
        (message({"type": "refusal", "refusal": "No."}), "No.", "refusal"),
        (message({"text": "y"}, {"text": "es"}, incomplete_details={"reason": "content_filter"}), "yes", "refusal"),
        (json.dumps({"output": [{"type": "function_call", "name": "answer", "arguments": "{}"}]}), "{}", "stop"),
        (json.dumps({"output": [None, 3, {"type": "message", "content": 5}], "usage": []}), "", "stop"),
    ],
)
def test_what_a_response_says(body: str, text: str, finish: str) -> None:
    reply = responses_reply(body, "m", frozenset({"echo"}))
    assert (reply.text, reply.finish, reply.calls) == (text, finish, ())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{}", "no output"),
        ('{"output": 3}', "no output"),
        (json.dumps({"output": [], "status": "failed", "error": {"code": "server_error", "message": "Sorry."}}),
         "it failed: server_error Sorry."),
        ("<html>", "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_response(body: str, says: str) -> None:
    with pytest.raises(NotAnAnswer, match=says):
        responses_reply(body, "m", frozenset())


def events(*said: dict[str, Any]) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in said)


def test_a_stream_of_responses_that_breaks_off_keeps_what_came() -> None:
    begun = events(
        {"type": "response.created", "response": {"model": "m", "output": []}},
        {"type": "response.output_item.done", "item": {"type": "reasoning"}},
        {"type": "response.output_text.delta", "delta": "ye"},
        {"type": "response.output_text.delta", "delta": "s"},
    )
    cut = joined(begun)
    assert not cut.whole
    assert responses_reply(cut.body.decode(), "?", frozenset()).text == "yes"
    wrong = joined(begun + events({"type": "error", "code": "server_error", "message": "Sorry."}))
    assert wrong.error == {"error": {"type": "server_error", "message": "Sorry."}}
    failed = joined(events({"type": "response.failed", "response": {"status": "failed", "output": []}}))
    assert failed.whole, "what is wrong with it stands in it"


def test_other_refusals_of_openai_stay_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(Answer("no credit", status=403)) as server:
        monkeypatch.setitem(PROVIDER_ADDRESSES, "openai", server.url + "/v1")
        with pytest.raises(RequestRefused, match="may not use this model"):
            model("openai", server.url).ask(PROMPT._replace(tools=(ECHO,)))
    assert server.paths == ["/v1/responses"]
