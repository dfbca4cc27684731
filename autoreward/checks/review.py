"""Candidate -> Verdict: the gate, then the dry run."""

from collections.abc import Callable, Sequence

from autoreward.checks.dry_run import dry_run
from autoreward.checks.samples import Practice
from autoreward.core.outcomes import Outcome
from autoreward.records import Candidate, Finding, Verdict
from autoreward.rewards.gate import gate
from autoreward.rewards.gate.rules import Problem
from autoreward.rewards.gate.slips import UNKNOWN_FIELD, Known
from autoreward.rewards.gate.together import bounded
from autoreward.sandbox.jail import Jail


def review(candidate: Candidate, jail: Jail, practice: Practice) -> Verdict:
    """Decide whether a candidate may train. Never raises for the candidate's faults; they are in the verdict."""
    return review_on(candidate, jail, lambda: practice, practice.known)


def review_on(candidate: Candidate, jail: Jail, practise: Callable[[], Practice], known: Known) -> Verdict:
    """The same with samples that cost something: they are asked for once the gate is passed."""
    examined = gate.examine(candidate.source, known)
    parts: tuple[str, ...] = ()
    if examined.problems:
        findings = _findings(examined.problems)
        outcome = Outcome.BROKE_CONTRACT
    else:
        outcome, findings, parts = dry_run(jail, candidate.source, practise(), examined.uses_memory)
        if not outcome.ok:
            findings = _with_slips(findings, examined.slips)
    return Verdict(
        candidate_id=candidate.id,
        accepted=outcome.ok,
        outcome=outcome,
        findings=findings,
        parts=parts,
        uses_memory=examined.uses_memory,
        tier=jail.tier,
    )


def _with_slips(found: Sequence[Finding], slips: Sequence[Problem]) -> tuple[Finding, ...]:
    """What the dry run ended with, and what would have ended it next."""
    (first,) = found
    again = [slip for slip in slips if slip.line == first.line and slip.rule != UNKNOWN_FIELD]
    fields = [slip for slip in slips if slip.rule == UNKNOWN_FIELD and slip.line == first.line]
    head = (
        fields[:1] if "has no field" in first.message and fields else [Problem(first.rule, first.message, first.line)]
    )
    return _findings(bounded([*head, *(slip for slip in slips if slip not in (*head, *again))]))


def _findings(problems: Sequence[Problem]) -> tuple[Finding, ...]:
    return tuple(Finding(rule=p.rule, message=p.message, line=p.line) for p in problems)
