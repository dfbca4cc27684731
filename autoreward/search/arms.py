"""Who enters the confirmation."""

from autoreward.evaluation.ranking import best, runner_up
from autoreward.records import Feedbacks, Round
from autoreward.search.confirm import Arm
from autoreward.search.starts import starts_of
from autoreward.tasks.card import Task


def rounds_that_heard(rounds: tuple[Round, ...], feedback: Feedbacks) -> tuple[Round, ...]:
    """The rounds that the winner may come from: those that have heard everything that was said, or all if none has."""
    return rounds[feedback.since :] or rounds


def arms(rounds: tuple[Round, ...], feedback: Feedbacks, task: Task) -> list[Arm]:
    """Who is confirmed: the winner, the runner-up, the person's own, the first program that was designed and trained, baselines."""
    programs = {c.id: c for r in rounds for c in r.candidates}
    winner, second = (
        best(rounds_that_heard(rounds, feedback), task),
        runner_up(rounds_that_heard(rounds, feedback), task),
    )
    if not winner:
        return []
    trained = {t.candidate_id for t in rounds[0].trials}
    own = [c.id for c in starts_of(rounds)]
    first = next((c.id for c in rounds[0].candidates if c.id in trained and c.id not in own), winner)
    entered = [Arm("winner", programs[winner])]
    entered += [Arm("runner-up", programs[second])] if second and second not in own else []
    entered += [Arm("start", programs[name]) for name in own if name != winner]
    entered += [Arm("zero-shot", programs[first])] if first not in (winner, second) else []
    entered += [Arm("baseline", "sparse"), Arm("baseline", "native")]
    if settings := programs[winner].settings:
        # else the reward would be credited with what the settings did
        entered += [Arm("baseline", "sparse", settings), Arm("baseline", "native", settings)]
    return entered
