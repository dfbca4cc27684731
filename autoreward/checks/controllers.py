"""A policy written as code -> what is wrong with it: the gate, then the dry run, as for a reward program."""

from collections.abc import Sequence

from autoreward.checks.dry_run import dry_run
from autoreward.checks.samples import Practice
from autoreward.core.contract import CONTROLLER_SIGNATURE
from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.records import Finding
from autoreward.rewards.gate import gate
from autoreward.sandbox.jail import Jail


def review_controller(source: str, jail: Jail, practice: Practice) -> tuple[Outcome, tuple[Finding, ...]]:
    """Whether a controller may play, and what is wrong with it; never raises for its faults.

    `practice`: what rewards of the task are tried on; fields that no policy sees are to be left out of it.
    """
    examined = gate.examine(source, signature=CONTROLLER_SIGNATURE)
    if examined.problems:
        found = tuple(Finding(rule=p.rule, message=p.message, line=p.line) for p in examined.problems)
        return Outcome.BROKE_CONTRACT, found
    steps, envs = practice.samples.shape
    tried = practice._replace(rollout=(steps, envs))
    outcome, findings, _ = dry_run(jail, source, tried, examined.uses_memory, signature=CONTROLLER_SIGNATURE)
    return outcome, findings


def seen_practice(practice: Practice, unseen: Sequence[str]) -> Practice:
    """The same without the fields that no policy sees."""

    def seen(batch: Transitions) -> Transitions:
        for name in unseen:
            batch = batch.without(name)
        return batch

    return practice._replace(samples=seen(practice.samples), late=seen(practice.late), extreme=seen(practice.extreme))


def fault_sentence(findings: Sequence[Finding], outcome: Outcome) -> str:
    """The first thing wrong, with its line if that is known."""
    if not findings:
        return outcome.advice
    first = findings[0]
    return f"line {first.line}: {first.message}" if first.line else first.message
