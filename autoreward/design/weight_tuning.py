"""Part weights tuned on recorded episodes, without a model: better episodes should out-score worse ones.

Bradley-Terry on pairs of episodes (Christiano et al. 2017, arXiv 1706.03741), over the logarithms of the weights, so that no sign
turns; held near 1 by a penalty, as what is recorded is never all there is.
"""

import json
import re
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.design.grammar.kit import Kit
from autoreward.design.grammar.program import source as program
from autoreward.design.grammar.quantities import readable
from autoreward.design.grammar.terms import Genome, part_names
from autoreward.records import Candidate, Description
from autoreward.rewards.gate.gate import FUNCTION
from autoreward.tasks.card import Task

_STEPS = 400
_RATE = 0.1
_PENALTY = 0.02
_APART = 0.05
"""Difference of goodness from which one episode counts as better."""
_FARTHEST = 1.6
"""Largest change of a weight's logarithm: a factor of 5."""
_HARDLY = 0.1
"""A factor nearer to 1 than this changes nothing."""
_Array = NDArray[np.float64]


def tuned(parts: Mapping[str, _Array], goodness: _Array) -> dict[str, float]:
    """Factors for the parts; all 1 where no pair of episodes differs.

    Args:
        parts: each part's sum over each episode, shape (E,).
        goodness: how good each episode was, shape (E,).
    """
    names = list(parts)
    better, worse = np.nonzero(goodness[:, None] > goodness[None, :] + _APART)
    if not len(better):
        return dict.fromkeys(names, 1.0)
    features = np.stack([parts[name] for name in names], axis=1)
    gaps = features[better] - features[worse]
    gaps = gaps / (np.abs(gaps.sum(axis=1)).mean() or 1.0)
    logs = np.zeros(len(names))
    for _ in range(_STEPS):
        weights = np.exp(logs)
        wrong = 1.0 / (1.0 + np.exp(np.clip(gaps @ weights, -50, 50)))
        slope = -(wrong[:, None] * gaps).mean(axis=0) * weights + 2 * _PENALTY * logs
        logs = np.clip(logs - _RATE * slope, -_FARTHEST, _FARTHEST)
    return {name: readable(float(weight)) for name, weight in zip(names, np.exp(logs), strict=True)}


def retuned(
    task: Task,
    description: Description,
    parent: Candidate,
    parts: Mapping[str, _Array],
    goodness: _Array,
    identity: str,
) -> Candidate | None:
    """A program with weights that rank the recorded episodes better; None if it gains nothing by them.

    Args:
        parts: each of its parts' sum over each recorded episode, shape (E,).
        goodness: how good each episode was, shape (E,).
        identity: the new candidate's id.
    """
    factors = tuned(parts, goodness) if parent.composition == "sum" else {}
    if all(abs(factor - 1.0) < _HARDLY for factor in factors.values()):
        return None
    changes = ", ".join(f"{name} x {factor:g}" for name, factor in factors.items())
    source, genome = (
        _regrown(task, description, parent, factors) if parent.genome else (weighted(parent.source, factors), "")
    )
    return parent.model_copy(
        update={
            "id": identity,
            "source": source,
            "thought": f"{parent.id} with weights that rank {len(goodness)} recorded episodes better: {changes}",
            "how": "weights",
            "parents": (parent.id,),
            "genome": genome,
            "remarks": (),
        }
    )


def _regrown(task: Task, description: Description, parent: Candidate, factors: Mapping[str, float]) -> tuple[str, str]:
    """Source and genome of a program of the grammar's, its own weights scaled."""
    things, old = Kit(task, description).things, Genome.model_validate_json(parent.genome)
    names = part_names(old, things)
    new = Genome(
        terms=tuple(
            t.model_copy(update={"weight": _product(t.weight, factors.get(names[t.slot], 1.0))}) for t in old.terms
        )
    )
    return program(task, new, things), new.model_dump_json()


def weighted(source: str, factors: Mapping[str, float]) -> str:
    """The program with its parts scaled; its own function becomes a helper. One that was scaled before gets new weights."""
    scaled = _SCALED.search(source)
    if scaled and source.endswith(_tail(scaled["helper"], scaled["weights"], scaled["numbers"])):
        before = json.loads(scaled["numbers"])
        both = {name: _product(before.get(name, 1.0), factors.get(name, 1.0)) for name in before | factors}
        return source[: scaled.start()] + _tail(scaled["helper"], scaled["weights"], json.dumps(both))
    words = set(re.findall(r"\w+", source))
    helper, weights = _free("unweighted_reward", words), _free("WEIGHTS", words)
    inner = re.sub(rf"\b{FUNCTION}\b", helper, source).rstrip() + "\n"
    return inner + _tail(helper, weights, json.dumps(dict(factors)))


_PAIR = r'"\w+": \d+(?:\.\d+)?(?:e-?\d+)?'
_SCALED = re.compile(
    rf"\n\n(?P<weights>\w+) = (?P<numbers>{{{_PAIR}(?:, {_PAIR})*}})  # tuned on recorded episodes\n"
    r'.*"""The parts of (?P<helper>\w+)',
    re.DOTALL,
)
"""A program that `_tail` may be the end of."""


def _tail(helper: str, weights: str, numbers: str) -> str:
    """What scales the parts that `helper` gives, at the end of a program."""
    return f"""

{weights} = {numbers}  # tuned on recorded episodes


def {FUNCTION}(state, action, next_state, memory):
    \"\"\"The parts of {helper}, scaled.\"\"\"
    parts = {helper}(state, action, next_state, memory)
    return {{name: {weights}.get(name, 1.0) * part for name, part in parts.items()}}
"""


def _free(name: str, words: Collection[str]) -> str:
    """The name, or the name with a number, that is none of the `words`."""
    names = (name, *(f"{name}_{number}" for number in range(2, len(words) + 3)))
    return next(n for n in names if n not in words)


def _product(one: float, other: float) -> float:
    """To as many digits as a person would write."""
    return float(f"{one * other:g}")
