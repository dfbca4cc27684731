"""Check an environment: what comes of it is sent row by row, since it may end the process."""

import os
from collections.abc import Mapping

from autoreward.records import Allowed, EnvCheck
from autoreward.worker.checking.check import Asked, all_checks
from autoreward.worker.envs import make
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import CHECKED_SO_FAR, CheckEnvJob


def check_in_worker(
    job: CheckEnvJob, files: Mapping[str, bytes], context: JobContext
) -> tuple[EnvCheck, dict[str, bytes]]:
    """Run every check; the report has their rows, and the file has those that were there before the last one."""
    allowed: list[Allowed] = [kind for kind in ("network", "programs") if getattr(context.walls, kind)]
    asked = Asked(
        job.task,
        lambda: make.registered(job.task),
        patience=job.patience,
        printed=lambda: os.fstat(2).st_size,  # all that it prints goes into one file: see `Job.heard`
        allowed=frozenset(allowed),
    )
    found = all_checks(asked, lambda so_far: context.send(CHECKED_SO_FAR, so_far.model_dump_json().encode()))
    return found, {CHECKED_SO_FAR: found.model_dump_json().encode()}
