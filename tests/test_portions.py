"""Questions about several things on a server with a small context: asked in portions, so that every role is heard to the end.

Real SDKs and a local server that holds 8,000 tokens and refuses what is longer in vLLM's words, before or without having said so.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from batches import batch
from fake_provider import Answer, Provider, provider
from replies import GOOD
from test_llm import client, model
from test_roles import BRIEF, case, gated, remark, why
from test_servers import VLLM

from autoreward.design import refine
from autoreward.llm.client import ModelClient
from autoreward.llm.cost import tokens
from autoreward.llm.openai_api import OpenAIModel
from autoreward.llm.portions import fitting
from autoreward.records import Candidate
from autoreward.roles.analyzer import explain
from autoreward.roles.critic import criticise
from autoreward.roles.designer import repair_prompt, revise

HELD = 8_000
CHARACTERS = 3.2
"""Of a token, by this server's count."""
Ask = Callable[[ModelClient, Sequence[Candidate]], Any]


def program(number: int, lines: int = 60) -> Candidate:
    """A program of about 1,000 tokens."""
    padding = "".join(f"    # what line {line} of it is good for, in so many words\n" for line in range(lines))
    source = GOOD.replace("    return", f"{padding}    return")
    return Candidate(id=f"r000c{number}", source=source, thought="", origin="model", how="fresh")


PROGRAMS = tuple(map(program, range(8)))


def counted(asked: dict[str, Any]) -> int:
    return int(sum(len(message["content"]) for message in asked["messages"]) / CHARACTERS)


def holding(server: Provider, tells: bool, answer: Callable[[str], object]) -> Provider:
    """A server that answers what fits into it."""

    def decide(asked: dict[str, Any]) -> Answer:
        sent, wanted = counted(asked), asked.get("max_tokens") or asked["max_completion_tokens"]
        if sent + wanted > HELD:
            return Answer(VLLM.format(held=HELD, total=sent + wanted, sent=sent, asked=wanted), status=400)
        return Answer(json.dumps(answer(asked["messages"][-1]["content"])))

    server.decide = decide
    server.models = {"data": [{"id": "gpt-6.1-terra", "max_model_len": HELD}]} if tells else {}
    return server


def read(text: str) -> list[str]:
    """Ids of the programs that a question shows."""
    return re.findall(r"^# (r\d+c\d+)", text, re.MULTILINE)


def office(folder: Path, server: Provider) -> ModelClient:
    """A client for a server of one's own, which may say how much it holds."""
    llm = model("openai", server.url)
    assert isinstance(llm, OpenAIModel)
    return client(folder, llm)


def critics(asked: ModelClient, programs: Sequence[Candidate]) -> tuple[set[str], tuple[str, ...]]:
    remarks, findings = criticise(asked, "r000-critic-0", BRIEF, programs, {})
    assert all(len(of_one) == 1 for of_one in remarks.values())
    return set(remarks), findings


def revisers(asked: ModelClient, programs: Sequence[Candidate]) -> tuple[set[str], tuple[str, ...]]:
    problems = {c.id: ["line 3 (serious): the sign is wrong"] for c in programs}
    sources, findings = revise(asked, "r000-rework-0", BRIEF, programs, problems)
    return set(sources), findings


def analyzers(asked: ModelClient, programs: Sequence[Candidate]) -> tuple[set[str], tuple[str, ...]]:
    data = batch(steps=10, envs=2)
    cases = [case([True, False], identity=c.id, source=c.source, data=data) for c in programs]
    analyses, findings = explain(asked, "r000-analyzer", BRIEF, cases)
    return {a.candidate_id for a in analyses if a.causes}, findings


def said(text: str) -> object:
    """What a server of the tests says to each role's question: something of every program in it."""
    if "review reward functions" in text:
        return {"remarks": [remark(id=identity) for identity in read(text)]}
    if "A reader objects" in text:
        return {"revisions": [{"id": identity, "source": GOOD} for identity in read(text)]}
    shown = re.findall(r"r000c\d", text)
    return {"causes": [why(id=identity) for identity in dict.fromkeys(shown)], "wants": []}


@pytest.mark.parametrize("tells", [True, False], ids=["says before", "says in refusing"])
@pytest.mark.parametrize("ask", [critics, revisers, analyzers])
def test_every_program_is_asked_about_on_a_server_of_8000_tokens(ask: Ask, tells: bool, tmp_path: Path) -> None:
    with provider(Answer()) as server:
        holding(server, tells, said)
        told, findings = ask(office(tmp_path, server), PROGRAMS)
        assert told == {c.id for c in PROGRAMS}
        assert findings == ()
        tries = len(server.requests)
        assert tries >= 2, "one question would not fit"
        assert ask(office(tmp_path, server), PROGRAMS)[0] == told
        assert len(server.requests) == tries, "a resume asks nothing again"


def test_a_program_that_fits_nowhere_is_a_finding_and_the_others_are_read(tmp_path: Path) -> None:
    programs = (PROGRAMS[0], program(1, lines=600), PROGRAMS[2])
    with provider(Answer()) as server:
        told, findings = critics(office(tmp_path, holding(server, True, said)), programs)
    assert told == {"r000c0", "r000c2"}
    (finding,) = findings
    assert re.search(r"r000-critic-0-portion-\d: not asked: .*too long for it.*holds 8,000", finding)


def test_a_repair_that_does_not_fit_is_a_finding_and_the_round_goes_on(tmp_path: Path) -> None:
    """Its conversation is not cut: a correction without its question would be another question."""
    broken = [c.model_copy(update={"source": "import os\n" + c.source}) for c in (program(0, lines=600), PROGRAMS[1])]
    programs = refine.Drafts(0, 2, gated, None)
    for candidate in broken:
        programs.take(candidate)
    with provider(Answer()) as server:
        holding(server, True, lambda text: {"revisions": [{"id": "r000c1", "source": GOOD}]})
        refine.repair_drafts(office(tmp_path, server), "Write programs.", programs)
    assert programs.verdicts["r000c1"].accepted
    assert programs.candidates["r000c0"] == broken[0]
    (finding,) = programs.findings
    assert finding.startswith("r000-repair-0-r000c0: not asked: ")
    assert tokens(repair_prompt(broken[0], ["x"])) > HELD


@pytest.mark.parametrize(("room", "count"), [(0, 1), (30, 1), (31, 2), (34, 2), (35, 3), (10**6, 5)])
def test_as_many_as_there_is_room_for_one_at_least(room: int, count: int) -> None:
    def text(words: Sequence[str]) -> str:
        return "." * 70 + "".join(words)

    assert fitting(["eleven long"] * 5, room, text) == ("eleven long",) * count
    assert fitting([], room, text) == ()
