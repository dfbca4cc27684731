"""Who says which finished candidate is better. Not the rule itself: that is `worker/success.py`.

To add a judge, write a file with an object that is a `Judge`, put it into JUDGES and its name into `config.ASKED_NOBODY`: the loop,
the plan, the commands and the report then heed it, and `tests/test_judges.py` holds it to its promises. Other names are models'.
"""

from autoreward.judges.human import HUMAN
from autoreward.judges.judge import Judge
from autoreward.judges.model import MODEL
from autoreward.judges.rule import RULE
from autoreward.tasks.card import Task

__all__ = ["JUDGES", "Judge", "judge_called", "usual_judge"]

JUDGES: dict[str, Judge] = {"rule": RULE, "human": HUMAN}
"""By name, the one that is taken where nobody chooses and the task allows it first."""


def usual_judge(task: Task) -> str:
    """Name of the judge of a task where nobody chooses one."""
    return next(name for name, judge in JUDGES.items() if task.ruled or not judge.needs_rule)


def judge_called(name: str) -> Judge:
    """The judge of this name, as `RunConfig.judge` has it."""
    return JUDGES.get(name, MODEL)
