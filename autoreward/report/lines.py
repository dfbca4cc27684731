"""Events as plain lines and as JSON, for logs, pipes and scripts."""

import json
import threading
from typing import TextIO

from autoreward import events
from autoreward.records import Confirmed, Run, Score


def describe_event(event: events.Event) -> str:
    """One line for people; empty for what is not worth one."""
    match event:
        case events.RunStarted(task=task, config=config, folder=folder):
            return f"{task.name}: {task.goal} ({config.candidates} candidates a round, {config.rounds} rounds at most; {folder})"
        case events.RoundStarted(number=number):
            return f"round {number}"
        case events.ModelSaid(line=line):
            return f"  {line}"
        case events.Designed(candidates=candidates):
            return f"  designed {len(candidates)} candidates"
        case events.Checked(verdicts=verdicts):
            refused = [v for v in verdicts if not v.accepted]
            why = "".join(f"\n    {v.candidate_id} refused: {v.findings[0].message}" for v in refused if v.findings)
            return f"  checked: {len(verdicts) - len(refused)} may train{why}"
        case events.TrialDone(trial=trial) if not trial.outcome.ok:
            return f"  {trial.id} {trial.outcome.value}: {trial.message}"
        case events.ScoreDone(score=score):
            return f"  {score_line(score)}"
        case events.RoundDone(round=round_, best=best):
            return f"  round {round_.number} done; best so far: {best or 'none could be scored'}"
        case events.Confirming(trial_ids=trial_ids):
            return f"confirming on fresh seeds: {len(trial_ids)} trainings"
        case events.RunDone(run=run):
            return verdict(run)
    return ""


def score_line(score: Score) -> str:
    """A score in one line."""
    if not score.outcome.ok:
        return f"{score.trial_id} could not be scored: {score.message}"
    metric = f", metric {score.metric:.4g}" if score.metric is not None else ""
    success = f"success {score.success:.2f} ({score.mean_success:.2f} over the second half)"
    return f"{score.trial_id}: {success}{metric}, progress {score.progress:.2f}"


def verdict(run: Run) -> str:
    """The run's result in one sentence."""
    if not run.best:
        return f"No candidate could be trained and scored; {run.stop}."
    found = next((c for c in run.confirmed if c.who == run.best), None)
    if found is None:
        return f"{run.best} won ({run.stop}); it was not confirmed on fresh seeds."
    if found.mean == 0.0:
        return f"No reward reached the goal: {run.best} came closest, and failed on all fresh seeds ({run.stop})."
    against = ", ".join(f"{c.who} {c.mean:.2f}" for c in run.confirmed if c.who != run.best)
    count = len(found.success)
    seeds = f"{count} fresh training seed{'s' if count > 1 else ''}"
    return f"{run.best} won: success {interval(found)} over {seeds}, against {against} ({run.stop})."


def interval(confirmed: Confirmed) -> str:
    """Mean with its interval; none is claimed from a single seed."""
    if len(confirmed.success) < 2:
        return f"{confirmed.mean:.2f} (one seed, no interval)"
    return f"{confirmed.mean:.2f} [{confirmed.low:.2f}, {confirmed.high:.2f}]"


class PlainView:
    """Tells events as lines, as they come. May be called from several threads."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        """Print the event's line, if it has one."""
        if line := describe_event(event):
            with self._lock:
                self._out.write(line + "\n")
                self._out.flush()


class JsonView:
    """Tells events as one JSON object a line: {"event": kind, ...}."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        """Print the event as JSON."""
        with self._lock:
            self._out.write(json.dumps({"event": type(event).__name__, **_facts(event)}) + "\n")
            self._out.flush()


def _facts(event: events.Event) -> dict[str, object]:
    match event:
        case events.RunStarted(task=task, folder=folder):
            return {"task": task.name, "folder": str(folder)}
        case events.RoundStarted(number=number):
            return {"round": number}
        case events.ModelSaid(line=line):
            return {"line": line}
        case events.Designed(candidates=candidates):
            return {"candidates": [c.id for c in candidates]}
        case events.Checked(verdicts=verdicts):
            return {"accepted": {v.candidate_id: v.accepted for v in verdicts}}
        case events.TrialProgress(trial_id=trial_id, step=step, steps=steps):
            return {"trial": trial_id, "step": step, "steps": steps}
        case events.TrialDone(trial=trial):
            return {"trial": trial.id, "outcome": trial.outcome.value, "message": trial.message}
        case events.ScoreDone(score=score):
            return {"trial": score.trial_id, "success": score.success, "mean_success": score.mean_success}
        case events.Diagnosed(diagnosis=diagnosis):
            return {"candidate": diagnosis.candidate_id, "symptoms": [s.name for s in diagnosis.symptoms]}
        case events.RoundDone(round=round_):
            return {"round": round_.number}
        case events.Confirming(trial_ids=trial_ids):
            return {"trials": list(trial_ids)}
        case events.RunDone(run=run, folder=folder):
            return {"run": run.model_dump(mode="json"), "folder": str(folder)}
