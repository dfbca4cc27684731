"""Replies of any shape: what of them is read, what is said of the rest, and that a reply never reads as what it is not."""

import json
from pathlib import Path
from typing import Any

import pytest
from reply_shapes import FIRST, IDEAS, OWN, SECOND, SHAPES, STUDY, Shape, idea
from scripted import Scripted, client
from test_architecture import by_path

from autoreward.llm.lenient import fenced_blocks, readings, without_thinking
from autoreward.llm.parsing import ModelAnswer, Unusable, parse_record
from autoreward.llm.programs import docstring, program_source, with_constants
from autoreward.llm.responses import anthropic_reply, openai_reply
from autoreward.llm.structured import Request, ask_structured, schema
from autoreward.llm.types import Reply
from autoreward.roles.analyzer import Whys
from autoreward.roles.auditor import Forgottens
from autoreward.roles.card_writer import Proposal
from autoreward.roles.critic import Objections
from autoreward.roles.designer import Revisions
from autoreward.roles.ideas import Ideas, read_ideas

reader = by_path("reader", Path(__file__).parent.parent / "benchmarks" / "reader.py")
SAYS = {
    "cut in the first idea": "cut off at the token limit",
    "cut while thinking": "before it began",
    "prose alone": "no JSON object",
    "a placeholder": "no program in it",
    "an ellipsis": "no program in it",
    "an apology in json": "no 'ideas'",
    "nothing but brackets": "no 'ideas'",
}


def test_there_are_more_shapes_than_the_study_had() -> None:
    assert len(STUDY) == 41
    assert len(OWN) >= 2 * 41
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)
    assert {shape.name for shape in SHAPES if not shape.whole} == set(SAYS)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_whole_program_of_a_reply_is_read(shape: Shape) -> None:
    told: list[str] = []
    reply = Reply(text=shape.text, model="m", finish=shape.finish)  # type: ignore[arg-type]
    if not shape.whole:
        with pytest.raises(Unusable, match=SAYS[shape.name]):
            read_ideas(reply, told)
        return
    sources = [one.source.replace("'", '"') for one in read_ideas(reply, told).ideas]
    assert len(sources) == shape.whole, sources
    for source, written in zip(sources, (FIRST, SECOND), strict=False):
        assert written.replace("'", '"') in source
    assert bool(told) >= (shape.finish == "length"), "what is lost is said"


def test_what_is_left_out_is_a_finding(tmp_path: Any) -> None:
    model = Scripted({"q": {"ideas": [idea(), {"thought": "none"}]}})
    answer, findings = ask_structured(client(model, tmp_path), Request("q", "designer", "?", 100), Ideas)
    assert answer is not None
    assert len(answer.ideas) == 1
    assert findings == ("q: left out: ideas.1.source: Field required",)


@pytest.mark.parametrize(
    "kind", [Ideas, Revisions, Objections, Whys, Forgottens, Proposal], ids=lambda kind: kind.__name__
)
def test_what_is_asked_for_stays_strict(kind: type[ModelAnswer]) -> None:
    """Whatever is read, providers' structured output is asked for every property and no other."""
    asked = schema(kind)
    tables = [asked, *asked.get("$defs", {}).values()]  # type: ignore[attr-defined]
    for table in tables:
        if table.get("type") == "object":
            assert table["additionalProperties"] is False
            assert sorted(table["required"]) == sorted(table["properties"])


@pytest.mark.parametrize(
    ("kind", "text", "count"),
    [
        (Objections, '{"remarks": []}', 0),
        (Objections, "No remarks: {'remarks': []}", 0),
        (Objections, '{"remarks": [{"id": "r000c0", "line": "3", "severity": "note", "reason": "flat"}]}', 1),
        (Objections, '[{"id": "r000c0", "line": 3, "severity": "serious", "reason": "flat", "fix": null, "sure": 1}]', 1),
        (Objections, '{"remarks": [{"id": "r000c0", "line": 3, "severity": "fatal", "reason": "x", "fix": ""},'
                     ' {"id": "r000c1", "line": 1, "severity": "note", "reason": "x", "fix": ""}]}', 1),
        (Revisions, json.dumps({"revisions": {"r000c0": FIRST, "r000c1": SECOND}}), 2),
        (Revisions, json.dumps({"r000c0": FIRST}), 1),
        (Revisions, json.dumps({"id": "r000c0", "code": FIRST}), 1),
        (Whys, '{"causes": [{"id": "a", "cause": "x", "episode": "failed"}]}', 1),
        (Whys, '{"causes": [{"id": "a", "cause": "x", "episode": 0, "steps": [1], "suggestion": ["y", "z"]}], "wants": null}', 1),
        (Forgottens, '{"missing": [{"condition": "a < 1", "why": "x", "how": "y"}], "verdict": "no"}', 1),
    ],
)  # fmt: skip
def test_every_role_s_answer_is_read_so(kind: type[ModelAnswer], text: str, count: int) -> None:
    (elements,) = [value for value in dict(parse_record(text, kind)).values() if value or kind is not Whys][:1]
    assert len(elements) == count


@pytest.mark.parametrize(
    ("message", "finish", "text"),
    [
        ({"content": None, "tool_calls": [{"function": {"arguments": '{"a": 1}'}}]}, "stop", '{"a": 1}'),
        ({"content": None, "tool_calls": [{"function": {"arguments": {"a": 1}}}]}, "tool_calls", '{"a": 1}'),
        ({"content": "I call it.", "tool_calls": [{"function": {"arguments": '{"a": 1}'}}]}, "stop", 'I call it.\n{"a": 1}'),
        ({"content": None, "function_call": {"name": "answer", "arguments": '{"a": 1}'}}, "stop", '{"a": 1}'),
        ({"content": {"a": 1}}, "stop", '{"a": 1}'),
        ({"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "yes"}]}, "stop", "yes"),
        ({"content": ["ye", "s"]}, "stop", "yes"),
        ({"content": "", "reasoning_content": "so: yes"}, "stop", "so: yes"),
        ({"content": None, "reasoning": "so: yes"}, "stop", "so: yes"),
        ({"content": "", "reasoning_content": "so: y"}, "length", ""),
        ({"content": "no", "reasoning_content": "so: yes"}, "stop", "no"),
    ],
)  # fmt: skip
def test_an_answer_is_found_wherever_a_server_puts_it(message: dict[str, Any], finish: str, text: str) -> None:
    body = json.dumps({"choices": [{"message": message, "finish_reason": finish}]})
    assert openai_reply(body, "m").text == text


def test_a_message_and_a_tool_s_input_are_both_read() -> None:
    parts = [{"type": "text", "text": "I call it."}, {"type": "tool_use", "input": {"a": 1}}]
    assert (
        anthropic_reply(json.dumps({"content": parts, "stop_reason": "tool_use"}), "m").text == 'I call it.\n{"a": 1}'
    )


def test_of_two_readings_the_exact_one_counts() -> None:
    """What is JSON is taken as it is, whatever could be made of it."""
    odd = HEAD_ONLY.replace('"""x', '"""it\u2019s \u201cso\u201d, /* not a comment */ // nor this')
    (value,) = next(readings(json.dumps({"ideas": [idea(odd)]})))
    assert value["ideas"][0]["source"] == odd


HEAD_ONLY = 'def compute_reward(state, action, next_state, memory):\n    """x"""\n    return {"a": next_state.x}\n'


@pytest.mark.parametrize(
    ("written", "source"),
    [
        (HEAD_ONLY, HEAD_ONLY),
        (HEAD_ONLY.splitlines(), HEAD_ONLY),
        (HEAD_ONLY.replace("\n", "\r\n"), HEAD_ONLY),
        (HEAD_ONLY.replace('"""x', '"""a\\\\nb').replace("\n", "\\n"), HEAD_ONLY.replace('"""x', '"""a\\nb')),
        (HEAD_ONLY.replace('"""x', '"""a &lt; b'), HEAD_ONLY.replace('"""x', '"""a &lt; b')),
        ("def f(:\n", "def f(:\n"),
    ],
    ids=["plain", "lines", "other line ends", "escaped twice", "what can be read stays", "what can't be mended stays"],
)
def test_a_source_is_mended_only_where_it_can_not_be_read(written: Any, source: str) -> None:
    assert program_source(written) == source


def test_docstrings_are_those_of_the_function() -> None:
    assert docstring(f'"""Module."""\n{FIRST}', "compute_reward") == "Close to zero."
    assert docstring("def f(:\n", "f") == docstring(SECOND, "compute_reward") == ""


def test_thinking_is_left_out_and_the_rest_stays() -> None:
    assert without_thinking("a<think>b</think>c<think>d</think>e") == "ace"
    assert without_thinking("b</think>c") == "c"
    assert without_thinking("a<think>b") == "ab"
    assert without_thinking("x < think > y") == "x < think > y"


def test_fences_within_longer_fences_are_text() -> None:
    (block,) = fenced_blocks("````md\n```python\nx\n```\n````\n")
    assert block == ("md", "```python\nx\n```\n", True)


def test_ideas_are_those_of_the_task(tmp_path: Any) -> None:
    """Nothing asked for is invented: a missing source is no idea, and a missing thought is none."""
    (one, _) = parse_record(json.dumps(IDEAS), Ideas).ideas
    assert (one.thought, one.parent, one.composition) == ("stay close", "", "sum")
    (bare,) = parse_record(json.dumps({"ideas": [{"source": FIRST}]}), Ideas).ideas
    assert (bare.thought, bare.parent, bare.composition) == ("", "", "sum")


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.name in ("plain", "prose alone", "prose before and after")])
def test_the_benchmark_of_readers_counts_what_comes_back(shape: Shape) -> None:
    """`benchmarks/reader.py`: Python's own JSON reads the exact ones, and what is not there is not read."""
    strict = reader.of_library(json.loads)
    assert reader.is_read(shape, strict(shape)) == (shape.name != "prose before and after")
    assert reader.is_read(shape, reader.of_product(shape))
    assert not reader.is_read(shape, [*reader.of_product(shape), FIRST])


HEAD = "def compute_reward(state, action, next_state, memory):\n"


@pytest.mark.parametrize(
    ("source", "above"),
    [
        (HEAD + "    return {'near': -np.abs(next_state.x - FLAG)}\n", "FLAG = 0.5\n\n\n"),
        (HEAD + "    return {'near': next_state.x / SLOW - FLAG}\n", "FLAG = 0.5\nSLOW = 1e-07\n\n\n"),
        ("FLAG = 0.4\n" + HEAD + "    return {'near': next_state.x - FLAG}\n", ""),
        (HEAD + "    FLAG = 0.4\n    return {'near': next_state.x - FLAG}\n", ""),
        (HEAD.replace("memory", "FLAG") + "    return {'near': next_state.x - FLAG}\n", ""),
        (HEAD + "    return {'near': next_state.FLAG - OTHER}\n", ""),
        (HEAD + "    return {'near': FLAG\n", ""),
    ],
    ids=["read", "two", "defined", "defined within", "an argument", "other names", "no Python"],
)
def test_a_program_gets_the_constants_of_its_task_that_it_reads(source: str, above: str) -> None:
    """A small model took FLAG, which its prompt names, for given in all of its programs."""
    assert with_constants(source, {"FLAG": 0.5, "SLOW": 1e-7}) == above + source
    assert with_constants(with_constants(source, {"FLAG": 0.5, "SLOW": 1e-7}), {"FLAG": 0.7}) == above + source


def test_constants_come_after_the_docstring_of_a_module() -> None:
    made = with_constants('"""About it."""\n' + HEAD + "    return {'near': FLAG * next_state.x}\n", {"FLAG": 0.5})
    assert made.startswith('"""About it."""\n\nFLAG = 0.5\n\n\ndef')
