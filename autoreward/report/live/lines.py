"""A run that goes on as plain lines and as JSON, for logs, pipes and scripts."""

import threading
import time
from collections.abc import Callable
from typing import TextIO

from autoreward import events
from autoreward.core.lines import json_line
from autoreward.core.visible import visible
from autoreward.records import Round
from autoreward.report.hunting import BeforeTraining, facts_before_training
from autoreward.report.live.progress import RunProgress
from autoreward.report.phrases import describe_event

SILENCE = 60.0
"""Seconds without a line after which it is told how far a training is."""


class PlainView:
    """Tells events as lines, as they come, and once a minute how far trainings are. May be called from several threads."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds since some time or other."""
        self._out = out
        self._clock = clock
        self._told = clock()
        self._progress = RunProgress(clock)
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        """Print the event's line, if it has one."""
        with self._lock:
            self._progress.take(event)
            line = describe_event(event)
            if isinstance(event, events.TrialProgress) and self._clock() - self._told >= SILENCE:
                line = f"  {event.trial_id}: {event.step:,} of {event.steps:,} steps; {self._progress.work}"
            if line:
                self._told = self._clock()
                self._out.write(visible(line) + "\n")
                self._out.flush()


class JsonView:
    """Tells events as JSON lines, each of its kind."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        """Print the event as JSON."""
        with self._lock:
            self._out.write(json_line(type(event).__name__, _facts(event)) + "\n")
            self._out.flush()


def _facts(event: events.Event) -> dict[str, object]:
    if isinstance(event, BeforeTraining):
        return facts_before_training(event)
    match event:
        case events.RunStarted(task=task, folder=folder):
            return {"task": task.name, "folder": str(folder)}
        case events.RoundStarted(number=number) | events.RoundDone(round=Round(number=number)):
            return {"round": number}
        case events.ModelSaid(line=line) | events.Mended(line=line) | events.LessonsUnkept(line=line):
            return {"line": line}
        case events.Designed(candidates=candidates):
            return {"candidates": [c.id for c in candidates]}
        case events.Checked(verdicts=verdicts, screened=screened):
            return {"accepted": {v.candidate_id: v.accepted for v in verdicts}, "order": list(screened.order)}
        case events.RungDone(standings=standings):
            return {"standings": standings.model_dump(mode="json")}
        case events.TrialProgress(trial_id=trial_id, step=step, steps=steps):
            return {"trial": trial_id, "step": step, "steps": steps}
        case events.TrialDone(trial=trial):
            more = {"taken_from": trial.taken_from, "lost_episodes": trial.lost_episodes}
            said = {name: value for name, value in more.items() if value}
            return {"trial": trial.id, "outcome": trial.outcome.value, "message": trial.message, **said}
        case events.ScoreDone(score=score):
            return {"trial": score.trial_id, "success": score.success, "mean_success": score.mean_success}
        case events.Diagnosed(diagnosis=diagnosis):
            return {"candidate": diagnosis.candidate_id, "symptoms": [s.name for s in diagnosis.symptoms]}
        case events.Confirming(trial_ids=trial_ids):
            return {"trials": list(trial_ids)}
        case events.RunDone(run=run, folder=folder):
            return {"run": run.model_dump(mode="json"), "folder": str(folder)}
    return _other_facts(event)


def _other_facts(
    event: events.Audited | events.JudgedAgain | events.GoesOn | events.Lengthened | events.TrainingsBegin,
) -> dict[str, object]:
    if isinstance(event, events.TrainingsBegin):
        trials, begin = list(event.trial_ids), event.begin
        return {"trials": trials, "begin": begin, "steps": event.steps, "rung": event.rung, "rungs": event.rungs}
    if isinstance(event, events.Lengthened):
        return {"before": event.before, "steps": event.steps}
    if isinstance(event, events.GoesOn):
        return {"trial": event.trial_id, "begin": event.begin, "steps": event.steps, "why": event.why}
    if isinstance(event, events.JudgedAgain):
        return {"before": event.before, "now": event.now}
    audit = event.audit
    return {"audit": audit.model_dump(mode="json"), "found": list(audit.sentences), "proposal": audit.proposal}
