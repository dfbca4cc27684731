"""Candidate, trials and scores -> Diagnosis."""

from collections.abc import Sequence

from autoreward.evaluation.hacking import Untrained
from autoreward.evaluation.legs import middle, scored, trainings
from autoreward.evaluation.symptoms import all_symptoms, in_order_of_gravity, seeds_differ
from autoreward.records import RANKING, Candidate, Description, Diagnosis, Score, Screen, Symptom, Trial
from autoreward.tasks.card import Task

UNTRAINED = ("random", "constant")
"""Beginnings of the kinds of reference episodes that nothing has learned or shown."""


def diagnose(
    task: Task,
    candidate: Candidate,
    trials: Sequence[Trial],
    scores: Sequence[Score],
    described: Description,
    screens: Sequence[Screen] = (),
) -> Diagnosis:
    """Name what went wrong with a candidate's typical training, with evidence; empty for one that never trained.

    A training that failed is itself the first symptom. Only what all its trainings say together is not of the typical one.
    """
    by_training, measured = trainings(trials), scored(scores)
    if not by_training:
        return Diagnosis(candidate_id=candidate.id)
    trial = typical(by_training, measured)
    score = next((s for s in measured if s.trial_id == trial.id), None)
    symptoms = all_symptoms(task, candidate, trial, score, described.max_steps, untrained(described, screens))
    if together := seeds_differ(measured):
        symptoms = in_order_of_gravity((*symptoms, together))
    if not trial.outcome.ok:
        failure = Symptom(name=trial.outcome.value, evidence=trial.message, advice=trial.outcome.advice, severity=1.0)
        symptoms = (failure, *symptoms)
    shares = next((p.parts for p in reversed(trial.curve) if p.parts), ())
    return Diagnosis(
        candidate_id=candidate.id,
        typical=trial.id,
        success={s.trial_id: s.success for s in measured},
        symptoms=symptoms,
        shares=shares,
    )


def typical(trials: Sequence[Trial], scores: Sequence[Score]) -> Trial:
    """The training in the middle by success, the worse of the two in an even number; one that failed if none was scored."""
    by_id = {t.id: t for t in trials}
    found = next((by_id[s.trial_id] for s in middle(scores) if s.trial_id in by_id), None)
    return found or next((t for t in trials if not t.outcome.ok), trials[0])


def untrained(described: Description, screens: Sequence[Screen]) -> Untrained:
    """What is known of the task without a training, and of a program from its screens."""
    episodes = [r.episode for r in described.reference_episodes if r.kind.startswith(UNTRAINED)]
    correlation = next((s.number for s in screens if s.name == RANKING), None)
    return Untrained(tuple(e.progress + e.success for e in episodes), correlation)
