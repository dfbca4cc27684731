"""The loop: design, check, race, score, diagnose; then confirm. Everything a person should know is on this page.

Every result is on disk before the next step starts (`once`, `each`), and every step is a function of saved records
alone. So calling `improve` again on the same book resumes it; there is no resume branch.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import TypeVar

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.wording import Setting
from autoreward.errors import LimitReached, UsageError
from autoreward.evaluation.limits import holds_limits, over_trainings, unheld
from autoreward.evaluation.ranking import best, latest
from autoreward.evaluation.stages import stages_over_trainings
from autoreward.judges import judge_called
from autoreward.records import (
    Candidate,
    Candidates,
    Description,
    Diagnosis,
    Feedbacks,
    Round,
    Run,
    Score,
    Screened,
    SuccessAudit,
    Trial,
    TrialId,
    Verdict,
)
from autoreward.search.arms import arms, rounds_that_heard
from autoreward.search.baselines import not_the_reward, taken_over
from autoreward.search.confirm import Arm, confirm, demand_sound, why_nothing
from autoreward.search.controllers import beside_trained, controllers_once
from autoreward.search.halving import Budget, Trained, env_steps, goals, search_job, successive_halving
from autoreward.search.hunts import explored_once, hunted, hunted_steps, snapshots_once
from autoreward.search.length import length_after, with_incumbent, with_its_length
from autoreward.search.longer import most_helped, train_longer
from autoreward.search.starts import demand_sound_starts, own_rewards, with_starts
from autoreward.search.study import Study
from autoreward.search.taken import judged_again
from autoreward.store.keys import (
    ANALYSES,
    AUDIT,
    CANDIDATES,
    DESCRIPTION,
    DIAGNOSES,
    DOUBT,
    FEEDBACK,
    RESULT,
    SCORES,
    SCREENS,
    TAKEN,
    TRIALS,
    VERDICTS,
)
from autoreward.tasks.card import Task

Rounds = tuple[Round, ...]
R = TypeVar("R", Trial, Score)


def improve(study: Study) -> Run:
    """Search for a reward program whose trained policy does what the task asks for; resume if already begun.

    Raises:
        UsageError: there are no environment steps for a single round, or a reward to start from may not train.
        LimitReached: the first round can't be designed within the limits.
    """
    task, book = study.task, study.book
    description = book.once(DESCRIPTION, study.steps.describe)
    demand_sound_starts(study)
    controllers_once(study)
    explored_once(study)
    feedback = book.lone(FEEDBACK) or Feedbacks()
    rounds: tuple[Round, ...] = ()
    while (stop := stop_reason(study.config, task, rounds, feedback)) is None:
        try:
            rounds = play(study, description, rounds, feedback)
        except LimitReached as limit:
            if not rounds:
                raise
            stop = str(limit)
            break
        study.listener(events.RoundDone(rounds[-1], best(rounds, task)))
    if not rounds:
        raise UsageError(
            f"There is nothing to search with: {stop}. A larger ", Setting("budget"), " lets a candidate train."
        )
    doubt = rounds[-1].doubt
    heard = rounds_that_heard(rounds, feedback)
    entered = arms(rounds, feedback, task) if task.ruled and not doubt.reason else []  # else nothing can be confirmed
    # where people judge they have the last word
    searched = [s for r in heard for s in r.scores] if judge_called(study.config.judge).sets_target else []
    longest = study.at(length_after(study.config, task, rounds))
    trials, confirmed, contest = confirm(longest, book.confirm_page(), entered, searched)
    taken = taken_over([*book.baselines_page().saved(TRIALS), *trials])
    winner = contest.best if contest else best(heard, task)
    run = Run(
        task=task.name,
        goal=task.goal,
        stop=stop,
        rounds=len(rounds),
        best=winner,
        success=success(heard, task),
        failed=what_failed(heard),
        confirmed=confirmed,
        controllers=beside_trained(study, confirmed, winner),
        starts=own_rewards(rounds, confirmed, winner, task.ruled),
        longer=most_helped(rounds),
        contest=contest,
        doubt=doubt,
        audit=winners_audit(study, heard, winner),
        limits=over_trainings(scores_of(winner, heard)),
        stages=stages_over_trainings(scores_of(winner, heard)),
        unheld=unheld([*(s for r in rounds for s in r.scores), *book.confirm_page().saved(SCORES)]),
        looks=study.looks,
        trainings=sum(count(r.trials) + r.doubt.trainings for r in rounds) + len(trials) - len(taken),
        env_steps=spent(rounds) + env_steps(trials) - env_steps(taken),
        training_steps=longest.full,
        tier=study.steps.tier,
    )
    return book.once(RESULT, lambda: run)


def play(study: Study, description: Description, rounds: Rounds, feedback: Feedbacks) -> Rounds:
    """The rounds so far and one more. Raises LimitReached if designing it would cost too much."""
    steps, number = study.steps, len(rounds)
    page = study.book.page(number)
    study.listener(events.RoundStarted(number))
    budget = round_budget(study, rounds, feedback)
    study = with_its_length(study, page, rounds, budget.left)
    rounds = explained(study, rounds)
    made = page.once(
        CANDIDATES,
        lambda: with_starts(
            with_incumbent(steps.design(description, rounds), rounds, study.task, study.full),
            study.config.start,
            rounds,
        ),
    )
    study.listener(events.Designed(made.items))
    verdicts = page.each(VERDICTS, made.items, steps.review, steps.executor)
    candidates = tuple(c.reviewed(v) for c, v in zip(made.items, verdicts, strict=True))
    screened = page.once(SCREENS, lambda: steps.screen(candidates, verdicts, rounds))
    study.listener(events.Checked(verdicts, screened))
    field, budget, hunts = hunted(study, page, in_order(candidates, verdicts, screened), rounds, budget)
    taken = page.has(TAKEN)
    trials, scores = judged_again(study, page) if taken else successive_halving(study, page, field, budget)
    # stops here until people have answered, where they are the judges
    liked = judge_called(study.config.judge).rank(study, page, [*(r.scores for r in rounds), scores])

    def diagnosed(candidate: Candidate) -> Diagnosis:
        return steps.diagnose(candidate, records_of(candidate.id, trials), records_of(candidate.id, scores))

    diagnoses = page.each(DIAGNOSES, candidates, diagnosed, steps.executor)
    played = Round(number=number, candidates=candidates, verdicts=verdicts, screened=screened, trials=trials, scores=scores,
                   diagnoses=diagnoses, hunts=hunts, liked=liked, training_steps=study.full)  # fmt: skip
    champion = best((*rounds, played), study.task)
    job = next((search_job(study.config, study.task, c, v) for c, v in field if c.id == champion and not taken), None)
    longer = train_longer(study, page, job, Trained(trials, scores), budget.less(env_steps(trials)).left)
    played = played.model_copy(update={"longer": longer})
    doubt = page.once(DOUBT, lambda: not_the_reward(study, description, (*rounds, played)))
    audit = page.once(
        AUDIT, lambda: steps.audit([(page, s) for s in scores], "", not any(r.audit.successes for r in rounds))
    )
    if audit.sentences and not any(r.audit.sentences for r in rounds):
        study.listener(events.Audited(audit))
    return (*rounds, played.model_copy(update={"doubt": doubt, "audit": audit}))


def explained(study: Study, rounds: Rounds) -> Rounds:
    """The rounds with the last one explained: when another is designed, since nobody else reads it."""
    if not rounds:
        return rounds
    page = study.book.page(rounds[-1].number)
    analyses = page.once(ANALYSES, lambda: study.steps.analyze(page, rounds[-1])).items
    return (*rounds[:-1], rounds[-1].model_copy(update={"analyses": analyses}))


def measure(study: Study) -> Run:
    """Train the given reward on fresh seeds, and search for nothing; resume if already begun.

    Raises:
        UsageError: it is a program that may not train.
    """
    task, book = study.task, study.book
    book.once(DESCRIPTION, study.steps.describe)
    controllers_once(study)
    snapshots_once(study)
    reward = study.config.given
    if reward is None:
        raise ValueError("this run was given no reward")
    page = book.confirm_page()
    if not isinstance(reward, str):
        (verdict,) = page.each(VERDICTS, [reward], study.steps.review, study.steps.executor)
        demand_sound(reward, task, verdict)
        reward = reward.reviewed(verdict)
        book.page(0).once(CANDIDATES, lambda: Candidates(items=(reward,)))
    trials, confirmed, _ = confirm(study, page, [Arm("given", reward)])
    failed = why_nothing(trials, page.saved(SCORES), ())
    scored = [(page, s) for s in page.saved(SCORES)]
    audit = page.once(AUDIT, lambda: study.steps.audit(scored, "" if failed else confirmed[0].who, False))
    if audit.sentences:
        study.listener(events.Audited(audit))
    run = Run(task=task.name, goal=task.goal, stop="it was all that was asked for", rounds=0,
              best="" if failed else confirmed[0].who, failed=failed, confirmed=() if failed else confirmed,
              controllers=beside_trained(study, confirmed, "" if failed else confirmed[0].who),
              audit=audit, trainings=len(trials), env_steps=env_steps(trials), training_steps=study.full,
              tier=study.steps.tier)  # fmt: skip
    return book.once(RESULT, lambda: run)


def winners_audit(study: Study, rounds: Rounds, winner: str) -> SuccessAudit:
    """Whether the winner's successes do what the goal says: on fresh seeds and in the search."""
    page = study.book.confirm_page()
    scored = [(study.book.page(r.number), s) for r in rounds for s in records_of(winner, r.scores)]
    scored += [(page, s) for s in records_of(winner, page.saved(SCORES))]
    audit = page.once(AUDIT, lambda: study.steps.audit(scored, winner, True))
    if audit.sentences:
        study.listener(events.Audited(audit))
    return audit


def scores_of(candidate_id: str, rounds: Rounds) -> list[Score]:
    """The newest score of each of a candidate's trainings in some rounds."""
    return latest([s for r in rounds for s in r.scores]).get(candidate_id, [])


def success(rounds: Rounds, task: Task) -> float | None:
    """The winner's held-out success over its training seeds; None without a winner or a rule."""
    scores = latest([s for r in rounds for s in r.scores]).get(best(rounds, task), [])
    return fmean(s.success for s in scores) if scores and task.ruled else None


def what_failed(rounds: Rounds) -> str:
    """What the first training, scoring or program failed of, if no policy was scored; empty if one was."""
    trials, scores = [t for r in rounds for t in r.trials], [s for r in rounds for s in r.scores]
    return why_nothing(trials, scores, [v for r in rounds for v in r.verdicts])


def stop_reason(config: RunConfig, task: Task, rounds: Sequence[Round], feedback: Feedbacks) -> str | None:
    """Why the search ends here, in words; None while it should go on. What people say buys at least one more round."""
    if len(rounds) <= feedback.since and feedback.items:
        return None
    if rounds and rounds[-1].doubt.reason:
        return rounds[-1].doubt.reason
    winner = best(rounds[feedback.since :], task) if judge_called(config.judge).sets_target else ""
    scores = latest([s for r in rounds for s in r.scores if s.steps >= r.training_steps]).get(winner, [])
    if scores and holds_limits(scores) and fmean(s.success for s in scores) >= config.target:
        seeds = f"{len(scores)} training seed{'s' if len(scores) > 1 else ''}"
        return f"{winner} reached the target success rate of {config.target:g} on {seeds}"
    if len(rounds) >= config.rounds and len(rounds) > feedback.since:
        return f"all {len(rounds)} rounds are done" if len(rounds) > 1 else "its one round is done"
    left = search_budget(config, task, feedback) - spent(rounds)
    # a later round is worth beginning if one of its programs can train to the end
    if left < (length_after(config, task, rounds, left) if rounds else goals(config, task)[0]):
        return f"the budget of {search_budget(config, task, feedback):,} environment steps is used"
    return None


def search_budget(config: RunConfig, task: Task, feedback: Feedbacks) -> int:
    """Environment steps that the search may take; each feedback adds what one round may need."""
    per_round = config.budget / config.rounds
    return round((config.budget + per_round * len(feedback.items)) * config.full(task))


def round_budget(study: Study, rounds: Sequence[Round], feedback: Feedbacks) -> Budget:
    """What the next round may take."""
    left = search_budget(study.config, study.task, feedback) - spent(rounds)
    return Budget(left, left // max(study.config.rounds - len(rounds), 1))


def spent(rounds: Sequence[Round]) -> int:
    """Environment steps that the search has taken."""
    return sum(env_steps(r.trials) + hunted_steps(r.hunts) + r.longer.env_steps + r.doubt.steps for r in rounds)


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


def records_of(candidate_id: str, records: Sequence[R]) -> tuple[R, ...]:
    """The records of one candidate."""
    return tuple(record for record in records if record.candidate_id == candidate_id)
