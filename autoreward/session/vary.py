"""Does the winner hold? What won a run, and the baselines beside it, in environments that vary; nothing is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from autoreward.core.executor import ThreadExecutor
from autoreward.core.seeds import held_out
from autoreward.core.wording import Command
from autoreward.errors import JobFailed, UsageError
from autoreward.evaluation.legs import newest
from autoreward.evaluation.robustness import even_shares, varied_reward
from autoreward.records import Robustness, Run, TrialId, VariedEpisodes, VariedRange
from autoreward.report.reading import RunView, SavedScore, read_run
from autoreward.sandbox.jail import Jail
from autoreward.search.confirm import NATIVE
from autoreward.session.run import leave
from autoreward.store.book import Book, powers_of
from autoreward.store.keys import DESCRIPTION, ROBUSTNESS, VARIED
from autoreward.store.shared import digest
from autoreward.store.trust import demand
from autoreward.training.workers import Workers, job_limits
from autoreward.worker.jobs.vary_record import VaryJob

FRESH_STARTS = 60
"""Episodes of each policy, plain and varied: 20 for each third of a range, whose rate has a standard error of 0.11 at most."""
MOST_STARTS = 1_000
"""So many environments are open at once."""


class _Policy(NamedTuple):
    """One to play."""

    id: str
    """Of its training."""
    saved: SavedScore


def varied_range(text: str) -> VariedRange:
    """`gravity=8..12`. Raises UsageError."""
    name, _, span = text.partition("=")
    low, _, high = span.partition("..")
    try:
        return VariedRange(name=name.strip(), low=float(low), high=float(high))
    except ValidationError as error:
        words = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(f"{text!r} can't be varied: {words}.") from None
    except ValueError:
        raise UsageError(
            f"{text!r} is no range; write what is to be varied as NAME=LOW..HIGH, such as gravity=8..12."
        ) from None


def vary_winner(
    folder: Path, variations: Sequence[VariedRange], episodes: int = FRESH_STARTS, seed: int = 0
) -> Robustness:
    """Score a finished run's policies in environments whose numbers are drawn from ranges, beside the plain one on the same starts.

    The starts are held out, and others than those that anything was chosen by; all policies are given the same starts and values.
    What was played once is not played again, and the run's report shows it.

    Args:
        folder: the run's.
        variations: what is varied, together, at least one.
        episodes: starts of each policy.
        seed: of what is drawn.

    Raises:
        UsageError: the run is not finished, has no rule or no policy, or something can't be varied: with what could be.
        NotTrusted: the run has code of somebody else's that was not let in.
        RunLocked, RunDamaged: it can't be worked in.
    """
    names = [v.name for v in variations]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UsageError(f"{twice!r} is to be varied twice; write one range for it.")
    if not 1 <= episodes <= MOST_STARTS or seed < 0:
        raise UsageError(f"Write from 1 to {MOST_STARTS:,} episodes, and a seed from 0.")
    with Book.open(folder) as book:
        demand(powers_of(book), str(folder))
        reading = read_run(folder)
        asked = [v.model_dump(mode="json") for v in variations]
        name = digest("robustness", asked, episodes, seed)[:12]
        policies = _demand_policies(reading)
        found = book.lone(ROBUSTNESS.of(name))
        if found is None:
            shares = even_shares(seed, episodes, len(variations))
            played = _play(book, reading, policies, tuple(variations), shares, name)
            found = Robustness(
                id=name,
                variations=tuple(variations),
                episodes=episodes,
                seed=seed,
                rewards=tuple(
                    varied_reward(book.header.task, who, role, variations, [played[p.id] for p in own])
                    for (who, role), own in policies.items()
                    if own
                ),
                unplayed=tuple(who for (who, _), own in policies.items() if not own),
            )
            book.put(ROBUSTNESS.of(name), found)
            leave(book, ())
        return found


def _play(
    book: Book,
    reading: RunView,
    policies: "_Policies",
    variations: tuple[VariedRange, ...],
    shares: tuple[tuple[float, ...], ...],
    name: str,
) -> dict[str, VariedEpisodes]:
    """The episodes of each policy, by its id; each is saved as it is there."""
    starts, grading = held_out("vary", len(shares)), book.need(DESCRIPTION).grading

    def played(policy: _Policy) -> VariedEpisodes:
        job = VaryJob(
            task=book.header.task,
            limits=job_limits(book.header.config),
            trial_id=policy.id,
            variations=variations,
            shares=shares,
            seeds=starts,
            grading=grading,
        )
        try:
            return workers.vary(job, reading.weights(*policy.saved))
        except JobFailed as failed:
            raise UsageError(
                f"The policies of {reading.folder} could not be played: {failed.message.rstrip('.')}."
            ) from None

    items = [policy for own in policies.values() for policy in own]
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program of a candidate is run here
        made = book.each(VARIED.of(f"{name}/"), items, played, ThreadExecutor(workers.cores))
    return {report.trial_id: report for report in made}


_Policies = dict[tuple[str, Literal["winner", "baseline"]], list[_Policy]]


def _demand_policies(reading: RunView) -> _Policies:
    """Those of the winner and the baselines. Raises UsageError where there is nothing to confirm."""
    run, task = reading.run, reading.header.task
    if not task.ruled:
        raise UsageError(f"{reading.folder} has no rule that says what a success is: people judge it.")
    if run is None:
        raise UsageError(
            f"{reading.folder} is not finished; finish it with `", Command("resume", (reading.folder,)), "`."
        )
    winner = _policies_of(reading, run, run.best)
    if not winner:
        raise UsageError(f"{reading.folder} has no policy to confirm: nothing was trained and scored.")
    others = [name for name in (NATIVE, "sparse") if name != run.best]
    return {(run.best, "winner"): winner, **{(who, "baseline"): _policies_of(reading, run, who) for who in others}}


def _policies_of(reading: RunView, run: Run, who: str) -> list[_Policy]:
    """The kept policies of a reward's trainings: on fresh seeds if there were any, else of the search."""
    scores = reading.confirm_scores if run.confirmed else reading.search_scores
    own = {
        s.score.trial_id: s
        for s in scores
        if s.score.outcome.ok and s.score.kept >= 0 and TrialId.parse(s.score.trial_id).candidate == who
    }
    kept = newest([s.score for s in own.values()]).values()
    return [_Policy(score.trial_id, own[score.trial_id]) for score in kept]
