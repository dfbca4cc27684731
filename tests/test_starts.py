"""A person's own rewards in a search: checked first, trained whatever screens say, shown to designers, confirmed, and told of."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from exports import unproven
from fake_steps import FakeSteps
from scripted import Scripted, client
from typer.testing import CliRunner

import autoreward as ar
from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import RunChanged, UsageError
from autoreward.export.best import kept_files
from autoreward.loop import improve
from autoreward.records import (
    Candidate,
    Confirmed,
    Description,
    Estimate,
    Hunt,
    OwnReward,
    Round,
    Run,
    Score,
    Speed,
    Trial,
    Verdict,
)
from autoreward.report.html import render
from autoreward.report.phrases import result_sentence
from autoreward.report.reading import read_run
from autoreward.report.rerun import again
from autoreward.report.starts import start_sentences
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt, draft_candidates
from autoreward.roles.history import History, shown_history
from autoreward.search.hunts import exploited_last
from autoreward.search.starts import own_rewards
from autoreward.search.study import Study
from autoreward.session.plan import plan
from autoreward.session.starts import demand_allowed, read_starts, start_files
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.keys import CANDIDATES, SCORES, SCREENS, TRIALS, VERDICTS
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
REWARD = 'def compute_reward(state, action, next_state, memory):\n    """Mine."""\n    return {"mine": next_state.position}\n'
DESCRIPTION = Description(state=(), action=(), max_steps=200, terminates=True, random_length=200)


def own(name: str = "mine", source: str = REWARD) -> Candidate:
    return Candidate(id=name, source=source, thought=f"given as {name}.py", origin="human", how="given")


class Fixed(FakeSteps):
    """Success by candidate; nothing is refused but what is called so."""

    def __init__(self, success: dict[str, float]) -> None:
        super().__init__()
        self._success = success

    def review(self, candidate: Candidate) -> Verdict:
        made = super().review(candidate)
        good = candidate.id != "refused"
        outcome = Outcome.COMPLETED if good else Outcome.BROKE_CONTRACT
        return made.model_copy(update={"accepted": good, "outcome": outcome})

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        rate = self._success.get(trial.candidate_id, 0.1)
        points = tuple(c.model_copy(update={"success": rate, "progress": rate}) for c in made.record.checkpoints)
        same = {"success": rate, "mean_success": rate, "progress": rate, "mean_progress": rate, "checkpoints": points}
        return made._replace(record=made.record.model_copy(update=same))


def searched(folder: Path, steps: FakeSteps, starts: Sequence[Candidate] = (), **settings: int) -> Run:
    chosen = {"rounds": 2, "candidates": 3, "confirm_seeds": 3, "target": 1.0, **settings}
    config = RunConfig.model_validate({**chosen, "start": tuple(starts)})
    begun = (folder / "run.json").exists()
    with Book.open(folder) if begun else Book.create(folder, RunHeader.of(TASK, config)) as book:
        return improve(Study(TASK, book.header.config, steps, book, lambda event: None))


def test_they_train_in_the_first_round_and_stay_to_the_confirmation(tmp_path: Path) -> None:
    steps = Fixed({"mine": 0.4, "other": 0.2, "r001c0": 0.8})
    run = searched(tmp_path / "run", steps, [own(), own("other")])
    assert run.best == "r001c0"
    assert [(c.who, c.role) for c in run.confirmed if c.role != "baseline"] == [
        ("r001c0", "winner"), ("mine", "start"), ("other", "start"), ("r000c0", "zero-shot")
    ]  # fmt: skip
    assert [o.candidate_id for o in run.starts] == ["mine", "other"]
    mine = run.starts[0]
    assert mine.success == pytest.approx(0.4)
    assert mine.fresh is not None
    assert mine.fresh.value == pytest.approx(0.4)
    assert mine.improved == Estimate(value=1.0, low=1.0, high=1.0), "every training of one beats every one of the other"
    with Book.open(tmp_path / "run") as book:
        assert [c.id for c in book.page(0).need(CANDIDATES).items] == ["r000c0", "r000c1", "r000c2", "mine", "other"]
        assert not any(c.how == "given" for c in book.page(1).need(CANDIDATES).items)
        assert {t.candidate_id for t in book.page(0).saved(TRIALS)} >= {"mine", "other"}


def test_a_search_without_them_says_nothing_of_them(tmp_path: Path) -> None:
    run = searched(tmp_path / "run", Fixed({}))
    assert run.starts == ()
    assert start_sentences(run) == []
    assert not any(c.role == "start" for c in run.confirmed)


def test_a_resume_makes_nothing_again(tmp_path: Path) -> None:
    steps = Fixed({"mine": 0.4})
    first = searched(tmp_path / "run", steps, [own()])
    done = dict(steps.done)
    assert searched(tmp_path / "run", steps) == first
    assert {name: count for name, count in steps.done.items() if count != done[name]} == {}


def test_one_that_may_not_train_ends_it_before_anything_is_designed(tmp_path: Path) -> None:
    steps = Fixed({})
    with pytest.raises(UsageError, match="refused may not train"):
        searched(tmp_path / "run", steps, [own(), own("refused")])
    assert not any(name.startswith(("design", "train", "explore")) for name in steps.done)


def test_what_can_be_seen_in_the_text_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import os\n" + REWARD)
    words = ["run", "mountain-car", "--start", str(tmp_path / "mine.py"), "--runs", str(tmp_path / "runs")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, UsageError), "which ends the command with exit code 2"
    assert str(result.exception).startswith(
        "The reward mine may not train (line 1 of the program): 'os' can't be imported"
    )
    assert not (tmp_path / "runs").exists()


def test_names_are_told_apart(tmp_path: Path) -> None:
    for name in ("a/mine.py", "b/mine.py", "r000c1.py", "native.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(REWARD)
    read = read_starts([tmp_path / "r000c1.py", tmp_path / "native.py"], TASK)["start"]
    assert [c.id for c in read] == ["r000c1_reward", "native_reward"]
    with pytest.raises(UsageError, match="Two files to start from are both called 'mine'"):
        read_starts([tmp_path / "a/mine.py", tmp_path / "b/mine.py"], TASK)
    with pytest.raises(UsageError, match="No such file"):
        read_starts([tmp_path / "none.py"], TASK)
    assert read_starts([], TASK) == {}


def test_what_a_run_keeps_of_one_starts_another_from_the_same(tmp_path: Path) -> None:
    composed = own("signed", REWARD).model_copy(update={"composition": "bounded"})
    config = RunConfig(start=(own(), composed))
    for name, data in start_files(config).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    mine, signed = read_starts([tmp_path / "start/mine.py", tmp_path / "start/signed.py"], TASK)["start"]
    assert mine == own()
    assert (signed.id, signed.composition) == ("signed", "bounded")
    demand_allowed(RunConfig(start=(mine, signed)), TASK)


def test_a_run_of_the_same_name_from_another_reward_is_another(tmp_path: Path) -> None:
    """By what is in the file, not by where it is."""
    config = RunConfig(start=(own(),), rounds=1, model="grammar")
    Book.create(tmp_path / "runs" / "one", RunHeader.of(TASK, config)).close()
    (tmp_path / "mine.py").write_text(REWARD.replace("Mine.", "Changed."))
    with pytest.raises(RunChanged, match="another start"):
        ar.improve(
            "mountain-car", runs=tmp_path / "runs", name="one", start=[tmp_path / "mine.py"], model="grammar", rounds=1
        )


def test_no_exploit_that_was_found_moves_one_back() -> None:
    fresh = own("r000c0").model_copy(update={"how": "fresh"})
    field = [(c, Verdict(candidate_id=c.id, accepted=True, outcome=Outcome.COMPLETED)) for c in (own(), fresh)]
    hunts = [Hunt(candidate_id=c.id, found=True, said="") for c, _ in field]
    assert [c.id for c, _ in exploited_last(field, hunts)] == ["mine", "r000c0"]


def confirmed(who: str, *success: float) -> Confirmed:
    value = sum(success) / len(success)
    zero = tuple(0.0 for _ in success)
    estimate = Estimate(value=value, low=min(success), high=max(success))
    return Confirmed(
        who=who, role="start", success=success, progress=zero, metric=(None,) * len(success), estimate=estimate
    )


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (
            (0.9, 0.8, 1.0),
            "Yours, mine: success 0.45 [0.30, 0.55], ours, r001c2, 0.90 [0.80, 1.00]; probability of improvement "
            "1.00 [1.00, 1.00].",
        ),
        (
            (0.3, 0.2, 0.1),
            "Yours, mine: success 0.45 [0.30, 0.55], ours, r001c2, 0.20 [0.10, 0.30]; probability of improvement "
            "0.06 [0.00, 0.22]. Your own reward was not beaten.",
        ),
        ((0.9,), "Yours, mine: success 0.45, ours, r001c2, 0.90."),
    ],
)
def test_the_verdict_says_yours_and_ours(ours: tuple[float, ...], said: str, played: Round) -> None:
    """0.06 is 1/18: of nine pairs one is a tie, 0.3 against 0.3."""
    yours = (0.3, 0.5, 0.55) if len(ours) > 1 else (0.45,)
    rows = [confirmed("r001c2", *ours), confirmed("mine", *yours)]
    starts = own_rewards([played], rows, "r001c2", ruled=True)
    assert start_sentences(finished(rows, starts, "r001c2")) == [said]


def test_it_is_said_plainly_where_it_was_not_beaten(played: Round) -> None:
    rows = [confirmed("mine", 0.9, 0.8)]
    starts = own_rewards([played], rows, "mine", ruled=True)
    assert starts[0].improved is None
    assert "Your own reward was not beaten: mine is the best that the search knows." in result_sentence(
        finished(rows, starts, "mine")
    )


def test_the_environments_reward_is_nobodys_own(played: Round) -> None:
    rows = [confirmed(NATIVE_REWARD, 0.9, 0.8)]
    found = start_sentences(finished(rows, (OwnReward(candidate_id=NATIVE_REWARD, steps=1),), NATIVE_REWARD))
    assert found == [f"The environment's reward was not beaten: {NATIVE_REWARD} is the best that the search knows."]
    known = OwnReward(candidate_id=NATIVE_REWARD, steps=2500, success=0.25)
    assert start_sentences(finished([], (known,), "r001c2")) == [
        "The environment's, native_reward: success 0.25 after 2,500 steps, ours, r001c2, 0.75, in the search alone."
    ]


def test_another_of_ones_own_is_not_called_ours(played: Round) -> None:
    rows = [confirmed("mine", 0.9, 0.8), confirmed("other", 0.3, 0.2), confirmed(NATIVE_REWARD, 0.1, 0.1)]
    starts = tuple(
        OwnReward(candidate_id=row.who, steps=1, fresh=row.estimate, improved=improved)
        for row, improved in zip(rows, (None, Estimate(value=0.5, low=0, high=1), None), strict=True)
    )
    assert start_sentences(finished(rows, starts, "mine")) == [
        "Your own reward was not beaten: mine is the best that the search knows.",
        "Yours, other: success 0.25 [0.20, 0.30], yours, mine, 0.85 [0.80, 0.90]; probability of improvement 0.50 [0.00, 1.00].",
        "The environment's, native_reward: success 0.10 [0.10, 0.10], yours, mine, 0.85 [0.80, 0.90].",
    ]


def test_a_search_that_was_not_confirmed_says_so() -> None:
    starts = (OwnReward(candidate_id="mine", steps=2500, success=0.25), OwnReward(candidate_id="other"))
    assert start_sentences(finished([], starts, "r001c2")) == [
        "Yours, mine: success 0.25 after 2,500 steps, ours, r001c2, 0.75, in the search alone.",
        "Yours, other, was not measured.",
    ]


def finished(rows: Sequence[Confirmed], starts: tuple[OwnReward, ...], best: str) -> Run:
    return Run(task="t", goal="g", stop="done", rounds=1, best=best, success=0.75, confirmed=tuple(rows), starts=starts,
               trainings=1, env_steps=1, training_steps=10_000, tier="full")  # fmt: skip


@pytest.fixture
def played(tmp_path: Path) -> Round:
    """A round with one of the person's own and three others, all scored."""
    steps = Fixed({"mine": 0.3, "r000c0": 0.6})
    searched(tmp_path / "played", steps, [own()], rounds=1, confirm_seeds=0)
    with Book.open(tmp_path / "played") as book:
        page = book.page(0)
        found = page.need(CANDIDATES)
        verdicts = {v.candidate_id: v for v in page.saved(VERDICTS)}
        return Round(number=0, candidates=found.items, verdicts=tuple(verdicts[c.id] for c in found.items),
                     screened=page.need(SCREENS), trials=page.saved(TRIALS), scores=page.saved(SCORES), diagnoses=())  # fmt: skip


def test_designers_see_them_before_anything_is_measured_and_with_their_results_after(played: Round) -> None:
    told = brief(TASK, 40_000, 20, DESCRIPTION)
    first = design_prompt(told, History(starts=(own(),)), 3)
    assert "This reward is the person's own." in first
    assert "## mine, composition `sum`" in first
    assert REWARD.rstrip() in first
    later = design_prompt(told, History((played,), ("r000c0",), (own(),)), 3)
    assert "What the person wrote" not in later
    assert "## mine, the person's own, composition `sum`: success 0.30" in later
    assert REWARD.rstrip() in later
    assert "person's own" not in design_prompt(told, History(), 3)


def test_their_code_is_kept_where_a_prompt_must_be_shorter(played: Round) -> None:
    shown = shown_history(brief(TASK, 40_000, 20, DESCRIPTION), History((played,), ("r000c0", "r000c1")))
    while (less := shown.shorter()) is not None:
        shown = less
    code = {program["id"]: bool(program["code"]) for program in shown.programs}
    assert code == {"r000c0": True, "r000c1": False, "mine": True}


def test_a_model_may_name_one_as_a_parent_in_the_first_round(tmp_path: Path) -> None:
    idea = {"plan": "", "thought": "wider", "parent": "mine", "composition": "sum", "source": REWARD}
    model = client(Scripted({"r000-designer": {"ideas": [idea]}}), tmp_path)
    drafted = draft_candidates(model, brief(TASK, 40_000, 20, DESCRIPTION), History(starts=(own(),)), 1)
    assert drafted.candidates[0].parents == ("mine",)


def test_they_are_planned_for() -> None:
    speed = Speed(workers=2, start=1.0, training=1000.0, scoring=4000.0)
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=2, model="replay:x")
    without = plan(TASK, config, DESCRIPTION, speed)
    with_one = plan(TASK, config.model_copy(update={"start": (own(),)}), DESCRIPTION, speed)
    assert with_one.round[0].trainings == without.round[0].trainings + 1
    assert with_one.confirm is not None
    assert without.confirm is not None
    assert with_one.confirm.trainings == without.confirm.trainings + 2
    assert "What the person wrote" in with_one.prompt


def test_page_card_and_manifest_say_it(tmp_path: Path) -> None:
    searched(tmp_path / "run", Fixed({"mine": 0.4, "r000c0": 0.8}), [own()], rounds=1)
    reading = read_run(tmp_path / "run")
    assert "ours, r000c0, 0.80 [0.80, 0.80]; probability of improvement 1.00" in render(reading)
    assert '<td class="whole">start</td>' in render(reading)
    assert again(reading).endswith(
        f"--start {tmp_path}/run/start/mine.py --rounds 1 --candidates 3 --target 1.0 --confirm-seeds 3"
    )
    with Book.open(tmp_path / "run") as book:
        files = kept_files(book, reading, lambda task, weights: {}, unproven).files
    assert "Yours, mine: success 0.40" in files["card.md"].decode()
    assert "| mine | start |" in files["card.md"].decode()
    (said,) = json.loads(files["manifest.json"])["starts"]
    assert (said["candidate_id"], said["improved"]["value"]) == ("mine", 1.0)


@pytest.mark.slow
def test_a_reward_that_the_screens_reject_trains_all_the_same(tmp_path: Path) -> None:
    """It pays for staying away from the flag, which recorded episodes show."""
    (tmp_path / "away.py").write_text(REWARD.replace("next_state.position", "-next_state.position"))
    run = ar.improve(
        "mountain-car", runs=tmp_path / "runs", name="one", start=[tmp_path / "away.py"], model="grammar",
        tell=lambda event: None, rounds=1, candidates=2, steps=1000, confirm_seeds=0, budget=4.0,
    )  # fmt: skip
    view = run.reading.candidate("away")
    assert view is not None
    assert [s.name for s in view.screens if s.decision in ("rejected", "demoted")]
    assert view.trials
    said, won = result_sentence(run.reading.finished), run.reading.finished.best == "away"
    assert ("Yours, away: success 0.00 after" in said, "Your own reward was not beaten" in said) == (not won, won)
