"""People's preferences: the fit on known answers, what is asked, and a run that people judge."""

import contextlib
import json
import math
import os
import pty
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from asked import bred
from fake_steps import FakeSteps
from filmed import StillCamera
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli import autoreward
from test_loop import Killed
from typer.testing import CliRunner

from autoreward.api import improve as improve_in_python
from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.design.grammar.distances import distances
from autoreward.errors import JudgementNeeded, UsageError
from autoreward.evaluation.bradley_terry import SPREAD, Comparison, ahead, fit, strengths
from autoreward.evaluation.questions import LOOKS, Policy, policies, questions
from autoreward.evaluation.ranking import best, ranked, runner_up
from autoreward.judges.camera import WorkerCamera
from autoreward.judges.poll import Poll
from autoreward.loop import improve, measure, stop_reason
from autoreward.records import (
    Answer,
    Episode,
    Feedbacks,
    FieldStats,
    Preference,
    Question,
    Round,
    Run,
    Score,
    Screened,
    Strength,
    Strengths,
    Trial,
)
from autoreward.report.agreement import agreement
from autoreward.report.html import render
from autoreward.report.lineups import Lineup, lineup_table, sparkline
from autoreward.report.reading import read_run
from autoreward.report.terminal import Terminal
from autoreward.search.halving import goals
from autoreward.search.study import Study
from autoreward.session.run import config_for
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.keys import PREFERENCES, TRIALS
from autoreward.tasks.files import find_task, read_task
from autoreward.worker.success import SuccessRule

TASK = find_task("mountain-car", (envs_folder(),))
HUMAN = RunConfig(rounds=2, candidates=3, confirm_seeds=0, finalist_seeds=0, episodes=5, steps=8000, judge="human")
ANSWERS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(("a", "b", "tie"))).filter(lambda c: c[0] != c[1]),
    max_size=12,
)


def preference(a: str, b: str, answer: Answer, episode: int = 0) -> Preference:
    return Preference(question=Question(a=a, b=b, a_trial=f"{a}-s0", b_trial=f"{b}-s0", episode=episode), answer=answer)


def policy(name: str) -> Policy:
    return Policy(name, (f"{name}-s0",))


def score(name: str, success: float, steps: int = 100) -> Score:
    return Score(trial_id=f"{name}-s0", candidate_id=name, outcome=Outcome.COMPLETED, steps=steps, mean_success=success)


def round_of(number: int, liked: Strengths, *scores: Score) -> Round:
    return Round(number=number, candidates=(), verdicts=(), screened=Screened(order=()), trials=(), scores=scores,
                 diagnoses=(), liked=liked)  # fmt: skip


def liked(**values: float) -> Strengths:
    items = [Strength(candidate_id=n, value=v, error=1, won=1, lost=0, tied=0) for n, v in values.items()]
    return Strengths(items=tuple(sorted(items, key=lambda s: -s.value)))


def test_two_candidates_with_many_answers_have_the_closed_form() -> None:
    """Davidson's model fits three frequencies exactly: odds of winning 3 : 1, ties nu = t / sqrt(w l)."""
    found = fit(
        2, [Comparison((0, 1), "a")] * 600 + [Comparison((0, 1), "b")] * 200 + [Comparison((0, 1), "tie")] * 200
    )
    assert found.values[0] - found.values[1] == pytest.approx(math.log(3), abs=0.01)
    assert found.values[2] == pytest.approx(math.log(200 / math.sqrt(600 * 200)), abs=0.01)
    assert found.chances((0, 1)) == pytest.approx([0.6, 0.2, 0.2], abs=0.01)


def test_one_answer_moves_the_strengths_by_the_prior() -> None:
    """At the maximum, strength / SPREAD^2 is what the answer says beyond what was expected."""
    found = fit(2, [Comparison((0, 1), "a")])
    a, _, tie = found.chances((0, 1))
    assert found.values[0] == pytest.approx(SPREAD**2 * (1 - a - tie / 2))
    assert found.values[1] == pytest.approx(-found.values[0])


def test_a_tie_goes_to_the_one_that_was_designed_earlier() -> None:
    names = ["r000c2", "r000c10", "r000w", "r001c0"]
    ties = [preference(a, b, "tie") for a in names for b in names if a < b]
    assert [s.candidate_id for s in strengths(ties).items] == names
    found = policies([[score(name, 0.5) for name in reversed(names)]])
    assert [p.candidate_id for p in found] == names


def test_who_always_wins_and_who_was_never_compared_stay_finite() -> None:
    found = fit(4, [Comparison((0, 1), "a")] * 50)
    assert np.isfinite(found.values).all()
    assert found.values[2:4] == pytest.approx([0.0, 0.0])
    assert found.errors[2] == pytest.approx(SPREAD)
    assert found.errors[0] < SPREAD


@settings(max_examples=15)
@given(ANSWERS)
def test_any_answers_have_one_maximum_that_does_not_depend_on_order_or_sides(
    answers: list[tuple[int, int, Answer]],
) -> None:
    turned: dict[Answer, Answer] = {"a": "b", "b": "a", "tie": "tie"}
    found = fit(4, [Comparison((a, b), said) for a, b, said in answers])
    other = fit(4, [Comparison((b, a), turned[said]) for a, b, said in reversed(answers)])
    assert found.values == pytest.approx(other.values, abs=1e-6)
    assert found.values[:4].sum() == pytest.approx(0.0, abs=1e-6)
    assert (np.linalg.eigvalsh(found.precision) > 0).all()


def simulated(truth: dict[str, float], seed: int, asked: Sequence[Question]) -> list[Preference]:
    rng = np.random.default_rng(seed)
    said = []
    for question in asked:
        wins = 1 / (1 + math.exp(truth[question.b] - truth[question.a]))
        answer: Answer = "tie" if rng.random() < 0.2 else "a" if rng.random() < wins else "b"
        said.append(Preference(question=question, answer=answer))
    return said


def test_the_order_is_recovered_from_simulated_answers() -> None:
    truth = {f"r000c{i}": 1.5 * (2 - i) for i in range(5)}
    names = list(truth)
    asked = questions([policy(n) for n in names], (), episodes=10, count=60)
    hits = [[s.candidate_id for s in strengths(simulated(truth, seed, asked)).items] == names for seed in range(5)]
    assert sum(hits) >= 4


def test_no_two_policies_meet_twice_in_one_episode_and_every_one_is_seen_enough() -> None:
    of = [policy(f"r000c{i}") for i in range(8)]
    asked = questions(of, (), episodes=20)
    assert len(asked) == 8 * LOOKS / 2
    looks = Counter(name for q in asked for name in (q.a, q.b))
    assert set(looks.values()) == {LOOKS}
    assert len({(frozenset((q.a, q.b)), q.episode) for q in asked}) == len(asked)
    few = questions([policy("a"), policy("b")], (), episodes=2, count=9)
    assert [q.episode for q in few] == [0, 1], "there are two episodes, and no third question"
    done = [Preference(question=q, answer="tie") for q in few]
    assert questions([policy("a"), policy("b")], done, episodes=2) == ()


def test_a_new_round_meets_the_ones_that_were_compared_before() -> None:
    old = [preference("r000c0", "r000c1", "a", i) for i in range(3)]
    of = [policy(n) for n in ("r000c0", "r000c1", "r001c0", "r001c1")]
    asked = questions(of, old, episodes=20)
    assert any(q.a[:4] != q.b[:4] for q in asked)
    assert all("r001" in q.id for q in asked), "nothing that is settled is asked again"


def test_every_policy_is_compared_once_and_then_rather_those_that_may_be_the_best() -> None:
    of, said = [policy(f"r000c{i}") for i in range(8)], list[Preference]()
    while asked := questions(of, said, episodes=20):
        assert len(asked) + len(said) == 8 * LOOKS / 2, "what is left is what was wanted, less what was said"
        one = asked[0]
        earlier: Answer = "a" if one.a < one.b else "b"
        said.append(Preference(question=one, answer=earlier))
    looks = Counter(name for p in said for name in (p.question.a, p.question.b))
    assert set(looks) == {p.candidate_id for p in of}
    assert looks["r000c0"] > LOOKS > max(looks["r000c6"], looks["r000c7"])
    assert strengths(said).items[0].candidate_id == "r000c0"


def test_of_a_single_policy_nothing_is_asked() -> None:
    assert questions([policy("a")], (), episodes=5) == questions([policy("a")], (), episodes=5, count=3) == ()


def test_sides_are_mixed() -> None:
    asked = questions([policy("r000c0"), policy("r000c1")], (), episodes=20, count=20)
    assert 5 <= sum(q.a == "r000c0" for q in asked) <= 15


def test_those_that_trained_the_longest_of_each_round_are_compared() -> None:
    first = [score("r000c0", 0.1, 100), score("r000c1", 0.2, 100), score("r000c2", 0.9, 50)]
    assert [p.candidate_id for p in policies([first, [score("r001c0", 0.0, 60)], []])] == ["r000c0", "r000c1", "r001c0"]


def test_people_rank_before_the_measurement_and_only_those_that_they_compared() -> None:
    scores = [score("a", 0.9), score("b", 0.1), score("c", 0.5)]
    assert ranked(scores, TASK) == ["a", "c", "b"]
    assert ranked(scores, TASK, liked(b=0.5, a=-0.5)) == ["b", "a", "c"]
    rounds = [round_of(0, Strengths(), *scores), round_of(1, liked(b=0.5, d=0.1, a=-0.6), score("d", 1.0))]
    assert best(rounds, TASK) == "b"
    assert runner_up(rounds, TASK) == "d"
    assert best(rounds[:1], TASK) == "a", "who was not asked about is measured"


def test_the_grammar_takes_its_parents_from_what_people_prefer() -> None:
    fields = tuple(FieldStats(name=n, size=0, low=-1, high=1, mean=0, std=0.1) for n in TASK.state)
    push = (FieldStats(name="push", size=0, low=0, high=2, mean=1, std=1, discrete=3),)
    description = FakeSteps().describe().record.model_copy(update={"state": fields, "action": push})
    made = bred(TASK, description, (), 3, seed=0)
    scores = [score(c.id, value) for c, value in zip(made, (0.9, 0.5, 0.1), strict=True)]
    plain = round_of(0, Strengths(), *scores).model_copy(update={"candidates": made})
    judged = plain.model_copy(update={"liked": liked(**{made[2].id: 1.0, made[0].id: -1.0})})
    assert bred(TASK, description, [plain], 2, seed=0)[1].parents == (made[0].id,)
    assert bred(TASK, description, [judged], 2, seed=0)[1].parents == (made[2].id,)


def test_people_set_no_target() -> None:
    rounds = [round_of(0, Strengths(), score("a", 1.0, 8000).model_copy(update={"success": 1.0}))]
    rule = HUMAN.model_copy(update={"judge": "rule"})
    assert "reached the target" in (stop_reason(rule, TASK, rounds, Feedbacks()) or "")
    assert stop_reason(HUMAN, TASK, rounds, Feedbacks()) is None


class FilmedSteps(FakeSteps):
    """Scores with episodes that can be shown: the car drives as far as the policy's success."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        episode = Episode(
            success=False, length=3, terminated=False, reached=False, held=0, progress=0, metric=1, movement=1
        )
        record = made.record.model_copy(update={"episodes": (episode,) * HUMAN.episodes})
        return WithFiles(record, {"episodes.npz": drive(made.record.success, HUMAN.episodes).to_bytes()})


def drive(to: float, episodes: int = 1) -> Transitions:
    path = np.linspace(0.0, to, 4)[:, None] + np.zeros((4, episodes))
    step = np.array([1, 2, 3, 0])[:, None] + np.zeros((4, episodes), dtype=np.int64)
    fields = {"position": path, "velocity": np.stack([path, -path], axis=-1)}
    return Transitions(state=fields, action={"push": path}, next_state=fields, step=step, terminated=step == 3)


def go(folder: Path, config: RunConfig = HUMAN, before_write: Callable[[Path], None] = lambda path: None) -> Run:
    begun = (folder / "run.json").exists()
    with Book.open(folder) if begun else Book.create(folder, RunHeader.of(TASK, config)) as book:
        book.before_write = before_write
        return improve(Study(TASK, book.header.config, FilmedSteps(), book, lambda event: None))


def say(folder: Path, choose: Callable[[Question], Answer], count: int | None = None) -> int:
    with Poll(folder) as poll:
        asked = poll.waiting(count)
        for question in asked:
            poll.keep(question, choose(question))
    return len(asked)


def later(question: Question) -> Answer:
    """Prefers the candidate with the larger id: not what the fake scores say."""
    return "a" if question.a > question.b else "b"


def judged_run(folder: Path) -> Run:
    while True:
        try:
            return go(folder)
        except JudgementNeeded:
            assert say(folder, later)


def test_a_run_that_people_judge_waits_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(
        JudgementNeeded, match=r"3 pairs wait for your judgement: autoreward prefer .*run; then improve"
    ):
        go(folder)
    assert say(folder, later, count=2) == 2
    with pytest.raises(JudgementNeeded, match="1 pair waits"):
        go(folder)
    run = judged_run(folder)
    assert run.rounds == 2
    compared = read_run(folder).strengths
    assert run.best == compared.items[0].candidate_id == max(s.candidate_id for s in compared.items)
    assert go(folder) == run


def test_a_crash_at_any_write_of_a_judged_run_loses_no_answer(tmp_path: Path) -> None:
    expected = judged_run(tmp_path / "whole")

    def die(path: Path) -> None:
        if path.name == "judged.json":
            raise Killed

    folder = tmp_path / "run"
    with pytest.raises(JudgementNeeded):
        go(folder)
    say(folder, later)
    answers = {p.name: p.read_bytes() for p in (folder / "preferences").iterdir()}
    with pytest.raises(Killed):
        go(folder, before_write=die)
    assert {p.name: p.read_bytes() for p in (folder / "preferences").iterdir()} == answers
    assert judged_run(folder) == expected


def ruled_run(folder: Path) -> Path:
    """A finished run that the rule judged."""
    go(folder, HUMAN.model_copy(update={"judge": "rule"}))
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ruled_run(tmp_path_factory.mktemp("runs") / "done")


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "done"))


def test_a_finished_run_shows_both_rankings_and_whether_they_agree(done: Path) -> None:
    before = read_run(done)
    assert before.strengths.items == ()
    assert "What people prefer" not in render(before)
    say(done, lambda q: "b" if q.a == best_of(done) else "a" if q.b == best_of(done) else "tie")
    reading = read_run(done)
    assert "disagree: people" in agreement(reading)
    assert f"The run's winner is {best_of(done)}" in agreement(reading)
    page = render(reading)
    assert "What people prefer" in page
    assert "people +" in page.partition('class="lineage"')[2], "lineage says it too"
    shown = autoreward("show", str(done))
    assert "What people prefer" in shown.stdout
    assert "disagree" in shown.stdout


def test_people_may_agree_or_see_no_difference(done: Path) -> None:
    say(done, lambda q: "tie")
    assert "see nothing between" in agreement(read_run(done)) or "agree" in agreement(read_run(done))
    shutil.rmtree(done / "preferences")
    say(done, lambda q: "a" if q.a == best_of(done) else "b" if q.b == best_of(done) else "tie")
    assert "agree: " in agreement(read_run(done))
    assert "The run's winner" not in agreement(read_run(done))


def test_one_answer_is_no_disagreement_yet(done: Path) -> None:
    best = best_of(done)
    with Poll(done) as poll:
        question = next(q for q in poll.waiting() if best in (q.a, q.b))
        poll.keep(question, "b" if question.a == best else "a")
    sentence = agreement(read_run(done))
    assert "(1 answer)" in sentence
    assert "which is no disagreement yet: the difference is " in sentence
    assert "disagree:" not in sentence
    assert "The run's winner" not in sentence


def test_the_error_of_a_difference_knows_that_both_were_compared() -> None:
    """Two candidates, one answer: by the prior alone sqrt(2) SPREAD, and less with every answer."""
    question = Question(a="r000c0", b="r000c1", a_trial="r000c0-s0-leg0", b_trial="r000c1-s0-leg0", episode=0)
    one = ahead([Preference(question=question, answer="a")], "r000c0", "r000c1")
    ten = ahead([Preference(question=question, answer="a")] * 10, "r000c0", "r000c1")
    assert 0 < one[0] < one[1] < np.sqrt(2) * SPREAD
    assert ten[0] > ten[1]
    back = ahead([Preference(question=question, answer="a")], "r000c1", "r000c0")
    assert back == pytest.approx((-one[0], one[1]))


def best_of(folder: Path) -> str:
    run = read_run(folder).run
    return run.best if run else ""


def test_answers_about_shorter_trainings_do_not_count(done: Path) -> None:
    with Book.open(done) as book:
        one, other = [t.id for t in book.page(0).saved(TRIALS) if t.begin == 0][:2]
        question = Question(a=one[:6], b=other[:6], a_trial=one, b_trial=other, episode=0)
        early = Preference(question=question, answer="a")
        book.once(PREFERENCES.of(early.question.id), lambda: early)
    assert read_run(done).preferences == ()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["better"], "line 1: 'better'; write a, b or tie"),
        (["a quit"], "line 1: 'a quit'; write a, b or tie"),
        (["a b c"], "write a, b or tie"),
        (["# fine", "", "r000c1~r000c9~0 a"], "line 3: 'r000c1~r000c9~0' is no pair of this run"),
        (["a"] * 40, "there is no pair left"),
    ],
)
def test_wrong_answers_are_one_sentence(done: Path, lines: list[str], says: str) -> None:
    with Poll(done) as poll, pytest.raises(UsageError, match=says.replace("(", r"\(")):
        poll.read(lines, poll.waiting())
    assert not (done / "preferences").exists(), "all are read before the first is kept"


def test_answers_are_taken_in_order_or_by_id_and_only_once(done: Path) -> None:
    with Poll(done) as poll:
        asked = poll.waiting()
        found = poll.read([f"{asked[1].id} B  # the second", "t"], asked)
        assert [(p.question, p.answer) for p in found] == [(asked[1], "b"), (asked[0], "tie")]
        poll.keep(found[0].question, "b")
        with pytest.raises(UsageError, match="is answered; to answer it anew delete"):
            poll.read([f"{asked[1].id} a"], poll.waiting())


def test_answers_end_where_somebody_quits(done: Path) -> None:
    with Poll(done) as poll:
        assert [p.answer for p in poll.read(["a", "Quit", "nonsense"], poll.waiting())] == ["a"]


def test_a_run_without_two_policies_has_nothing_to_compare(tmp_path: Path) -> None:
    Book.create(tmp_path / "new", RunHeader.of(TASK, HUMAN)).close()
    with pytest.raises(UsageError, match=r"fewer than two trained candidates.*; go on with it first: improve"):
        Poll(tmp_path / "new")
    Book.open(tmp_path / "new").close()


def test_a_run_that_will_never_have_two_policies_says_so(tmp_path: Path) -> None:
    given = RunConfig(given="none", confirm_seeds=1)
    with Book.create(tmp_path / "given", RunHeader.of(TASK, given)) as book:
        measure(Study(TASK, given, FakeSteps(), book, lambda event: None))
    with pytest.raises(UsageError, match="to compare: it trains one reward, and searches for none"):
        Poll(tmp_path / "given")
    alone = RunConfig(rounds=1, candidates=1, confirm_seeds=0)
    with Book.create(tmp_path / "alone", RunHeader.of(TASK, alone)) as book:
        improve(Study(TASK, alone, FakeSteps(width=1), book, lambda event: None))
    with pytest.raises(UsageError, match="to compare, and is finished"):
        Poll(tmp_path / "alone")


def test_when_all_pairs_are_answered_no_more_are_offered(done: Path) -> None:
    say(done, later)
    more = autoreward("prefer", str(done))
    assert f"more pairs: autoreward prefer {done} --pairs 6" in more.stdout
    assert say(done, later, count=10_000)
    told = autoreward("prefer", str(done))
    assert "there are no more pairs" in told.stdout
    assert "--pairs" not in told.stdout


def test_prefer_takes_a_file_of_answers(done: Path) -> None:
    with Poll(done) as poll:
        first = poll.waiting()[0]
    answers = done / "answers.txt"
    answers.write_text(f"{first.id} a\n")
    said = autoreward("prefer", str(done), "--answers", str(answers))
    assert said.returncode == 0, said.stderr
    assert "What people prefer" in said.stdout
    saved = json.loads((done / "preferences" / f"{first.id}.json").read_text())
    assert (saved["answer"], saved["question"]["a"]) == ("a", first.a)
    assert "What people prefer" in (done / "report.html").read_text()
    missing = autoreward("prefer", str(done), "--answers", "nowhere.txt")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)


def test_pairs_and_strengths_are_told_to_scripts(done: Path) -> None:
    with Poll(done) as poll:
        asked = [question.id for question in poll.waiting(2)]
    words = ["prefer", str(done), "--pairs", "2", "--json"]
    said = CliRunner().invoke(app, words, input=f"{asked[0]} a\n")
    told = [json.loads(line) for line in said.stdout.splitlines()]
    assert [row["id"] for row in told if row["kind"] == "PairAsked"] == asked
    strengths = [row for row in told if row["kind"] == "Strength"]
    assert strengths[0]["value"] >= strengths[-1]["value"]
    assert sum(row["won"] for row in strengths) == 1


def shown_pair() -> Lineup:
    question = Question(a="r000c0", b="r000c1", a_trial="r000c0-s0", b_trial="r000c1-s0", episode=0)
    return Lineup(question, (drive(0.5), drive(1.0).cut(rows=slice(0, 3))), (None, None))


def test_a_pair_in_the_terminal_is_blind_and_on_one_scale() -> None:
    said = StringIO()
    Terminal(said, width=120).print(lineup_table(shown_pair(), "1 of 3"))
    text = said.getvalue()
    assert "r000c" not in text
    assert "velocity[1]" in text
    assert "action push" in text
    assert sparkline(np.linspace(0, 1, 100), 0.0, 1.0)[::23] == "▁█"
    assert sparkline(np.zeros(3), 0.0, 0.0) == "▅▅▅"


@pytest.mark.parametrize(("columns", "blocks"), [(80, 16), (140, 24)])
def test_a_pair_is_whole_in_a_narrow_terminal(columns: int, blocks: int) -> None:
    path = np.linspace(0.0, 1000.0, 40)[:, None]
    step = np.arange(1, 41)[:, None]
    torques = {"shoulder_torque_left": path, "shoulder_torque_right": -path}
    episode = Transitions({"position": path}, torques, {"position": path}, step, step == 40)
    said = StringIO()
    table = lineup_table(shown_pair()._replace(episodes=(episode, episode)), "1 of 3")
    Terminal(said, width=columns, force=True).print(table)
    text = re.sub(r"\x1b\[[\d;]*m", "", said.getvalue())
    assert "…" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= columns
    assert "shoulder_torque_right" in text
    assert text.count("ends at") == 2
    drawn = [len(found) for found in re.findall("[▁▂▃▄▅▆▇█]+", text)]
    assert set(drawn) == {blocks}


def typed(arguments: Sequence[str], keys: str, seconds: float = 100) -> tuple[int, str]:
    """Exit code and output of the command line in a terminal in which these keys are typed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "autoreward", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    os.write(ours, keys.encode())
    said = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
        while chunk := os.read(ours, 65536):
            said += chunk
    os.close(ours)
    return process.wait(seconds), said.decode()


def test_a_terminal_asks_until_one_quits_and_keeps_what_was_said(done: Path) -> None:
    with Poll(done) as poll:
        asked = poll.waiting()
        for side in (side for question in asked for side in poll.unfilmed(question)):
            poll.film(side, StillCamera())
    code, said = typed(["prefer", str(done)], "what\nB\nquit\n")
    assert code == 0, said
    assert f"2 of {len(asked)}" in said
    assert f"{len(asked) - 1} pairs left: autoreward prefer" in said
    assert [p.answer for p in read_run(done).preferences] == ["b"]


def unruled(folder: Path) -> Path:
    """mountain-car without a rule of success."""
    card = (envs_folder() / "mountain-car" / "task.toml").read_text()
    folder.mkdir()
    (folder / "task.toml").write_text(re.sub(r"(?s)\[success\].*(?=\[train\])", "", card))
    return folder


def test_a_task_without_a_rule_is_people_s_to_judge(tmp_path: Path) -> None:
    task = read_task(unruled(tmp_path / "hill") / "task.toml")
    assert not task.ruled
    assert TASK.ruled
    assert goals(RunConfig(), task) == (task.train.steps,), "nothing says who should go on"
    assert list(distances(task)) == []
    states = {"position": np.array([0.1, 0.6]), "velocity": np.zeros(2)}
    judged = SuccessRule(task, 200).episode(states, terminated=True, movement=0.1)
    assert (judged.success, judged.reached, judged.progress) == (False, False, 0.0)
    assert [config_for(t, {}).judge for t in (TASK, task)] == ["rule", "human"]
    with pytest.raises(UsageError, match="budget"):  # which is asked about after the judge
        improve_in_python(str(tmp_path / "hill"), runs=tmp_path, trust=True, budget=0.001)
    refused = autoreward("run", str(tmp_path / "hill"), "--budget", "0.001", cwd=tmp_path)
    assert (refused.returncode, "budget" in refused.stderr) == (2, True)
    for arguments in (("run", "--judge", "rule"), ("train", "--reward", "native")):
        refused = autoreward(arguments[0], str(tmp_path / "hill"), *arguments[1:], cwd=tmp_path)
        assert (refused.returncode, "has no [success] to score policies by" in refused.stderr) == (2, True)
    assert "people compare policies" in autoreward("tasks", str(tmp_path / "hill")).stdout


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_people_judge_a_real_run_without_a_rule_in_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    settings = "--candidates 2 --rounds 1 --steps 4096 --episodes 5 --model grammar --name r"
    command = ["run", str(unruled(tmp_path / "hill")), "--runs", str(tmp_path), *settings.split()]
    code, said = typed(command, "a\n" * 2 + "tie\n", 250)
    assert code == 0, said
    assert "Which does more of what was meant?" in said
    run = Run.model_validate_json((folder / "result.json").read_bytes())
    first = read_run(folder).strengths.items[0]
    assert run.best == first.candidate_id
    assert run.confirmed == ()
    assert len(read_run(folder).preferences) == 3
    assert "no rule of success" in (folder / "best" / "card.md").read_text()
    with Poll(folder) as poll, WorkerCamera(poll.header.task, poll.header.config) as camera:
        (question,) = poll.waiting(1)
        for side in poll.unfilmed(question):
            poll.film(side, camera)
        shown = poll.lineup(question)
    for film in shown.films:
        assert film
        assert (film.reel.width, film.reel.at[0], film.sheet[:4]) == (320, 0, b"RIFF")
    more = subprocess.run([sys.executable, "-m", "autoreward", "prefer", str(folder), "--pairs", "1"], input="b\n", text=True,
                          capture_output=True, check=True)  # fmt: skip
    assert "People (4 answers) put" in more.stdout
    assert "success" not in show_text(folder)


def show_text(folder: Path) -> str:
    """What `show` prints above the winner's source, without the columns' names."""
    return autoreward("show", str(folder)).stdout.split("───")[0].replace("success, ", "").split("symptom", 1)[1]
