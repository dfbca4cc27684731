"""Try what a worker may not do, from within one."""

from collections.abc import Mapping

from autoreward.records import WorkerProtection
from autoreward.worker.attempts import attempt_in_worker
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import ProtectionJob


def try_walls(
    job: ProtectionJob, files: Mapping[str, bytes], context: JobContext
) -> tuple[WorkerProtection, dict[str, bytes]]:
    """What holds this worker, and every attempt that it made."""
    return attempt_in_worker(context.held, context.walls), {}
