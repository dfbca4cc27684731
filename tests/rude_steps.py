"""Steps whose models, programs and processes all say the same."""

from collections.abc import Callable, Sequence

from fake_steps import FakeSteps

from autoreward.core.outcomes import Outcome
from autoreward.records import (
    Analyses,
    Analysis,
    Candidate,
    Candidates,
    Cause,
    Description,
    Diagnosis,
    Finding,
    MissingCondition,
    Remark,
    Round,
    Score,
    Screen,
    Screened,
    ScreenedCandidate,
    SuccessAudit,
    Symptom,
    Trial,
    TrialJob,
    Verdict,
)
from autoreward.store.book import Page, WithFiles


class RudeSteps(FakeSteps):
    """Every text that a model, a program or the analysis can leave in a record is the same."""

    def __init__(
        self, text: str, width: int = 3, fail: Callable[[TrialJob], Outcome] = lambda job: Outcome.COMPLETED
    ) -> None:
        super().__init__(width, fail)
        self.text = text

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        made = super().design(description, rounds)
        remark = Remark(line=1, severity="serious", reason=self.text, fix=self.text)
        rude = {"thought": self.text, "source": f"# {self.text}\n", "remarks": (remark,)}
        first, *others = (c.model_copy(update=rude) for c in made.items)
        child = others.pop().model_copy(update={"how": "crossover", "parents": ("r000c1", "r000c2")})
        items = (first, *others, child)
        return Candidates(items=items, findings=(self.text,))

    def review(self, candidate: Candidate) -> Verdict:
        refused = candidate.id.endswith("c0")
        outcome = Outcome.BROKE_CONTRACT if refused else Outcome.COMPLETED
        findings = (Finding(rule=self.text, message=self.text),)
        return Verdict(candidate_id=candidate.id, accepted=not refused, outcome=outcome, findings=findings)

    def screen(self, candidates: Sequence[Candidate], verdicts: Sequence[Verdict], rounds: Sequence[Round]) -> Screened:
        order = tuple(c.id for c in candidates if not c.id.endswith(("c0", "c3")))
        screen = Screen(name=self.text, decision="rejected", number=0.0, evidence=self.text, advice=self.text)
        return Screened(
            items=tuple(ScreenedCandidate(candidate_id=c.id, screens=(screen,)) for c in candidates), order=order
        )

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        made = super().train(job, begun)
        return WithFiles(made.record.model_copy(update={"message": self.text}), made.files)

    def diagnose(self, candidate: Candidate, trials: Sequence[Trial], scores: Sequence[Score]) -> Diagnosis:
        symptom = Symptom(name=self.text, evidence=self.text, advice=self.text, severity=1.0)
        return Diagnosis(candidate_id=candidate.id, symptoms=(symptom,))

    def audit(self, scored: Sequence[tuple[Page, Score]], candidate_id: str, ask: bool) -> SuccessAudit:
        missing = MissingCondition(condition="x < 1", why=self.text, fails=1, successes=2)
        return SuccessAudit(candidate_id=candidate_id, successes=2, missing=(missing,), findings=(self.text,))

    def analyze(self, page: Page, played: Round) -> Analyses:
        cause = Cause(cause=self.text, episode=self.text, steps=(1,), suggestion=self.text)
        items = tuple(Analysis(candidate_id=c.id, causes=(cause,)) for c in played.candidates)
        return Analyses(items=items, findings=(self.text,))
