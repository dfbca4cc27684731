"""All checks of one environment, in their order; what one of them raises is a row."""

import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autoreward.core.visible import visible_line
from autoreward.errors import TaskError
from autoreward.records import Allowed, EnvCheck, EnvRow
from autoreward.records.env_checks import LAST_CHECK
from autoreward.tasks.card import Task
from autoreward.worker import denied
from autoreward.worker.checking.declared import playable, trainable
from autoreward.worker.checking.others import gymnasium_says, sb3_says
from autoreward.worker.checking.seeds import global_state, repeatable
from autoreward.worker.checking.steps import random_steps
from autoreward.worker.checking.subject import Env, NotBesideAnother, Subject, Watched, limited, traced
from autoreward.worker.envs.faults import apart
from autoreward.worker.envs.handlers import interrupted

_LONGEST = 300
"""Letters of what an environment says when it fails."""
_NOT_ITS_OWN = ("site-packages", "/autoreward/worker/", os.path.dirname(os.__file__))  # noqa: PTH120 - as in tracebacks
"""In the names of files that are no environment's."""
_MAKING_IT = "making it"
_SPACES = "its spaces"
_CHECKS: tuple[tuple[str, Callable[[Subject], Iterator[EnvRow]]], ...] = (
    ("Gymnasium's checker", gymnasium_says),
    ("Stable-Baselines3's checker", sb3_says),
    (_SPACES, trainable),
    ("episodes of the same seed", repeatable),
    ("random steps", random_steps),
    ("what it changes for others", global_state),
)


class Asked(NamedTuple):
    """How an environment is to be checked."""

    task: Task
    make: Callable[[], Env]
    """Makes one."""
    renewable: bool = True
    """Whether it makes another one each time."""
    patience: float = 0.0
    """See `Subject`, as for what it printed."""
    printed: Callable[[], int] = lambda: 0
    allowed: frozenset[Allowed] = frozenset(("network", "programs"))
    steps: int = 2_000


def all_checks(asked: Asked, tell: Callable[[EnvCheck], None] = lambda so_far: None) -> EnvCheck:
    """Every check of an environment; `tell` hears what was found whenever a check begins."""
    done = EnvCheck(env=asked.task.env)

    def add(rows: Iterator[EnvRow]) -> None:
        nonlocal done
        found = (row for row in rows if row not in done.rows)
        for row in found:
            done = done.model_copy(update={"rows": (*done.rows, row)})

    def another() -> Env:
        try:
            return Watched(asked.make(), asked.patience, calls, unclosed)
        except Exception as error:
            raise NotBesideAnother from error

    folder, errors = Path.cwd(), np.geterr()
    calls, unclosed = [_MAKING_IT], list[BaseException]()
    with traced() as traces, warnings.catch_warnings(action="ignore"):
        tell(done.model_copy(update={"doing": _MAKING_IT}))
        try:
            with limited(asked.patience):
                env = Watched(asked.make(), asked.patience, calls, unclosed)
        except TaskError as error:
            add(iter([_unmade(str(error), asked.task)]))
            return done
        except BaseException as error:  # an environment may raise anything
            if interrupted(error):
                raise
            add(iter([_raised(error, _MAKING_IT)]))
            return done
        subject = Subject(
            task=asked.task,
            env=env,
            another=another if asked.renewable else None,
            printed=asked.printed,
            traces=traces,
            patience=asked.patience,
            steps=asked.steps,
            errors={kind: str(treated) for kind, treated in errors.items()},
        )
        for name, check in _CHECKS:
            tell(done.model_copy(update={"doing": name}))
            try:
                add(check(subject))
            except NotBesideAnother as error:
                add(iter([_alone(error)]))
            except BaseException as error:
                if interrupted(error):
                    raise
                add(iter([_raised(error, calls[-1])]))
            if name == _SPACES and not playable(env):
                break
        add(_beyond_computing(traces, asked.allowed, any(row.asks for row in done.rows)))
        os.chdir(folder)
        np.seterr(**errors)
        if asked.renewable:  # last: one that hangs there loses none of the rows
            tell(done.model_copy(update={"doing": LAST_CHECK}))
            env.close()
            add(_not_closed(unclosed))
    return done


def _alone(error: NotBesideAnother) -> EnvRow:
    words = visible_line(f"{type(error.__cause__).__name__}: {error.__cause__}", _LONGEST)
    return EnvRow(
        name="side by side",
        gravity="fail",
        found=f"while there is one, a second one in the same process can't be made: {words}",
        advice="Give each one what it needs alone, such as a port or a lock: trainings and scores play several in one process.",
    )


def _unmade(words: str, task: Task) -> EnvRow:
    return EnvRow(name="made", gravity="fail", found=words.removeprefix(f"task {task.name}: "))


def _raised(error: BaseException, call: str) -> EnvRow:
    """What a call of the environment raised, where, and what to do about it."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    last = next((f for f in frames if not any(place in f.filename for place in _NOT_ITS_OWN)), None)
    place = f" ({Path(last.filename).name}, line {last.lineno})" if last else ""
    advice, asks = denied.advice(error)
    advice = advice or ("" if last else apart(error))
    words = visible_line(str(error), _LONGEST)
    return EnvRow(
        name="error",
        gravity="fail",
        found=f"{call} raises {type(error).__name__}{f': {words}' if words else ''}{place}",
        advice=f"{advice}." if advice else _mend(error, call),
        asks=asks,
    )


def _mend(error: BaseException, call: str) -> str:
    if call != _MAKING_IT:
        return "Mend it: one episode now and then may be lost to it, more end a training."
    if isinstance(error, SystemExit):
        return 'Nothing that is imported may leave Python: have what reads arguments stand under `if __name__ == "__main__":`.'
    return "Mend it: nothing can be trained without it."


def _not_closed(unclosed: Sequence[BaseException]) -> Iterator[EnvRow]:
    for error in unclosed[:1]:
        words = visible_line(f"{type(error).__name__}: {error}", _LONGEST)
        yield EnvRow(
            name="close",
            gravity="note",
            found=f"close raises {words}",
            advice="Handled: it is closed last, and nothing is lost by that.",
        )


def _beyond_computing(traces: set[str], allowed: frozenset[Allowed], told: bool) -> Iterator[EnvRow]:
    """Rows on programs, sockets and the current folder; `told`: an error says already that one was refused."""
    kinds: dict[Allowed, tuple[str, str]] = {
        "programs": ("programs", "it starts programs or processes"),
        "network": ("sockets", "it opens sockets"),
    }
    for kind, (name, found) in kinds.items():
        if kind in traces and kind in allowed:
            yield EnvRow(
                name=name, gravity="note", found=found, advice=f"Its card has to allow it: [process] {kind} = true."
            )
        elif kind in traces and not told:
            yield EnvRow(
                name=name,
                gravity="warn",
                found=f"{found}, was refused, and went on without",
                advice=f"If it needs that and you trust it, write into its card: [process] {kind} = true.",
                asks=(kind,),
            )
    if "folder" in traces:
        yield EnvRow(
            name="folder",
            gravity="note",
            found="it changes the current folder of its process",
            advice="Handled: its process has folders of its own. Elsewhere what else runs there finds its files no more.",
        )
