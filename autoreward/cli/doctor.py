"""`autoreward doctor`."""

import os
import platform
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.options import ALLOWING, KWARGS, RUNS, arguments, limit, max_cost_option
from autoreward.cli.say import say, say_line, say_record
from autoreward.version import __version__

if TYPE_CHECKING:
    from autoreward.records import EnvCheck
    from autoreward.sandbox.selfcheck import Check

PACKAGES = ("gymnasium", "stable_baselines3", "torch", "mujoco", "Box2D", "numpy", "pydantic", "safetensors")
LINE = 120
"""Most letters of a line of prose; a narrow terminal has fewer."""

TIERS = {
    "full": "Reward programs run in a process that can do arithmetic and answer, and nothing else: a filter on system calls "
    "and an empty Landlock rule set hold it, besides a syntax gate, a clean environment without keys, and limits on time "
    "and memory.",
    "seccomp": "Reward programs run in a process that can do arithmetic and answer, and nothing else: a filter on system "
    "calls holds it, besides a syntax gate, a clean environment without keys, and limits on time and memory. This kernel has "
    "no Landlock, the second wall.",
    "process-only": "This machine can't filter system calls. Reward programs pass a syntax gate and run in a process of "
    "their own with a clean environment and limits, but that is NOT a boundary against hostile code. Programs written by "
    "others are refused unless you pass --trust-the-model; read them first.",
}
LAYERS = {
    "gate": "refused before it is loaded",
    "process": "kept from the reward process",
    "limits": "ended or refused while it runs",
    "kernel": "refused by the kernel",
    "worker calls": "refused to environments and state.py",
    "worker files": "out of reach of environments and state.py",
}
PROMISED: dict[str, tuple[str, ...]] = {
    "full": tuple(LAYERS),
    "seccomp": ("gate", "process", "limits", "kernel", "worker calls"),
    "process-only": ("gate", "process", "limits"),
}
"""What has to hold in each tier."""
WORKERS = (
    "Environments and state.py run in workers, which see packages, system libraries and a folder of their own, unless a card's "
    "[process] names more. `autoreward tasks NAME` and `run` say what a card asks for."
)


def command(
    runs: Path = RUNS,
    model: str | None = typer.Option(
        None, "--model", help="Ask this model one cheap question instead, and say what works; see `run`."
    ),
    judge: str | None = typer.Option(
        None,
        "--judge",
        help="Find out instead how well this model judges policies of the finished runs; see `run --judge`.",
    ),
    exam: str | None = typer.Option(
        None,
        "--exam",
        help="Find out instead how well this model reviews programs, good ones and others with a fault planted; its price is "
        "said first. See `run --critic`.",
    ),
    max_cost: float = max_cost_option(1.0),
    as_json: bool = typer.Option(False, "--json", help="As a JSON line."),
    env: str | None = typer.Option(
        None, "--env", help="Check this environment instead: any id that gymnasium.make accepts, or MODULE:ID."
    ),
    kwargs: str = KWARGS,
    allow: list[str] = ALLOWING,
) -> None:
    """Say what is installed, try what must not work, and say what protects this machine. Exit code 5 if it fails.

    With --env: what could go wrong with an environment, and what to do. Exit code 2 if nothing can be trained in it.
    """
    if sum(each is not None for each in (env, model, judge, exam)) > 1:
        raise typer.BadParameter("--env, --model, --judge and --exam ask for different things: write one of them.")
    if env is not None:
        _check_env(env, kwargs, allow, as_json)
    if judge is not None:
        _examine(judge, runs, limit(max_cost), as_json)
        return
    if exam is not None:
        _examine_critic(exam, limit(max_cost), as_json)
        return
    if model is not None:
        _say_model(model, as_json)
        return
    _check_machine(runs, as_json)


def _check_machine(runs: Path, as_json: bool) -> None:
    from autoreward.core.wording import in_shell
    from autoreward.errors import JailError, JobFailed
    from autoreward.sandbox.jail import Jail
    from autoreward.sandbox.selfcheck import Check, check_everything
    from autoreward.training.workers import Workers

    facts: dict[str, object] = {
        "autoreward": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores",
        "free_disk_gb": round(shutil.disk_usage(runs if runs.exists() else Path.cwd()).free / 1e9, 1),
        "packages": {name: _version(name) for name in PACKAGES},
    }
    starts: dict[str, float | str] = {}
    checks: list[Check] = []
    tier = "unknown"

    def timed(room: str, do: Callable[[], list[Check]]) -> list[Check]:
        began = time.monotonic()
        try:
            results = do()
        except (JailError, JobFailed) as error:
            starts[room] = error.worded(in_shell)
            return []
        starts[room] = round(time.monotonic() - began, 2)
        return results

    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
        started = timed("autoreward.sandbox.child.server", lambda: [Check("process", jail.tier, held=True)])
        if started:
            tier, checks = jail.tier, check_everything(jail)
        checks += timed(
            "autoreward.worker.server", lambda: [Check(a.layer, a.name, a.held) for a in workers.protection().attempts]
        )
    facts |= {"starts_in_seconds": starts, "tier": tier, "checks": [check._asdict() for check in checks]}
    if as_json:
        say_line("Doctor", facts)
    else:
        _say(facts, starts)
        say_protection(tier, checks)
    broken = any(not check.held for check in checks if check.layer in PROMISED.get(tier, ()))
    raise typer.Exit(5 if broken or not all(isinstance(s, float) for s in starts.values()) else 0)


def _check_env(env: str, kwargs: str, allow: list[str], as_json: bool) -> None:
    from autoreward.session.env_check import check_env

    check = check_env(env, arguments(kwargs), allow)
    if as_json:
        say_record(check)
    else:
        say_check(check)
    raise typer.Exit(2 if check.failed else 0)


def say_check(check: "EnvCheck") -> None:
    """Print what was found of an environment, as a table that fits the terminal."""
    from autoreward.report.env_checks import env_check_table, env_check_verdict
    from autoreward.report.terminal import Terminal

    Terminal().print(env_check_table(check))
    say(env_check_verdict(check))


def _say_model(name: str, as_json: bool) -> None:
    from autoreward.session.model_check import check_model

    found = check_model(name)
    if as_json:
        say_line("ModelCheck", found)
        return
    for about, words in found.items():
        say(f"{about:<16}{words}")


def _examine(name: str, runs: Path, max_cost: float | None, as_json: bool) -> None:
    from autoreward.config import image_text_folder
    from autoreward.evaluation.judging import ENOUGH_AGREEMENT, exam_agreement
    from autoreward.session.judge_exam import examine_judge, why_not_believed

    exam = examine_judge(name, runs, max_cost, (lambda line: None) if as_json else say)
    if as_json:
        say_record(exam)
        return
    agreed = exam_agreement(exam)
    for finding in exam.findings:
        say(f"  {finding}")
    place = "" if image_text_folder(exam.by) else f"; in {exam.by_place} it chose by the order in which they were shown"
    say(f"{exam.by} agrees with the rule in {agreed.said}{place}.")
    why = why_not_believed(exam)
    say(f"{'Too little' if why else 'Enough'} to judge a run with --judge: {why or f'{ENOUGH_AGREEMENT:g} is needed'}.")


def _examine_critic(name: str, max_cost: float | None, as_json: bool) -> None:
    from autoreward.evaluation.critic_exam import by_kind, marks, standing_by
    from autoreward.session.critic_exam import examine_critic

    exam = examine_critic(name, max_cost, lambda line: say(line, error=as_json))
    if as_json:
        say_record(exam)
        return
    found = marks(exam)
    for finding in exam.findings:
        say(f"  {finding}")
    for about, rate in (
        ("finds faults", found.recall),
        ("false alarms", found.false_alarms),
        ("right line", found.right_line),
        ("repaired", found.repaired),
        *((f"  {kind}", rate) for kind, rate in by_kind(exam).items()),
    ):
        say(f"{about:<20}{rate.said}")
    say(f"{'cost':<20}{'not known' if exam.dollars is None else f'${exam.dollars:.2f}'}")
    say(f"{standing_by(name, exam).said}.")


def _say(facts: dict[str, object], starts: dict[str, float | str]) -> None:
    for name in ("autoreward", "python", "machine"):
        say(f"{name:<12}{facts[name]}")
    say(f"{'free disk':<12}{facts['free_disk_gb']} GB")
    packages = facts["packages"]
    for name, version in packages.items() if isinstance(packages, dict) else ():
        say(f"{name:<20}{version or 'not installed'}")
    for room, taken in starts.items():
        say(f"{room:<32}{f'starts in {taken} s' if isinstance(taken, float) else f'DOES NOT START: {taken}'}")


def say_protection(tier: str, checks: "list[Check]") -> None:
    """Print what protects this machine, in lines that fit the terminal."""
    held = sum(check.held for check in checks)
    say(f"\nprotection  {tier}: {held} of {len(checks)} attempts were held back")
    _wrapped(TIERS.get(tier, "The reward process could not be started and locked."), "  ")
    for layer, verb in LAYERS.items():
        for word, names in (
            (verb, [c.name for c in checks if c.layer == layer and c.held]),
            ("NOT " + verb, [c.name for c in checks if c.layer == layer and not c.held]),
        ):
            if names:
                _wrapped(f"{word} ({len(names)}): {', '.join(names)}", "    ")
    if any(check.layer.startswith("worker") for check in checks):
        _wrapped(WORKERS, "  ")


def _wrapped(text: str, indent: str) -> None:
    width = min(LINE, shutil.get_terminal_size((LINE, 24)).columns)
    say(textwrap.fill(text, width, initial_indent="  ", subsequent_indent=indent))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
