"""One thing after the other in time: what is paid is coming further than before.

The main parts, in the order of ROLES, are stages: each goes from 0 to 1, where it is reached. An episode stands at k + part_k, with
k the stages reached so far, which are never lost again; a step is paid by how much that rises or falls, over the number of
stages. So an episode's sum is where it stands at its end, at most 1: leaving and coming back earns nothing, and nor does waiting
before the last stage, as it would if k + part_k were paid at each step (staged rewards as in ManiSkill, Mu et al. 2021).
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
    """The other parts + the change of where the episode stands; stages reached and where it stands, shape (2, n)."""
    nothing = np.zeros_like(next(iter(parts.values())))
    roles = fixed["roles"]
    stages = [np.clip(parts[name], 0.0, 1.0) for name, role in roles.items() if role == "main" and name in parts]
    other = reduce(np.add, [part for name, part in parts.items() if roles.get(name) != "main"], nothing)
    if not stages:
        return other, before
    reached, stood = np.broadcast_to(before, (2, *nothing.shape))
    for k, stage in enumerate(stages):
        reached = reached + ((reached == k) & (stage >= 1.0))
    on_the_way = reduce(np.add, [np.where(reached == k, stage, 0.0) for k, stage in enumerate(stages)])
    stands = (reached + on_the_way) / len(stages)
    return other + stands - stood, np.stack([reached, stands])


def _fault(setup: Setup, parts: Parts) -> str:
    stages = [name for name in parts if setup.roles.get(name) == "main"]
    if len(stages) < 2:
        return (
            "fewer than two parts have the role main: give it to each stage, in their order, with values from 0 to 1, where it is "
            'reached: ROLES = {"first": "main", "second": "main"}'
        )
    for name in stages:
        if (parts[name] < 0.0).any() or (parts[name] > 1.0).any():
            return f"the stage {name!r} leaves [0, 1]: make it 1 where the stage is reached and less before, such as exp(-distance)"
    return ""


STAGED = Carrying(
    "the parts of the role main are stages, in the order of ROLES, each from 0 to 1, where it is reached; paid is by how much an "
    "episode comes further, stages reached plus how near the next one is, over their number; all other parts are added. Standing "
    "still or leaving and coming back earns nothing",
    "sum(other) + stands - one_step_earlier(stands)",
    composed,
    _fault,
)
