"""Environments that a module of the person's own registers: found near the card, named in it, imported by workers from there."""

import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autoreward
from autoreward.cli import app
from autoreward.errors import TaskError, UsageError
from autoreward.sandbox.jail import Jail
from autoreward.session.new_task import Wanted
from autoreward.store.trust import of_card
from autoreward.tasks.files import placeholder_task, read_task
from autoreward.tasks.process import Process, modules_near
from autoreward.training.local import Server
from autoreward.training.workers import Workers
from autoreward.worker.reach import Walls, import_from_there

LAB = """
import gymnasium
import numpy as np
from gymnasium import spaces


class Cart(gymnasium.Env):
    observation_space = spaces.Box(-10, 10, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = 0.0
        return np.array([self.x], np.float32), {}

    def step(self, action):
        self.x += 0.5 if action else -0.5
        return np.array([self.x], np.float32), 0.0, False, False, {}


gymnasium.register("LabCart-v0", Cart, max_episode_steps=20)
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module in it."""
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "my_lab.py").write_text(LAB)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("env", "where"),
    [
        ("my_lab:LabCart-v0", "lab"),
        ("pack.envs:LabCart-v0", "card"),
        ("other:LabCart-v0", ""),
        ("LabCart-v0", ""),
        ("my_lab", ""),
    ],
)
def test_a_module_is_found_in_the_first_folder_that_has_it(lab: Path, env: str, where: str) -> None:
    card = lab.parent / "card"
    (card / "pack").mkdir(parents=True)
    (card / "pack" / "__init__.py").touch()
    (lab / "pack").mkdir()
    (lab / "pack" / "__init__.py").touch()
    assert modules_near(env, (card, lab)) == ((lab.parent / where,) if where else ())


def test_a_card_names_the_folder_as_seen_from_its_own(lab: Path) -> None:
    wanted = Wanted.of("my_lab:LabCart-v0", {}, "go", None, Path("envs"), ["programs"])
    assert wanted.process == Process(modules=("../..",), programs=True)
    whole = wanted.process.seen_from(wanted.path.parent)
    assert whole.modules == (str(lab),)
    assert whole.allowed == ("start programs", f"import modules from {lab}")
    task = placeholder_task("my_lab:LabCart-v0", {}, "lab").model_copy(update={"process": whole})
    assert f"lets its environment import modules from {lab}" in [power.what for power in of_card(task)]


def test_a_card_names_what_is_read_and_changed_as_seen_from_its_own(lab: Path) -> None:
    (lab / "maps").mkdir()
    (lab / "log.txt").touch()
    wanted = Wanted.of("my_lab:LabCart-v0", {}, "go", None, Path("envs"), ["read=maps", "write=./log.txt"])
    assert wanted.process == Process(modules=("../..",), read=("../../maps",), write=("../../log.txt",))
    assert wanted.process.seen_from(wanted.path.parent).read == (str(lab / "maps"),)


def test_what_can_be_no_folder_of_modules_is_said(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TaskError, match="no such file or folder"):
        Process(modules=("nowhere",)).seen_from(lab)
    with pytest.raises(TaskError, match="name the folder that the module lies in"):
        Process(modules=("my_lab.py",)).seen_from(lab)
    with pytest.raises(
        UsageError, match="'disk' is nothing that an environment can be allowed; write network, programs, read="
    ):
        Wanted.of("X-v0", {}, "go", None, lab, ["disk"])
    for path in ("maps", ""):
        with pytest.raises(UsageError, match="there is no such file or folder"):
            Wanted.of("X-v0", {}, "go", None, lab, [f"read={path}"])
    monkeypatch.setenv("HOME", str(lab / "home"))
    task = placeholder_task("my_lab:LabCart-v0", {}, "toy").model_copy(update={"process": Process(modules=(str(lab),))})
    with pytest.raises(TaskError, match="holds your whole home, which no environment may see; move the module"):
        Server(task, (), lambda line: None)


def test_the_standard_library_comes_first_and_modules_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/lib/python3", "/v/site-packages", "/checkout"])
    walls = Walls(
        network=False, programs=False, read=(), write=(), folder="/f", home="/h", modules=("/m",), python_path=("/p",)
    )
    import_from_there(Walls.from_json(walls.to_json()))
    assert sys.path == ["/lib/python3", "/p", "/v/site-packages", "/checkout", "/m"]


@pytest.mark.slow
def test_init_finds_it_and_so_do_all_who_read_the_card(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["init", "my_lab:LabCart-v0", "--goal", "Bring x to 4.", "--model", "grammar", "--yes"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert '[process]\nmodules = ["../.."]\n' in (lab / "envs" / "lab-cart" / "task.toml").read_text()
    monkeypatch.chdir(lab.parent)
    task = read_task(lab / "envs" / "lab-cart" / "task.toml")
    assert task.process.modules == (str(lab),)
    checked = CliRunner().invoke(app, ["tasks", str(lab / "envs" / "lab-cart"), "--check"], catch_exceptions=False)
    assert checked.exit_code == 0, checked.output
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
        assert workers.describe(task, seed=0)[0].max_steps == 20


@pytest.mark.slow
def test_python_path_holds_in_workers(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab.parent)
    missing = autoreward.check_env("my_lab:LabCart-v0").failed
    assert [row.name for row in missing] == ["made"]
    assert 'name its folder in the card: [process] modules = ["FOLDER"]' in missing[0].found
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("", str(lab))))
    assert autoreward.check_env("my_lab:LabCart-v0").failed == ()
