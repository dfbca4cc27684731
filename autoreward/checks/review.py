"""Candidate -> Verdict: the gate, then the dry run."""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dry_run import dry_run
from autoreward.checks.samples import Practice
from autoreward.core.outcomes import Outcome
from autoreward.records import Candidate, Finding, Reference, Setup, Verdict
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.gate import gate
from autoreward.rewards.gate.gate import Examined
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
    parts: Parts = {}
    setup = Setup()
    if examined.problems:
        findings = _findings(examined.problems)
        outcome = Outcome.BROKE_CONTRACT
    else:
        practice = practise()
        outcome, findings, parts = dry_run(jail, candidate.source, practice, examined.uses_memory)
        if not outcome.ok:
            findings = _with_slips(findings, examined.slips)
        else:
            setup = _setup(practice.setup, examined, parts)
            if fault := _unknown_part(setup, parts) or COMPOSITIONS[candidate.composition].fault(setup, parts):
                message = f"composition {candidate.composition}: {fault}"
                outcome, findings = Outcome.BROKE_CONTRACT, (Finding(rule="composition", message=message), *findings)
    return Verdict(
        candidate_id=candidate.id,
        accepted=outcome.ok,
        outcome=outcome,
        findings=findings,
        parts=tuple(parts),
        uses_memory=examined.uses_memory,
        setup=setup,
        tier=jail.tier,
    )


def gated(candidate: Candidate, known: Known) -> Verdict:
    """What the gate alone says of a candidate: nothing of it is run, and nothing that it is protected by is known."""
    problems = gate.examine(candidate.source, known).problems
    outcome = Outcome.BROKE_CONTRACT if problems else Outcome.COMPLETED
    return Verdict(candidate_id=candidate.id, accepted=outcome.ok, outcome=outcome, findings=_findings(problems))


def _setup(known: Setup, examined: Examined, parts: Parts) -> Setup:
    """What a composition is to know of parts, here those of recorded random actions, beside what it knows of the task."""
    found = {
        "roles": dict(examined.roles),
        "reference": _reference(reduce(np.add, parts.values())),
        "references": {name: _reference(part) for name, part in parts.items()},
        "cap": examined.cap,
    }
    return known.model_copy(update=found)


def _reference(paid: NDArray[np.float64]) -> Reference:
    return Reference(mean=float(paid.mean()), std=float(paid.std()))


def _unknown_part(setup: Setup, parts: Parts) -> str:
    """That a role is given to a part that there is not; empty if none is."""
    strange = [name for name in setup.roles if name not in parts]
    known = ", ".join(parts)
    return f"ROLES speaks of {strange[0]!r}, which is no part: the parts are {known}" if strange else ""


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
