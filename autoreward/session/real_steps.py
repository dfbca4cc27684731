"""The real work of each step: a designer (a model or the grammar), checks, workers, analyzer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

from autoreward import events
from autoreward.checks.review import review
from autoreward.checks.samples import Practice
from autoreward.config import NO_MODELS, RunConfig
from autoreward.core import seeds
from autoreward.core.executor import Executor, ThreadExecutor
from autoreward.core.process_secrecy import Hidden
from autoreward.core.protection import Tier
from autoreward.design import refine
from autoreward.design.grammar.evolve import evolved_candidates, slots
from autoreward.design.recompose import as_demanded
from autoreward.errors import LimitReached
from autoreward.evaluation.diagnose import diagnose
from autoreward.evaluation.ranking import ranked
from autoreward.llm.client import ModelClient
from autoreward.records import (
    DEMONSTRATIONS,
    REFERENCE_EPISODES,
    SAMPLES,
    Analyses,
    Candidate,
    Candidates,
    Controllers,
    Description,
    Diagnosis,
    Exploration,
    Feedbacks,
    Hunt,
    Judgement,
    Judgements,
    Question,
    ReplyKey,
    Round,
    Score,
    Screened,
    Snapshots,
    SuccessAudit,
    Trial,
    TrialJob,
    Verdict,
    policy_file,
)
from autoreward.roles.analyzer import explain
from autoreward.roles.brief import Brief, brief
from autoreward.roles.history import History
from autoreward.sandbox.jail import Jail
from autoreward.search.keep_or_revert import KeepOrRevert
from autoreward.search.strategy import FIRST_IDEA, UNWRITTEN, Strategy, Variation
from autoreward.search.truncation import TruncationSelection
from autoreward.session.agent_desk import GONE, Author, WantedProgram
from autoreward.session.asked_models import model_client
from autoreward.session.audits import audit_scores
from autoreward.session.cases import case_of
from autoreward.session.controllers import ControllerTrials
from autoreward.session.critic_exam import critic_in_run
from autoreward.session.drawn import drawn_episode
from autoreward.session.hunting import Hunting, training_files
from autoreward.session.judging import Judging
from autoreward.session.offline import Offline
from autoreward.session.shared_baselines import SharedBaselines
from autoreward.session.traits import told_by_people, with_traits
from autoreward.session.worker_pool import open_workers
from autoreward.store.book import Book, Page, WithFiles
from autoreward.store.keys import DESCRIPTION, EARLIER_LESSONS, FEEDBACK, LENGTH, SCREENS, TRIALS
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers

EXPLAINED = 3
"""Programs of a round that the analyzer is shown."""


class RealSteps:
    """Implements `search.steps.Steps` with real processes."""

    def __init__(
        self,
        task: Task,
        config: RunConfig,
        book: Book,
        workers: Workers,
        tell: events.Listener,
        client: ModelClient | None,
        author: Author | None = None,
    ):
        """`client` is where models are asked; None if none is, and the grammar or an agent designs."""
        self.executor: Executor = ThreadExecutor(config.workers or workers.cores)
        self.tier: Tier = workers.jail.tier
        self._task = task
        self._config = config
        self._book = book
        self._workers = workers
        self._tell = tell
        self._client = client if config.model not in NO_MODELS else None
        self._author = author
        one = KeepOrRevert(task, config) if config.search == "agent" else None
        self.strategy: Strategy = one or TruncationSelection(task, config, slots)
        self._offline = Offline(task, config, book, workers.jail)
        self._judging = Judging(task, config, book, workers, self.executor, client)
        self._hunting = Hunting(task, config, book, workers, tell)
        self._baselines = SharedBaselines(task, config, book, tell)

    def describe(self) -> WithFiles[Description]:
        """Sample the task's environment under a random policy."""
        seed = seeds.derive(self._config.seed, "describe")
        demos = self._book.read(DEMONSTRATIONS)
        made = WithFiles(*self._workers.describe(self._task, seed, demos, self._config.trained_in))
        self._tell(events.SimulatorChosen(made.record.simulator))
        return made

    def controllers(self) -> WithFiles[Controllers]:
        """Play the card's script, and ask for a controller where that is wanted."""
        trials = ControllerTrials(self._task, self._config, self._workers, self._practice, self._described.grading)
        client = self._client if self._config.propose_controller else None
        return trials.all(client, lambda: self._brief(self._config.full(self._task)))

    def snapshots(self) -> WithFiles[Snapshots]:
        """Look for what episodes of trainings may begin at."""
        return self._hunting.snapshots()

    def explore(self) -> WithFiles[Exploration]:
        """Look for telling episodes in the environment, without a reward program."""
        return self._hunting.explore()

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        """Write the next round's programs, as the strategy asks; an agent's are what it hands in. Raises LimitReached."""
        if self._config.by_agent:
            if self._author is None:
                raise LimitReached(GONE)
            return self._author(self._for_agent(tuple(rounds)))
        variations = self.strategy.ask(rounds)
        drafts = [v for v in variations if v.operator not in UNWRITTEN]
        if self._client is not None:
            parents = dict.fromkeys(name for v in drafts for name in v.parents)
            history = History(rounds, tuple(parents), self._config.start, self._book.lone(EARLIER_LESSONS))
            data = self._offline.data(rounds)
            length = self._book.page(len(rounds)).lone(LENGTH)
            about = self._brief(length.steps if length else self._config.full(self._task))
            wanted = refine.DesignRequest(
                about, history, len(drafts), self.review, data, told_by_people(self._book),
                lambda count: self._of_grammar(description, rounds, [FIRST_IDEA] * count),
                self._offline.tools(data, self.review), critic_in_run(self._book, self._tell).acts,
            )  # fmt: skip
            made = refine.refined_candidates(self._client, wanted)
            if any(c.how == "filled" for c in made.items):
                self._tell(events.ModelSaid(f"round {len(rounds)}: {made.findings[-1]}"))
        else:
            made = Candidates(items=self._of_grammar(description, rounds, drafts))
        return self._offline.completed(made, description, rounds, variations)

    def _for_agent(self, rounds: tuple[Round, ...]) -> WantedProgram:
        data, about = self._offline.data(rounds), self._brief(self._config.full(self._task))
        draw = partial(drawn_episode, self._book, self._workers, data.dataset if data else None)
        return WantedProgram(about, rounds, self._offline.tools(data, self.review), self.review, draw, self._for_agent)

    def _of_grammar(
        self, description: Description, rounds: Sequence[Round], drafts: Sequence[Variation]
    ) -> tuple[Candidate, ...]:
        seed = seeds.derive(self._config.seed, "design", len(rounds))
        # where a model designs, what people said is for the model to read
        said = () if self._client else (self._book.lone(FEEDBACK) or Feedbacks()).items
        made = evolved_candidates(self._task, description, rounds, drafts, seed, said)
        return as_demanded(made, self._config.composition)

    def review(self, candidate: Candidate) -> Verdict:
        """Gate and dry run on the sampled transitions, and on what a training may make of them."""
        return review(candidate, self._workers.jail, self._practice)

    @cached_property
    def _described(self) -> Description:
        return self._book.need(DESCRIPTION)

    def _brief(self, training_steps: int) -> Brief:
        episodes = self._book.transitions(DESCRIPTION, REFERENCE_EPISODES)
        about = (
            self._task,
            training_steps,
            self._config.episodes,
            self._described,
            not self._config.hide_rule,
            episodes,
        )
        return brief(*about, self._config.composition, self._config.tune_settings)

    @cached_property
    def _practice(self) -> Practice:
        return Practice.of(self._task, self._described, self._book.transitions(DESCRIPTION, SAMPLES))

    def screen(self, candidates: Sequence[Candidate], verdicts: Sequence[Verdict], rounds: Sequence[Round]) -> Screened:
        """Judge the candidates on the recorded episodes of this run, without training."""
        return self._offline.screened(candidates, verdicts, rounds)

    def hunt(self, candidate: Candidate, verdict: Verdict, rounds: Sequence[Round], steps: int) -> WithFiles[Hunt]:
        """Look for an episode that a candidate pays well and that reaches nothing."""
        return self._hunting.hunt(candidate, verdict, rounds, steps)

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        """Train one policy in a worker, its reward in the jail."""

        def progress(step: int) -> None:
            self._tell(events.TrialProgress(job.id, step, job.steps))

        def trained() -> WithFiles[Trial]:
            known = self._described.grading, self._described.simulator
            return WithFiles(*self._workers.train(self._task, job, self._config, progress, files, *known))

        files = training_files(self._book, job, begun)
        made = self._baselines.train(job, files, trained)
        self._tell(events.TrialDone(made.record))
        return made

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        """Score a trial's checkpoints on held-out seeds."""
        files = {name: page.file(TRIALS.of(trial.id), name) for name in map(policy_file, trial.checkpoints)}
        choosing, scoring = (seeds.held_out(what, self._config.episodes) for what in (f"{purpose}/keep", purpose))

        def scored() -> WithFiles[Score]:
            job = (self._task, trial, self._config, files, choosing, scoring, self._described.grading)
            return WithFiles(*self._workers.score(*job))

        made = self._baselines.score(trial, files, purpose, scored)
        self._tell(events.ScoreDone(made.record))
        return made

    def diagnose(self, candidate: Candidate, trials: Sequence[Trial], scores: Sequence[Score]) -> Diagnosis:
        """Name the symptoms of one candidate's trial."""
        screened = [item for page in self._book.pages() for item in (page.lone(SCREENS) or Screened(order=())).items]
        screens = next((item.screens for item in screened if item.candidate_id == candidate.id), ())
        found = diagnose(self._task, candidate, trials, scores, self._described, screens)
        self._tell(events.Diagnosed(found := with_traits(self._book, found)))
        return found

    def analyze(self, page: Page, played: Round) -> Analyses:
        """Have a model explain the best programs that are not good enough yet, each from one of its trainings."""
        if self._client is None:
            return Analyses()
        best = ranked(played.scores, self._task, played.liked)[:EXPLAINED]
        cases = [case_of(self._task, self._described, page, played, identity, self._offline.parts) for identity in best]
        cases = [case for case in cases if case.shown.success < self._config.target]
        if not cases:
            return Analyses()
        try:
            about = self._brief(played.training_steps)
            tools = self._offline.tools(self._offline.data([played]), self.review)
            key = str(ReplyKey(page.round, "analyzer"))
            items, findings = explain(self._client, key, about, cases, told_by_people(self._book), tools)
        except LimitReached as limit:
            return Analyses(findings=(str(limit),))
        return Analyses(items=items, findings=findings)

    def audit(self, scored: Sequence[tuple[Page, Score]], candidate_id: str, ask: bool) -> SuccessAudit:
        """Hold successes against untrained episodes, and show them to the analyzer's model, if there is one."""
        return audit_scores(self._book, scored, candidate_id, self._client if ask else None)

    def compare(self, page: Page, batch: int, questions: Sequence[Question]) -> Judgements:
        """Show models that judge what the policies of these questions do."""
        return self._judging.compare(page, batch, questions)

    def debate(self, page: Page, contradicted: Sequence[Judgement]) -> Judgements:
        """Have models argue either side of pairs of which they said two things, and judge them anew."""
        return self._judging.debate(page, contradicted)


@contextmanager
def open_steps(
    task: Task, config: RunConfig, book: Book, tell: events.Listener, author: Author | None = None
) -> Iterator[tuple[RealSteps, Workers]]:
    """Start the jail and the worker processes; end every one of them on the way out. `author`: the agent that designs.

    Raises:
        UsageError: a model's name or key is missing, or Ray.
        JailError: this machine can't lock a process and the designer is a model that is not trusted.
    """
    client = model_client(config, book, tell)
    trust = config.trust_the_model or (config.by_grammar and book.programs_made_here())

    def notice(line: str) -> None:
        tell(events.Mended(line))

    with (
        Hidden(),
        Jail(trust, notice, ready=config.by_agent) as jail,
        open_workers(config, jail, trust, notice) as workers,
    ):
        jail.demand()
        yield RealSteps(task, config, book, workers, tell, client, author), workers
