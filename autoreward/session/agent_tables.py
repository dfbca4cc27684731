"""What an agent is shown of its session, as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from autoreward.config import RunConfig
from autoreward.core.visible import visible_line
from autoreward.errors import TaskError
from autoreward.evaluation.keep_or_revert import compared_by, keep_or_revert
from autoreward.evaluation.ranking import latest
from autoreward.loop import search_budget, spent
from autoreward.records import Candidate, Feedbacks, Round, Score, TrialId
from autoreward.report.controllers import controller_sentences
from autoreward.report.phrases import result_sentence
from autoreward.session.agent_desk import Desk
from autoreward.tasks.card import Task
from autoreward.tasks.files import read_task

_STAGES = {
    "starting": "The environment is being looked at.",
    "waiting": "A program may be handed in with `train`.",
    "training": "A program is training.",
    "confirming": "The search is over; its best program trains on fresh seeds.",
    "over": "The session is over.",
}


class SessionStanding(NamedTuple):
    """A session as it is."""

    task: Task
    config: RunConfig
    desk: Desk
    kept: str
    looks: int

    @property
    def budget_sentence(self) -> str:
        """What is left of it."""
        rounds = self.desk.rounds
        whole = search_budget(self.config, self.task, Feedbacks())
        trainings = f"{self.config.rounds - len(rounds)} of {self.config.rounds} programs"
        return f"{whole - spent(rounds):,} of {whole:,} environment steps and {trainings}."


def shown_results(standing: SessionStanding) -> str:
    """Where the session stands, and how every program did."""
    desk = standing.desk
    stage = desk.wait(0.0)
    lines = [_STAGES[stage], *([desk.progress + "."] if stage in ("training", "confirming") and desk.progress else [])]
    if desk.run:
        lines.append(result_sentence(desk.run))
    elif desk.error:
        lines.append(desk.error)
    if not desk.run:
        lines += controller_sentences(desk.controllers)
        lines.append(f"Left: {standing.budget_sentence} Looks at held-out episodes: {standing.looks}.")
    scores = latest([s for r in desk.rounds for s in r.scores])
    rows = [_row(played, candidate, scores) for played in desk.rounds for candidate in played.candidates]
    if rows:
        head = ("candidate", "child of", "seeds", "success on held-out seeds", "progress", "metric", "what went wrong")
        lines += ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]
        lines += [
            line
            for played in desk.rounds[-1:]
            for c in played.candidates
            if (line := _against(c, scores, standing.task))
        ]
    if standing.kept:
        lines.append(f"Kept: {standing.kept}.")
    return "\n".join(lines)


def task_lines(cards: Mapping[str, Path], task: Task) -> str:
    """The tasks, a line each."""
    lines = [f"This session is for {task.name}.", ""]
    for name, card in cards.items():
        try:
            lines.append(f"- {name}: {visible_line(read_task(card).goal, 300)}")
        except TaskError as error:
            lines.append(f"- {name} can't be read: {visible_line(str(error), 300)}")
    return "\n".join(lines)


def _row(played: Round, candidate: Candidate, scores: Mapping[str, list[Score]]) -> str:
    own = scores.get(candidate.id, [])
    success, progress = (
        (", ".join(f"{v:.2f}" for v in values) for values in zip(*((s.success, s.progress) for s in own), strict=True))
        if own
        else ("-", "-")
    )
    metrics = [f"{s.metric:.4g}" for s in own if s.metric is not None]
    cells = (
        candidate.id,
        ", ".join(candidate.parents) or "-",
        str(len(own)),
        success,
        progress,
        ", ".join(metrics) or "-",
        _wrong(played, candidate),
    )
    return f"| {' | '.join(cells)} |"


def _wrong(played: Round, candidate: Candidate) -> str:
    """Why a program was not trained or scored, or its gravest symptom."""
    if candidate.id not in played.screened.order:
        screens = [s for item in played.screened.items for s in item.screens if s.decision == "rejected"]
        return "not trained: " + (
            f"{screens[0].name}, {visible_line(screens[0].evidence, 200)}" if screens else "it may not"
        )
    if failed := [t.message or t.outcome.value for t in played.trials if not t.outcome.ok]:
        return visible_line(failed[0], 200)
    symptoms = [s for d in played.diagnoses if d.candidate_id == candidate.id for s in d.symptoms]
    return f"{symptoms[0].name}: {visible_line(symptoms[0].evidence, 200)}" if symptoms else ""


def _against(candidate: Candidate, scores: Mapping[str, list[Score]], task: Task) -> str:
    """Keep it or revert to its parent, by the seeds that both were trained on; empty without a parent or a score."""
    if not candidate.parents:
        return ""
    ours, theirs = (
        {TrialId.parse(s.trial_id).seed: s for s in scores.get(name, [])}
        for name in (candidate.id, candidate.parents[0])
    )
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return ""
    by, values = compared_by([ours[i] for i in seeds], [theirs[i] for i in seeds], task)
    ruling = keep_or_revert(*values)
    more = f" ({ruling.more} more)" if ruling.more else ""
    return f"{candidate.id} against {candidate.parents[0]}, by {by}: {ruling.verdict}{more}, {ruling.why}."
