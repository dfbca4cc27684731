"""Models that judge: what they are shown, what of their answers counts, and what a run makes of it."""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_provider import Answer as Answered
from fake_provider import provider
from scripted import Scripted, client
from test_pictures import png
from test_preferences import TASK, FilmedSteps, drive

from autoreward import events
from autoreward.config import RunConfig, make_config
from autoreward.core.outcomes import Outcome
from autoreward.errors import ConfigError, LimitReached, UsageError
from autoreward.evaluation.judging import (
    agreement_with,
    by_principle,
    by_the_rule,
    cannot_tell,
    preferred_share,
    share_interval,
)
from autoreward.judges import judge_called
from autoreward.llm.types import Prompt
from autoreward.loop import improve
from autoreward.records import Answer, Episode, JudgedTask, JudgeExam, Judgement, Judgements, Question, Run, Score
from autoreward.report.html import build_report
from autoreward.roles.brief import brief
from autoreward.roles.judge import opinions
from autoreward.roles.shown_pairs import CitedFact, ShownPair, Sight, is_so
from autoreward.search.study import Study
from autoreward.session.judge_exam import demand_examined, told_apart
from autoreward.session.judging import JudgePanel, ask_panel
from autoreward.store.book import Book, RunHeader, WithFiles
from autoreward.store.keys import JUDGED, JUDGEMENTS
from autoreward.store.shared import Shelf, digest
from autoreward.tasks.tables import JudgeTable

ABOUT = brief(TASK, 8_000, 5, rule_shown=False)
CONFIG = RunConfig(
    rounds=2, candidates=3, confirm_seeds=0, finalist_seeds=0, episodes=5, steps=8000, judge="replay:judge"
)
Choose = Callable[[float, float], str]
"""What is said of two episodes by how far the car drives: `first`, `second` or `tie`."""


def sight(to: float, picture: bytes = b"") -> Sight:
    whole = drive(1.5 * to)  # the row after its last is not shown
    return Sight.of(ABOUT, whole.cut(rows=slice(0, 3)), picture)


def question(number: int = 0, a: str = "r000c0", b: str = "r000c1") -> Question:
    return Question(a=a, b=b, a_trial=f"{a}-s0-leg0", b_trial=f"{b}-s0-leg0", episode=number)


def shown(prompt: str) -> list[tuple[int, float, float]]:
    """The first episode's last step, and how far the two cars of each pair drive, as the tables say."""
    pairs = []
    for text in re.split(r"\n# Pair \d+\n", prompt)[1:]:
        sides = text.split("## second")
        ends = [[row for row in side.splitlines() if re.match(r"\| \d", row)][-1] for side in sides]
        head = next(row for row in text.splitlines() if row.startswith("| step |")).split("|")
        column = [cell.strip() for cell in head].index("position")
        last, *_ = ends
        first, second = (float(end.split("|")[column]) for end in ends)
        pairs.append((int(last.split("|")[1]), first, second))
    return pairs


def watcher(choose: Choose) -> Callable[[Prompt], dict[str, Any]]:
    """A judge that reads the tables, and names what it read."""

    def answer(prompt: Prompt) -> dict[str, Any]:
        said = []
        for number, (last, first, second) in enumerate(shown(prompt.text), start=1):
            cited = [{"clip": "first", "step": last, "column": "position", "value": first}]
            said.append({"pair": number, "cited": cited, "reason": "It is nearer.", "better": choose(first, second)})
        return {"pairs": said}

    return answer


def farther(first: float, second: float) -> str:
    return "first" if first > second else "second"


def panel(folder: Path, choose: Choose, judges: int = 1) -> JudgePanel:
    roles = ("judge", "judge-2", "judge-3")[:judges]
    return JudgePanel(client(Scripted({}, watcher(choose)), folder), {role: f"replay:{role}" for role in roles}, ABOUT)


def judged(folder: Path, choose: Choose, ends: Sequence[tuple[float, float]], judges: int = 1) -> Judgements:
    pairs = [ShownPair(sight(a), sight(b)) for a, b in ends]
    return ask_panel(panel(folder, choose, judges), "r000-compare-0", [question(i) for i in range(len(ends))], pairs)


ENDS = [(0.1, 0.6), (0.5, 0.2), (0.3, 0.4)]


def test_who_sees_what_the_rule_sees_says_what_it_says(tmp_path: Path) -> None:
    made = judged(tmp_path, farther, ENDS)
    assert [one.answer for one in made.items] == ["b", "a", "b"]
    assert [(one.forwards, one.backwards) for one in made.items] == [("b", "b"), ("a", "a"), ("b", "b")]
    assert all(one.cited == 2 and one.struck == 0 and one.by == "replay:judge" for one in made.items)
    assert made.findings == ()
    assert not cannot_tell(made.items)


@pytest.mark.parametrize("always", ["first", "second"])
def test_who_goes_by_the_order_says_nothing_and_it_is_told(tmp_path: Path, always: str) -> None:
    made = judged(tmp_path, lambda first, second: always, ENDS)
    assert [one.answer for one in made.items] == ["tie"] * 3
    assert "it can't tell: in 3 of 3 pairs it chose by the order" in cannot_tell(made.items)


def test_several_judges_have_a_voice_each(tmp_path: Path) -> None:
    made = judged(tmp_path, farther, ENDS, judges=3)
    assert [one.by for one in made.items] == [
        f"replay:{role}" for role in ("judge", "judge-2", "judge-3") for _ in ENDS
    ]


@pytest.mark.parametrize(
    ("cited", "counts"),
    [
        ([{"clip": "first", "step": 3, "column": "position", "value": 0.1}], True),
        ([{"clip": "first", "step": 3, "field": "`position`", "value": 0.1}], True),
        ([{"clip": "first", "step": 3, "column": "position", "value": 0.2}], False),
        ([{"clip": "first", "step": 4, "column": "position", "value": 0.1}], False),
        ([{"clip": "first", "step": -1, "column": "position", "value": 0.1}], False),
        ([{"clip": "first", "step": 3, "column": "pitch", "value": 0.1}], False),
        ([{"clip": "first", "step": 3, "column": "", "value": 0}], False),  # nothing is drawn
        ([{"clip": "second", "step": 0, "column": "velocity[1]", "value": 0.0}], True),
        ([{"clip": "second", "step": 2, "column": "action push", "value": 0.3}], True),
        (
            [
                {"clip": "first", "step": 9, "column": "x", "value": 1},
                {"clip": "second", "step": 3, "column": "position", "value": 0.6},
            ],
            True,
        ),
        ([], False),
    ],
)
def test_an_answer_counts_if_a_fact_of_it_is_so(tmp_path: Path, cited: list[dict[str, Any]], counts: bool) -> None:
    answer = {"pairs": [{"pair": 1, "better": "second", "reason": "r", "cited": cited}]}
    said = opinions(client(Scripted({"k": answer}), tmp_path), "k", "judge", ABOUT, [ShownPair(sight(0.1), sight(0.6))])
    (opinion,) = said.items
    assert opinion is not None
    assert opinion.answer == ("b" if counts else "tie")
    assert bool(said.findings) == (not counts)


def test_a_step_of_a_picture_is_a_fact_where_there_is_one() -> None:
    fact = CitedFact(clip="first", step=2, column="", value=0.0)
    assert is_so(fact, sight(0.1, png(8, 8)))
    assert not is_so(fact.model_copy(update={"step": 5}), sight(0.1, png(8, 8)))


def test_pictures_are_sent_in_the_order_that_the_text_says(tmp_path: Path) -> None:
    pictures = [png(8, 8 + i) for i in range(4)]
    sent: list[Prompt] = []

    def answer(prompt: Prompt) -> dict[str, Any]:
        sent.append(prompt)
        return watcher(farther)(prompt)

    drawn = [
        ShownPair(sight(0.1, pictures[0]), sight(0.6, pictures[1])),
        ShownPair(sight(0.5, pictures[2]), sight(0.2, pictures[3])),
    ]
    opinions(client(Scripted({}, answer), tmp_path), "k", "judge", ABOUT, [drawn[0].turned, drawn[1]])
    assert sent[0].pictures == (pictures[1], pictures[0], pictures[2], pictures[3])
    assert [int(n) for n in re.findall(r"\(picture (\d)\)", sent[0].text)] == [1, 2, 3, 4]


def test_a_pair_that_is_half_drawn_is_shown_by_its_tables(tmp_path: Path) -> None:
    model = Scripted({}, watcher(farther))
    opinions(client(model, tmp_path), "k", "judge", ABOUT, [ShownPair(sight(0.1, png(8, 8)), sight(0.6))])
    assert "icture" not in model.asked["k"].partition("# Your part")[2]


def test_the_question_says_nothing_of_the_rule_or_of_who_is_who(tmp_path: Path) -> None:
    model = Scripted({}, watcher(farther))
    opinions(client(model, tmp_path), "k", "judge", ABOUT, [ShownPair(sight(0.1), sight(0.6))])
    text = model.asked["k"]
    assert "By a rule that is not shown." in text
    assert TASK.success.when not in text
    assert "r000c" not in text
    assert json.dumps(TASK.goal) in text


def test_what_is_not_answered_is_a_finding_and_an_answer_in_one_order_a_tie(tmp_path: Path) -> None:
    keys = ("q-judge-backwards", "q-judge-backwards-again-1", "q-judge-backwards-again-2")
    model = Scripted(dict.fromkeys(keys, "I can't say."), watcher(farther))
    made = ask_panel(
        JudgePanel(client(model, tmp_path), {"judge": "m"}, ABOUT),
        "q",
        [question()],
        [ShownPair(sight(0.1), sight(0.6))],
    )
    assert [(one.answer, one.forwards, one.backwards) for one in made.items] == [("tie", "b", None)]
    assert len(made.findings) == 3
    half = {"pairs": [{"pair": 2, "better": "first", "cited": [], "reason": ""}]}
    said = opinions(
        client(Scripted({"k": half}), tmp_path / "half"), "k", "judge", ABOUT, [ShownPair(sight(0.1), sight(0.6))]
    )
    assert said.items == (None,)
    assert said.findings == ("k: nothing was said of pair 1",)


PRINCIPLED = TASK.model_copy(update={"judge": JudgeTable(principles=("gets there", "no <b>jerks</b>"))})


def scoring(*scores: list[list[float]]) -> dict[str, Any]:
    cited = [{"clip": "first", "step": 3, "column": "position", "value": 0.1}]
    return {"pairs": [{"pair": 1, "cited": cited, "scores": list(scores), "reason": "", "better": "first"}]}


@pytest.mark.parametrize(
    ("scores", "answer"),
    [
        (([4, 2], [1, 5]), "b"),
        (([5, 2], [3, 5]), "a"),
        (([4, 2], [2, 4]), "tie"),
        (([4, 2],), None),
        (([4, 2], [6, 1]), None),
        (([4, 2], [3, 1, 1]), None),
        ((), None),
    ],
)
def test_principles_are_scored_and_their_sums_decide(tmp_path: Path, scores: Any, answer: Answer | None) -> None:
    about = brief(PRINCIPLED, 8_000, 5, rule_shown=False)
    model = Scripted({"k": scoring(*scores)})
    said = opinions(client(model, tmp_path), "k", "judge", about, [ShownPair(sight(0.1), sight(0.6))])
    assert (said.items[0] and said.items[0].answer) == answer
    assert bool(said.findings) == (answer is None)
    assert '1. "gets there"' in model.asked["k"]
    assert '"scores": [[4, 2], [4, 2]]' in model.asked["k"]


def test_scores_of_both_orders_are_averaged_and_shown_by_candidate(tmp_path: Path) -> None:
    about = brief(PRINCIPLED, 8_000, 5, rule_shown=False)
    script = {"q-judge-forwards": scoring([4, 2], [3, 3]), "q-judge-backwards": scoring([1, 5], [3, 3])}
    script["q-judge-backwards"]["pairs"][0]["cited"][0]["clip"] = "second"
    panel = JudgePanel(client(Scripted(script), tmp_path), {"judge": "m"}, about)
    (made,) = ask_panel(panel, "q", [question()], [ShownPair(sight(0.1), sight(0.6))]).items
    assert made.answer == "a"
    assert made.principles == ((4.5, 1.5), (3.0, 3.0))
    assert by_principle([made, made], 2) == {"r000c0": (4.5, 3.0), "r000c1": (1.5, 3.0)}
    assert by_principle([made], 0) == {}
    with Book.create(tmp_path / "run", RunHeader.of(PRINCIPLED, CONFIG)) as book:
        improve(Study(PRINCIPLED, CONFIG, Principled(), book, lambda event: None))
        page = build_report(book, "")
    assert "no &lt;b&gt;jerks&lt;/b&gt;" in page
    assert '<td class="n">4.5</td><td class="n">3.0</td>' in page


class Principled(FilmedSteps):
    """Judged by two principles."""

    def judged(self, question: Question) -> Judgement:
        return super().judged(question).model_copy(update={"principles": ((4.5, 4.5), (3.0, 3.0))})


def test_a_limit_is_the_caller_s(tmp_path: Path) -> None:
    nobody = client(Scripted({}), tmp_path, max_calls=0)
    with pytest.raises(LimitReached):
        opinions(nobody, "k", "judge", ABOUT, [ShownPair(sight(0.1), sight(0.6))])
    with pytest.raises(ValueError, match="no model judges here"):
        ask_panel(JudgePanel(None, {}, ABOUT), "q", [], [])


def test_shares_have_wilson_s_interval() -> None:
    assert share_interval(0, 0) == (0.0, 1.0)
    low, high = share_interval(8, 10)  # Brown, Cai and DasGupta 2001, by hand
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert share_interval(10, 10)[1] == pytest.approx(1.0)
    assert share_interval(10, 10)[0] == pytest.approx(10 / (10 + 1.959964**2), abs=1e-9)


def episode(success: bool, progress: float) -> Episode:
    return Episode(
        success=success, length=9, terminated=False, reached=success, held=0, progress=progress, metric=1, movement=1
    )


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (episode(True, 1.0), episode(False, 0.9), "a"),
        (episode(False, 0.9), episode(True, 1.0), "b"),
        (episode(True, 1.0), episode(True, 1.0), None),
        (episode(False, 0.5), episode(False, 0.4), None),
        (episode(False, 0.2), episode(False, 0.6), "b"),
    ],
)
def test_the_rule_tells_some_apart(a: Episode, b: Episode, said: Answer | None) -> None:
    assert by_the_rule(a, b) == said


def test_ties_agree_by_half_and_count_as_half_a_preference() -> None:
    said = [judgement(question(i), answer) for i, answer in enumerate(("a", "b", "tie", "a"))]
    agreed = agreement_with(said, lambda q: None if q.episode == 3 else "a")
    assert (agreed.agreed, agreed.pairs) == (1.5, 3)
    assert preferred_share(said, "r000c0") == (2.5, 4)
    assert preferred_share(said, "r009c9") == (0.0, 0)


def judgement(about: Question, answer: Answer) -> Judgement:
    return Judgement(question=about, by="m", answer=answer, forwards=answer, backwards=answer)


class Judging(FilmedSteps):
    """Judged by how far the cars drive, by a judge that is wrong so often, or by the order alone."""

    def __init__(self, wrong: float = 0.0, by_order: bool = False, seed: int = 0) -> None:
        super().__init__(width=4)
        self._chance, self._wrong, self._by_order = random.Random(seed), wrong, by_order
        self.reached: dict[str, float] = {}

    def score(self, page: Any, trial: Any, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        self.reached[trial.id] = made.record.success
        return made

    def judged(self, question: Question) -> Judgement:
        a, b = self.reached[question.a_trial], self.reached[question.b_trial]
        right: Answer = "a" if a > b else "b" if b > a else "tie"
        if self._by_order:
            return Judgement(question=question, by="replay:judge", answer="tie", forwards="a", backwards="b")
        turned: dict[Answer, Answer] = {"a": "b", "b": "a", "tie": "tie"}
        said = turned[right] if self._chance.random() < self._wrong else right
        return Judgement(question=question, by="replay:judge", answer=said, forwards=said, backwards=said, cited=2)


def go(folder: Path, steps: FilmedSteps, judge: str = "replay:judge", told: list[events.Event] | None = None) -> Run:
    config = CONFIG.model_copy(update={"judge": judge})
    with Book.open(folder) if folder.exists() else Book.create(folder, RunHeader.of(TASK, config)) as book:
        return improve(Study(TASK, config, steps, book, (told if told is not None else []).append))


def test_a_judge_that_is_right_finds_the_rule_s_winner(memory_folder: Path) -> None:
    run = go(memory_folder / "judged", Judging())
    assert run.best == go(memory_folder / "ruled", FilmedSteps(width=4), judge="rule").best
    with Book.open(memory_folder / "judged") as book:
        batches = [batch for page in book.pages() for batch in page.saved(JUDGEMENTS)]
        assert all(len(batch.items) <= 8 for batch in batches)
        assert all(len(page.saved(JUDGEMENTS)) <= 3 for page in book.pages())
        page = build_report(book, judge_called("replay:judge").note)
    assert "What the judge prefers" in page
    assert f"{run.best} was preferred in 1.00 [" in page
    assert "What people prefer" not in page


def test_a_judge_that_is_wrong_now_and_then_finds_one_as_good(memory_folder: Path) -> None:
    best = max(reached(memory_folder / "right").values())
    found = []
    for seed in range(5):
        steps = Judging(wrong=0.2, seed=seed)
        run = go(memory_folder / f"wrong-{seed}", steps)
        found.append(max(v for name, v in steps.reached.items() if name.startswith(run.best)))
    assert sum(best - value < 0.1 for value in found) >= 4


def reached(folder: Path) -> dict[str, float]:
    steps = Judging()
    go(folder, steps)
    return steps.reached


def test_a_judge_that_can_not_tell_leaves_it_to_the_measurement_and_says_so(memory_folder: Path) -> None:
    told: list[events.Event] = []
    run = go(memory_folder / "run", Judging(by_order=True), told=told)
    assert run.best == go(memory_folder / "ruled", FilmedSteps(width=4), judge="rule").best
    lines = [event.line for event in told if isinstance(event, events.ModelSaid)]
    assert any("replay:judge as the judge: it can't tell" in line for line in lines)
    with Book.open(memory_folder / "run") as book:
        assert "it chose by the order in which they were shown" in build_report(book, "")


def test_a_run_that_was_stopped_asks_no_question_twice(memory_folder: Path) -> None:
    class Stopped(Judging):
        def compare(self, page: Any, batch: int, questions: Sequence[Question]) -> Judgements:
            if batch == 1 and not self.done["stopped"]:
                self.done["stopped"] += 1
                raise KeyboardInterrupt
            return super().compare(page, batch, questions)

    steps = Stopped()
    with pytest.raises(KeyboardInterrupt):
        go(memory_folder / "run", steps)
    run = go(memory_folder / "run", steps)
    assert run == go(memory_folder / "whole", Judging())
    assert all(count == 1 for work, count in steps.done.items() if work.startswith("compare"))


def test_a_limit_leaves_the_ranking_to_what_was_said_or_measured(memory_folder: Path) -> None:
    class Limited(Judging):
        def compare(self, page: Any, batch: int, questions: Sequence[Question]) -> Judgements:
            raise LimitReached("100 calls are made")

    run = go(memory_folder / "run", Limited())
    assert run.best == go(memory_folder / "ruled", FilmedSteps(width=4), judge="rule").best
    with Book.open(memory_folder / "run") as book:
        assert all(not page.need(JUDGED).items for page in book.pages())


@pytest.mark.parametrize("judge", ["", "a:b,", "a:b,a:b", "rule,a:b", "a:b,c:d,e:f,g:h", "a:\x1bb"])
def test_judges_that_can_not_be_are_refused(judge: str) -> None:
    with pytest.raises(ConfigError, match="judge"):
        make_config({"judge": judge})


def test_who_judges_is_asked_and_billed_as_such() -> None:
    config = make_config({"judge": "openai:a,anthropic:b"})
    assert config.models == {"judge": "openai:a", "judge-2": "anthropic:b"}
    assert config.preferred_by == "openai:a and anthropic:b"
    assert make_config({"judge": "human"}).models == {}
    assert make_config({"model": "openai:a", "judge": "openai:b"}).models == {
        **dict.fromkeys(("designer", "critic", "analyzer"), "openai:a"),
        "judge": "openai:b",
    }


def test_a_judge_that_nobody_tried_or_that_is_often_wrong_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with pytest.raises(UsageError, match=r"nobody knows how well it judges.*doctor --judge replay:judge"):
        demand_examined(CONFIG, tmp_path)
    demand_examined(CONFIG.model_copy(update={"trust_the_judge": True}), tmp_path)
    demand_examined(CONFIG.model_copy(update={"judge": "human"}), tmp_path)

    def examined(agreed: float) -> None:
        exam = JudgeExam(by="replay:judge", tasks=(JudgedTask(task="t", agreed=agreed, pairs=8),), by_place=0)
        Shelf.of(tmp_path).keep(digest("judge", "replay:judge"), WithFiles(exam, {}))

    examined(5.5)
    with pytest.raises(UsageError, match=r"agrees with rules in 0\.69 \[.*\] of 8 pairs, and 0\.7 is needed"):
        demand_examined(CONFIG, tmp_path)
    examined(6.0)
    demand_examined(CONFIG, tmp_path)


def test_pairs_of_an_exam_are_told_apart_by_the_rule_and_no_policy_is_in_many() -> None:
    scores = [scored(f"r000c{i}", i / 9) for i in range(10)]
    asked = told_apart(scores, seed=3)
    assert len(asked) == 8
    places = [q.a_trial for q in asked] + [q.b_trial for q in asked]
    assert max(map(places.count, places)) <= 4
    assert asked == told_apart(scores, seed=3)
    sides = [q.a > q.b for q in asked]
    assert 0 < sum(sides) < 8, "the better one is on either side"
    assert told_apart([scored("r000c0", 0.5), scored("r000c1", 0.6)], seed=3) == ()


def scored(name: str, progress: float) -> Score:
    return Score(
        trial_id=f"{name}-s0-leg0", candidate_id=name, outcome=Outcome.COMPLETED, seed=0, steps=10, success=0.0,
        progress=progress, mean_success=0.0, mean_progress=progress, episodes=(episode(False, progress),) * 3,
    )  # fmt: skip


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_real_run_is_judged_and_its_judge_examined(tmp_path: Path) -> None:
    """Pictures and tables reach a server; who reads them as the rule does agrees with it."""
    short = (
        "--rounds 1 --candidates 3 --steps 15000 --finalist-seeds 0 --budget 4 --confirm-seeds 0 --episodes 8".split()
    )
    answer = watcher(lambda first, second: "first" if first > second else "second")

    def decide(asked: dict[str, Any]) -> Answered:
        content = asked["messages"][-1]["content"]
        text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        return Answered(json.dumps(answer(Prompt("k", "judge", text, {}, 1))))

    def autoreward(*words: str) -> subprocess.CompletedProcess[str]:
        settings = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        whole = [sys.executable, "-m", "autoreward", *words, "--runs", str(tmp_path / "runs")]
        return subprocess.run(whole, capture_output=True, text=True, env=settings)

    with provider(Answered("{}")) as server:
        server.decide = decide
        name = f"openai+{server.url}/v1:watcher"
        run = ("run", "mountain-car", "--model", "grammar", "--judge", name, "--trust", "--name", "first", *short)
        untried = autoreward(*run)
        assert untried.returncode == 2
        assert "nobody knows how well it judges" in untried.stderr
        assert not server.requests
        made = autoreward(*run, "--trust-the-judge")
        assert made.returncode == 0, made.stderr
        sent = [part["type"] for part in server.requests[0]["messages"][-1]["content"]]
        assert sent[0] == "text"
        assert sent.count("image_url") in (0, 16), "both of eight pairs, where they can be drawn"
        count = len(server.requests)
        assert 2 <= count <= 6
        page = (tmp_path / "runs" / "first" / "report.html").read_text()
        assert "What the judge prefers" in page
        assert "agrees with the rule in" in page
        tried = autoreward("doctor", "--judge", name)
        assert tried.returncode == 0, tried.stderr
        assert "Enough to judge a run" in tried.stdout, tried.stdout
        assert len(server.requests) == count + 2
        again = autoreward(*run[: -len(short) - 1], "second", *short, "--dry-run")
        assert again.returncode == 0, again.stderr
