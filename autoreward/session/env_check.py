"""Checks of environments: on their own, by an id in a worker or as they are in this process, and under a card."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autoreward.core.visible import is_environment
from autoreward.errors import TaskError
from autoreward.records import Audit, AuditItem, EnvCheck, EnvRow
from autoreward.sandbox.jail import Jail
from autoreward.store.trust import demand, of_card
from autoreward.tasks.card import Task
from autoreward.tasks.files import placeholder_task
from autoreward.tasks.process import process_of
from autoreward.training.workers import Workers

_NAME = "environment"


def check_env(env: Any, kwargs: Mapping[str, object] | None = None, allow: Sequence[str] = ()) -> EnvCheck:
    """What could go wrong with an environment, in training or before, as `autoreward doctor` says it of one.

        print(ar.check_env("LunarLander-v3"))    # a row each: fail, warn or note, what was found, what to do
        ar.check_env(MyEnv()).failed             # the rows for which nothing can be trained; empty if all is well

    Gymnasium's checker comes first, then Stable-Baselines3's, then ours: seeds, observations, rewards, spaces, time limits, speed,
    what it prints, starts, opens and changes for others.

    Args:
        env: an id or a Gymnasium environment. That of an id is made and checked in a worker: a crash or a hang is a row, too.
            A given one is checked in this process as it is, where nothing holds it.
        kwargs: arguments for gymnasium.make.
        allow: what the environment of an id may do beyond computing: `programs`, `network`, `read=PATH`, `write=PATH`.

    Raises:
        UsageError: it is no id, or nothing of that name can be allowed.
        JailError: no worker can be started here.
    """
    return _registered(env, kwargs or {}, allow) if isinstance(env, str) else _given(env)


def audit_tasks(tasks: Sequence[Task]) -> Iterator[Audit]:
    """Hold task cards against their environments, one by one; a card that does not fit at all is one failed item."""
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program is run here
        for task in tasks:
            demand(of_card(task), f"task {task.name}")
            rows: tuple[EnvRow, ...] = ()
            try:
                check = workers.check_env(task)
                rows = tuple(row for row in check.rows if row.gravity != "note")
                items = () if check.failed else workers.audit(task).items
            except TaskError as error:
                items = (AuditItem(name="environment", ok=False, message=str(error)),)
            found = tuple(AuditItem(name=r.name, ok=r.gravity != "fail", message=r.sentence) for r in rows)
            yield Audit(task=task.name, items=(*found, *items))


def _registered(env: str, kwargs: Mapping[str, object], allow: Sequence[str]) -> EnvCheck:
    process = process_of(env, allow, Path.cwd()).seen_from(Path.cwd())
    task = placeholder_task(env, kwargs, _NAME).model_copy(update={"process": process})
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program is run here
        return workers.check_env(task)


def _given(env: Any) -> EnvCheck:
    from autoreward.worker.checking.check import Asked, all_checks

    name = env.spec.id if env.spec else type(env.unwrapped).__name__
    task = placeholder_task(name if is_environment(name) else _NAME, {}, _NAME)
    return all_checks(Asked(task, lambda: env, renewable=False))
