"""Where a model's programs are made ready to train: drafted, checked, repaired, criticised, and checked again.

    draft -> gate and dry run -> repair, at most _REPAIRS times -> critic -> revision, at most _CRITIC_ROUNDS times

All of a round is asked in one go, so a round costs a handful of calls. Identity travels in ids, never in list positions. A
critic may ask for changes; it can't stop a program: what it still says at the end is kept as a mark.
"""

from collections.abc import Callable, Mapping, Sequence

from autoreward.llm.client import ModelClient
from autoreward.records import Candidate, Candidates, Description, Finding, Remark, ReplyKey, Verdict
from autoreward.roles import critic, designer
from autoreward.roles.history import History
from autoreward.tasks.card import Task

_REPAIRS = 2
_CRITIC_ROUNDS = 3
"""Rounds of critic and designer, after Auto MC-Reward (Li et al. 2024)."""

Review = Callable[[Candidate], Verdict]


def refined_candidates(
    client: ModelClient,
    task: Task,
    description: Description,
    history: History,
    count: int,
    review: Review,
    feedback: Sequence[str] = (),
) -> Candidates:
    """The next round's candidates; `feedback` is what people want changed. Raises LimitReached, ProviderError."""

    def key(question: str) -> str:
        return str(ReplyKey(len(history.rounds), question))

    drafted, findings = designer.draft_candidates(client, task, description, history, count, feedback)
    candidates = {c.id: c for c in drafted}
    verdicts = {c.id: review(c) for c in drafted}
    for turn in range(_REPAIRS):
        problems = {i: _words(v.findings) for i, v in verdicts.items() if not v.accepted}
        if not problems:
            break
        sources, wrong = designer.revise(
            client, key(f"repair-{turn}"), task, description, tuple(candidates.values()), problems
        )
        findings += wrong
        for identity, source in sources.items():
            candidates[identity] = candidates[identity].model_copy(update={"source": source})
            verdicts[identity] = review(candidates[identity])
    for turn in range(_CRITIC_ROUNDS):
        sound = [c for i, c in candidates.items() if verdicts[i].accepted]
        if not sound:
            break
        remarks, wrong = critic.criticise(client, key(f"critic-{turn}"), task, description, sound)
        findings += wrong
        candidates |= {c.id: c.model_copy(update={"remarks": remarks.get(c.id, ())}) for c in sound}
        serious = {i: _objections(r) for i, r in remarks.items() if any(x.severity == "serious" for x in r)}
        if not serious or turn == _CRITIC_ROUNDS - 1:
            break
        sources, wrong = designer.revise(client, key(f"rework-{turn}"), task, description, sound, serious)
        findings += wrong
        changed = _take_over(candidates, verdicts, sources, review)
        if not changed:
            break
    return Candidates(items=tuple(candidates.values()), findings=findings)


def _take_over(
    candidates: dict[str, Candidate], verdicts: dict[str, Verdict], sources: Mapping[str, str], review: Review
) -> bool:
    """Replace programs by reworked ones that still keep the contract; the others stay as they were."""
    changed = False
    for identity, source in sources.items():
        new = candidates[identity].model_copy(update={"source": source, "remarks": ()})
        if source == candidates[identity].source or not (verdict := review(new)).accepted:
            continue
        candidates[identity], verdicts[identity] = new, verdict
        changed = True
    return changed


def _words(findings: Sequence[Finding]) -> list[str]:
    return [f"line {f.line}: {f.message}" if f.line else f.message for f in findings]


def _objections(remarks: Sequence[Remark]) -> list[str]:
    return [f"line {r.line} ({r.severity}): {r.reason} {r.fix}" for r in remarks]
