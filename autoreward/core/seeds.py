"""Seeds as pure functions of (run seed, who, what for): the same run draws the same numbers on every resume."""

import hashlib

HELD_OUT_BASE = 1_000_000_000
"""Scoring seeds start here; training seeds stay below, so that no scored episode start was trained on."""


def derive(run_seed: int, *purpose: str | int) -> int:
    """A training-side seed in [0, HELD_OUT_BASE), from the run's seed and what it is for."""
    text = "/".join(str(part) for part in (run_seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % HELD_OUT_BASE


def held_out(purpose: str, count: int) -> tuple[int, ...]:
    """`count` scoring seeds for a purpose ("search" or "confirm"): the same for every candidate of every run."""
    first = HELD_OUT_BASE + derive(0, "held-out", purpose) % 500_000_000
    return tuple(range(first, first + count))
