"""Candidate -> Verdict: the gate, then the dry run."""

from collections.abc import Callable

from autoreward.checks.dry_run import dry_run
from autoreward.checks.samples import Practice
from autoreward.core.outcomes import Outcome
from autoreward.records import Candidate, Finding, Verdict
from autoreward.rewards.gate import gate
from autoreward.sandbox.jail import Jail


def review(candidate: Candidate, jail: Jail, practice: Practice) -> Verdict:
    """Decide whether a candidate may train. Never raises for the candidate's faults; they are in the verdict."""
    return review_on(candidate, jail, lambda: practice)


def review_on(candidate: Candidate, jail: Jail, practise: Callable[[], Practice]) -> Verdict:
    """The same with samples that cost something: they are asked for once the gate is passed."""
    examined = gate.examine(candidate.source)
    parts: tuple[str, ...] = ()
    if examined.problems:
        findings = tuple(Finding(rule=p.rule, message=p.message, line=p.line) for p in examined.problems)
        outcome = Outcome.BROKE_CONTRACT
    else:
        outcome, findings, parts = dry_run(jail, candidate.source, practise(), examined.uses_memory)
    return Verdict(
        candidate_id=candidate.id,
        accepted=outcome.ok,
        outcome=outcome,
        findings=findings,
        parts=parts,
        uses_memory=examined.uses_memory,
        tier=jail.tier,
    )
