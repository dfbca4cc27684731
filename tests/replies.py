"""Forty raw answers of the kinds that models give, with the usual faults; and how the model answers the finding, if asked.

The task has fields `x` (n,) and `v` (n, 2) and a discrete action `push`.
"""

import json
from typing import Any, NamedTuple

SIGNATURE = "def compute_reward(state, action, next_state, memory):\n"
GOOD = (
    SIGNATURE
    + """    \"\"\"Close to zero.\"\"\"
    return {"near": np.exp(-np.abs(next_state.x)), "calm": -0.1 * np.abs(next_state.v).sum(axis=-1)}
"""
)


class Raw(NamedTuple):
    """One answer, and the repair that the finding asks for."""

    name: str
    text: str
    repaired: str = ""
    """Source of the corrected program; empty: none should be asked for."""


def _idea(source: str, **more: Any) -> dict[str, Any]:
    return {"thought": "stay close", "parent": "", "composition": "sum", "source": source} | more


def _json(source: str) -> str:
    return json.dumps({"ideas": [_idea(source)]})


def _body(*lines: str) -> str:
    return SIGNATURE + "".join(f"    {line}\n" for line in lines)


def _fence(source: str, language: str = "python") -> str:
    return f"```{language}\n{source}```\n"


RAW = [
    # the shape of the answer
    Raw("plain json", _json(GOOD)),
    Raw("json in a fence", _fence(_json(GOOD), "json")),
    Raw("prose around json", "Sure! Here it is:\n\n" + _json(GOOD) + "\n\nLet me know if it should be changed."),
    Raw("prose around code", "I would reward closeness.\n\n" + _fence(GOOD) + "\nThis keeps it calm as well."),
    Raw("code alone", GOOD),
    Raw("code in a nameless fence", _fence(GOOD, "")),
    Raw("an unclosed fence", "```python\n" + GOOD),
    Raw("a fence inside the source", _json(_fence(GOOD))),
    Raw("helpers in a block of their own", _fence("def gap(s):\n    return np.abs(s.x)\n") + "and then\n"
        + _fence(_body('return {"near": np.exp(-gap(next_state))}'))),
    Raw("another schema", json.dumps({"rewards": [{"code": GOOD}]}), GOOD),
    Raw("a list instead of an object", json.dumps([_idea(GOOD)]), GOOD),
    Raw("flipped structure", json.dumps({"source": GOOD, "thought": "x", "ideas": "see source"}), GOOD),
    Raw("an invented composition", json.dumps({"ideas": [_idea(GOOD, composition="harmonic mean")]}), GOOD),
    Raw("an invented parent", json.dumps({"ideas": [_idea(GOOD, parent="r099c9")]})),
    Raw("an unterminated string", '{"ideas": [{"thought": "stay close", "source": "def compute', GOOD),
    Raw("single quotes", str({"ideas": [_idea(GOOD)]}), GOOD),
    # imports
    Raw("imports numpy", _json("import numpy as np\n\n" + GOOD)),
    Raw("imports numpy under its own name", _json("import numpy\n\n" + GOOD.replace("np.", "numpy."))),
    Raw("imports typing", _json("from typing import Dict, Tuple\n\n" + GOOD)),
    Raw("annotates", _json("import numpy as np\nfrom typing import Any\n\n"
        + GOOD.replace("memory):", "memory) -> dict[str, np.ndarray]:"))),
    Raw("imports torch", _json("import torch\n\n" + GOOD.replace("np.exp", "torch.exp")), GOOD),
    Raw("imports scipy", _json("from scipy.spatial.distance import cdist\n\n" + GOOD), GOOD),
    Raw("missing import of math", _json(_body("scale = math.sqrt(2.0)", 'return {"near": -np.abs(next_state.x) / scale}'))),
    # the program
    Raw("scalar code", _json(_body("if abs(next_state.x) < 0.1:", "    return {'a': 1.0}", "return {'a': 0.0}")), GOOD),
    Raw("done: return -100", _json(_body("if next_state.terminated:", "    return -100", "return -abs(next_state.x)")), GOOD),
    Raw("a sum instead of parts", _json(_body("return -np.abs(next_state.x)")), GOOD),
    Raw("total and parts as a tuple", _json(_body("near = -np.abs(next_state.x)", 'return near, {"near": near}')), GOOD),
    Raw("a constant part as a number", _json(_body('return {"near": -np.abs(next_state.x), "time": -0.1}')), GOOD),
    Raw("a name that is not there", _json(_body('return {"near": -np.abs(next_state.x - target)}')), GOOD),
    Raw("a field that is not there", _json(_body('return {"near": -np.abs(next_state.position)}')), GOOD),
    Raw("observation indices", _json(_body('return {"near": -np.abs(next_state[0])}')), GOOD),
    Raw("another signature", _json(GOOD.replace("state, action, next_state, memory", "obs, action")), GOOD),
    Raw("a class", _json("class Reward:\n    pass\n\n" + GOOD), GOOD),
    Raw("two functions", _json("def near(x):\n    return np.exp(-np.abs(x))\n\n" + _body('return {"near": near(next_state.x)}'))),
    Raw("recursion", _json("def depth(k):\n    return 0 if k == 0 else 1 + depth(k - 1)\n\n"
        + _body('return {"near": next_state.x * depth(3)}'))),
    Raw("endless recursion", _json("def f(x):\n    return f(x)\n\n" + _body('return {"near": f(next_state.x)}')), GOOD),
    Raw("a vector for a part", _json(_body('return {"calm": -np.abs(next_state.v)}')), GOOD),
    Raw("a division by zero", _json(_body('return {"near": 1.0 / (next_state.x * 0.0)}')), GOOD),
    Raw("state kept in a global", _json("best = [0.0]\n\n" + _body("best.append(1.0)", 'return {"a": next_state.x * best[-1]}')),
        GOOD),
    Raw("random exploration bonus", _json(_body('return {"a": next_state.x + np.random.randn(len(next_state.x))}')), GOOD),
]  # fmt: skip
