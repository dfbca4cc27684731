"""Events and results as sentences."""

from collections.abc import Sequence

from autoreward import events
from autoreward.evaluation.limits import limits_clause
from autoreward.evaluation.metrics import metrics_clause
from autoreward.records import Confirmed, Contest, Run, Score, Screened, Trial, TrialId, Verdict
from autoreward.report.audit import audit_lines
from autoreward.report.beside_native import beside_native
from autoreward.report.controllers import controller_sentences
from autoreward.report.hunting import BeforeTraining, before_training
from autoreward.report.limits import limit_sentences
from autoreward.report.starts import start_sentences


def describe_event(event: events.Event) -> str:
    """One line for people; empty for what is not worth one."""
    if isinstance(event, BeforeTraining):
        return before_training(event)
    match event:
        case events.RunStarted(task=task, config=config, folder=folder):
            opened = "".join(f"\n  {said}" for said in (task.process.sentence, task.native_sentence) if said)
            if config.given is not None:
                return f"{task.name}: {task.goal} ({folder}){opened}"
            rounds = f"{counted(config.rounds, 'round')} at most"
            return f"{task.name}: {task.goal} ({counted(config.candidates, 'candidate')} a round, {rounds}; {folder}){opened}"
        case events.RoundStarted(number=number):
            return f"round {number}"
        case events.ModelSaid(line=line) | events.Mended(line=line) | events.LessonsUnkept(line=line):
            return f"  {line}"
        case events.Designed(candidates=candidates):
            return f"  designed {counted(len(candidates), 'candidate')}"
        case events.Checked(verdicts=verdicts, screened=screened):
            return checked_lines(verdicts, screened)
        case events.RungDone(standings=standings):
            on = [row.candidate_id for row in standings.rows if row.goes_on]
            stopped = standings.unaffordable
            short = f"; no steps left in the budget for {', '.join(stopped)}" if stopped else ""
            reached = f"after {standings.steps:,} steps {len(on)} of {len(standings.rows)} go on"
            return f"  {reached}: {', '.join(on) or 'none'}{short}"
        case events.TrialDone(trial=trial):
            return trial_line(trial)
        case events.ScoreDone(score=score):
            return f"  {score_line(score)}"
        case events.RoundDone(round=round_, best=best):
            return f"  round {round_.number} done; best so far: {best or 'none could be scored'}"
        case events.Confirming(trial_ids=trial_ids):
            return f"on fresh seeds: {counted(len(trial_ids), 'training')}"
        case events.RunDone(run=run):
            return result_sentence(run)
    return "\n".join(f"  {line}" for line in _other_lines(event))


def counted(number: int, noun: str) -> str:
    """`1 training`, `2 trainings`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def checked_lines(verdicts: Sequence[Verdict], screened: Screened) -> str:
    """Who may train, and why the others may not."""
    why = [
        f"\n    {v.candidate_id} refused: {v.findings[0].message}" for v in verdicts if not v.accepted and v.findings
    ]
    for item in screened.items:
        bad = [s for s in item.screens if s.decision == "rejected"]
        if bad and item.candidate_id not in screened.order:
            why.append(f"\n    {item.candidate_id} screened out: {bad[0].name}, {bad[0].evidence}")
    judged = f", judged on {counted(screened.transitions, 'recorded transition')}" if screened.transitions else ""
    return f"  checked: {len(screened.order)} may train{judged}{''.join(why)}"


def trial_line(trial: Trial) -> str:
    """A training that failed, lost episodes or was taken over, in one line; empty for any other: its score says more."""
    if trial.taken_from:
        return f"  {trial.id}: not trained again, {trial.taken_from} has trained it in the same way"
    if not trial.outcome.ok:
        return f"  {trial.id} {trial.outcome.value}: {trial.message}"
    return f"  {trial.id}: {lost_episodes_sentence(trial.lost_episodes)}" if trial.lost_episodes else ""


def lost_episodes_sentence(lost: int) -> str:
    """That episodes were lost to the environment; empty if none was."""
    return f"{counted(lost, 'episode')} thrown away since the environment failed in them" if lost else ""


def taken_over_sentence(trials: Sequence[Trial]) -> str:
    """Which of a run's trainings other runs have made; empty if none."""
    taken = [trial for trial in trials if trial.taken_from]
    if not taken:
        return ""
    runs, steps = ", ".join(sorted({t.taken_from for t in taken})), sum(t.steps - t.begin for t in taken)
    what = " and ".join(sorted({TrialId.parse(t.id).candidate for t in taken}))
    saved = f"{counted(len(taken), 'training')}, {steps:,} steps"
    return f"Not trained again, since {runs} has trained it in the same way: {what} ({saved})."


def score_line(score: Score) -> str:
    """A score in one line."""
    if not score.outcome.ok:
        return f"{score.trial_id} could not be scored: {score.message}"
    if not score.ruled:
        return f"{score.trial_id}: played; people say how good it is{limits_clause(score.limits)}"
    metric = (f", metric {score.metric:.4g}" if score.metric is not None else "") + metrics_clause(score.metrics)
    success = f"success {score.success:.2f} ({score.mean_success:.2f} over the second half)"
    return f"{score.trial_id}: {success}{metric}, progress {score.progress:.2f}{limits_clause(score.limits)}"


def budget_sentence(run: Run) -> str:
    """That more steps were what was missing, if they were; else empty."""
    longer = run.longer
    if not longer.helped:
        return ""
    by_success = longer.success[-1] > longer.success[0]
    what = "success" if by_success else "progress"
    numbers = longer.success if by_success else longer.progress
    stages = [f"{number:.2f} after {steps:,}" for steps, number in zip(longer.steps, numbers, strict=True)]
    still = ", and still improved" if longer.still_improving else ""
    made = f"{longer.trial_id} made {what} of {', '.join(stages)} environment steps{still}"
    if run.training_steps >= longer.enough:
        return f"Longer trainings were needed, and found: {made}. Those that confirm the result have {run.training_steps:,}."
    return f"The budget is too short: {made}. Give every training more: steps = {longer.steps[-1]:,}."


def result_sentence(run: Run) -> str:
    """The run's result: in one sentence, or in a few where there are also a person's rewards, a contest, limits or controllers."""
    others = (*start_sentences(run), *limit_sentences(run), looks_sentence(run), *controller_sentences(run.controllers))
    return " ".join(filter(None, (_result(run), *others)))


def _result(run: Run) -> str:
    if run.doubt.reason:
        return run.doubt.reason
    if not run.best:
        which = f"No candidate could be trained and scored ({run.stop})" if run.rounds else "It could not be trained"
        return f"{which}: {run.failed.rstrip('.')}."
    winner = next((c for c in run.confirmed if c.who == run.best), None)
    if winner is None and run.success == 0.0:
        short = f"{run.best} came closest, but the goal was reached in no held-out episode ({run.stop})"
        return f"{short}; it was not confirmed on fresh seeds."
    if winner is None:
        return f"{run.best} won ({run.stop}); it was not confirmed on fresh seeds."
    seeds = counted(len(winner.success), "fresh training seed")
    if winner.role == "given":
        return f"{run.best}: success {interval_text(winner)} over {seeds}."
    if max(winner.success) == 0.0 and run.contest is None:
        return f"No reward reached the goal: {run.best} came closest, and failed on all fresh seeds ({run.stop})."
    against = ", ".join(f"{c.who} {c.estimate.value:.2f}" for c in run.confirmed if c.who != run.best)
    won = f"{run.best} {beside_native(run, winner)}: success {interval_text(winner)} over {seeds}, against {against} ({run.stop})."
    return f"{won} {contest_sentences(run.contest)}" if run.contest else won


def looks_sentence(run: Run) -> str:
    """How far the held-out scores that an agent searched by flatter its winner; empty where no agent searched."""
    if not run.looks:
        return ""
    who = run.contest.winner if run.contest else run.best
    fresh = next((c for c in run.confirmed if c.who == who), None)
    looked = f"The agent looked at held-out episodes {counted(run.looks, 'time')}"
    if run.success is None or fresh is None:
        return f"{looked}; no seeds that it never saw say what its programs are worth."
    return f"{looked}: there {who} had a success of {run.success:.2f}, on seeds that it never saw {fresh.estimate.value:.2f}."


def contest_sentences(contest: Contest) -> str:
    """By how much another program did better on the fresh seeds than the search's winner, and what to make of it."""
    least = f"; {contest.seeds} seeds can't say less" if contest.chance * 2**contest.seeds < 1.5 else ""
    if contest.by_limits:
        return _by_limits(contest)
    lead = f"did better by {contest.lead:.2f} on average on the fresh seeds"
    gap = f"{lead}; chance alone does as much in {100 * contest.chance:.0f} % of cases (paired by seed{least})."
    theirs, ours = (f"{p.success:.2f} over {counted(p.trainings, 'training')}" for p in contest.pooled)
    if contest.best == contest.winner:
        kept = (
            f"Over all its whole trainings, the search's too, {contest.winner} is not behind ({theirs}, against {ours})"
        )
        return f"{contest.rival} {gap} {kept}, and stays in best/; {contest.rival} is in second/."
    kept = (
        f"best/ has {contest.rival} ({ours}, the search's whole trainings too), second/ has {contest.winner} ({theirs})"
    )
    return (
        f"The search had put {contest.winner} first; {contest.rival} {gap} {kept}. As {contest.rival} was chosen by these seeds, "
        "too, its success is a little optimistic."
    )


def _by_limits(contest: Contest) -> str:
    """That limits decide between the two."""
    stricter, other = contest.best, contest.second
    places = f"best/ has {stricter}, second/ has {other}"
    return f"Over all whole trainings {stricter} breaks limits less than {other}, which comes before success: {places}."


def interval_text(confirmed: Confirmed) -> str:
    """Estimate with its interval; none is claimed from a single seed."""
    estimate = confirmed.estimate
    if len(confirmed.success) < 2:
        return f"{estimate.value:.2f} (one seed)"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _other_lines(event: events.Event) -> list[str]:
    if isinstance(event, events.Lengthened):
        return [f"trainings have {event.steps:,} steps from now on instead of {event.before:,}: more of them helped"]
    if isinstance(event, events.GoesOn):
        return [f"{event.trial_id} goes on from {event.begin:,} to {event.steps:,} steps: {event.why}"]
    if isinstance(event, events.Audited):
        return audit_lines(event.audit)
    if not isinstance(event, events.JudgedAgain):
        return []
    changes = [f"{name} {was:.2f} -> {event.now.get(name, 0.0):.2f}" for name, was in event.before.items()]
    return [f"success by the tightened rule: {', '.join(changes) or 'nothing had been scored'}"]
