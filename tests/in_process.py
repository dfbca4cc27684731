"""Jobs of workers done in the process of a test, where nothing holds them."""

import socket
from collections.abc import Callable
from contextlib import ExitStack

from autoreward.records import SNAPSHOTS_FILE, TRAINING_STATE, Trial, TrialJob
from autoreward.tasks.card import Task
from autoreward.worker.confine import Held
from autoreward.worker.jobs import onnx_graph, sb3_files
from autoreward.worker.jobs import train as train_file
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import WEIGHTS_FILE, GraphJob, PackageJob, TrainJob
from autoreward.worker.reach import Walls

HERE = JobContext(
    held=Held(0, filtered=False),
    walls=Walls(network=True, programs=True, read=(), write=(), folder="", home=""),
    room=None,
    progress=lambda step: None,
    closing=ExitStack(),
)


def train(
    task: Task,
    job: TrialJob,
    begun: bytes,
    room: socket.socket | None,
    progress: Callable[[int], None],
    snapshots: bytes = b"",
) -> tuple[Trial, dict[str, bytes]]:
    """Train one policy."""
    files = {TRAINING_STATE: begun, SNAPSHOTS_FILE: snapshots}
    with ExitStack() as closing:
        context = HERE._replace(room=room, progress=progress, closing=closing)
        return train_file.train(TrainJob(task=task, training=job), files, context)


def exported(task: Task, weights: bytes) -> dict[str, bytes]:
    """What Stable-Baselines3 loads of one checkpoint, and its graph."""
    files = {WEIGHTS_FILE: weights}
    _, package = sb3_files.package(PackageJob(task=task), files, HERE)
    _, graph = onnx_graph.graph(GraphJob(task=task), files, HERE)
    return package | graph
