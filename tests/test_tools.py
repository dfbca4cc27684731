"""Tools: a model calls them over real clients, everything is saved, and nothing that it writes reaches more than recorded data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_provider import Answer, provider
from replies import GOOD
from test_llm import KINDS, Word, client, model
from test_roles import accept

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.pay import OfflineData
from autoreward.checks.relabel import Relabelled
from autoreward.core.transitions import Transitions
from autoreward.errors import LimitReached
from autoreward.llm.conversation import CALLS_OF_A_TURN, Tools
from autoreward.llm.replay import ReplayModel
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import Tool
from autoreward.records import Candidate, Episode, ReferenceEpisode, Verdict
from autoreward.report.spending import spending_of
from autoreward.rewards.agreement import Parts
from autoreward.roles.tools import Workbench, recorded_tools
from autoreward.sandbox.jail import Jail

WORD = '{"word": "yes"}'
ECHO = Tool("echo", "Says it again.", {"type": "object", "properties": {"x": {"type": "string"}}})
CALL = Answer("Let me look.", calls=(("echo", {"x": "one"}), ("echo", {"x": "two"})))
QUESTION = Request("k", "designer", "Write something.", 1000)


class Echo:
    def __init__(self, turns: int = 3) -> None:
        self.run: list[str] = []
        self.tools = Tools((ECHO,), self.answer, turns)

    def answer(self, name: str, arguments: Any) -> str:
        self.run.append(str(arguments.get("x")))
        return f"it says {arguments.get('x')}"


@pytest.mark.parametrize("plain", [False, True], ids=["streamed", "whole"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_calls_tools_and_answers(kind: str, plain: bool, tmp_path: Path) -> None:
    echo = Echo()
    with provider(CALL._replace(plain=plain), Answer(WORD, plain=plain)) as server:
        asked = client(tmp_path, model(kind, server.url))
        answer, findings = ask_structured(asked, QUESTION._replace(tools=echo.tools), Word)
        assert answer == Word(word="yes")
        assert not findings
        assert echo.run == ["one", "two"]
        first, second = server.requests
        again, _ = ask_structured(asked, QUESTION._replace(tools=echo.tools), Word)
        assert again == answer
        assert len(server.requests) == 2, "nothing is asked twice"
    assert echo.run == ["one", "two"], "nor run"
    said = second["messages"][1:]
    if kind == "openai":
        assert first["tools"][0]["function"]["name"] == "echo"
        assert first["tool_choice"] == "auto"
        assert [call["id"] for call in said[0]["tool_calls"]] == ["c0", "c1"]
        assert [(m["role"], m["tool_call_id"], m["content"]) for m in said[1:]] == [
            ("tool", "c0", "it says one"),
            ("tool", "c1", "it says two"),
        ]
    else:
        assert first["tools"][0]["input_schema"] == dict(ECHO.parameters)
        assert {"type": "thinking", "thinking": "Hm.", "signature": "signed"} in said[0]["content"]
        assert [part["tool_use_id"] for part in said[1]["content"]] == ["c0", "c1"]
    (spent,) = spending_of(asked.bills())
    assert (spent.calls, spent.called) == (2, "2 (tools: echo 2)")
    shown = (tmp_path / "replies" / "k-turn-1.prompt.md").read_text()
    assert "# You called echo" in shown
    assert "it says two" in shown


@pytest.mark.parametrize("kind", KINDS)
def test_turns_end_and_then_an_answer_is_asked_for(kind: str, tmp_path: Path) -> None:
    echo = Echo(turns=2)
    with provider(CALL, CALL, Answer(WORD)) as server:
        answer, _ = ask_structured(client(tmp_path, model(kind, server.url)), QUESTION._replace(tools=echo.tools), Word)
        assert answer == Word(word="yes")
        last = server.requests[-1]
    assert last["tool_choice"] in ("none", {"type": "none"})
    assert "Nothing can be called any more" in json.dumps(last["messages"][-1])


def test_an_answer_that_can_not_be_used_is_asked_for_again_with_what_was_found(tmp_path: Path) -> None:
    echo = Echo()
    with provider(CALL, Answer("Well."), Answer(WORD)) as server:
        answer, findings = ask_structured(
            client(tmp_path, model("openai", server.url)), QUESTION._replace(tools=echo.tools), Word
        )
        assert answer == Word(word="yes")
        assert len(findings) == 1
        said = json.dumps(server.requests[-1]["messages"])
    assert "it says one" in said
    assert "could not be used" in said


@pytest.mark.parametrize(
    "words",
    [
        'model "x" does not support tools',
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "tools param requires --jinja flag",
    ],
)
def test_a_server_without_tools_is_asked_without_and_that_is_said_once(words: str, tmp_path: Path) -> None:
    told: list[str] = []
    with provider(Answer(WORD)) as server:
        server.decide = lambda asked: Answer(words, status=400) if "tools" in asked else None
        asked = client(tmp_path, model("openai", server.url), tell=told.append)
        for key in ("k", "other"):
            answer, _ = ask_structured(asked, QUESTION._replace(key=key, tools=Echo().tools), Word)
            assert answer == Word(word="yes")
        assert sum("response_format" in request for request in server.requests) >= 2, "JSON mode was not the cause"
    assert len([line for line in told if "can't call tools" in line]) == 1


def test_calls_are_limited_and_unknown_tools_are_named(tmp_path: Path) -> None:
    echo = Echo()
    many = Answer(calls=tuple(("echo", {"x": str(n)}) for n in range(CALLS_OF_A_TURN + 3)))
    with provider(many, Answer(WORD)) as server:
        ask_structured(client(tmp_path, model("openai", server.url)), QUESTION._replace(tools=echo.tools), Word)
    assert len(echo.run) == CALLS_OF_A_TURN


def test_every_turn_is_a_call_of_the_limit(tmp_path: Path) -> None:
    with provider(CALL) as server:
        asked = client(tmp_path, model("openai", server.url), max_calls=2)
        with pytest.raises(LimitReached, match="2 model calls"):
            ask_structured(asked, QUESTION._replace(tools=Echo(9).tools), Word)


def test_a_replay_runs_the_calls_again(tmp_path: Path) -> None:
    with provider(CALL, Answer(WORD)) as server:
        ask_structured(client(tmp_path / "a", model("openai", server.url)), QUESTION._replace(tools=Echo().tools), Word)
    echo = Echo(turns=0)
    replayed = client(tmp_path / "b", ReplayModel(tmp_path / "a" / "replies"))
    answer, findings = ask_structured(replayed, QUESTION._replace(tools=echo.tools), Word)
    assert (answer, findings, echo.run) == (Word(word="yes"), (), ["one", "two"])


# ------------------------------------------------------------------------------------------------------ the workbench


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    with Jail(trust_the_model=True) as made:
        yield made


def bench(jail: Jail | None = None) -> Tools:
    steps = np.arange(1, 6)[:, None] * np.ones((1, 2), dtype=np.int64)
    x = np.linspace(0.0, 1.0, 10).reshape(5, 2)
    batch = Transitions({"x": x}, {"push": x}, {"x": x + 0.5}, steps, np.zeros((5, 2), dtype=np.bool_))
    known = tuple(
        ReferenceEpisode(
            kind="random",
            episode=Episode(
                length=5,
                success=won,
                progress=float(won),
                metric=0.0,
                held=0.0,
                movement=0.0,
                terminated=False,
                reached=won,
            ),
        )
        for won in (False, True)
    )
    dataset = EpisodeDataset(batch, known, "lower")

    def relabelled(candidate: Candidate, verdict: Verdict) -> Relabelled:
        return Relabelled({"near": np.array([1.0, 2.0])}, {"near": 1.0}, np.array([1.0, 2.0]), None, np.zeros(10))

    def run(source: str, asked: Transitions) -> Parts:
        assert jail is not None, "no program may get here"
        with jail.open(source, seconds_per_call=0.5) as room:
            return room.client.evaluate(asked, False, judged=False)

    return recorded_tools(Workbench(OfflineData(dataset, relabelled), accept, run), 3)


def test_recorded_episodes_are_listed_shown_and_ranked() -> None:
    tools = bench()
    assert "| 1 | random | 5 | yes | 1.00 |" in tools.run("episodes", {})
    assert "| 2 | 0.7222 |" in tools.run("episode", {"id": 0, "fields": ["x"], "steps": [2]})
    assert "episodes: 1.00." in tools.run("rank", {"program": GOOD, "composition": "sum"})
    assert "part near, a step | 0.2 | 0.4 |" in tools.run("parts", {"program": GOOD, "episodes": [0, 1]})
    assert tools.run("check", {"program": GOOD}).startswith("It may train.")


def test_numbers_of_an_expression_come_from_the_jail(jail: Jail) -> None:
    told = bench(jail).run("stats", {"expression": "np.abs(next_state.x) - 0.5"})
    assert "| all | 0.5 |" in told
    assert "| successes | " in told


@pytest.mark.parametrize(
    "expression",
    ["9 ** 9 ** 9 ** 9 + next_state.x", "np.ones((10**6, 10**6))", "next_state.x @ np.ones((9, 9))", "1 / 0"],
)
def test_bombs_end_in_words(jail: Jail, expression: str) -> None:
    assert bench(jail).run("stats", {"expression": expression}).startswith(("It failed", "Not run"))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("stats", {"expression": "__import__('os').system('true')"}),
        ("stats", {"expression": "1)}\nimport os\nx = ({'a': (1"}),
        ("stats", {"expression": "np.load('/etc/passwd')"}),
        ("stats", {"expression": "(" * 400 + "1" + ")" * 99}),
        ("stats", {"expression": "-" * 499 + "1"}),
        ("stats", {"expression": "1" * 10_000}),
        ("stats", {"expression": ["next_state.x"]}),
        ("stats", {}),
        ("episode", {"id": -1}),
        ("episode", {"id": True}),
        ("episode", {"id": 10**30}),
        ("episode", {"id": "../../etc/passwd"}),
        ("episode", {"id": 0, "fields": ["nothing"]}),
        ("episode", {"id": 0, "steps": [6]}),
        ("episode", {"id": 0, "steps": list(range(10_000))}),
        ("episode", {"id": 0, "fields": {"a": {"b": []}}}),
        ("parts", {"program": GOOD, "episodes": [7]}),
        ("parts", {"program": {}, "episodes": []}),
        ("rank", {"program": GOOD, "composition": "os"}),
        ("rank", {"program": GOOD, "composition": ["sum"]}),
    ],
)
def test_hostile_arguments_are_answered_in_words(name: str, arguments: dict[str, Any]) -> None:
    assert bench().run(name, arguments).startswith("Not run: ")
