"""Where a model's programs are made ready to train: drafted, checked, repaired, criticised, and checked again.

    draft -> gate and dry run -> repair, at most _REPAIRS times -> critic -> rework, at most _CRITIC_ROUNDS times

All of a round is asked in one go, but for repairs, which go on with the conversation of each program and are kept only where they
get further; there are at most as many of them as programs. Identity travels in ids, never in list positions. A
critic may ask for changes; it can't stop a program: the original trains beside its rework, with what was said of it as a mark,
unless recorded episodes clearly prefer one of the two. So a critic that is wrong costs some steps of the race and no program; a
quarter of the round is reworked at most where nothing is recorded that speaks for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autoreward.checks.pay import OfflineData, Pay, clearly_prefer, pay
from autoreward.core.visible import visible_line
from autoreward.design.fill import FillMaker, filled_up, missing
from autoreward.errors import LimitReached
from autoreward.llm.client import ModelClient
from autoreward.llm.conversation import Tools
from autoreward.llm.types import PromptTooLong
from autoreward.records import Candidate, CandidateId, Candidates, Finding, Remark, ReplyKey, Verdict
from autoreward.rewards.gate import gate
from autoreward.roles import critic, designer
from autoreward.roles.brief import Brief
from autoreward.roles.history import History

_REPAIRS = 2
_CRITIC_ROUNDS = 3
"""Rounds of critic and designer, after Auto MC-Reward (Li et al. 2024)."""

Review = Callable[[Candidate], Verdict]


def most_reworks(count: int) -> int:
    """How many reworks may train beside their originals in a round of so many programs: a quarter, one at least.

    More would let a critic that objects to everything take the steps of another round.
    """
    return max(1, count // 4)


class DesignRequest(NamedTuple):
    """What a round's programs are made from."""

    brief: Brief
    """What models are told."""
    history: History
    """The search so far."""
    programs: int
    """How many to ask for."""
    review: Review
    """Whether a program may train."""
    recorded: OfflineData | None = None
    """The episodes recorded so far, None without any."""
    feedback: Sequence[str] = ()
    """What people want changed."""
    fill: FillMaker | None = None
    """Makes programs of the grammar's where too few of the model's may train."""
    tools: Tools | None = None
    """What the designer may call before it answers."""
    critic_acts: bool = True
    """Whether programs are rewritten for what the critic calls serious; else all that it says are notes."""


def refined_candidates(client: ModelClient, wanted: DesignRequest) -> Candidates:
    """The next round's candidates; after them those that were reworked beside their originals, and those that fill up.

    Raises LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    brief, history, count, fill = wanted.brief, wanted.history, wanted.programs, wanted.fill
    drafted = designer.draft_candidates(client, brief, history, count, wanted.feedback, wanted.tools)
    number, made = len(history.rounds), len(drafted.candidates)
    programs = Drafts(number, made, wanted.review, wanted.recorded, drafted.findings, brief.constants)
    for candidate in drafted.candidates:
        programs.take(candidate)
    try:
        repair_drafts(client, drafted.question, programs)
        _criticise(client, brief, programs, wanted.critic_acts)
    except LimitReached as limit:
        if not any(verdict.accepted for verdict in programs.verdicts.values()):
            raise
        programs.findings += (str(limit),)  # what was paid for trains
    designed = Candidates(items=tuple(programs.candidates.values()), findings=programs.findings)
    accepted = sum(programs.verdicts[c.id].accepted for c in drafted.candidates)
    return filled_up(designed, programs.number, missing(accepted, count), fill) if fill else designed


@dataclass
class Drafts:
    """The programs of a round while they are made."""

    number: int
    """Of the round."""
    drafted: int
    """Programs before any was reworked."""
    review: Review
    recorded: OfflineData | None
    findings: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    """The task's, by the names that programs write."""
    candidates: dict[str, Candidate] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    reworked: dict[str, str] = field(default_factory=dict)
    """Ids of reworks that stand beside their originals, by the originals' ids."""

    def key(self, question: str) -> str:
        """What a reply is saved under."""
        return str(ReplyKey(self.number, question))

    def take(self, candidate: Candidate, verdict: Verdict | None = None) -> None:
        """Put a program in its place."""
        self.candidates[candidate.id] = candidate
        self.verdicts[candidate.id] = verdict or self.review(candidate)

    def pays(self, candidates: Sequence[Candidate]) -> dict[str, Pay]:
        """What each pays in the recorded episodes, where that is known."""
        if self.recorded is None:
            return {}
        answers = {c.id: self.recorded.relabel(c, self.verdicts[c.id]) for c in candidates}
        return {name: pay(self.recorded.dataset, answer) for name, answer in answers.items() if answer}

    def preferred(self, old: Candidate, new: Candidate, verdict: Verdict) -> int:
        """1 if recorded episodes clearly speak for the new program, -1 for the old one, 0 if they don't say."""
        if self.recorded is None:
            return 0
        before = self.recorded.relabel(old, self.verdicts[old.id])
        after = self.recorded.relabel(new, verdict)
        if before is None or after is None:
            return 0
        return clearly_prefer(self.recorded.dataset, after, before)

    def rework(self, identity: str, source: str) -> str | None:
        """Take a reworked program that keeps the contract; its id, None if it is no other one or is not taken.

        It has the original's place where recorded episodes clearly prefer it, or where the original is itself a rework; else a
        place of its own, as long as there are any.
        """
        old = self.candidates[identity]
        new = old.model_copy(update={"source": source, "remarks": ()})
        if source == old.source or not (verdict := self.review(new)).accepted:
            return None
        preferred = self.preferred(old, new, verdict)
        if preferred < 0:
            return None
        if preferred > 0 or identity in self.reworked.values():
            self.take(new, verdict)
            return identity
        if len(self.reworked) >= most_reworks(self.drafted):
            return None
        place = self.reworked.setdefault(identity, str(CandidateId(self.number, len(self.candidates))))
        beside = new.model_copy(update={"id": place, "how": "mutation", "parents": (identity,)})
        self.take(beside, verdict.model_copy(update={"candidate_id": place}))
        return place


def repair_drafts(client: ModelClient, question: str, programs: Drafts) -> None:
    """Send what may not train back, each program for itself in the conversation that wrote it, as often as there are programs."""
    broken = [c for i, c in programs.candidates.items() if not programs.verdicts[i].accepted]
    talks = {c.id: (c, programs.verdicts[c.id], designer.conversation(question, c)) for c in broken}
    left = max(programs.drafted, _REPAIRS)
    for turn in range(_REPAIRS):
        for identity, (asked, verdict, earlier) in list(talks.items())[:left]:
            left -= 1
            key = programs.key(f"repair-{turn}-{identity}")
            try:
                source, talk, wrong = designer.repair(
                    client, key, asked, _words(verdict.findings), earlier, programs.constants
                )
            except PromptTooLong as long:  # the program stays as it is, and others may fit
                source, talk, wrong = "", earlier, (f"{key}: not asked: {visible_line(str(long), 200)}",)
            programs.findings += wrong
            revised = asked.model_copy(update={"source": source})
            found = programs.review(revised) if source else verdict
            if source and _reached(revised, found) > _reached(
                programs.candidates[identity], programs.verdicts[identity]
            ):
                programs.take(revised, found)
            if source and not found.accepted:
                talks[identity] = revised, found, talk
            else:  # it may train, or there is nothing to say to an answer without a program
                del talks[identity]


def _reached(candidate: Candidate, verdict: Verdict) -> tuple[int, int]:
    """How far a program gets: is Python, passes the gate, answers, may train; and with how few faults."""
    if verdict.accepted:
        return 4, 0
    if verdict.parts:
        stage = 3
    elif not gate.examine(candidate.source).problems:
        stage = 2
    else:
        stage = int(gate.is_python(candidate.source))
    return stage, -len(verdict.findings)


def _criticise(client: ModelClient, brief: Brief, programs: Drafts, acts: bool) -> None:
    """Have a critic read what may train, then what was changed for it; once and for notes alone where it may not act."""
    read = [c for i, c in programs.candidates.items() if programs.verdicts[i].accepted]
    for turn in range(_CRITIC_ROUNDS):
        if not read:
            break
        remarks, wrong = critic.criticise(client, programs.key(f"critic-{turn}"), brief, read, programs.pays(read))
        programs.findings += wrong
        if not acts:
            remarks = {i: tuple(r.model_copy(update={"severity": "note"}) for r in said) for i, said in remarks.items()}
        for candidate in read:
            marked = candidate.model_copy(update={"remarks": remarks.get(candidate.id, ())})
            programs.candidates[candidate.id] = marked
        serious = {i: objections(r) for i, r in remarks.items() if any(x.severity == "serious" for x in r)}
        if not serious or turn == _CRITIC_ROUNDS - 1:
            break
        sources, wrong = designer.revise(client, programs.key(f"rework-{turn}"), brief, read, serious)
        programs.findings += wrong
        changed = _reworks(programs, sources)
        read = [programs.candidates[identity] for identity in changed]


def _reworks(programs: Drafts, sources: Mapping[str, str]) -> list[str]:
    """Ids of the reworked programs that were taken."""
    return [taken for identity, source in sources.items() if (taken := programs.rework(identity, source))]


def _words(findings: Sequence[Finding]) -> list[str]:
    return [f"line {f.line}: {f.message}" if f.line else f.message for f in findings]


def objections(remarks: Sequence[Remark]) -> list[str]:
    """Remarks as a designer is told them."""
    return [f"line {r.line} ({r.severity}): {r.reason} {r.fix}" for r in remarks]
