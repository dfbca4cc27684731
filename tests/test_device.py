"""Where models train: the card's `device`. A GPU is needed by none of these."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from batched_envs import CARTS, Carts
from in_process import HERE
from safetensors.torch import load, save
from stable_baselines3.common.running_mean_std import RunningMeanStd

from autoreward.core.resources import envs_folder
from autoreward.errors import TaskError
from autoreward.export.build import train_script
from autoreward.records import Score
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, validated_task
from autoreward.worker import policies
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import DescribeJob
from autoreward.worker.rollout.training_state import restore, training_state

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def on(device: Any) -> Task:
    return CARTS.model_copy(update={"train": CARTS.train.model_copy(update={"device": device})})


def card_with(**train: Any) -> Task:
    values = CARTS.model_dump()
    return validated_task({**values, "train": {**values["train"], **train}}, "card")


def test_a_card_names_one_of_three_devices_and_the_cpu_is_usual() -> None:
    assert CARTS.train.device == "cpu"
    assert card_with(device="auto").train.device == "auto"
    with pytest.raises(TaskError, match=r"card: train\.device: input should be 'cpu', 'cuda' or 'auto'\."):
        card_with(device="tpu")
    with pytest.raises(TaskError, match=r"\[train\.hyperparameters\] device is a key of \[train\]; move it there\."):
        card_with(hyperparameters={"device": "cuda"})


@pytest.mark.parametrize(("device", "there", "expected"), [
    ("cpu", True, False), ("cuda", True, True), ("auto", True, True), ("cuda", False, False), ("auto", False, False),
])  # fmt: skip
def test_a_gpu_is_taken_where_it_is_wanted_and_there(device: str, there: bool, expected: bool) -> None:
    assert policies.on_gpu(on(device), lambda: there) is expected


def test_the_driver_is_not_woken_for_the_cpu() -> None:
    def available() -> bool:
        raise AssertionError("asked")

    assert not policies.on_gpu(on("cpu"), available)


@without_gpu
def test_a_gpu_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(TaskError) as caught:
        policies.build(on("cuda"), policies.normalised(CARTS, Carts(1, 0)), seed=0)
    assert str(caught.value) == (
        f'task carts, [train] device = "cuda": PyTorch {torch.__version__} finds no GPU from within a worker; '
        'use a machine and a PyTorch with CUDA, or write "auto" or "cpu".'
    )


@without_gpu
def test_it_is_said_before_anything_trains() -> None:
    card = find_task("mountain-car", (envs_folder(),))
    job = DescribeJob(task=card.model_copy(update={"train": on("cuda").train}), seed=0, demonstrated=False)
    with pytest.raises(TaskError, match=r'^task mountain-car, \[train\] device = "cuda": PyTorch'):
        describe(job, {}, HERE)


def state_of(task: Task) -> bytes:
    envs = Carts(4, 1)
    venv = policies.normalised(task, envs)
    model = policies.build(task, venv, seed=3)
    model.learn(64)
    return training_state(model, venv, RunningMeanStd(shape=()), envs.in_progress())


@without_gpu
def test_auto_without_a_gpu_is_the_cpu_bit_for_bit() -> None:
    assert state_of(on("auto")) == state_of(on("cpu"))


@without_gpu
def test_a_state_of_a_gpu_goes_on_where_there_is_none() -> None:
    tensors = {**load(state_of(on("cpu"))), "random.cuda": torch.zeros(16, dtype=torch.uint8)}
    envs = Carts(4, 1)
    venv = policies.normalised(CARTS, envs)
    model = policies.build(on("auto"), venv, seed=0)
    envs.bring_back(tensors)
    restore(model, venv, RunningMeanStd(shape=()), load(save(tensors)))
    assert model.num_timesteps == 64


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("on_gpu", "expected"), [(False, 3 << 30), (True, -1)])
def test_a_worker_on_a_gpu_has_no_limit_of_addresses(on_gpu: bool, expected: int) -> None:
    program = (
        "import resource; from autoreward.worker.confine import inherited_memory, limit_worker; "
        f"assert inherited_memory() > 0; limit_worker(1 << 30, 2048, {on_gpu}); "
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], end='')"
    )
    limit = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert int(limit) == expected


@pytest.mark.parametrize(("device", "words"), [
    ("cpu", "the weights are those of policy.zip"), ("cuda", "may have trained on a GPU"),
])  # fmt: skip
def test_an_exported_training_takes_the_same_device(device: str, words: str) -> None:
    script = train_script(on(device), Score.model_construct(seed=1, kept=64), 128)
    assert f'device="{device}"' in script or f"device='{device}'" in script
    assert words in script
    compile(script, "train.py", "exec")
