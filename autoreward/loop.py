"""The loop: design, check, race, score, diagnose; then confirm. Everything a person should know is on this page.

Every result is on disk before the next step starts (`once`, `each`), and every step is a function of saved records
alone. So calling `improve` again on the same book resumes it; there is no resume branch.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import TypeVar

from autoreward import events
from autoreward.config import RunConfig
from autoreward.errors import LimitReached, UsageError
from autoreward.evaluation.ranking import best, latest, runner_up
from autoreward.judges.human import preference_ranking
from autoreward.records import (
    Candidate,
    Candidates,
    Description,
    Feedbacks,
    Round,
    Run,
    Score,
    Screened,
    Trial,
    TrialId,
    Verdict,
)
from autoreward.search.baselines import not_the_reward
from autoreward.search.confirm import Contestant, contest, demand_sound, why_nothing
from autoreward.search.halving import Purse, goals, race, steps
from autoreward.search.steps import Crew
from autoreward.store.book import Book
from autoreward.store.keys import (
    ANALYSES,
    CANDIDATES,
    DESCRIPTION,
    DIAGNOSES,
    DOUBT,
    FEEDBACK,
    RESULT,
    SCORES,
    SCREENS,
    VERDICTS,
)
from autoreward.tasks.card import Task

Rounds = tuple[Round, ...]
R = TypeVar("R", Trial, Score)


def improve(task: Task, config: RunConfig, crew: Crew, book: Book, tell: events.Listener) -> Run:
    """Search for a reward program whose trained policy does what the task asks for; resume if already begun.

    Raises:
        UsageError: there are no environment steps for a single round.
        LimitReached: the first round can't be designed within the limits.
    """
    description = book.once(DESCRIPTION, crew.describe)
    said = book.lone(FEEDBACK) or Feedbacks()
    rounds: tuple[Round, ...] = ()
    while (stop := stop_reason(config, rounds, task, said)) is None:
        try:
            rounds = play(task, config, crew, book, description, rounds, said, tell)
        except LimitReached as limit:
            if not rounds:
                raise
            stop = str(limit)
            break
        tell(events.RoundDone(rounds[-1], best(rounds, task)))
    if not rounds:
        raise UsageError(f"There is nothing to search with: {stop}. A larger --budget lets a candidate train.")
    doubt = rounds[-1].doubt
    measurable = task.ruled and not doubt.said  # else there is nothing to confirm, or nothing to confirm it by
    finalists = contestants(rounds, said, task) if measurable else []
    trials, confirmed = contest(task, config, crew, book.confirm_page(), finalists, tell)
    heard = heeding(rounds, said)
    run = Run(
        task=task.name,
        goal=task.goal,
        stop=stop,
        rounds=len(rounds),
        best=best(heard, task),
        success=success(heard, task),
        failed=why_nothing(
            [t for r in heard for t in r.trials],
            [s for r in heard for s in r.scores],
            [v for r in heard for v in r.verdicts],
        ),
        confirmed=confirmed,
        doubt=doubt,
        trainings=sum(count(r.trials) + r.doubt.trainings for r in rounds) + len(trials),
        env_steps=spent(rounds) + steps(trials),
        tier=crew.tier,
    )
    return book.once(RESULT, lambda: run)


def play(
    task: Task, config: RunConfig, crew: Crew, book: Book, description: Description, rounds: Rounds, said: Feedbacks,
    tell: events.Listener,
) -> Rounds:  # fmt: skip
    """The rounds so far and one more. Raises LimitReached if designing it would cost too much."""
    number = len(rounds)
    page = book.page(number)
    tell(events.RoundStarted(number))
    candidates = page.once(CANDIDATES, lambda: crew.design(description, rounds)).items
    tell(events.Designed(candidates))
    verdicts = page.each(VERDICTS, candidates, crew.review, crew.pool)
    screened = page.once(SCREENS, lambda: crew.screen(candidates, verdicts, rounds))
    tell(events.Checked(verdicts, screened))
    field = in_order(candidates, verdicts, screened)
    trials, scores = race(task, config, crew, page, field, purse(config, task, rounds, said), tell)
    # stops here until people have answered, where they are the judges
    liked = preference_ranking(config, book, page, [*(r.scores for r in rounds), scores])
    diagnoses = page.each(DIAGNOSES, candidates,
                          lambda c: crew.diagnose(c, of(c.id, trials), of(c.id, scores)), crew.pool)  # fmt: skip
    analyses = page.once(ANALYSES, lambda: crew.analyze(page, candidates, scores, diagnoses, verdicts)).items
    played = Round(number=number, candidates=candidates, verdicts=verdicts, screened=screened, trials=trials, scores=scores,
                   diagnoses=diagnoses, analyses=analyses, liked=liked)  # fmt: skip
    doubt = page.once(DOUBT, lambda: not_the_reward(task, config, crew, book, description, (*rounds, played)))
    return (*rounds, played.model_copy(update={"doubt": doubt}))


def measure(task: Task, config: RunConfig, crew: Crew, book: Book, tell: events.Listener) -> Run:
    """Train the given reward on fresh seeds, and search for nothing; resume if already begun.

    Raises:
        UsageError: it is a program that may not train.
    """
    book.once(DESCRIPTION, crew.describe)
    given = config.given
    if given is None:
        raise ValueError("this run was given no reward")
    page = book.confirm_page()
    if not isinstance(given, str):
        demand_sound(given, task, page.each(VERDICTS, [given], crew.review, crew.pool)[0])
        book.page(0).once(CANDIDATES, lambda: Candidates(items=(given,)))
    trials, confirmed = contest(task, config, crew, page, [Contestant("given", given)], tell)
    failed = why_nothing(trials, page.saved(SCORES), ())
    run = Run(task=task.name, goal=task.goal, stop="it was all that was asked for", rounds=0,
              best="" if failed else confirmed[0].who, failed=failed, confirmed=() if failed else confirmed,
              trainings=len(trials), env_steps=steps(trials), tier=crew.tier)  # fmt: skip
    return book.once(RESULT, lambda: run)


def success(rounds: Rounds, task: Task) -> float | None:
    """The winner's held-out success over its training seeds; None without a winner or a rule."""
    found = latest([s for r in rounds for s in r.scores]).get(best(rounds, task), [])
    return fmean(s.success for s in found) if found and task.ruled else None


def stop_reason(config: RunConfig, rounds: Sequence[Round], task: Task, said: Feedbacks) -> str | None:
    """Why the search ends here, in words; None while it should go on. What people say buys at least one more round."""
    if len(rounds) <= said.since and said.items:
        return None
    if rounds and rounds[-1].doubt.said:
        return rounds[-1].doubt.said
    winner = best(rounds[said.since :], task) if config.judge == "rule" else ""  # people set no target
    scores = [s for r in rounds for s in r.scores if s.candidate_id == winner and s.steps >= config.full(task)]
    if scores and fmean(s.success for s in scores) >= config.target:
        seeds = f"{len(scores)} training seed{'s' if len(scores) > 1 else ''}"
        return f"{winner} reached the target success rate of {config.target:g} on {seeds}"
    if len(rounds) >= config.rounds and len(rounds) > said.since:
        return f"all {len(rounds)} rounds are done" if len(rounds) > 1 else "its one round is done"
    left = budget(config, task, said) - spent(rounds)
    # a later round is worth beginning if one of its programs can train to the end
    if left < (config.full(task) if rounds else goals(config, task)[0]):
        return f"the budget of {budget(config, task, said):,} environment steps is used"
    return None


def budget(config: RunConfig, task: Task, said: Feedbacks) -> int:
    """Environment steps that the search may take; each feedback adds what one round may need."""
    per_round = config.budget / config.rounds
    return round((config.budget + per_round * len(said.items)) * config.full(task))


def purse(config: RunConfig, task: Task, rounds: Sequence[Round], said: Feedbacks) -> Purse:
    """What the next round may take."""
    left = budget(config, task, said) - spent(rounds)
    return Purse(left, left // max(config.rounds - len(rounds), 1))


def spent(rounds: Sequence[Round]) -> int:
    """Environment steps that the search has taken."""
    return sum(steps(r.trials) + r.doubt.steps for r in rounds)


def count(trials: Sequence[Trial]) -> int:
    """Trainings; the legs of one are one."""
    return len({TrialId.parse(t.id).training for t in trials})


def in_order(
    candidates: Sequence[Candidate], verdicts: Sequence[Verdict], screened: Screened
) -> list[tuple[Candidate, Verdict]]:
    """The candidates that may train, each with its verdict, in the order of the screens."""
    by_id = {verdict.candidate_id: verdict for verdict in verdicts}
    places = {identity: place for place, identity in enumerate(screened.order)}
    may = [c for c in candidates if by_id[c.id].accepted and c.id in places]
    return [(c, by_id[c.id]) for c in sorted(may, key=lambda c: places[c.id])]


def heeding(rounds: Rounds, said: Feedbacks) -> Rounds:
    """The rounds that the winner may come from: those that have heard everything that was said, or all if none has."""
    return rounds[said.since :] or rounds


def contestants(rounds: Rounds, said: Feedbacks, task: Task) -> list[Contestant]:
    """Who is confirmed: the winner, the runner-up, the first program that was ever trained, and the baselines."""
    made = {c.id: c for r in rounds for c in r.candidates}
    winner, second = best(heeding(rounds, said), task), runner_up(heeding(rounds, said), task)
    if not winner:
        return []
    trained = {t.candidate_id for t in rounds[0].trials}
    first = next((c.id for c in rounds[0].candidates if c.id in trained), winner)
    found = [Contestant("winner", made[winner])]
    found += [Contestant("runner-up", made[second])] if second else []
    found += [Contestant("zero-shot", made[first])] if first not in (winner, second) else []
    return [*found, Contestant("baseline", "sparse"), Contestant("baseline", "native")]


def of(candidate_id: str, records: Sequence[R]) -> tuple[R, ...]:
    """The records of one candidate."""
    return tuple(record for record in records if record.candidate_id == candidate_id)
