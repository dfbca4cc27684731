"""Programs held against recorded episodes before anything is trained: one implementation for designers' tools and for agents.

Nothing here spends environment steps. What is read are recordings that the search may see, never the confirmation's.
"""

import hashlib
from collections.abc import Sequence
from threading import Lock
from typing import TypeVar

import numpy as np

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.pay import pay
from autoreward.checks.relabel import Relabelled, relabel
from autoreward.checks.review import review
from autoreward.checks.samples import Practice
from autoreward.checks.screening import screen
from autoreward.core.transitions import Transitions
from autoreward.errors import UsageError
from autoreward.records import (
    RANKING,
    Candidate,
    FieldSpread,
    PaidPart,
    PaidParts,
    RankedProgram,
    RankedPrograms,
    RecordedEpisode,
    Screened,
    TrialId,
    TrialJob,
    Verdict,
)
from autoreward.rewards.agreement import Parts
from autoreward.roles.episode_tables import episode_table, spread_out
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task

USUAL_ROWS, USUAL_COLUMNS = 12, 14
"""Rows spread over an episode's table, and numbers of state and action in it, where nobody chooses."""
MOST_ROWS = 60
MOST_RANKED = 20
"""Programs that are ranked at once, at most."""
_REMEMBERED = 256
"""Programs whose answers are kept."""
Kept = TypeVar("Kept", Verdict, Relabelled | RewardFailed)


class Bench:
    """Runs programs on the recorded episodes of one task, in the jail. Thread-safe; the same program is run once."""

    def __init__(
        self, task: Task, jail: Jail, practice: Practice, data: EpisodeDataset, rule_shown: bool = True
    ) -> None:
        """`data` is what programs are held against; `rule_shown`: tables of episodes say where the task's rule holds."""
        self._task = task
        self._jail = jail
        self._practice = practice
        self._data = data
        self._rule_shown = rule_shown
        self._verdicts: dict[str, Verdict] = {}
        self._answers: dict[str, Relabelled | RewardFailed] = {}
        self._lock = Lock()

    def check(self, candidate: Candidate) -> Verdict:
        """Gate and dry run, as before a training. Never raises for the program's faults."""
        key = content_of(candidate)
        known = self._verdicts.get(key)
        verdict = known or review(candidate, self._jail, self._practice)
        self._keep(self._verdicts, key, verdict)
        return verdict.model_copy(update={"candidate_id": candidate.id})

    def parts(self, candidate: Candidate) -> PaidParts:
        """What it pays, part by part, for doing nothing, for random actions, in the best failure and in the best success.

        Raises:
            UsageError: it may not run, or fails on the recorded episodes.
        """
        answer = self._relabelled(candidate)
        paid = pay(self._data, answer)
        parts = tuple(PaidPart(name=n, per_step=p, peak=answer.peaks[n]) for n, p in paid.parts.items())
        return PaidParts(candidate_id=candidate.id, kinds=paid.kinds, steps=paid.steps, parts=parts,
                         per_step=paid.rewards, returns=paid.returns)  # fmt: skip

    def stats(self) -> tuple[FieldSpread, ...]:
        """Every number of the state after a step and of the action, over all recorded transitions."""
        batch, best = self._data.transitions, int(self._data.goodness.argmax())
        there = batch.step > 0
        rows: list[FieldSpread] = []
        named = [*batch.next_state.items(), *((f"action {name}", values) for name, values in batch.action.items())]
        for name, values in named:
            all_of_it, of_best = values[there][:, None], values[:, best][there[:, best]][:, None]
            ours = spread_out(name, of_best)
            for column, numbers in spread_out(name, all_of_it).items():
                quantiles = [float(q) for q in np.quantile(numbers.astype(float), (0.0, 0.1, 0.5, 0.9, 1.0))]
                low, p10, median, p90, high = quantiles
                rows.append(FieldSpread(name=column, low=low, p10=p10, median=median, p90=p90, high=high,
                                        mean=float(numbers.mean()), std=float(numbers.std()),
                                        of_best=float(ours[column].mean())))  # fmt: skip
        return tuple(rows)

    def episodes(self) -> tuple[RecordedEpisode, ...]:
        """What is recorded, in the order of its numbers."""
        return tuple(
            RecordedEpisode(number=i, kind=known.kind, success=known.episode.success,
                            progress=known.episode.progress, length=known.episode.length)
            for i, known in enumerate(self._data.episodes)
        )  # fmt: skip

    def episode(
        self, number: int, candidate: Candidate | None = None, rows: int = USUAL_ROWS, columns: int = USUAL_COLUMNS
    ) -> str:
        """One recorded episode as a table in Markdown, with what a program's parts pay in it.

        Raises:
            UsageError: there is no such episode, or too many rows are asked for; the program may not run, or fails on it.
        """
        known = self._data.episodes
        if not 0 <= number < len(known):
            raise UsageError(f"There is no recorded episode {number}; write a number from 0 to {len(known) - 1}.")
        if not 2 <= rows <= MOST_ROWS:
            raise UsageError(f"{rows} rows of a table can't be had; write a number from 2 to {MOST_ROWS}.")
        length = int((self._data.transitions.step[:, number] > 0).sum())
        one = self._data.transitions.cut(slice(0, length), [number])
        parts = self._parts_along(candidate, one) if candidate else {}
        told = f"{'a success' if known[number].episode.success else f'progress {known[number].episode.progress:.2f}'}"
        table = episode_table(self._task, one, known[number].kind, parts, rows, columns, self._rule_shown, told)
        left = f"\nLeft out: {', '.join(table.left_out)}." if table.left_out else ""
        return f"Episode {number} ({table.name}): {table.ending}\n\n{table.text}{left}"

    def rank(self, candidates: Sequence[Candidate]) -> RankedPrograms:
        """Programs by recorded episodes alone: through all screens, the most promising first.

        Raises:
            UsageError: there are none, or too many; two have the same id.
        """
        if not 1 <= len(candidates) <= MOST_RANKED or len({c.id for c in candidates}) < len(candidates):
            raise UsageError(f"{len(candidates)} programs can't be ranked; give 1 to {MOST_RANKED} of different names.")
        verdicts = {c.id: self.check(c) for c in candidates}
        answers = {c.id: self._answer(c, verdicts[c.id]) for c in candidates if verdicts[c.id].accepted}
        judged = screen(self._data, answers, {}, self._task.train.gamma)
        rows = [_ranked(verdict, judged) for verdict in verdicts.values()]
        rows = sorted(rows, key=lambda row: row.place or MOST_RANKED + 1)
        return RankedPrograms(items=tuple(rows), episodes=len(self._data.episodes))

    def _relabelled(self, candidate: Candidate) -> Relabelled:
        verdict = self.check(candidate)
        if not verdict.accepted:
            raise UsageError(f"{candidate.id} may not run: {why_refused(verdict)}")
        answer = self._answer(candidate, verdict)
        if isinstance(answer, RewardFailed):
            raise UsageError(f"{candidate.id} fails on the recorded episodes: {answer.message}")
        return answer

    def _answer(self, candidate: Candidate, verdict: Verdict) -> Relabelled | RewardFailed:
        key = content_of(candidate)
        if known := self._answers.get(key):
            return known
        job = TrialJob(id=str(TrialId(candidate.id, 0)), candidate_id=candidate.id, reward="candidate",
                       source=candidate.source, composition=candidate.composition, uses_memory=verdict.uses_memory,
                       seed=0, steps=1)  # fmt: skip
        answer: Relabelled | RewardFailed
        try:
            answer = relabel(self._jail, job, self._task.train.gamma, self._data)
        except RewardFailed as failure:
            answer = failure
        self._keep(self._answers, key, answer)
        return answer

    def _parts_along(self, candidate: Candidate, one: Transitions) -> Parts:
        verdict = self.check(candidate)
        if not verdict.accepted:
            raise UsageError(f"{candidate.id} may not run: {why_refused(verdict)}")
        try:
            with self._jail.open(candidate.source) as room:
                return room.client.evaluate(one, verdict.uses_memory)
        except RewardFailed as failure:
            raise UsageError(f"{candidate.id} fails on this episode: {failure.message}") from None

    def _keep(self, where: dict[str, Kept], key: str, answer: Kept) -> None:
        with self._lock:
            where[key] = answer
            while len(where) > _REMEMBERED:
                where.pop(next(iter(where)))


def content_of(candidate: Candidate) -> str:
    """What a program is, whatever it is called: a digest of its text and of how its parts become one number."""
    return hashlib.sha256(f"{candidate.composition}\n{candidate.source}".encode()).hexdigest()


def why_refused(verdict: Verdict) -> str:
    """What is wrong first with a program that may not train, and where."""
    if not verdict.findings:
        return verdict.outcome.advice
    first = verdict.findings[0]
    return f"line {first.line}: {first.message}" if first.line else first.message


def _ranked(verdict: Verdict, judged: Screened) -> RankedProgram:
    name = verdict.candidate_id
    if not verdict.accepted:
        return RankedProgram(candidate_id=name, place=None, rank_correlation=None, why_not=why_refused(verdict))
    screens = next((item.screens for item in judged.items if item.candidate_id == name), ())
    rho = next((s.number for s in screens if s.name == RANKING), None)
    place = judged.order.index(name) + 1 if name in judged.order else None
    return RankedProgram(candidate_id=name, place=place, rank_correlation=rho, screens=screens)
