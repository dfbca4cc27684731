"""Build the files of an export from a finished run."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from autoreward import __version__
from autoreward.compose import COMPOSITIONS
from autoreward.records import Candidate, Description, PartStats, Run, Score
from autoreward.store.header import RunHeader
from autoreward.tasks import Task

_SUM = "np.sum(list(parts.values()), axis=0)"
COMBINE = {
    "sum": f"    return float({_SUM}[0]), 0.0",
    "bounded": f"    return float(np.tanh({_SUM}[0] / 2.0)), 0.0",
    "sign": "    first, *others = parts.values()\n"
    "    return float(np.sign(first[0]) + 0.1 * np.sign(np.sum(others, axis=0)[0] if others else 0.0)), 0.0",
    "product": "    first, *others = parts.values()\n"
    "    return float(first[0] * np.prod([np.clip(other[0], 0.0, 1.0) for other in others])), 0.0",
    "potential": "    first, *others = parts.values()\n"
    "    after = 0.0 if terminated or not others else float(np.sum(others, axis=0)[0])\n"
    "    return float(first[0] + GAMMA * after - before), after",
}


BEGIN = "# --- the reward ---"
END = "# --- from single steps to the program and back ---"
"""What stands before and after the program in an exported file."""


def reward_module(task: Task, winner: Candidate, description: Description) -> str:
    """`reward.py`: the program, and everything between it and a Gymnasium environment."""
    sources = {name: e.as_numpy(_variable) for name, e in task.state_sources.items()}
    used = {name for e in task.state_sources.values() for name in e.names}
    sensed = bool(task.state_program)
    keyed = sensed or len(used) > 1
    lines = [f"{_variable(name)} = {_reading(name, keyed)}" for name in sorted(used)]
    return _render(
        "reward.py.j2",
        task=task,
        goal=_text(task.goal),
        thought=_text(winner.thought),
        origin=winner.origin,
        kwargs=_kwargs(task),
        gamma=task.train.gamma,
        program=task.state_program.strip(),
        begin=BEGIN,
        source=_body(winner.source),
        end=END,
        composition=winner.composition,
        combine=COMBINE[winner.composition],
        reading=lines,
        state=sources,
        action={name: e.as_numpy(_variable) for name, e in task.action_sources.items()},
        continuous=not any(f.discrete for f in description.action),
        observed="observe(self.env.unwrapped, observation, info)" if sensed else "observation",
        plain=_text,
    )


def program_in(text: str) -> str:
    """The program in the text of an exported `reward.py`; any other text as it is."""
    _, begin, rest = text.partition(BEGIN)
    program, end, _ = rest.partition(END)
    return program.strip() + "\n" if begin and end else text


def composition_in(text: str) -> str | None:
    """What a reward file, an exported one or a person's own, sets as COMPOSITION; None if it sets nothing."""
    head, _, _ = text.partition(BEGIN)
    found = re.search(r"""^COMPOSITION *= *["']?([^"'\s#]*)""", head, re.MULTILINE)
    return found[1] if found else None


def train_script(task: Task, score: Score, steps: int) -> str:
    """`train.py`: the kept policy's training, in plain SB3."""
    net = list(task.train.net)
    return _render(
        "train.py.j2",
        algorithm=task.train.algorithm,
        seed=score.seed % 2**31,
        steps=steps,
        kept=score.kept,
        env=task.env,
        kwargs=_kwargs(task),
        envs=task.train.envs,
        normalize_observations=task.train.normalize_observations,
        normalize_rewards=task.train.normalize_rewards,
        gamma=task.train.gamma,
        net={"pi": net, "vf": net} if task.train.algorithm in ("PPO", "A2C") else net,
        hyperparameters={k: repr(v) for k, v in task.train.hyperparameters.items()},
    )


def model_card(header: RunHeader, run: Run, winner: Candidate, shares: tuple[PartStats, ...], **more: Any) -> str:
    """`card.md`: what it is, how good, how sure, and what is known against it."""
    formula = f"Parts are combined by `{winner.composition}`: `{COMPOSITIONS[winner.composition].formula}`."
    return _render("card.md.j2", header=header, task=header.task, goal=header.task.goal, run=run, thought=winner.thought,
                   formula=formula, shares=shares, episodes=header.config.episodes, **more)  # fmt: skip


def packaging(task: Task) -> str:
    """`pyproject.toml` of the folder, so that `pip install .` makes `import reward` work."""
    name = f"{task.name}-reward"
    return (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        f'[project]\nname = "{name}"\nversion = "1.0.0"\ndescription = "A reward function for {task.env}, written by autoreward"\n'
        'requires-python = ">=3.9"\ndependencies = ["numpy"]\n\n'
        '[tool.hatch.build.targets.wheel]\nonly-include = ["reward.py"]\n'
    )


def _variable(name: str) -> str:
    """What `obs` or `obs.KEY` is called in `reward.py`."""
    return name.replace(".", "_")


def _reading(name: str, keyed: bool) -> str:
    """NumPy source that reads `obs` or `obs.KEY` of one observation; `keyed`: it is a dict."""
    if name == "obs" and keyed:
        return "np.concatenate([np.ravel(part) for part in observation.values()]).astype(np.float64)[None]"
    if name == "obs":
        return "np.asarray(observation, dtype=np.float64).reshape(1, -1)"
    key = name.partition(".")[2]
    if key == "value":
        return "np.asarray(observation)[None]"
    if key.startswith("item") and key[4:].isdigit():
        return f"np.asarray(observation[{key[4:]}], dtype=np.float64)[None]"
    return f"np.atleast_1d(np.asarray(observation[{key!r}], dtype=np.float64))[None]"


def _kwargs(task: Task) -> str:
    """Further arguments of gymnasium.make, as source."""
    given: dict[str, Any] = dict(task.kwargs)
    if task.max_steps is not None:
        given["max_episode_steps"] = task.max_steps
    return "".join(f", {name}={value!r}" for name, value in given.items())


def _body(source: str) -> str:
    dropped = ("import numpy as np", "import math", "from __future__")
    return "\n".join(line for line in source.splitlines() if not line.strip().startswith(dropped)).strip()


def _text(text: str) -> str:
    """Text that can't end a docstring."""
    return text.replace("\\", "/").replace('"""', "'''").strip()


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("autoreward.export", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Python and Markdown, not HTML
    )


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(version=__version__, **values)
