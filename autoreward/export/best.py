"""`best/` and `second/`: everything that a finished run leaves to be kept of a program, in a folder that needs no autoreward."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autoreward.core.transitions import Transitions
from autoreward.errors import AutorewardError
from autoreward.evaluation.costs import limit_costs
from autoreward.evaluation.hacking import EXPLOIT
from autoreward.evaluation.limits import violation
from autoreward.evaluation.metrics import metric_cell
from autoreward.export import EXPORTED_FILES
from autoreward.export.build import PROGRAM, model_card, packaging, proven, reward_files, train_script
from autoreward.export.render import NotWritable
from autoreward.export.verify import Batch, ExportProof, NotEqual, prove, replayed_episodes
from autoreward.records import REFERENCE_EPISODES, SAMPLES, Candidate, LimitReading, Run, Score, TrialId
from autoreward.report.candidates import CandidateView
from autoreward.report.phrases import counted, interval_text, result_sentence
from autoreward.report.reading import RunView, SavedScore
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.sandbox.jail import Jail
from autoreward.store.book import Book
from autoreward.store.keys import DESCRIPTION, SNAPSHOTS, TRIALS
from autoreward.tasks.card import Task
from autoreward.version import __version__

REWARD = ("reward.py", PROGRAM)
"""The files that make the reward."""
Package = Callable[[Task, bytes], dict[str, bytes]]
"""Weights -> files for Stable-Baselines3."""
Demonstrate = Callable[[Candidate, Mapping[str, str]], ExportProof]
"""Shows that the Python files of an export are the program that was trained. Raises NotEqual."""


class Kept(NamedTuple):
    """What such a folder is to hold."""

    files: dict[str, bytes]
    """By name, each one of EXPORTED_FILES; empty if there is no such program."""
    refused: AutorewardError | None = None
    """Why the reward is not among them, although there is one."""


def handed_over(run: Run | None, folder: str) -> str:
    """Whose files such a folder of a run holds: a candidate's id, or a baseline's name; empty if nobody's."""
    return {"best": run.best, "second": run.second}[folder] if run else ""


def kept_files(book: Book, reading: RunView, package: Package, demonstrate: Demonstrate, folder: str = "best") -> Kept:
    """The files of best/ or second/, from a reading of the whole run. What was trained is there also where the reward can't be."""
    run, task = reading.run, book.header.task
    who = handed_over(run, folder)
    if run is None or not who:
        return Kept({})
    view = reading.candidate(who)
    policy = best_policy(reading, who)
    score = policy.score if policy else None
    winner = _as_kept(reading, view.candidate, policy) if view else None
    task = task.trained_with(winner.settings) if winner else task
    files: dict[str, bytes] = {}
    if policy:
        files |= package(task, reading.weights(policy.page, policy.score))
    refused: AutorewardError | None = None
    proof: ExportProof | None = None
    if winner:
        try:
            texts = reward_files(task, winner) | {"pyproject.toml": packaging(task)}
            if score:
                texts["train.py"] = train_script(task, score, score.steps, learned=bool(winner.setup.multipliers))
            proof = demonstrate(winner, {name: text for name, text in texts.items() if name in REWARD})
            files |= {name: text.encode() for name, text in texts.items()}
        except (NotEqual, NotWritable) as error:
            refused = error
        proof_sentence = proven(proof) if proof else f"The reward is not here. {refused}"
        files["card.md"] = _card(reading, run, winner, score, proof_sentence, proof is not None).encode()
    files["manifest.json"] = _manifest(book, run, who, winner, score, proof).encode()
    return Kept({name: files[name] for name in EXPORTED_FILES if name in files}, refused)


def _as_kept(reading: RunView, winner: Candidate, policy: SavedScore | None) -> Candidate:
    """A program with what its training had learned of its composition by the checkpoint that is kept."""
    if policy is None:
        return winner
    trial = reading.page(policy.page).need(TRIALS.of(policy.score.trial_id))
    learned = next((p.multipliers for p in trial.curve if p.step == policy.score.kept), {})
    return winner.model_copy(update={"setup": winner.setup.model_copy(update={"multipliers": learned})})


def demonstration(book: Book, jail: Jail) -> Demonstrate:
    """Holds an export against the program on the run's recorded transitions."""

    task = book.header.task

    def batch(of: str, transitions: Transitions, winner: Candidate) -> Batch:
        return Batch(of, transitions, limit_costs(task, transitions) if winner.setup.multipliers else {})

    def demonstrate(winner: Candidate, files: Mapping[str, str]) -> ExportProof:
        batches = [batch("dry run's samples", book.transitions(DESCRIPTION, SAMPLES), winner)]
        described = book.need(DESCRIPTION)
        recorded = (
            replayed_episodes(book.transitions(DESCRIPTION, REFERENCE_EPISODES))
            if described.reference_episodes
            else None
        )
        if recorded is not None:
            batches.append(batch("recorded episodes", recorded, winner))
        return prove(jail, winner, files, batches, task.trained_with(winner.settings).train.gamma)

    return demonstrate


def best_policy(reading: RunView, who: str) -> SavedScore | None:
    """A reward's score with the highest held-out success, of any leg: among the confirmation's trainings if there were any.

    None while the run is not finished, or if none of them was scored.
    """
    run = reading.run
    if run is None:
        return None
    scored = reading.confirm_scores if run.confirmed else reading.search_scores
    own = [s for s in scored if s.score.outcome.ok and TrialId.parse(s.score.trial_id).candidate == who]
    return max(own, key=_place, default=None)


def _place(saved: SavedScore) -> tuple[float, float, float, str]:
    """What policies of one reward are chosen by: limits first."""
    score = saved.score
    return -violation(score.limits), score.success, score.progress, score.trial_id


def _card(reading: RunView, run: Run, winner: Candidate, kept: Score | None, proof: str, rewarded: bool) -> str:
    view = reading.candidate(winner.id)
    money = f"{counted(len(reading.bills), 'model call')} for {reading.money}"
    model = reading.header.config.model
    writer = {"human": "a person", "grammar": "the embedded grammar designer"}.get(winner.origin, f"{model}")
    return model_card(
        reading.header,
        run,
        winner,
        view.diagnosis.shares if view and view.diagnosis else (),
        verdict=result_sentence(run),
        interval=interval_text,
        metric_cell=metric_cell,
        kept=kept,
        proof=proof,
        rewarded=rewarded,
        seeds=[str(t.seed) for t in reading.confirm_trials if t.candidate_id == winner.id],
        limits=_limits(run, winner.id),
        weaknesses=[*_failures(reading, run, winner), *_weaknesses(reading, view)],
        trainings=counted(run.trainings, "training"),
        money=money if reading.bills else "no model was asked",
        writer=writer,
    )


def _limits(run: Run, who: str) -> tuple[LimitReading, ...]:
    """The card's limits over a reward's trainings: on fresh seeds, else in the search, where the best one's are known."""
    confirmed = next((c.limits for c in run.confirmed if c.who == who), None)
    return confirmed if confirmed is not None else run.limits if who == run.best else ()


def _failures(reading: RunView, run: Run, winner: Candidate) -> list[str]:
    """Trainings of the winner that failed on fresh seeds, and whether none of them reached the goal."""
    lines = [
        f"training {t.id} {t.outcome.value.replace('_', ' ')}: {t.message or t.outcome.advice}"
        for t in reading.broken
        if t.candidate_id == winner.id
    ]
    confirmed = next((c for c in run.confirmed if c.who == winner.id), None)
    reached = max(confirmed.success) if confirmed else run.success
    return [*lines, "its kept policies reached the goal in no held-out episode"] if reached == 0.0 else lines


def _weaknesses(reading: RunView, view: CandidateView | None) -> list[str]:
    """What is known against the winner, and what was exploited in other programs of the run."""
    lines = [f"critic: {r.reason}" for r in (view.candidate.remarks if view else ())]
    lines += [
        f"{s.name.replace('_', ' ')}: {s.evidence}"
        for s in (view.diagnosis.symptoms if view and view.diagnosis else ())
    ]
    for other in reading.candidates:
        exploits = [s for s in (other.diagnosis.symptoms if other.diagnosis else ()) if s.name == EXPLOIT]
        if exploits and (view is None or other.candidate.id != view.candidate.id):
            lines.append(f"another program of this run, {other.candidate.id}, was exploited: {exploits[0].evidence}")
    return lines


def _stated(reading: LimitReading) -> dict[str, Any]:
    """A limit, with whether it was held."""
    return {**reading.model_dump(mode="json"), "was": reading.word}


def _manifest(
    book: Book, run: Run, who: str, winner: Candidate | None, best: Score | None, proof: ExportProof | None
) -> str:
    """What the policy and the reward are, how they were made and what was measured, for machines."""
    note = "picked from several trainings by its held-out success, so this number is optimistic; the confirmed interval is not"
    return json.dumps(
        {
            "autoreward": __version__,
            "task": book.header.task.model_dump(mode="json"),
            "candidate": who,
            "reward": winner
            and {
                "thought": winner.thought,
                "origin": winner.origin,
                "composition": winner.composition,
                "formula": COMPOSITIONS[winner.composition].formula,
                "multipliers": winner.setup.multipliers,
                "settings": winner.settings,
                "compared": proof and proof.model_dump(mode="json"),
            },
            "policy": best
            and {
                "trial": best.trial_id,
                "seed": best.seed,
                "checkpoint_step": best.kept,
                "success": best.success if best.ruled else None,
                "limits": [_stated(r) for r in best.limits],
                "note": note
                if best.ruled
                else f"no rule judged it: {book.header.config.preferred_by} compared policies",
            },
            "limits": [_stated(r) for r in _limits(run, who)],
            "confirmed": [c.model_dump(mode="json") for c in run.confirmed],
            "native": book.header.task.native_sentence or None,
            "starts": [own.model_dump(mode="json") for own in run.starts],
            "contest": run.contest and run.contest.model_dump(mode="json"),
            "simulator": book.need(DESCRIPTION).simulator.model_dump(mode="json"),
            "snapshots": _began(book),
            "tier": run.tier,
            "versions": book.header.packages,
        },
        indent=2,
    )


def _began(book: Book) -> dict[str, object] | None:
    """What share of a training's episodes began at snapshots at first, and on whose ways; None where none did."""
    found = book.lone(SNAPSHOTS)
    return {"share": book.header.task.train.snapshots, **found.model_dump(mode="json")} if found else None
