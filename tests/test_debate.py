"""Debates about pairs of which a judge said two things: what is argued, what of it is struck, and what comes of it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, client
from test_judging import ABOUT, PRINCIPLED, Judging, go, question, shown, sight
from test_pictures import png
from test_preferences import TASK, FilmedSteps

from autoreward import events
from autoreward.evaluation.judging import after_debates, cannot_tell
from autoreward.llm.types import Prompt
from autoreward.records import Answer, Debate, Judgement, Judgements, Question
from autoreward.report.html import build_report
from autoreward.report.reading import read_run
from autoreward.roles.brief import brief
from autoreward.roles.debate import argued
from autoreward.roles.shown_pairs import ShownPair
from autoreward.session.judging import JudgePanel, ask_panel, debate_panel
from autoreward.store.book import Book
from autoreward.store.keys import DEBATED, JUDGEMENTS

Fact = dict[str, Any]


def fact(clip: str, value: float, step: int = 3, column: str = "position") -> Fact:
    return {"clip": clip, "step": step, "column": column, "value": value}


def contradicted(number: int, by: str = "replay:judge") -> Judgement:
    return Judgement(question=question(number), by=by, answer="tie", forwards="a", backwards="b")


def by_facts(prompt: Prompt) -> dict[str, Any]:
    """Weighs the facts as they are written: who drives farther is better."""
    said = []
    for number, text in enumerate(re.split(r"\n# Pair \d+\n", prompt.text)[1:], start=1):
        ends = {name: float(end) for name, end in re.findall(r"- the (\w+), step 3: position is (\S+)", text)}
        better = "tie" if len(ends) < 2 else max(ends, key=lambda name: ends[name])
        said.append({"pair": number, "better": better, "reason": "It is nearer."})
    return {"pairs": said}


def swayed(weigh: Callable[[Prompt], dict[str, Any]] = by_facts, lies: bool = False) -> Callable[[Prompt], Any]:
    """Goes by the order of episodes, argues both sides by what it reads, or by what is not so, and weighs."""

    def answer(prompt: Prompt) -> dict[str, Any]:
        if "-weighed" in prompt.key:
            return weigh(prompt)
        pairs = shown(prompt.text)
        if "-sides" in prompt.key:
            wrong = 0.5 * lies
            return {
                "pairs": [
                    {"pair": n, "first": [fact("first", first + wrong)], "second": [fact("second", second + wrong)]}
                    for n, (_, first, second) in enumerate(pairs, start=1)
                ]
            }
        return {
            "pairs": [
                {"pair": n, "better": "first", "cited": [fact("first", first)]}
                for n, (_, first, _) in enumerate(pairs, start=1)
            ]
        }

    return answer


ENDS = [(0.1, 0.6), (0.5, 0.2), (0.3, 0.4)]
PAIRS = [ShownPair(sight(a), sight(b)) for a, b in ENDS]
QUESTIONS = [question(i) for i in range(len(ENDS))]


def debated(model: Scripted, folder: Path, max_calls: int = 100) -> Judgements:
    panel = JudgePanel(client(model, folder, max_calls), {"judge": "replay:judge"}, ABOUT)
    said = ask_panel(panel, "r000-compare-0", QUESTIONS, PAIRS)
    assert all(one.contradicted for one in said.items)
    return debate_panel(panel, "r000-debate", said.items, PAIRS)


def test_who_goes_by_the_order_of_episodes_and_not_of_facts_is_right_after_a_debate(tmp_path: Path) -> None:
    model = Scripted({}, swayed())
    made = debated(model, tmp_path)
    assert [one.answer for one in made.items] == ["b", "a", "b"]
    assert len(model.asked) == 4, "two calls of a batch, and two of its debate"
    first = made.items[0].debate
    assert first is not None
    assert first.for_a == ("a, step 3: position is 0.1",)
    assert first.for_b == ("b, step 3: position is 0.6",)
    assert (first.forwards, first.backwards, first.struck, first.reason) == ("b", "b", 0, "It is nearer.")
    assert not any(one.by_place for one in made.items)
    assert not cannot_tell(made.items)


@pytest.mark.parametrize("always", ["first", "second"])
def test_who_goes_by_the_order_of_facts_too_ends_in_ties_and_can_not_tell(tmp_path: Path, always: str) -> None:
    def weigh(prompt: Prompt) -> dict[str, Any]:
        return {"pairs": [{"pair": n, "better": always} for n in range(1, 7)]}

    made = debated(Scripted({}, swayed(weigh)), tmp_path)
    assert [one.answer for one in made.items] == ["tie"] * 3
    assert all(one.debate and {one.debate.forwards, one.debate.backwards} == {"a", "b"} for one in made.items)
    assert "in 3 of 3 pairs" in cannot_tell(made.items)


def test_false_facts_are_struck_and_without_a_true_one_nobody_weighs(tmp_path: Path) -> None:
    model = Scripted({}, swayed(lies=True))
    made = debated(model, tmp_path)
    assert made.items == ()
    assert made.findings[0] == "r000-debate-judge-sides, pair 1: 2 of its facts are not so, and struck"
    assert not any("weighed" in key for key in model.asked)


@pytest.mark.parametrize(
    ("named", "kept", "struck"),
    [
        ([fact("first", 0.1)], ["a, step 3: position is 0.1"], 0),
        ([fact("second", 0.6)], ["b, step 3: position is 0.6"], 0),
        ([fact("first", 0.1), fact("first", 0.1)], ["a, step 3: position is 0.1"], 0),
        ([fact("first", 0.101)], ["a, step 3: position is 0.1"], 0),
        ([fact("first", 0.2), fact("first", 0.1, step=9), fact("first", 1, column="pitch")], [], 3),
        ([fact("first", 0, column="")], [], 1),
        ([fact("first", 0.1)] + [fact("first", 0.05, step=2)] + [fact("first", 9)] * 9, None, 2),
    ],
)
def test_at_most_four_facts_of_a_side_are_heard_as_recorded(
    tmp_path: Path, named: list[Fact], kept: list[str] | None, struck: int
) -> None:
    drawn = ShownPair(sight(0.1, png(8, 8)), sight(0.6, png(8, 8)))
    model = Scripted({"k": {"pairs": [{"pair": 1, "first": named, "second": []}]}})
    ((case,), _) = argued(client(model, tmp_path), "k", "judge", ABOUT, [drawn])
    assert case is not None
    told = [f"{one.of}, {one.what}" for one in case.for_a]
    assert told == (kept if kept is not None else ["a, step 3: position is 0.1", "a, step 2: position is 0.05"])
    assert (case.for_b, case.struck) == ((), struck)


def test_who_weighs_sees_facts_and_principles_and_neither_episodes_nor_the_rule(tmp_path: Path) -> None:
    about = brief(PRINCIPLED, 8_000, 5, rule_shown=False)
    model = Scripted({}, swayed())
    panel = JudgePanel(client(model, tmp_path), {"judge": "replay:judge"}, about)
    debate_panel(panel, "q", [contradicted(0)], PAIRS[:1])
    text = model.asked["q-judge-weighed"]
    assert '1. "gets there"' in text
    assert "| step |" not in text
    assert TASK.success.when not in text
    assert "r000c" not in text
    forwards, backwards = text.split("# Pair 2\n")
    assert "For the first:\n- the first, step 3: position is 0.1\n" in forwards
    assert "For the first:\n- the first, step 3: position is 0.6\n" in backwards


def test_each_judge_debates_its_own_contradictions(tmp_path: Path) -> None:
    model = Scripted({}, swayed())
    judges = {"judge": "replay:judge", "judge-2": "replay:other", "judge-3": "replay:third"}
    panel = JudgePanel(client(model, tmp_path), judges, ABOUT)
    said = [contradicted(0), contradicted(1), contradicted(1, by="replay:other")]
    made = debate_panel(panel, "q", said, [PAIRS[0], PAIRS[1], PAIRS[1]])
    assert [(one.by, one.question.episode, one.answer) for one in made.items] == [
        ("replay:judge", 0, "b"), ("replay:judge", 1, "a"), ("replay:other", 1, "a"),
    ]  # fmt: skip
    assert set(model.asked) == {f"q-{role}-{what}" for role in ("judge", "judge-2") for what in ("sides", "weighed")}


@pytest.mark.parametrize("calls", [2, 3])
def test_a_limit_ends_a_debate_and_what_was_said_stands(tmp_path: Path, calls: int) -> None:
    made = debated(Scripted({}, swayed()), tmp_path, max_calls=calls)
    assert made.items == ()
    assert "the limit of" in made.findings[-1]


def test_what_nobody_argues_or_weighs_is_no_answer(tmp_path: Path) -> None:
    silent: dict[str, Any] = {"r000-debate-judge-sides": {"pairs": [{"pair": 2, "first": [fact("first", 0.5)]}]}}
    silent["r000-debate-judge-weighed"] = {"pairs": [{"pair": 1, "better": "first"}]}
    made = debated(Scripted(silent, swayed()), tmp_path)
    ((one),) = made.items
    assert (one.question.episode, one.answer) == (1, "tie")
    assert one.debate == Debate(for_a=("a, step 3: position is 0.5",), forwards="a")
    assert made.findings == (
        "r000-debate-judge-sides: nothing was said of pairs 1, 3",
        "r000-debate-judge-weighed: nothing was said of pair 2",
    )
    with pytest.raises(ValueError, match="no model judges here"):
        debate_panel(JudgePanel(None, {}, ABOUT), "q", [], [])


def test_a_debate_stands_for_what_its_judge_said_before() -> None:
    before = [contradicted(0), contradicted(0, by="replay:other"), contradicted(1)]
    anew = before[0].model_copy(update={"answer": "b", "debate": Debate(forwards="b", backwards="b")})
    assert after_debates(before, [anew]) == [anew, *before[1:]]


class Swayed(Judging):
    """Contradicts itself whenever it is asked about episodes, and is right by facts."""

    def judged(self, question: Question) -> Judgement:
        return Judgement(question=question, by="replay:judge", answer="tie", forwards="a", backwards="b")

    def debate(self, page: Any, contradicted: Sequence[Judgement]) -> Judgements:
        self.done[f"debate {page.folder.name}"] += 1
        items = []
        for one in contradicted:
            a, b = self.reached[one.question.a_trial], self.reached[one.question.b_trial]
            right: Answer = "a" if a > b else "b" if b > a else "tie"
            debate = Debate(for_a=(f"a, step 3: position is {a:.3g}",), forwards=right, backwards=right, struck=1)
            items.append(one.model_copy(update={"answer": right, "debate": debate}))
        return Judgements(items=tuple(items), findings=("a fact was struck",))


def test_a_run_debates_within_six_calls_a_round_and_shows_it(memory_folder: Path) -> None:
    told: list[events.Event] = []
    steps = Swayed()
    run = go(memory_folder / "run", steps, told=told)
    assert run.best == go(memory_folder / "ruled", FilmedSteps(width=4), judge="rule").best
    with Book.open(memory_folder / "run") as book:
        count = 0
        for page in book.pages():
            batches, after = page.saved(JUDGEMENTS), page.need(DEBATED)
            assert 2 * len(batches) + 2 <= 6
            assert 0 < len(after.items) <= 8
            count += len(after.items)
        page = build_report(book, "")
        whole = read_run(memory_folder / "run")
    assert len(whole.debates) == count
    decided = sum(one.answer != "tie" for one in whole.debates)
    what = f"{decided} decided, {count - decided} left a tie, {count} false facts struck."
    assert f"{count} pairs of which a judge said two things were debated: {what}" in page
    assert "<td>a, and b with B first</td><td>a, step 3: position is" in page
    assert "a fact was struck" in whole.findings
    lines = [event.line for event in told if isinstance(event, events.ModelSaid)]
    assert any(re.fullmatch(r"\d pairs of which .* debated: \d decided.", line) for line in lines)


def test_a_judge_that_does_not_contradict_itself_has_no_debate(memory_folder: Path) -> None:
    steps = Judging()
    go(memory_folder / "run", steps)
    assert not any(work.startswith("debate") for work in steps.done)


def test_a_run_that_was_stopped_in_a_debate_goes_on_with_it(memory_folder: Path) -> None:
    class Stopped(Swayed):
        def debate(self, page: Any, contradicted: Sequence[Judgement]) -> Judgements:
            if not self.done["stopped"]:
                self.done["stopped"] += 1
                raise KeyboardInterrupt
            return super().debate(page, contradicted)

    steps = Stopped()
    with pytest.raises(KeyboardInterrupt):
        go(memory_folder / "run", steps)
    run = go(memory_folder / "run", steps)
    assert run == go(memory_folder / "whole", Swayed())
    assert all(count == 1 for work, count in steps.done.items() if work.startswith(("compare", "debate")))
