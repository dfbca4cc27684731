"""What is made of programs on a run's recorded episodes, where nothing is trained: they are screened, and get other weights."""

from collections.abc import Callable, Sequence

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.pay import OfflineData
from autoreward.checks.relabel import Relabelled, relabel
from autoreward.checks.screening import screen
from autoreward.config import RunConfig
from autoreward.core.transitions import Transitions
from autoreward.design.recompose import recomposed
from autoreward.design.resettle import resettled, set_apart
from autoreward.design.weight_tuning import retuned, tuned
from autoreward.evaluation.history import TUNING_ROUNDS, recent_rounds
from autoreward.llm.conversation import Tools
from autoreward.records import Candidate, CandidateId, Candidates, Description, Round, Screened, Verdict
from autoreward.report.reading import read_run
from autoreward.rewards.agreement import Parts
from autoreward.roles.tools import Workbench, recorded_tools
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.search.recorded import recorded
from autoreward.search.strategy import Variation
from autoreward.session.answered_weights import said_pairs, weights_told
from autoreward.store.book import Book
from autoreward.tasks.card import Task

_COMPARED = 64
"""Earlier programs that each new one is held beside, the latest: each costs about a second a round."""
_LOOK_SECONDS = 2.0
"""Longest that loading an expression, or asking it about all recorded transitions, may take."""


class Offline:
    """Runs programs on the episodes of one run."""

    def __init__(self, task: Task, config: RunConfig, book: Book, jail: Jail) -> None:
        self._task = task
        self._config = config
        self._book = book
        self._jail = jail

    def screened(
        self, candidates: Sequence[Candidate], verdicts: Sequence[Verdict], rounds: Sequence[Round]
    ) -> Screened:
        """Judge the candidates on the recorded episodes of this run, without training.

        One that must train is judged like others, and comes first whatever is said of it.
        """
        must = {c.id: c.parents for c in candidates if c.must_train}
        accepted = [v.candidate_id for v in verdicts if v.accepted]
        dataset = recorded(self._book, rounds)
        if dataset is None:
            return Screened(order=tuple(sorted(accepted, key=lambda name: name not in must)))
        recent = recent_rounds(rounds, TUNING_ROUNDS)
        trained = {s.candidate_id for r in recent for s in r.scores if s.outcome.ok}
        trained -= {name for names in must.values() for name in names}
        known = [(c, v) for r in rounds for c, v in zip(r.candidates, r.verdicts, strict=True) if v.accepted]
        compared = trained | {c.id for c, _ in known[-_COMPARED:]}
        known = [(c, v) for c, v in known if c.id in compared]
        ready = [(c, v) for c, v in zip(candidates, verdicts, strict=True) if v.accepted]
        ready.sort(key=lambda pair: pair[0].id not in must)
        relabelled, before = self._relabelled(ready, dataset), self._relabelled(known, dataset)
        earlier = {name: answer for name, answer in before.items() if isinstance(answer, Relabelled)}
        judged = screen(dataset, relabelled, earlier, self._task.train.gamma, trained)
        first = tuple(name for name in accepted if name in must)
        return judged.model_copy(update={"order": (*first, *(name for name in judged.order if name not in must))})

    def data(self, rounds: Sequence[Round]) -> OfflineData | None:
        """The episodes recorded so far, and how programs judge them; None without any."""
        dataset = recorded(self._book, rounds)
        if dataset is None:
            return None

        def relabelled(candidate: Candidate, verdict: Verdict) -> Relabelled | None:
            answer = self._relabelled([(candidate, verdict)], dataset)[candidate.id]
            return answer if isinstance(answer, Relabelled) else None

        return OfflineData(dataset, relabelled)

    def tools(self, data: OfflineData | None, review: Callable[[Candidate], Verdict]) -> Tools | None:
        """What models may call: programs and expressions on these episodes; None without any."""

        def run(source: str, batch: Transitions) -> Parts:
            with self._jail.open(source, seconds_per_call=_LOOK_SECONDS) as room:
                return room.client.evaluate(batch, False, judged=False)

        return recorded_tools(Workbench(data, review, run), self._config.tools) if data else None

    def completed(
        self, made: Candidates, description: Description, rounds: Sequence[Round], variations: Sequence[Variation]
    ) -> Candidates:
        """What was written for the next round, and after it what nobody has to write, where it is asked for."""
        written = set_apart(made.items, rounds) if self._config.tune_settings else made.items
        beside = self._beside(description, rounds, variations, len(written))
        return made.model_copy(update={"items": (*written, *beside)})

    def _beside(
        self, description: Description, rounds: Sequence[Round], variations: Sequence[Variation], first: int
    ) -> tuple[Candidate, ...]:
        """What the strategy asks for of that; ids from the place `first` on."""
        tuned = self._tuned(description, rounds, [v for v in variations if v.operator == "weights"])
        parents = [v.parents[0] for v in variations if v.operator == "composition"]
        others = recomposed(rounds, parents, first)
        best = [v.parents[0] for v in variations if v.operator == "settings"]
        return (*tuned, *others, *resettled(self._task, rounds, best, first + len(others)))

    def parts(self, source: str, stepped: bool, episode: Transitions) -> Parts:
        """The program's parts along an episode; empty if it fails there."""
        try:
            with self._jail.open(source) as room:
                return room.client.evaluate(episode, stepped)
        except RewardFailed:
            return {}

    def _tuned(
        self, description: Description, rounds: Sequence[Round], tunings: Sequence[Variation]
    ) -> tuple[Candidate, ...]:
        """Programs with their weights tuned, where that changes anything."""
        if not tunings or (dataset := recorded(self._book, rounds)) is None:
            return ()
        (tuning,) = tunings
        parent, verdict = next(
            (c, v) for r in rounds for c, v in zip(r.candidates, r.verdicts, strict=True) if c.id in tuning.parents
        )
        identity = str(CandidateId(len(rounds), None))
        said = said_pairs(self._book, read_run(self._book.folder)) if rounds[-1].liked.items else None
        if said and (told := weights_told(said, self._jail, parent, verdict)):
            child = retuned(self._task, description, parent, dict(told.factors), f"by {told.source}", identity)
            return (child,) if child and told.tells_more else ()
        relabelled = self._relabelled([(parent, verdict)], dataset).get(parent.id)
        if not isinstance(relabelled, Relabelled):
            return ()
        why = f"that rank {len(dataset.goodness)} recorded episodes better"
        factors = tuned(relabelled.parts, dataset.goodness)
        child = retuned(self._task, description, parent, factors, why, identity)
        return (child,) if child else ()

    def _relabelled(
        self, programs: Sequence[tuple[Candidate, Verdict]], dataset: EpisodeDataset
    ) -> dict[str, Relabelled | RewardFailed]:
        """What each makes of the dataset, or how it fails on it."""
        answers: dict[str, Relabelled | RewardFailed] = {}
        for candidate, verdict in programs:
            job = search_job(self._config, self._task, candidate, verdict)
            try:
                answers[candidate.id] = relabel(
                    self._jail, job, self._task.trained_with(job.settings).train.gamma, dataset
                )
            except RewardFailed as failure:
                answers[candidate.id] = failure
        return answers
