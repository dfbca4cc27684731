"""Part weights tuned on pairs of recorded episodes, without a model: the better one of each should out-score the other.

Which one is better the task's rule says, or people's and judges' answers. Bradley-Terry (Christiano et al. 2017, arXiv 1706.03741),
over the logarithms of the weights, so that no sign turns; held near 1 by a penalty, as what is recorded is never all there is. Some
answers are slips: a share of them is taken to be given by a coin, which bounds what one of them can do (Wang et al. 2024, arXiv
2401.06080).
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping

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
SLIPS = 0.1
"""Share of people's and judges' answers that are taken to be given by a coin."""
_Array = NDArray[np.float64]


def tuned(parts: Mapping[str, _Array], goodness: _Array) -> dict[str, float]:
    """Factors for the parts; all 1 where no pair of episodes differs.

    Args:
        parts: each part's sum over each episode, shape (E,).
        goodness: how good each episode was, shape (E,).
    """
    better, worse = np.nonzero(goodness[:, None] > goodness[None, :] + _APART)
    features = np.stack(list(parts.values()), axis=1)
    factors = fitted_weights(features[better] - features[worse])
    return named_factors(parts, factors)


def named_factors(parts: Iterable[str], factors: _Array) -> dict[str, float]:
    """The factors by the names of their parts, to as many digits as a person would read."""
    return {name: readable(float(factor)) for name, factor in zip(parts, factors, strict=True)}


def fitted_weights(gaps: _Array, slips: float = 0.0, counts: _Array | None = None) -> _Array:
    """Factors for K parts by which the better side of each of P pairs is paid more; all 1 without a pair.

    Args:
        gaps: how much more each part pays in the better side of each pair, shape (P, K).
        slips: the share of pairs whose better side was named by a coin.
        counts: how much each pair counts, shape (P,); all alike if not given.

    Returns:
        The factors, shape (K,).
    """
    if not len(gaps):
        return np.ones(gaps.shape[1])
    share = np.full(len(gaps), 1.0 / len(gaps)) if counts is None else counts / counts.sum()
    gaps = gaps / (np.abs(gaps.sum(axis=1)).mean() or 1.0)
    logs = np.zeros(gaps.shape[1])
    for _ in range(_STEPS):
        weights = np.exp(logs)
        right = 1.0 / (1.0 + np.exp(-np.clip(gaps @ weights, -50, 50)))
        pull = (1.0 - slips) * right * (1.0 - right) / ((1.0 - slips) * right + slips / 2)
        slope = -((share * pull)[:, None] * gaps).sum(axis=0) * weights + 2 * _PENALTY * logs
        logs = np.clip(logs - _RATE * slope, -_FARTHEST, _FARTHEST)
    return np.asarray(np.exp(logs))


def retuned(
    task: Task,
    description: Description,
    parent: Candidate,
    factors: Mapping[str, float],
    why: str,
    identity: str,
) -> Candidate | None:
    """A program with other weights; None if they are hardly other ones, or it is no sum.

    Args:
        factors: by what each of its parts is multiplied.
        why: what the new weights do.
        identity: the new candidate's id.
    """
    if parent.composition != "sum" or all(abs(factor - 1.0) < _HARDLY for factor in factors.values()):
        return None
    changes = ", ".join(f"{name} x {factor:g}" for name, factor in factors.items())
    source, genome = (
        _regrown(task, description, parent, factors) if parent.genome else (weighted(parent.source, factors), "")
    )
    variant = parent.variant(identity, "weights", f"{parent.id} with weights {why}: {changes}")
    return variant.model_copy(update={"source": source, "genome": genome})


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
