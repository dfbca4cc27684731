"""Build the files of an export from a finished run."""

import tomllib
from typing import Any

from autoreward.core.contract import NATIVE_REWARD
from autoreward.evaluation.costs import priced
from autoreward.export.loader_source import loader
from autoreward.export.render import (
    Formula,
    Markdown,
    NotWritable,
    SourceText,
    Word,
    code,
    literal,
    markdown,
    one_line,
    plain_markdown,
    python,
    shown,
    slug,
    toml,
)
from autoreward.export.verify import ExportProof
from autoreward.records import Candidate, PartStats, Run, Score
from autoreward.rewards.compose import COMPOSITIONS, as_read
from autoreward.rewards.compose.composition import COST, source_of
from autoreward.rewards.compose.lagrange import step_cost
from autoreward.store.header import RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.names import info_keys, of_info
from autoreward.tasks.tables import ActionField, StateField
from autoreward.version import __version__

PROGRAM, STATE_FILE = "program.py", "state.py"
_CLASSES = ("activation_fn", "optimizer_class")
"""Of a card's policy_kwargs, those that name a class."""


def reward_files(task: Task, winner: Candidate) -> dict[str, str]:
    """The Python files of a reward, by name: the program as it was written, and `reward.py`, which has all that is around it.

    Raises:
        NotWritable: a value of the card can't stand in a Python file.
    """
    files = {PROGRAM: winner.source, "reward.py": _adapter(task, winner)}
    if task.state_program:
        files[STATE_FILE] = task.state_program
    try:
        for text in files.values():
            text.encode()
    except UnicodeEncodeError as error:
        raise NotWritable(f"The program can't be written as UTF-8: {error.reason}.") from None
    return files


def _adapter(task: Task, winner: Candidate) -> str:
    composition = COMPOSITIONS[winner.composition]
    read = sorted({name for source in task.state_sources.values() for name in source.names})
    return python(
        "reward.py.j2",
        about=_about(task, winner),
        composition=winner.composition,
        composed=SourceText(composition.source()),
        carries=composition.carries,
        fixed=as_read(task.train.gamma, winner.setup),
        costs=_costs(task) if winner.setup.multipliers else {},
        step_cost=SourceText(source_of(step_cost)),
        acted=[name for name in task.action if name not in task.state],
        observed=[*task.state, "step", "terminated"],
        constants={name: constant.value for name, constant in task.constants.items()},
        env=task.env,
        kwargs=_kwargs(task),
        terminates=task.terminates,
        sensed=bool(task.state_program),
        info=tuple((path, info_keys(path), value) for path, value in task.info_at_reset.items()),
        unseen=_unseen(task),
        native=NATIVE_REWARD if task.uses_native else "",
        rescales=task.train.rescales,
        read=read,
        state={n: Formula(e.as_numpy(lambda name: f"seen[{name!r}]")) for n, e in task.state_sources.items()},
        action={n: Formula(e.as_numpy(str)) for n, e in task.action_sources.items()},
        loader=SourceText(loader()),
    )


def _costs(task: Task) -> dict[str, tuple[Formula, tuple[float, float, float, bool]]]:
    """What each limit's value is of what was seen in a step, and what `step_cost` makes of it."""
    return {
        f"{COST}{name}": (Formula(e.as_numpy(lambda read: f"seen[{read!r}]")), priced(task.limits[name]))
        for name, e in task.limit_formulas.items()
    }


def _unseen(task: Task) -> list[tuple[str, Formula]]:
    """What the card keeps from policies of the observation: each part with the index that is taken of it."""
    sources = [task.state_sources[name] for name in task.unseen]
    kept = [r for source in sources if not any(map(of_info, source.names)) for r in source.readings()]
    return [(min(r.names), Formula(r.as_numpy(lambda name: f"seen[{name!r}]"))) for r in kept]


def _about(task: Task, winner: Candidate) -> str:
    """What reward.py says of itself."""
    env = f"gymnasium.make({one_line(literal(task.env))}, **KWARGS)"
    lines = [
        shown(task.goal),
        "",
        shown(winner.thought),
        f"Written by autoreward {__version__} ({one_line(winner.origin)}) for the task {one_line(task.name)}.",
        f"The program itself is {PROGRAM}, as it was written; this file loads it from beside itself and gives it what it reads.",
        "It needs NumPy alone; what follows `compute_reward` here needs Gymnasium.",
        "",
        "    parts = compute_reward(state, action, next_state, memory)   # named parts, arrays over n transitions",
        f"    env = AutoReward({env})   # this reward in any Gymnasium loop",
        "    env = make()   # the same, and observes what the policy was trained on and takes what it gives: for policy.zip",
        "    env = make(own_actions=True)   # the same, and takes the environment's own actions: for policy.onnx",
        "    action = acted(action)   # the environment's own action of one that policy.zip gives; acted_vec(actions): of many",
        "    envs = make_vec(16)   # many of them as one vector environment; AutoRewardVec(envs) does it to one that is there",
        "",
        *([task.native_sentence, ""] if task.uses_native else []),
        "Fields of `state` and `next_state`:",
        *_fields(task.state),
        "Fields of `action`:",
        *_fields(task.action),
    ]
    return "\n".join(lines) + "\n"


def _fields(fields: dict[str, StateField] | dict[str, ActionField]) -> list[str]:
    return [
        f"- {one_line(name)}{f' [{one_line(field.unit)}]' if field.unit else ''}: {one_line(field.about)}"
        + ("" if isinstance(field, ActionField) or not field.turn else f" (comes round after {field.turn.period!r})")
        + ("" if isinstance(field, ActionField) or field.policy else " (not seen by the policy)")
        for name, field in fields.items()
    ]


def train_script(task: Task, score: Score, steps: int, learned: bool = False) -> str:
    """`train.py`: the kept policy's training, in plain SB3; `learned`: the training moved the reward, which stands still here."""
    given = task.train.policy_kwargs.given()
    plain = {name: value for name, value in given.items() if name not in _CLASSES}
    return python(
        "train.py.j2",
        algorithm=Word(task.train.algorithm),
        package=Word(task.train.spec.package),
        contrib=task.train.spec.package == "sb3_contrib",
        policy=task.train.policy,
        frame_stack=task.train.frame_stack,
        seed=score.seed % 2**31,
        steps=steps,
        learned=learned,
        snapshots=task.train.snapshots,
        kept=score.kept,
        envs=task.train.envs,
        normalize_observations=task.train.normalize_observations,
        normalize_rewards=task.train.normalize_rewards,
        gamma=task.train.gamma,
        device=task.train.device,
        policy_kwargs={"net_arch": task.train.net_arch, **plain},
        classes={name: Word(value) for name, value in given.items() if name in _CLASSES},
        settings=dict(task.train.hyperparameters),
    )


def model_card(header: RunHeader, run: Run, winner: Candidate, shares: tuple[PartStats, ...], **more: Any) -> str:
    """`card.md`: what it is, how good, how sure, and what is known against it."""
    formula = Markdown(
        f"Parts are combined by {code(winner.composition)}: {code(COMPOSITIONS[winner.composition].formula)}."
    )
    if winner.settings:
        formula = Markdown(
            f"{formula} It trained with {code(winner.settings_line)} in place of the task card's settings."
        )
    return markdown("card.md.j2", version=__version__, header=header, task=header.task, run=run, thought=winner.thought,
                    formula=formula, shares=shares, multipliers=winner.setup.multipliers, episodes=header.config.episodes,
                    code=code, number=_number, paragraphs=_paragraphs, **more)  # fmt: skip


def _number(form: str, value: float) -> Markdown:
    """A number of ours, in a form such as `.2f`."""
    return Markdown(format(value, form))


def _paragraphs(text: str) -> Markdown:
    """Words of several lines, each line a line."""
    return Markdown("\n".join(plain_markdown(line) for line in shown(text).split("\n")))


def proven(proof: ExportProof) -> str:
    """What was compared before the files were written, in a sentence for the card."""
    close = "equal to the bit" if proof.largest == 0.0 else f"equal within {proof.largest:.1g}"
    return (
        f"Before these files were written, they were loaded in a locked process with NumPy alone and asked about "
        f"{proof.rows:,} recorded transitions ({', '.join(proof.of)}): all {proof.parts} parts, and the combined reward step by "
        f"step over {proof.episodes:,} episode starts, are {close} to what training computes."
    )


def packaging(task: Task) -> str:
    """`pyproject.toml` of the folder, so that `pip install .` makes `import reward` work. Raises NotWritable."""
    files = ["reward.py", PROGRAM, *([STATE_FILE] if task.state_program else [])]
    name = f"{slug(task.name)}-reward"
    description = f"A reward function for {one_line(task.env)[:200]}, written by autoreward"
    text = (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        f'[project]\nname = {toml(name)}\nversion = "1.0.0"\ndescription = {toml(description)}\n'
        'requires-python = ">=3.10"\ndependencies = ["numpy"]\n\n'
        f"[tool.hatch.build.targets.wheel]\nonly-include = [{', '.join(map(toml, files))}]\n"
    )
    read = tomllib.loads(text)
    expected = {"name": name, "version": "1.0.0", "description": one_line(description), "requires-python": ">=3.10"}
    if len(read) != 3 or read["project"] != {**expected, "dependencies": ["numpy"]}:
        raise NotWritable(
            f"pyproject.toml would not say what it should of the task {task.name!r}, so it is not written."
        )
    return text


def _kwargs(task: Task) -> dict[str, Any]:
    """Further arguments of gymnasium.make."""
    limit = {"max_episode_steps": task.max_steps} if task.max_steps is not None else {}
    return {**task.kwargs, **limit}
