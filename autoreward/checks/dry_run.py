"""The dry run: ask a program about rows that a training may bring, in ways that tell a contract-keeper from a pretender."""

import time
from itertools import zip_longest

import numpy as np

from autoreward.checks.samples import Practice
from autoreward.core.contract import REWARD_SIGNATURE, Signature
from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.records import Finding
from autoreward.rewards.agreement import BY_ITSELF, Parts, differing
from autoreward.sandbox.client import CALL_SECONDS, RewardFailed
from autoreward.sandbox.jail import HASH_SEEDS, Jail
from autoreward.sandbox.room import Room

_FEW = 3
"""Environments asked about one at a time."""
ODD = 97
"""Rows of the late and extreme ones that are asked about once more."""
GROWTH = 1e4
"""How many times larger a part may become late in an episode than it ever was in the samples, or than 1."""
_SECONDS = 2.0
"""Longest that one call may take on the samples, in seconds of wall clock; on a rollout with more rows, as much more."""
SECONDS_IN_ALL = 6.0
"""Longest that all calls but the one on a rollout may take together. A program within it needs less than half a second for one."""
Found = tuple[Outcome, str, str]
"""Outcome, rule and message of a refusal."""


def dry_run(
    jail: Jail,
    source: str,
    practice: Practice,
    uses_memory: bool,
    seconds: float = _SECONDS,
    seconds_in_all: float = SECONDS_IN_ALL,
    signature: Signature = REWARD_SIGNATURE,
) -> tuple[Outcome, tuple[Finding, ...], Parts]:
    """Try a program.

    Args:
        jail: where it runs.
        source: the program, already past the gate.
        practice: what it is tried on.
        uses_memory: whether it must be stepped through time.
        seconds: longest that loading it, or one call on all samples, may take, of wall clock.
        seconds_in_all: longest that all calls together may take.
        signature: of a reward; or of a controller, whose actions are its parts, and may be anything that a row's can be.

    Returns:
        The outcome, what was found (a refusal or a note), and the parts of the samples, shape (T, n); none where it gave none.
    """
    pays = signature == REWARD_SIGNATURE
    run = _Run(practice, uses_memory, seconds, seconds_in_all, pays)
    try:
        with jail.open(source, seconds_per_call=seconds, signature=signature) as room:
            finding = run.here(room)
        if not finding:
            with jail.open(source, hash_seed=HASH_SEEDS[1], seconds_per_call=seconds, signature=signature) as other:
                finding = run.elsewhere(other) or run.at_full_size(other, seconds)
    except RewardFailed as failed:
        return failed.outcome, (Finding(rule=failed.outcome.value, message=failed.message, line=failed.line),), {}
    if finding:
        outcome, rule, message = finding
        return outcome, (Finding(rule=rule, message=message),), run.parts
    return Outcome.COMPLETED, _notes(run.parts) if pays else (), run.parts


class _Run:
    """One program's answers so far, and the wall clock that is left."""

    def __init__(self, practice: Practice, stepped: bool, seconds: float, seconds_in_all: float, pays: bool) -> None:
        self._practice = practice
        self._samples = practice.samples
        self._stepped = stepped
        self._pays = pays
        self._in_all = seconds_in_all
        self._spent = 0.0
        self.parts: Parts = {}
        self._late: Parts = {}
        self._extreme: Parts | None = None

    def here(self, room: Room) -> Found | None:
        """What is wrong with the answers of one process. Raises RewardFailed, as all of these."""
        self.parts = self._ask(room, self._samples)
        if differs := differing(self.parts, self._ask(room, self._samples)):
            return _broken("repeatable", f"part {differs[0]!r} differs between two calls on the same transitions: "
                           "keep state in memory alone, and draw no random numbers")  # fmt: skip
        mirrored = self._ask(room, self._samples.cut(columns=slice(None, None, -1)))
        if differs := differing(self.parts, {n: p[:, ::-1] for n, p in mirrored.items()}):
            return _broken(
                "row-independence", f"part {differs[0]!r} of a row depends on the order of the rows: {BY_ITSELF}"
            )
        if self._pays and (total := _total(self.parts)):
            return _broken("sum", f"part {total!r} is the sum of the others, so that each counts twice: leave it out")
        self._late = self._ask(room, self._practice.late)
        if self._pays and (finding := self._grown()):
            return finding
        try:
            self._extreme = self._ask(room, self._practice.extreme, judged=False)
        except RewardFailed as failed:
            if failed.outcome is not Outcome.RAISED:  # rows that no environment has may have no answer
                raise
        return None

    def elsewhere(self, other: Room) -> Found | None:
        """What is wrong with the answers of another process, with another order of sets, about pieces of the same."""
        for rows, columns in _cuts(self._samples, self._stepped):
            piece = self._ask(other, self._samples.cut(rows, columns))
            if tuple(piece) != tuple(self.parts):
                self._ask(other, self._samples)  # fails if it is the number of rows that changes the names
                one, two = next((a, b) for a, b in zip_longest(self.parts, piece, fillvalue="missing") if a != b)
                return _broken("repeatable", f"a part is {one!r} in one process and {two!r} in another: name the parts one "
                               "by one or in a list, not in a set, whose order changes")  # fmt: skip
            if differs := differing({n: p[rows, columns] for n, p in self.parts.items()}, piece):
                if differing(self.parts, self._ask(other, self._samples)):
                    return _broken("repeatable", f"part {differs[0]!r} differs from one process to the next: use lists or "
                                   "sorted(...) instead of the order of a set, and no addresses of objects")  # fmt: skip
                return _broken(
                    "row-independence", f"part {differs[0]!r} of a row changes with the number of rows: {BY_ITSELF}"
                )
        return self._rare(other)

    def at_full_size(self, other: Room, seconds: float) -> Found | None:
        """What is wrong with its answers about as many rows as a rollout of training has, within a time of their own."""
        steps, envs = self._practice.rollout
        batches, answers = self._all()
        if self._stepped:
            columns = [i % self._samples.shape[1] for i in range(envs)]
            asked, expected = self._samples.cut(columns=columns), {n: p[:, columns] for n, p in self.parts.items()}
        else:
            pick = np.random.default_rng(0).integers(0, sum(b.step.size for b in batches), steps * envs)
            asked, expected = Transitions.picked(batches, pick), _picked(answers, pick)
        rows = asked.step.size
        longest = max(seconds, min(CALL_SECONDS, seconds * rows / self._samples.step.size))
        other.client.forget()
        given = other.client.evaluate(asked, self._stepped, judged=False, seconds=longest)
        if differs := differing(expected, given):
            return _broken("row-independence", f"part {differs[0]!r} of a row is another one among the {rows:,} rows of a "
                           f"rollout: {BY_ITSELF}")  # fmt: skip
        return None

    def _rare(self, other: Room) -> Found | None:
        """The same of rows that no sample is like."""
        batches, answers = self._all()
        for batch, answer, kind in zip(
            batches[1:], answers[1:], ("late in an episode", "at the ends of the ranges"), strict=False
        ):
            if self._stepped:
                columns = list(range(0, batch.shape[1], 2))
                piece, expected = batch.cut(columns=columns), {n: p[:, columns] for n, p in answer.items()}
            else:
                pick = np.random.default_rng(1).permutation(batch.step.size)[:ODD]
                piece, expected = Transitions.picked([batch], pick), _picked([answer], pick)
            if differs := differing(expected, self._ask(other, piece, judged=False)):
                return _broken("row-independence", f"part {differs[0]!r} of a row {kind} changes with the number of rows: "
                               f"{BY_ITSELF}")  # fmt: skip
        return None

    def _all(self) -> tuple[list[Transitions], list[Parts]]:
        """Everything that was asked in one piece, with its answers."""
        extreme = [] if self._extreme is None else [(self._practice.extreme, self._extreme)]
        pairs = [(self._samples, self.parts), (self._practice.late, self._late), *extreme]
        return [batch for batch, _ in pairs], [parts for _, parts in pairs]

    def _grown(self) -> Found | None:
        """A part that explodes with the step alone."""
        same = self._practice.late.terminated == self._samples.terminated
        for name, part in self._late.items():
            before, sizes = float(np.abs(self.parts[name]).max()), np.where(same, np.abs(part), 0.0)
            if sizes.max() > GROWTH * max(before, 1.0):
                step = self._practice.late.step.flat[int(sizes.argmax())]
                return Outcome.TOO_LARGE, "late", (
                    f"part {name!r} is {sizes.max():.4g} at step {step} of an episode, and at most {before:.4g} on the "
                    "sampled transitions, which are early: let nothing explode with the step")  # fmt: skip
        return None

    def _ask(self, room: Room, batch: Transitions, judged: bool = True) -> Parts:
        """The parts, from an empty memory. Raises RewardFailed, also when the time is spent."""
        began = time.monotonic()
        room.client.forget()
        parts = room.client.evaluate(batch, self._stepped, judged=judged)
        self._spent += time.monotonic() - began
        if self._spent > self._in_all:
            raise RewardFailed(
                Outcome.TIMED_OUT,
                f"a few calls on {self._samples.step.size} transitions took longer than {self._in_all:g} s in all",
            )
        return parts


def _picked(answers: list[Parts], rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Parts:
    return {name: np.concatenate([a[name].reshape(-1) for a in answers])[rows][:, None] for name in answers[0]}


def _notes(parts: Parts) -> tuple[Finding, ...]:
    flat = [name for name, part in parts.items() if np.ptp(part) == 0.0]
    return tuple(
        Finding(rule="constant", message=f"part {name!r} had the same value on every sampled transition")
        for name in flat
    )


def _total(parts: Parts) -> str:
    """Name of a part that is the sum of at least two others, which are all there are; empty if there is none."""
    everything = sum(parts.values())
    for name, part in parts.items() if len(parts) > 2 else ():
        if np.any(part) and np.allclose(2.0 * part, everything, rtol=1e-9, atol=1e-12):
            return name
    return ""


def _broken(rule: str, message: str) -> Found:
    return Outcome.BROKE_CONTRACT, rule, message


def _cuts(samples: Transitions, stepped: bool) -> list[tuple[slice, slice]]:
    """Pieces (time steps, environments) to ask about alone, in an order unlike the first.

    A program with memory must see every environment from its start; any other is also asked about the later half before
    the earlier one, and about one single row.
    """
    steps, envs = samples.shape
    everything = slice(None)
    narrow = [(everything, slice(i, i + 1)) for i in range(min(_FEW, envs))]
    if stepped:
        return narrow
    halves = [(slice(steps // 2, None), everything), (slice(0, steps // 2), everything)]
    return [(slice(0, 1), slice(0, 1)), *(halves if steps > 1 else []), *narrow]
