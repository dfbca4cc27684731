"""`autoreward doctor`."""

import json
import os
import platform
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path

import typer

from autoreward import __version__
from autoreward.cli.places import RUNS

PACKAGES = ("gymnasium", "stable_baselines3", "torch", "mujoco", "Box2D", "numpy", "pydantic", "safetensors")


def command(runs: Path = RUNS, as_json: bool = typer.Option(False, "--json", help="As JSON.")) -> None:
    """Say what is installed, whether workers and the jail start, and what protects this machine."""
    from autoreward.errors import JailError
    from autoreward.jail.client import Jail
    from autoreward.spawn.nursery import Nursery

    facts: dict[str, object] = {
        "autoreward": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores",
        "free_disk_gb": round(shutil.disk_usage(runs if runs.exists() else Path.cwd()).free / 1e9, 1),
        "packages": {name: _version(name) for name in PACKAGES},
    }
    starts: dict[str, float | str] = {}
    for room in ("autoreward.jail.server", "autoreward.worker.server"):
        began = time.monotonic()
        try:
            Nursery(room).close()
            starts[room] = round(time.monotonic() - began, 2)
        except JailError as error:
            starts[room] = str(error)
    facts["starts_in_seconds"] = starts
    facts["tier"] = Jail.tier
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        _say(facts, starts)
    raise typer.Exit(0 if all(isinstance(s, float) for s in starts.values()) else 5)


def _say(facts: dict[str, object], starts: dict[str, float | str]) -> None:
    for name in ("autoreward", "python", "machine"):
        typer.echo(f"{name:<12}{facts[name]}")
    typer.echo(f"{'free disk':<12}{facts['free_disk_gb']} GB")
    packages = facts["packages"]
    for name, version in packages.items() if isinstance(packages, dict) else ():
        typer.echo(f"{name:<20}{version or 'not installed'}")
    for room, taken in starts.items():
        typer.echo(f"{room:<28}{f'starts in {taken} s' if isinstance(taken, float) else f'DOES NOT START: {taken}'}")
    typer.echo(f"protection  {facts['tier']}")
    typer.echo(
        "  Reward programs pass a syntax gate and run in a process of their own: a clean environment without keys, no open\n"
        "  files, no right to write files or gain privileges, limits on memory and time, killed with all they started.\n"
        "  There is no kernel filter on system calls yet: this is not a boundary against hostile code. The embedded\n"
        "  designer's programs are ours; check other people's reward files by eye before you run them."
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
