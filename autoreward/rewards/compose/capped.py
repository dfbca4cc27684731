"""What guidance can earn in an episode is bounded, so that no amount of it is worth what it guides to.

The sum S of each dense part over an episode is kept within [-CAP, CAP]: a step is paid clip(S + part, -CAP, CAP) - S. A bound on
shaping, as the caps of Gao et al. 2024 (arXiv 2410.15115) on a reward model's steps, but over the whole episode: a cap on each
step alone makes every step cost something, and dying early pay. CAP is the program's own: only who wrote it knows what a success
pays.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.records import Setup
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Carrying, Fixed


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """The other parts + what the dense ones still may add, and their sums so far, shape (dense parts, n)."""
    nothing = np.zeros_like(next(iter(parts.values())))
    dense = [part for name, part in parts.items() if fixed["roles"].get(name) == "dense"]
    other = reduce(np.add, [part for name, part in parts.items() if fixed["roles"].get(name) != "dense"], nothing)
    if not dense:
        return other, before
    earned = np.broadcast_to(before, (len(dense), *nothing.shape))
    after = np.clip(earned + np.stack(dense), -fixed["cap"], fixed["cap"])
    return other + (after - earned).sum(axis=0), after


def _fault(setup: Setup, parts: Parts) -> str:
    if setup.cap is None:
        return (
            "the program does not say what any dense part may add to an episode: write CAP = 5.0 there, or "
            "another number below what a success pays"
        )
    if "dense" not in (setup.roles.get(name) for name in parts):
        return 'no part has the role "dense", so that nothing is capped: say which parts guide, ROLES = {"part": "dense", ...}'
    return ""


CAPPED = Carrying(
    "all parts added up, but what each part of the role dense adds to an episode stays within [-CAP, CAP], a number that the "
    "program states beside ROLES (CAP = 5.0): guidance that is not worth farming",
    "sum(other) + sum(s - one_step_earlier(s) for s in [along(lambda s, x: np.clip(s + x, -cap, cap), x) for x in dense])",
    composed,
    _fault,
)
