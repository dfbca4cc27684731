"""Candidate, trials and scores -> Diagnosis."""

from collections.abc import Sequence

from autoreward.evaluation.legs import scored, trainings
from autoreward.evaluation.symptoms import all_symptoms
from autoreward.records import Candidate, Diagnosis, Score, Symptom, Trial
from autoreward.tasks.card import Task


def diagnose(
    task: Task, candidate: Candidate, trials: Sequence[Trial], scores: Sequence[Score], max_steps: int
) -> Diagnosis:
    """Name what went wrong with a candidate's first trial, with evidence; empty for one that never trained.

    A training that failed is itself the first symptom. `max_steps` is the environment's time limit.
    """
    if not trials:
        return Diagnosis(candidate_id=candidate.id)
    trial = trainings(trials)[0]
    score = next((s for s in scored(scores) if s.trial_id == trial.id), None)
    symptoms = all_symptoms(task, trial, score, max_steps)
    if not trial.outcome.ok:
        failure = Symptom(name=trial.outcome.value, evidence=trial.message, advice=trial.outcome.advice, severity=1.0)
        symptoms = (failure, *symptoms)
    shares = next((p.parts for p in reversed(trial.curve) if p.parts), ())
    return Diagnosis(candidate_id=candidate.id, symptoms=symptoms, shares=shares)
