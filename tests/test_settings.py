"""`--tune-settings`: a program trained with other settings beside the card's, and what is made of them then."""

import json
from pathlib import Path
from typing import Any

import pytest
from exports import unproven
from fake_runner import FakeRunner
from scripted import Scripted, client
from test_starts import DESCRIPTION, Fixed

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.design.resettle import resettled, set_apart
from autoreward.export.best import kept_files
from autoreward.loop import improve
from autoreward.records import Candidate, Candidates, Description, Round, Run, Screened, Speed, Trial, TrialJob
from autoreward.report.phrases import result_sentence
from autoreward.report.reading import read_run
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt, draft_candidates
from autoreward.roles.history import History
from autoreward.sandbox.jail import Jail
from autoreward.search.confirm import Arm, confirm
from autoreward.search.strategy import Variation
from autoreward.search.study import Study
from autoreward.session.plan import plan
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.keys import TRIALS
from autoreward.tasks.files import find_task
from autoreward.tasks.revisable import revisable, revised
from autoreward.training.workers import Workers

TASK = find_task("mountain-car", (envs_folder(),))
SOURCE = 'def compute_reward(state, action, next_state, memory):\n    return {"mine": next_state.position}\n'


def program(name: str = "r000c0", **changes: Any) -> Candidate:
    written = Candidate(id=name, source=SOURCE, thought="near", origin="model", how="fresh")
    return written.model_copy(update=changes)


def played(number: int, *candidates: Candidate) -> Round:
    return Round(number=number, candidates=candidates, verdicts=(), screened=Screened(order=()), trials=(), scores=(),
                 diagnoses=())  # fmt: skip


def test_a_round_tries_two_new_settings_of_a_program_and_goes_on_from_those_it_has() -> None:
    first = resettled(TASK, [played(0, program())], ["r000c0"], 3)
    assert [(c.id, c.how, c.parents, c.settings) for c in first] == [
        ("r001c3", "settings", ("r000c0",), {"learning_rate": 0.00033}),
        ("r001c4", "settings", ("r000c0",), {"learning_rate": 0.003}),
    ]
    assert first[0].thought == "r000c0 trained with learning_rate = 0.00033"
    assert first[0].source == SOURCE
    rounds = [played(0, program()), played(1, *first)]
    assert [c.settings for c in resettled(TASK, rounds, ["r000c0"], 0)] == [{"gamma": 0.9967}, {"gamma": 0.97}]
    # 0.001 is about what the card says: rounding does not matter, only what was tried
    assert [c.settings for c in resettled(TASK, rounds, ["r001c4"], 0)] == [
        {"learning_rate": 0.001},
        {"learning_rate": 0.009},
    ]


def test_nothing_leaves_its_bounds() -> None:
    at_its_end = TASK.trained_with({"learning_rate": 1e-2, "gamma": 0.9999, "ent_coef": 0.1})
    assert [c.settings for c in resettled(at_its_end, [played(0, program())], ["r000c0"], 0)] == [
        {"learning_rate": 0.0033},
        {"gamma": 0.9997},
    ]
    for name, bounds in revisable(TASK).items():
        assert revised(TASK, {name: bounds.low}) == ({name: bounds.low}, ())
        assert revised(TASK, {name: bounds.high}) == ({name: bounds.high}, ())


@pytest.mark.parametrize(
    ("proposed", "usable", "fault"),
    [
        ({"learning_rate": 3e-4, "n_epochs": 8.0}, {"learning_rate": 3e-4, "n_epochs": 8}, ""),
        ({"learning_rate": 1.0}, {}, "learning_rate = 1 is not within 1e-05 to 0.01"),
        ({"n_epochs": 2.5}, {}, "n_epochs = 2.5 is no whole number"),
        ({"gamma": "0.99"}, {}, "gamma is no number"),
        ({"gamma": True}, {}, "gamma is no number"),
        ({"gamma": float("nan")}, {}, "gamma is no number"),
        (
            {"n_steps": 64, "gamma": 0.9},
            {"gamma": 0.9},
            "n_steps is no setting that may be changed: learning_rate, gamma,",
        ),
    ],
)
def test_what_is_proposed_is_used_within_bounds_and_else_said(proposed: Any, usable: Any, fault: str) -> None:
    found, faults = revised(TASK, proposed)
    assert found == usable
    assert [f.startswith(fault) for f in faults] == ([True] if fault else [])


def test_other_algorithms_have_what_is_theirs() -> None:
    of = {n: set(revisable(TASK.model_copy(update={"train": TASK.train.model_copy(update={"algorithm": n})})))
          for n in ("PPO", "A2C", "SAC")}  # fmt: skip
    assert of["PPO"] - of["A2C"] == {"clip_range", "n_epochs"}
    assert of["SAC"] == {"learning_rate", "gamma"}


def test_a_program_with_settings_trains_with_and_without_and_children_have_their_parents() -> None:
    earlier = [played(0, program(settings={"gamma": 0.9}))]
    written = [
        program("r001c0", settings={"learning_rate": 3e-4}),
        program("r001c1", parents=("r000c0",)),
        program("r001c2", parents=("r000c0",), settings={"learning_rate": 3e-4}),
        program("r001c3", settings={"gamma": 0.95}),
    ]
    made = set_apart(written, earlier)
    assert [(c.id, c.how, c.settings) for c in made] == [
        ("r001c0", "fresh", {}),
        ("r001c1", "fresh", {"gamma": 0.9}),
        ("r001c2", "fresh", {"gamma": 0.9}),
        ("r001c3", "fresh", {}),
        ("r001c4", "settings", {"learning_rate": 3e-4}),
        ("r001c5", "settings", {"gamma": 0.9, "learning_rate": 3e-4}),
    ]
    assert [c.parents for c in made[4:]] == [("r001c0",), ("r001c2",)]


def test_a_designer_is_asked_for_them_where_that_was_asked_for(tmp_path: Path) -> None:
    asking = brief(TASK, 40_000, 20, DESCRIPTION, tunes_settings=True)
    text = design_prompt(asking, History(), 2)
    assert "- `learning_rate`: 1e-05 to 0.01\n- `gamma`: 0.8 to 0.9999\n" in text
    assert '"composition": COMPOSITION, "settings": {}, "source"' in text
    assert "settings" not in design_prompt(brief(TASK, 40_000, 20, DESCRIPTION), History(), 2)
    idea = {"plan": "", "thought": "near", "parent": "", "composition": "sum", "source": SOURCE}
    proposed = [
        {**idea, "settings": {"gamma": 0.995}},
        {**idea, "settings": {"gamma": 2}},
        {**idea, "settings": "lower"},
        idea,
    ]
    model = client(Scripted({"r000-designer": {"ideas": proposed}}), tmp_path)
    drafted = draft_candidates(model, asking, History(), 4)
    assert [c.settings for c in drafted.candidates] == [{"gamma": 0.995}, {}, {}, {}]
    assert [f.partition(" be changed")[0] for f in drafted.findings] == [
        "r000c1: settings: gamma = 2 is not within 0.8 to 0.9999",
        "r000c2: settings: lower is no setting that may",
    ]


def test_a_designer_sees_with_what_a_program_was_trained() -> None:
    rounds = (played(0, program(settings={"gamma": 0.995}), program("r000c1", settings={"gamma": 0.9})),)
    text = design_prompt(brief(TASK, 40_000, 20, DESCRIPTION), History(rounds, ("r000c0",)), 1)
    assert "## r000c0, composition `sum`: success none, trained with gamma = 0.995\n" in text
    assert "r000c1 (near; sum; gamma = 0.9): " in text


def test_a_training_has_its_programs_settings() -> None:
    asked = []

    class Asked(FakeRunner):
        def run(self, job: Any, files: Any, progress: Any) -> Any:
            asked.append(job)
            return super().run(job, files, progress)

    job = TrialJob(id="r000c0-s0", candidate_id="r000c0", reward="candidate", source=SOURCE, seed=1, steps=9,
                   settings={"gamma": 0.9})  # fmt: skip
    with Jail(trust_the_model=True) as jail, Workers(jail, runner=Asked()) as workers:
        workers.train(TASK, job, RunConfig(), lambda step: None)
    assert asked[0].task.train.hyperparameters == {**TASK.train.hyperparameters, "gamma": 0.9}
    assert TASK.train.gamma != 0.9


class BySettings(Fixed):
    """Nobody does well by the card's settings, and everybody does with a learning rate of 0.003."""

    def design(self, description: Description, rounds: Any) -> Candidates:
        made = super().design(description, rounds).items
        best = made[0].model_copy(
            update={"id": f"r{len(rounds):03d}c9", "how": "settings", "settings": {"learning_rate": 3e-3}}
        )
        return Candidates(items=(*made, best))

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Any]:
        known = page.saved(TRIALS)
        good = trial.id.split("-")[0] in {"r000c9", "native_retuned"} or not known
        self._success[trial.candidate_id] = 0.9 if good else 0.1
        return super().score(page, trial, purpose)


def searched(folder: Path) -> Run:
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=3, target=1.0, tune_settings=True)
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        return improve(Study(TASK, config, BySettings({}), book, lambda event: None))


def test_baselines_train_with_the_winners_settings_too_and_its_reward_is_held_against_those(tmp_path: Path) -> None:
    run = searched(tmp_path / "run")
    assert run.best == "r000c9"
    by_name = {c.who: c for c in run.confirmed}
    assert [c.who for c in run.confirmed if c.role == "baseline"] == [
        "sparse",
        "native",
        "sparse_retuned",
        "native_retuned",
    ]
    assert by_name["native_retuned"].estimate.value == pytest.approx(0.9)
    assert by_name["native"].estimate.value == pytest.approx(0.1)
    over = by_name["r000c9"].over_native
    assert over is not None
    assert over.value == pytest.approx(0.5), "as good as the native reward with the same settings"
    assert result_sentence(run).startswith("r000c9 is as good as native with the same settings: success 0.90 ")
    assert by_name["native"].over_native is None
    assert by_name["native_retuned"].over_native is None
    with Book.open(tmp_path / "run") as book:
        files = kept_files(book, read_run(tmp_path / "run"), lambda task, weights: {}, unproven).files
    assert '"learning_rate": 0.003' in files["train.py"].decode()
    assert json.loads(files["manifest.json"])["reward"]["settings"] == {"learning_rate": 0.003}
    assert "`learning_rate = 0.003`" in files["card.md"].decode()


def test_a_reward_is_held_against_the_native_one_by_its_own_settings_or_none(tmp_path: Path) -> None:
    theirs = {"learning_rate": 3e-3}
    arms = [
        Arm("winner", program(settings=theirs)),
        Arm("runner-up", program("r000c1", settings={"gamma": 0.9})),
        Arm("zero-shot", program("r000c2")),
        Arm("baseline", "native"),
        Arm("baseline", "native", theirs),
    ]
    config = RunConfig(confirm_seeds=2)
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        rows = confirm(Study(TASK, config, Fixed({}), book, lambda event: None), book.confirm_page(), arms).confirmed
    assert [(row.who, row.beside) for row in rows] == [
        ("r000c0", "native_retuned"), ("r000c1", ""), ("r000c2", "native"), ("native", ""), ("native_retuned", "")
    ]  # fmt: skip
    assert all((row.over_native is None) == (not row.beside) for row in rows)


def test_variants_are_planned_for() -> None:
    speed = Speed(workers=2, start=1.0, training=1000.0, scoring=4000.0)
    config = RunConfig(rounds=2, candidates=2, confirm_seeds=2, budget=40.0)
    plain, tuned = (
        plan(TASK, config.model_copy(update={"tune_settings": on}), DESCRIPTION, speed) for on in (False, True)
    )
    assert tuned.confirm is not None
    assert plain.confirm is not None
    assert tuned.confirm.trainings == plain.confirm.trainings + 4


def test_the_grammars_best_is_varied_and_a_model_proposes_its_own(tmp_path: Path) -> None:
    from test_strategy import round_of, truncation, with_config

    asked, _ = with_config(truncation, candidates=1, tune_settings=True)
    assert asked.ask([round_of(0, 0.8)])[-1] == Variation("settings", ("r000c0",))
    left, _ = with_config(truncation, candidates=1, tune_settings=True, model="manual")
    assert {v.operator for v in left.ask([round_of(0, 0.8)])} == {"rewrite"}
