"""Jobs of workers done in the process of a test, where nothing holds them."""

import socket
from collections.abc import Callable, Sequence
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


def in_legs(task: Task, bounds: Sequence[int], recorded: bytes = b"", **told: object) -> tuple[list[Trial], bytes]:
    """One training in legs that end at these steps, and the weights at its end.

    `recorded`: its snapshots; `told`: what else its job says.
    """
    trials, state, begin = [], b"", 0
    usual = {"candidate_id": "", "reward": "native", "seed": 1, "checkpoints": 2, "schedule_steps": bounds[-1]}
    for number, end in enumerate(bounds):
        now = {"id": f"x-s0-leg{number}", "begin": begin, "steps": end, "leg": number, "unfinished": end < bounds[-1]}
        job = TrialJob.model_validate(usual | told | now)
        trial, files = train(task, job, state, None, lambda step: None, recorded)
        assert trial.outcome.ok, trial.message
        trials.append(trial)
        state, begin = files.get("state.safetensors", b""), end
    assert "state.safetensors" not in files, "nothing goes on from a training's end"
    return trials, files[f"policy-{trials[-1].steps}.safetensors"]


def exported(task: Task, weights: bytes) -> dict[str, bytes]:
    """What Stable-Baselines3 loads of one checkpoint, and its graph."""
    files = {WEIGHTS_FILE: weights}
    _, package = sb3_files.package(PackageJob(task=task), files, HERE)
    _, graph = onnx_graph.graph(GraphJob(task=task), files, HERE)
    return package | graph
