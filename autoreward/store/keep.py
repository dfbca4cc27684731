"""`best/`: what people keep of a run: the winning reward as one file, its policy, and how both were made."""

import json
from collections.abc import Mapping

from autoreward import __version__
from autoreward.compose import COMPOSITIONS
from autoreward.records import Candidate, Run, Score
from autoreward.tasks import Task

_HEADER = '''"""Reward for: {goal}

{thought}
Written by autoreward {version} ({origin}) for the task {task!r} on {env}. Needs NumPy alone.

    parts = compute_reward(state, action, next_state, memory)      # named parts, each of shape (n,)
{formula}

Fields of `state` and `next_state` (arrays over n transitions, in the environment's units):
{state}
Fields of `action`:
{action}
"""

import math  # noqa: F401
import numpy as np

'''


def reward_file(task: Task, winner: Candidate) -> str:
    """`reward.py`: the winner's source with a header that says what its inputs are; it imports NumPy alone."""
    lines = [line for line in winner.source.splitlines() if line.strip() not in ("import numpy as np", "import math")]
    header = _HEADER.format(
        formula=_formula(winner.composition),
        goal=_plain(task.goal),
        thought=_plain(winner.thought),
        version=__version__,
        origin=winner.origin,
        task=task.name,
        env=task.env,
        state="\n".join(f"- {n}: {_plain(f.about)}{_unit(f.unit)}; {f.source}" for n, f in task.state.items()),
        action="\n".join(f"- {n}: {_plain(f.about)}{_unit(f.unit)}; {f.source}" for n, f in task.action.items()),
    )
    return header + "\n".join(lines).strip() + "\n"


def manifest(task: Task, run: Run, winner: Candidate | None, kept: Score | None, versions: Mapping[str, str]) -> str:
    """`manifest.json`: what the policy and the reward are, how they were made and what was measured."""
    return json.dumps(
        {
            "autoreward": __version__,
            "task": task.model_dump(mode="json"),
            "winner": run.best,
            "reward": winner
            and {
                "thought": winner.thought,
                "origin": winner.origin,
                "composition": winner.composition,
                "formula": COMPOSITIONS[winner.composition].formula,
            },
            "policy": None
            if kept is None
            else {
                "trial": kept.trial_id,
                "checkpoint_step": kept.kept,
                "success": kept.success,
                "note": "picked from several trainings by its held-out success, so this number is optimistic; "
                "the confirmed interval is not",
            },
            "confirmed": [c.model_dump(mode="json") for c in run.confirmed],
            "tier": run.tier,
            "versions": dict(versions),
        },
        indent=2,
    )


def _formula(composition: str) -> str:
    """How the parts become one number, as lines of the header."""
    formula = COMPOSITIONS[composition].formula
    named = [] if "first" not in formula else ["first, *others = parts.values()"]
    return "\n".join(f"    {line}" for line in (*named, f"reward = {formula}"))


def _plain(text: str) -> str:
    """Text that can't end the header's docstring."""
    return text.replace("\\", "/").replace('"""', "'''").strip()


def _unit(unit: str) -> str:
    return f" [{unit}]" if unit else ""
