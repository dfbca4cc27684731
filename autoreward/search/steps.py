"""Who does the work of each step of the loop: `session/real_steps.py` has the real ones, the tests fake ones."""

from collections.abc import Sequence
from typing import Protocol

from autoreward.core.executor import Executor
from autoreward.core.protection import Tier
from autoreward.records import (
    Analyses,
    Candidate,
    Candidates,
    Controllers,
    Description,
    Diagnosis,
    Exploration,
    Hunt,
    Judgement,
    Judgements,
    Question,
    Round,
    Score,
    Screened,
    Snapshots,
    SuccessAudit,
    Trial,
    TrialJob,
    Verdict,
)
from autoreward.store.book import Page, WithFiles


class Steps(Protocol):
    """Does the work of each step."""

    executor: Executor
    tier: Tier

    def describe(self) -> WithFiles[Description]:
        """Sample the task's environment."""
        ...

    def explore(self) -> WithFiles[Exploration]:
        """Look for telling episodes in the environment, without a reward program."""
        ...

    def snapshots(self) -> WithFiles[Snapshots]:
        """Look for what episodes of trainings may begin at."""
        ...

    def controllers(self) -> WithFiles[Controllers]:
        """Play policies that are written as code on the held-out episodes that trained ones are scored on."""
        ...

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        """Write the next round's reward programs."""
        ...

    def review(self, candidate: Candidate) -> Verdict:
        """Decide whether a candidate may train."""
        ...

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        """Train one policy; `begun` is the state that an earlier leg of the same training ended in."""
        ...

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        """Score a trial's policy on held-out seeds, in a process that never met the reward."""
        ...

    def diagnose(self, candidate: Candidate, trials: Sequence[Trial], scores: Sequence[Score]) -> Diagnosis:
        """Name what went wrong with a candidate, from its numbers."""
        ...

    def audit(self, scored: Sequence[tuple[Page, Score]], candidate_id: str, ask: bool) -> SuccessAudit:
        """Whether successes do what the goal says: those of a round, or of one candidate; `ask`: a model, too, if there is one."""
        ...

    def screen(self, candidates: Sequence[Candidate], verdicts: Sequence[Verdict], rounds: Sequence[Round]) -> Screened:
        """Decide, from recorded episodes alone, what is worth training, and in which order."""
        ...

    def hunt(self, candidate: Candidate, verdict: Verdict, rounds: Sequence[Round], steps: int) -> WithFiles[Hunt]:
        """Look for an episode that a candidate pays well and that reaches nothing, in about so many environment steps."""
        ...

    def analyze(self, page: Page, played: Round) -> Analyses:
        """Explain a round that is over, from its episodes, for the design of the next one; nothing if nobody is there to."""
        ...

    def compare(self, page: Page, batch: int, questions: Sequence[Question]) -> Judgements:
        """Ask the models that judge about pairs of policies of a round; `batch` counts such calls of one round.

        Raises LimitReached.
        """
        ...

    def debate(self, page: Page, contradicted: Sequence[Judgement]) -> Judgements:
        """Have the models that said two things of a pair argue either side, and judge it anew by what is so."""
        ...
