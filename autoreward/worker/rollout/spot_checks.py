"""Spot checks while a policy trains: now and then a program is asked again about some rows, in another number of them.

The dry run knows what a program does with the rows that it has; only a training knows those that it will really get.
"""

import numpy as np
from numpy.typing import NDArray

from autoreward.core.outcomes import Outcome
from autoreward.core.seeds import derive
from autoreward.core.transitions import Transitions
from autoreward.records import TrialJob
from autoreward.rewards.agreement import BY_ITSELF, Parts, differing
from autoreward.sandbox.client import RewardClient, RewardFailed

STRETCH = 256
"""Fewest rows of a stretch: what is watched together. A larger rollout is one by itself."""
EVERY = 10
"""One stretch in so many is watched, drawn at random; the first is, in any case."""
MOST = 256
"""Most rows that are drawn from a stretch; rows at the ends of the fields and of the clock come on top."""


class SpotChecks:
    """Watches what one program answers. Draws from a generator of its own, so that no training changes by being watched."""

    def __init__(self, client: RewardClient, job: TrialJob, envs: int) -> None:
        self._client = client
        self._stepped = job.uses_memory
        self._envs = envs
        self._random = np.random.default_rng(derive(job.seed, "spot checks", job.leg))
        self._first = True
        self._watched = False
        self._columns: list[int] = []
        self._rows = 0
        self._kept: list[tuple[Transitions, Parts]] = []

    def before(self) -> None:
        """The program is about to be asked. Raises RewardFailed if it is gone."""
        if self._rows:
            return
        self._watched = self._first or self._random.random() < 1.0 / EVERY
        self._first = False
        if self._watched and self._stepped:
            self._columns = self._some_environments()
            self._client.set_aside(self._columns)

    def after(self, batch: Transitions, parts: Parts) -> None:
        """It has answered so. Raises RewardFailed if it answers otherwise when it is asked again."""
        self._rows += batch.step.size
        if self._watched:
            self._kept.append((batch, parts))
        if self._rows < STRETCH:
            return
        if self._watched:
            self._check()
        self._kept.clear()
        self._rows = 0

    def _check(self) -> None:
        batches, answers = [b for b, _ in self._kept], [p for _, p in self._kept]
        if self._stepped:
            again = Transitions.joined(batches).cut(columns=self._columns)
            expected = {n: np.concatenate([a[n] for a in answers])[:, self._columns] for n in answers[0]}
            answer = self._client.evaluate(again, stepped=True, again=True)
            how = f"among {len(self._columns)} environments instead of {self._envs}"
        else:
            stretch = Transitions.joined(batches)
            rows = self._some_rows(stretch)
            again = Transitions.picked([stretch], rows)
            expected = {n: np.concatenate([a[n] for a in answers]).reshape(-1)[rows][:, None] for n in answers[0]}
            answer = self._client.evaluate(again, stepped=False)
            how = f"among {len(rows):,} rows instead of {batches[0].step.size:,}"
        if different := differing(expected, answer):
            name, where = different
            raise RewardFailed(
                Outcome.BROKE_CONTRACT,
                f"part {name!r} of a row was {expected[name][where]:.6g}, and {answer[name][where]:.6g} when asked again {how} "
                f"(step {again.step[where]}): {BY_ITSELF}",
            )

    def _some_environments(self) -> list[int]:
        if self._envs == 1:
            return [0, 0]
        count = int(self._random.integers(1, self._envs))
        return [int(i) for i in self._random.permutation(self._envs)[:count]]

    def _some_rows(self, batch: Transitions) -> NDArray[np.int64]:
        """Some at random, and about half of the most unusual ones: so what hangs on them is there or missing."""
        size = batch.step.size
        drawn = self._random.permutation(size)[: int(self._random.integers(1, min(MOST, size) // 2 + 1))]
        ends = [int(batch.step.argmax()), int(batch.terminated.argmax())]
        for values in batch.next_state.values():
            flat = values.reshape(size, -1)
            ends += [*flat.argmin(axis=0).tolist(), *flat.argmax(axis=0).tolist()]
        unusual = np.array(ends, np.int64)[self._random.random(len(ends)) < 0.5]
        return self._random.permutation(np.unique(np.concatenate([drawn, unusual])))
