"""Does asking find the rule that is meant? Twelve goals that can be meant in several ways, each with a person who means one.

    python benchmarks/ask.py [--questions 3] [--record]

A case is a folder of `benchmarks/data/ask`: the goal over a shipped task's environment, the rule that its card has, the rule that
the person means, what the person answers to written questions, and readings as a model would answer them, written by hand to the
rendered prompt beside them: no model was asked. So a row says what asking makes of such readings, not what a model reads into a
goal. Of an imagined or recorded episode the person says whether it is a success by the rule that is meant; among listed rules the
person finds that one, or says none.

A row a goal: which reading the card has then, whether it is the rule that was meant, how many questions that took, and whether the
card had it anyway. `--record` writes the prompt as it is now beside each reply, with its SHA-256; else a prompt that is another is
said, since what random actions give may differ between machines.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from autoreward.core import seeds
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.evaluation.clarify import SKIP
from autoreward.evaluation.deliberate import Deliberation, clarification
from autoreward.evaluation.goal_episodes import calls_success
from autoreward.llm.client import ModelClient, SavedReply
from autoreward.llm.replay import ReplayModel
from autoreward.records import REFERENCE_EPISODES, Allowance, Description
from autoreward.roles.brief import Brief, brief
from autoreward.roles.goal_reader import READER, read_goal
from autoreward.sandbox.jail import Jail
from autoreward.session.clarifying import deliberated, goal_pool, with_answer
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, validated_task
from autoreward.tasks.readings import NONE_OF_THEM, GoalAnswers, Reading, understood
from autoreward.training.workers import Workers

CASES = Path(__file__).parent / "data" / "ask"
AUTHOR = "written by hand by autoreward's authors, in answer to the prompt beside it; no model was asked"
EPISODES = 20
HEAD = "| goal | environment | read as | right | questions | right unasked |"


class Case(NamedTuple):
    """One goal and its person."""

    name: str
    task: Task
    meant: Reading
    """What the person means, as a rule."""
    answers: dict[str, str]
    """What the person answers to written questions, by their text."""

    @classmethod
    def read(cls, folder: Path) -> "Case":
        """The case in a folder."""
        said = json.loads((folder / "case.json").read_text())
        card = find_task(said["task"], (envs_folder(),))
        change = {"goal": said["goal"], "success": said["card"], "limits": {}}
        task = validated_task({**dict(card), **change}, folder.name)
        meant = Reading.model_validate({"id": "meant", "words": "what is meant", "weight": 1.0, **said["meant"]})
        return cls(folder.name, task, meant, said["answers"])


class Row(NamedTuple):
    """What came of one case."""

    case: Case
    chosen: str
    right: bool
    questions: int
    unasked: bool

    @property
    def text(self) -> str:
        """A row of the table."""
        right, unasked = ("yes" if flag else "no" for flag in (self.right, self.unasked))
        return (
            f"| {self.case.task.goal} | {self.case.task.env} | {self.chosen} | {right} | {self.questions} | {unasked} |"
        )


def measured(case: Case, described: Description, recorded: Transitions, client: ModelClient, most: int) -> Row:
    """Ask the case's person. Raises LimitReached without a reply."""
    task = case.task
    found = read_goal(client, about(case, described, recorded), recorded)
    for finding in found.findings:
        print(f"{case.name}: {finding}")
    mind, answers = deliberated(task, found, described, recorded), GoalAnswers()
    pool = {episode.name: episode for episode in goal_pool(task, found, described, recorded)}
    meant = understood(task, case.meant)

    def said(stand: Deliberation) -> int:
        question = stand.question
        assert question is not None
        if question.id in pool:
            return 0 if calls_success(meant, case.meant.limits, pool[question.id], described.max_steps) else 1
        if question.id == "list":
            rules = {r.id: same_rule(task, r, case.meant) for r in found.items}
            options = [any(rules[i] for i in option.readings) for option in question.options]
            return options.index(True) if True in options else NONE_OF_THEM
        words = case.answers.get(question.text, "skip")
        texts = [option.text for option in question.options]
        return texts.index(words) if words in texts else NONE_OF_THEM if words == "none" else SKIP

    while (stand := mind.stand(answers, most)).question is not None:
        answers = with_answer(answers, stand.question, said(stand))
    kept = clarification(task, stand, answers).of(task)
    right = (kept.success, kept.limits) == (meant.success, meant.limits)
    return Row(
        case, stand.chosen.id, right, len(answers.items), (task.success, task.limits) == (meant.success, meant.limits)
    )


def same_rule(task: Task, one: Reading, other: Reading) -> bool:
    """Whether two readings are the same rule."""
    a, b = understood(task, one), understood(task, other)
    return (a.success, a.limits) == (b.success, b.limits)


def about(case: Case, described: Description, recorded: Transitions) -> Brief:
    """What the reader of the case's goal is told."""
    return brief(case.task, case.task.train.steps, EPISODES, described, recorded=recorded)


def record(folder: Path, sent: Path) -> None:
    """Keep the prompt that was sent, and its digest in the reply."""
    (folder / f"{READER}.prompt.md").write_bytes((sent / "replies" / f"{READER}.prompt.md").read_bytes())
    made = SavedReply.model_validate_json((sent / "replies" / f"{READER}.json").read_bytes())
    by_hand = {"author": AUTHOR, "bill": made.bill.model_copy(update={"model": "manual"})}
    (folder / f"{READER}.json").write_text(made.model_copy(update=by_hand).model_dump_json(indent=1) + "\n")


def client_of(folder: Path, sent: Path) -> ModelClient:
    """Where the case's recorded reply answers; what is asked goes to `sent`."""

    def write(name: str, data: bytes) -> None:
        (sent / name).parent.mkdir(parents=True, exist_ok=True)
        (sent / name).write_bytes(data)

    return ModelClient({"designer": ReplayModel(folder)}, sent, write, Allowance(max_cost=None, max_calls=9))


def main() -> None:
    """Print a row a goal, then the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    rows: list[Row] = []
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program is run here
        for folder in sorted(path for path in CASES.iterdir() if path.is_dir()):
            case = Case.read(folder)
            try:
                described, files = workers.describe(case.task, seeds.derive(0, "describe"))
            except TaskError as error:
                print(f"{case.name}: left out: {error}")
                continue
            with tempfile.TemporaryDirectory() as scratch:
                sent = Path(scratch)
                recorded = Transitions.from_bytes(files[REFERENCE_EPISODES])
                rows.append(measured(case, described, recorded, client_of(folder, sent), chosen.questions))
                if chosen.record:
                    record(folder, sent)
                elif (sent / "replies" / f"{READER}.prompt.md").read_text() != (
                    folder / f"{READER}.prompt.md"
                ).read_text():
                    print(f"{case.name}: the prompt is another than the one that the reply was written to")
    print(f"\n{HEAD}\n|{'---|' * 6}")
    print("\n".join(row.text for row in rows))
    asked = sum(row.questions for row in rows) / len(rows)
    print(
        f"\n{sum(row.right for row in rows)} of {len(rows)} right with {asked:.2f} questions each, "
        f"{sum(row.unasked for row in rows)} without asking"
    )


if __name__ == "__main__":
    main()
