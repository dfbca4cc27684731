"""A steps without processes: every answer is a pure function of its input, so a resumed run must end the same."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from autoreward.core.executor import Item, Result
from autoreward.core.outcomes import Outcome
from autoreward.core.protection import Tier
from autoreward.core.seeds import derive
from autoreward.records import (
    Analyses,
    Answer,
    Candidate,
    Candidates,
    CheckpointScore,
    Controllers,
    Debate,
    Description,
    Diagnosis,
    Exploration,
    FieldStats,
    Hunt,
    Judgement,
    Judgements,
    PlayedController,
    Question,
    RewardDistance,
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
from autoreward.store.keys import TRIALS


def weights(of: str) -> bytes:
    """Weights without a number, and whose they are."""
    header = json.dumps({"__metadata__": {"of": of}}).encode()
    return len(header).to_bytes(8, "little") + header


def alike(made: WithFiles[Score], success: float, progress: float) -> WithFiles[Score]:
    """The score as it is where every checkpoint does as well."""
    points = tuple(c.model_copy(update={"success": success, "progress": progress}) for c in made.record.checkpoints)
    change = {"success": success, "mean_success": success, "progress": progress, "mean_progress": progress}
    return WithFiles(made.record.model_copy(update={**change, "checkpoints": points}), made.files)


class InlineExecutor:
    """Does one item after the other in the calling thread."""

    def map(self, fn: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        for item in items:
            yield item, fn(item)


def made_up_distances(before: Sequence[str], names: Sequence[str]) -> tuple[RewardDistance, ...]:
    """Of each to all before it."""
    return tuple(
        RewardDistance(one=one, other=other, value=round(derive(0, one + other) % 101 / 100, 2))
        for place, one in enumerate(names)
        for other in (*before, *names[:place])
    )


class FakeSteps:
    """Implements `search.steps.Steps`; `done` counts how often each piece of work was made."""

    tier: Tier = "process-only"

    def __init__(self, width: int = 3, fail: Callable[[TrialJob], Outcome] = lambda job: Outcome.COMPLETED) -> None:
        self.executor = InlineExecutor()
        self.done: Counter[str] = Counter()
        self._width = width
        self._fail = fail

    def describe(self) -> WithFiles[Description]:
        self.done["describe"] += 1
        field = FieldStats(name="x", size=0, low=-1, high=1, mean=0, std=1)
        description = Description(state=(field,), action=(field,), max_steps=10, terminates=True, random_length=5)
        return WithFiles(description, {"samples.npz": b"samples"})

    def controllers(self) -> WithFiles[Controllers]:
        self.done["controllers"] += 1
        played = PlayedController(by="card", text="1.0 * (x > 0.0)", success=0.98, progress=0.99, enough=True)
        return WithFiles(Controllers(items=(played,)), {})

    def explore(self) -> WithFiles[Exploration]:
        self.done["explore"] += 1
        return WithFiles(Exploration(steps=100), {"explored.npz": b"explored"})

    def snapshots(self) -> WithFiles[Snapshots]:
        self.done["snapshots"] += 1
        return WithFiles(Snapshots(count=3, clusters=1, steps=100), {"snapshots.npz": b"snapshots"})

    def hunt(self, candidate: Candidate, verdict: Verdict, rounds: Sequence[Round], steps: int) -> WithFiles[Hunt]:
        self.done[f"hunt {candidate.id}"] += 1
        return WithFiles(Hunt(candidate_id=candidate.id, said="found nothing", steps=steps), {})

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        self.done[f"design {len(rounds)}"] += 1
        names = [f"r{len(rounds):03d}c{i}" for i in range(self._width)]
        return Candidates(
            items=tuple(
                Candidate(id=n, source=f"# {n}\n", thought=f"idea {n}", origin="grammar", how="fresh") for n in names
            )
        )

    def review(self, candidate: Candidate) -> Verdict:
        self.done[f"review {candidate.id}"] += 1
        rejected = derive(0, candidate.id) % 4 == 0
        outcome = Outcome.BROKE_CONTRACT if rejected else Outcome.COMPLETED
        return Verdict(candidate_id=candidate.id, accepted=not rejected, outcome=outcome)

    def screen(self, candidates: Sequence[Candidate], verdicts: Sequence[Verdict], rounds: Sequence[Round]) -> Screened:
        self.done[f"screen {len(rounds)}"] += 1
        order = tuple(v.candidate_id for v in verdicts if v.accepted)
        before = [v.candidate_id for r in rounds for v in r.verdicts if v.accepted]
        return Screened(order=order, distances=made_up_distances(before, order))

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        self.done[f"train {job.id}"] += 1
        assert begun == (weights(f"{job.id[:-1]}{job.leg - 1}") if job.leg else b"")
        outcome = self._fail(job)
        trial = Trial(
            id=job.id,
            candidate_id=job.candidate_id,
            outcome=outcome,
            seed=job.seed,
            begin=job.begin,
            steps=job.steps,
            checkpoints=(job.steps,),
        )
        return WithFiles(
            trial, {f"policy-{job.steps}.safetensors": weights(job.id), "state.safetensors": weights(job.id)}
        )

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        self.done[f"score {trial.id} {purpose}"] += 1
        assert page.file(TRIALS.of(trial.id), f"policy-{trial.steps}.safetensors") == weights(trial.id)
        success = derive(trial.seed, trial.candidate_id) % 100 / 110
        point = CheckpointScore(step=trial.steps, success=success, progress=success, metric=None, length=10)
        score = Score(
            trial_id=trial.id,
            candidate_id=trial.candidate_id,
            outcome=Outcome.COMPLETED,
            seed=trial.seed,
            steps=trial.steps,
            checkpoints=(point,),
            kept=trial.steps,
            success=success,
            progress=success,
            mean_success=success,
            mean_progress=success,
        )
        return WithFiles(score, {"episodes.npz": b"episodes"})

    def diagnose(self, candidate: Candidate, trials: Sequence[Trial], scores: Sequence[Score]) -> Diagnosis:
        self.done[f"diagnose {candidate.id}"] += 1
        return Diagnosis(candidate_id=candidate.id)

    def audit(self, scored: Sequence[tuple[Page, Score]], candidate_id: str, ask: bool) -> SuccessAudit:
        self.done[
            f"audit {candidate_id}" if candidate_id else f"audit {scored[0][0].folder.name}" if scored else "audit"
        ] += 1
        return SuccessAudit(candidate_id=candidate_id)

    def analyze(self, page: Page, played: Round) -> Analyses:
        self.done[f"analyze {page.folder.name}"] += 1
        return Analyses()

    def compare(self, page: Page, batch: int, questions: Sequence[Question]) -> Judgements:
        self.done[f"compare {page.folder.name} {batch}"] += 1
        return Judgements(items=tuple(self.judged(question) for question in questions))

    def debate(self, page: Page, contradicted: Sequence[Judgement]) -> Judgements:
        """Decides nothing: they say two things of the facts, too."""
        self.done[f"debate {page.folder.name}"] += 1
        again = Debate(for_a=("a, step 3: position is 0.6",), forwards="a", backwards="b")
        return Judgements(items=tuple(one.model_copy(update={"debate": again}) for one in contradicted))

    def judged(self, question: Question) -> Judgement:
        """Prefers whom the fake scores prefer: they go by the candidate's name."""
        a, b = (derive(0, name) for name in (question.a, question.b))
        answer: Answer = "a" if a > b else "b"
        return Judgement(
            question=question, by="replay:judge", answer=answer, forwards=answer, backwards=answer, cited=2
        )
