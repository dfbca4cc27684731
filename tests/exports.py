"""Exports of small programs, for tests: the files on disk, imported as anybody imports them."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from autoreward.export.build import reward_files
from autoreward.export.verify import ExportProof
from autoreward.records import Candidate, CompositionName, PartRole, Reference, Setup
from autoreward.tasks.card import Task

PROOF = ExportProof(rows=10, episodes=1, parts=1, of=("samples",), largest=0.0)
"""Of a comparison that a test does not make."""
ROLES: dict[str, PartRole] = {"a": "main", "first": "main", "b": "potential", "phi": "potential", "second": "potential"}
"""Of parts by the names that the tests' programs give them."""


def unproven(winner: Candidate, files: Mapping[str, str]) -> ExportProof:
    """An export's comparison where a test is about something else."""
    return PROOF


def written(source: str, composition: CompositionName = "sum", thought: str = "") -> Candidate:
    """A candidate with that program, reviewed: its parts have the roles of their names, and random actions are paid 0.5 by each."""
    usual = Reference(mean=0.5, std=0.25)
    parts = [
        *re.findall(r"\b[A-Za-z_]\w{0,39}\b", source),
        *(f"p{i}" for i in range(40)),
    ]  # some are named by f-strings
    setup = Setup(roles=ROLES, reference=usual, references=dict.fromkeys(parts, usual), cap=2.0)
    return Candidate(
        id="c", source=source, thought=thought, origin="model", how="fresh", composition=composition, setup=setup
    )


def load(folder: Path, files: dict[str, str]) -> ModuleType:
    """The files in a folder, and its reward.py imported."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    spec = importlib.util.spec_from_file_location("exported_reward", folder / "reward.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def task(fields: tuple[str, ...] = ("x", "v"), actions: tuple[str, ...] = ("push",), **more: object) -> Task:
    """A card with such fields: `v` has two numbers, the others one."""
    state = {n: {"source": "obs[1:3]" if n == "v" else "obs[0]", "about": n} for n in fields}
    card = {
        "name": "toy",
        "env": "CartPole-v1",
        "goal": "Go.",
        "state": state,
        "action": {n: {"about": n} for n in actions},
        "success": {"when": "terminated"},
        "train": {"algorithm": "PPO", "steps": 64},
    }
    return Task.model_validate({**card, **more})


def files(source: str, composition: str = "sum") -> dict[str, str]:
    """The Python files of a program for `task()`."""
    return reward_files(task(), written(source, composition))
