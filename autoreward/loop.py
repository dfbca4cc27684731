"""The loop: design, check, race, score, diagnose; then confirm. Everything a person should know is on this page.

Every result is on disk before the next step starts (`once`, `each`), and every step is a function of saved records
alone. So calling `improve` again on the same book resumes it; there is no resume branch.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TypeVar

from autoreward import events
from autoreward.analyze.legs import training
from autoreward.analyze.ranking import best, runner_up
from autoreward.config import RunConfig
from autoreward.contest import Contestant, contest
from autoreward.crews import Crew
from autoreward.doubt import not_the_reward
from autoreward.errors import LimitReached
from autoreward.judging import judged
from autoreward.race import full, race, rungs
from autoreward.records import (
    Analyses,
    Candidate,
    Candidates,
    Description,
    Diagnosis,
    Doubt,
    Feedbacks,
    Round,
    Run,
    Score,
    Screened,
    Trial,
    Verdict,
)
from autoreward.store.book import Book
from autoreward.tasks import Task

Tell = Callable[[events.Event], None]
R = TypeVar("R", Trial, Score)


def improve(task: Task, config: RunConfig, crew: Crew, book: Book, tell: Tell) -> Run:
    """Search for a reward program whose trained policy does what the task asks for; resume if already begun."""
    description = book.once("description", Description, crew.describe)
    said = book.lone("feedback", Feedbacks) or Feedbacks()
    rounds: tuple[Round, ...] = ()
    doubt = Doubt()
    while (stop := doubt.said or stop_reason(config, rounds, task, said)) is None:
        number = len(rounds)
        page = book.page(number)
        tell(events.RoundStarted(number))
        try:
            candidates = page.once("candidates", Candidates, lambda: crew.design(description, rounds)).items  # noqa: B023
        except LimitReached as limit:
            if not rounds:
                raise
            stop = str(limit)
            break
        tell(events.Designed(candidates))
        checked = page.each("verdicts", Verdict, candidates, crew.review, crew.pool)
        screened = page.once("screens", Screened, lambda: crew.screen(candidates, checked, rounds))  # noqa: B023
        tell(events.Checked(checked, screened))
        field = in_order(candidates, checked, screened)
        trials, scores = race(task, config, crew, page, field, budget(config, task, said) - spent(rounds), tell)
        # stops here until people have answered, where they are the judges
        liked = judged(config, book, page, [*(r.scores for r in rounds), scores])
        diagnoses = page.each(
            "diagnoses",
            Diagnosis,
            candidates,
            lambda c: crew.diagnose(c, of(c.id, trials), of(c.id, scores)),  # noqa: B023
            crew.pool,
        )
        analyses = page.once("analyses", Analyses,
                             lambda: crew.analyze(page, candidates, scores, diagnoses, checked)).items  # noqa: B023  # fmt: skip
        rounds += (Round(number=number, candidates=candidates, verdicts=checked, screened=screened, trials=trials,
                         scores=scores, diagnoses=diagnoses, analyses=analyses, liked=liked),)  # fmt: skip
        doubt = page.once("doubt", Doubt, lambda: not_the_reward(task, config, crew, page, description, rounds[-1]))  # noqa: B023
        tell(events.RoundDone(rounds[-1], best(rounds, task)))
    eligible = rounds[said.since :]
    winner = best(eligible, task)
    measurable = task.ruled and not doubt.said  # else there is nothing to confirm, or nothing to confirm it by
    finalists = contestants(eligible, task) if measurable else []
    trials, confirmed = contest(task, config, crew, book.confirm_page(), finalists, tell)
    run = Run(
        task=task.name,
        goal=task.goal,
        stop=stop,
        rounds=len(rounds),
        best=winner,
        confirmed=confirmed,
        doubt=doubt,
        trainings=sum(count(r.trials) for r in rounds) + len(trials),
        env_steps=spent(rounds) + steps(trials) + doubt.steps,
        tier=crew.tier,
    )
    return book.once("result", Run, lambda: run)


def measure(task: Task, config: RunConfig, crew: Crew, book: Book, tell: Tell) -> Run:
    """Train the given reward on fresh seeds, and search for nothing; resume if already begun."""
    book.once("description", Description, crew.describe)
    given = config.given
    if given is None:
        raise ValueError("this run was given no reward")
    if not isinstance(given, str):
        book.page(0).once("candidates", Candidates, lambda: Candidates(items=(given,)))
    trials, confirmed = contest(task, config, crew, book.confirm_page(), [Contestant("given", given)], tell)
    run = Run(task=task.name, goal=task.goal, stop="it was all that was asked for", rounds=0, best=confirmed[0].who,
              confirmed=confirmed, trainings=len(trials), env_steps=steps(trials), tier=crew.tier)  # fmt: skip
    return book.once("result", Run, lambda: run)


def stop_reason(config: RunConfig, rounds: Sequence[Round], task: Task, said: Feedbacks) -> str | None:
    """Why the search ends here, in words; None while it should go on. What people say buys at least one more round."""
    if len(rounds) <= said.since and said.items:
        return None
    winner = best(rounds[said.since :], task) if config.judge == "rule" else ""  # people set no target
    scores = [s for r in rounds for s in r.scores if s.candidate_id == winner and s.steps >= full(config, task)]
    if scores and fmean(s.success for s in scores) >= config.target:
        seeds = f"{len(scores)} training seed{'s' if len(scores) > 1 else ''}"
        return f"{winner} reached the target success rate of {config.target:g} on {seeds}"
    if len(rounds) >= config.rounds and len(rounds) > said.since:
        return f"all {len(rounds)} rounds are done" if len(rounds) > 1 else "its one round is done"
    if spent(rounds) + rungs(task)[0] * full(config, task) > budget(config, task, said):
        return f"the budget of {budget(config, task, said):,} environment steps is used"
    return None


def budget(config: RunConfig, task: Task, said: Feedbacks) -> int:
    """Environment steps that the search may take; each feedback adds what one round may need."""
    per_round = config.budget / config.rounds
    return round((config.budget + per_round * len(said.items)) * full(config, task))


def spent(rounds: Sequence[Round]) -> int:
    """Environment steps that the search has taken."""
    return steps([t for r in rounds for t in r.trials])


def steps(trials: Sequence[Trial]) -> int:
    """Environment steps of these trainings; a leg counts its own."""
    return sum(t.steps - t.begin for t in trials)


def count(trials: Sequence[Trial]) -> int:
    """Trainings; the legs of one are one."""
    return len({training(t.id) for t in trials})


def in_order(
    candidates: Sequence[Candidate], verdicts: Sequence[Verdict], screened: Screened
) -> list[tuple[Candidate, Verdict]]:
    """The candidates that may train, each with its verdict, in the order of the screens."""
    by_id = {verdict.candidate_id: verdict for verdict in verdicts}
    places = {identity: place for place, identity in enumerate(screened.order)}
    may = [c for c in candidates if by_id[c.id].accepted and c.id in places]
    return [(c, by_id[c.id]) for c in sorted(may, key=lambda c: places[c.id])]


def contestants(rounds: Sequence[Round], task: Task) -> list[Contestant]:
    """Who is confirmed: the winner, the runner-up, the first program that was ever trained, and the baselines."""
    made = {c.id: c for r in rounds for c in r.candidates}
    winner, second = best(rounds, task), runner_up(rounds, task)
    if not winner:
        return []
    first = min((t.candidate_id for t in rounds[0].trials), default=winner)
    found = [Contestant("winner", made[winner])]
    found += [Contestant("runner-up", made[second])] if second else []
    found += [Contestant("zero-shot", made[first])] if first not in (winner, second) else []
    return [*found, Contestant("baseline", "sparse"), Contestant("baseline", "native")]


def of(candidate_id: str, records: Sequence[R]) -> tuple[R, ...]:
    """The records of one candidate."""
    return tuple(record for record in records if record.candidate_id == candidate_id)
