"""`autoreward init ENV_ID`."""

import os
import shlex
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.options import ALLOWING, KWARGS, arguments, file_bytes, limit, max_cost_option
from autoreward.cli.say import say, say_line
from autoreward.cli.trust import TRUST, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoreward.evaluation.deliberate import Deliberation
    from autoreward.session.new_task import Initiated
    from autoreward.tasks.draft.questions import CardQuestion


def command(
    env: str = typer.Argument(help="Any id that gymnasium.make accepts; MODULE:ID imports a package first."),
    goal: str = typer.Option(..., "--goal", help="What the agent should do, in one sentence."),
    kwargs: str = KWARGS,
    name: str | None = typer.Option(None, "--name", help="The task's name; made from the id if not given."),
    to: Path = typer.Option(Path("envs"), "--to", help="Folder in which the task's folder is made."),
    model: str | None = typer.Option(None, "--model", help="Who names fields and writes the success rule; see `run`."),
    algorithm: str = typer.Option(
        "PPO",
        help="What the card trains with: PPO, SAC for actions that are real numbers, or one whose settings are published for ENV.",
    ),
    ask: bool = typer.Option(
        False, "--ask", help="Ask at most 3 questions about what the goal means, and write the rule that is."
    ),
    answers: Path | None = typer.Option(
        None, help="With --ask: the answers, one a line: an option's number or words, none, or skip."
    ),
    max_cost: float = max_cost_option(0.25),
    allow: list[str] = ALLOWING,
    trust: bool = TRUST,
    yes: bool = typer.Option(False, "--yes", help="Keep what is proposed without asking."),
    edit: bool = typer.Option(
        False, "--edit", help="Open the proposal in your editor (VISUAL, EDITOR) before it is kept."
    ),
    as_json: bool = typer.Option(False, "--json", help="Ask nothing, and say as a JSON line what was written."),
) -> None:
    """Write a task card for any Gymnasium environment."""
    from autoreward.core.wording import Command, Setting, in_shell
    from autoreward.errors import UsageError
    from autoreward.llm.keys import variables
    from autoreward.llm.names import default_model
    from autoreward.session.clarifying import clarified
    from autoreward.session.new_task import Wanted, initiate, take_proposal
    from autoreward.store.trust import of_program
    from autoreward.tasks.card import STATE_PROGRAM
    from autoreward.tasks.draft.success_guess import NO_HINT
    from autoreward.tasks.files import read_state_program

    if not max_cost >= 0.0:  # NaN is not
        raise UsageError(f"--max-cost {max_cost:g}: write dollars from 0, or none.")
    if not goal.strip():
        raise UsageError("--goal is empty; say in one sentence what the agent should do.")
    if answers and not ask:
        raise UsageError("--answers are to the questions of --ask; say --ask, too.")
    if edit and (yes or as_json):
        raise UsageError("--edit opens an editor, and --yes and --json keep what is proposed: choose one of them.")
    said = file_bytes("--answers", answers) if answers else None
    wanted = Wanted.of(env, arguments(kwargs), goal.strip(), name, to, allow, algorithm)
    settle(lambda: of_program(STATE_PROGRAM, read_state_program(wanted.path)), f"task {wanted.path.parent.name}", trust)
    reader, tell = model or default_model(variables()), partial(say, error=True) if as_json else say
    draft = initiate(wanted, reader, limit(max_cost), tell)
    for finding in draft.findings:
        say(f"the model's answer: {finding}", error=True)
    alone = yes or as_json or not sys.stdin.isatty()
    draft = draft.answered(take_proposal if alone else _asked)
    if ask:
        draft = clarified(draft, reader, limit(max_cost), tell, _goal_answers(said, alone))
    if not as_json:
        say(draft.text)
    text = _edited(draft.text) if edit else draft.text
    if not alone:
        text = _confirmed(draft, text)
    draft.keep(text)
    if as_json:
        say_line(
            "Initiated", {"task": draft.path.parent.name, "card": str(draft.path), "findings": list(draft.findings)}
        )
        return
    say(f"written  {draft.path}")
    task = draft.path.parent
    if NO_HINT in text:  # a run by that rule would be for nothing
        checked = in_shell(Command("tasks", (task,), (Setting("check"),)))
        say(f"next     write what a success is below [success] of {draft.path}, then {checked}")
    else:
        say(f"next     {in_shell(Command('run', (task,)))}")


def _goal_answers(said: bytes | None, alone: bool) -> "Callable[[Deliberation], int]":
    """Who answers what is asked about the goal: the lines of a file, or the person. Raises UsageError."""
    from autoreward.cli.answer import FromLines, ask_goal
    from autoreward.core.wording import Setting
    from autoreward.errors import AnswerNeeded
    from autoreward.evaluation.clarify import SKIP
    from autoreward.session.clarifying import answer_lines, offered_answers

    given = FromLines(answer_lines(said or b""))

    def answer(stand: "Deliberation") -> int:
        option = ask_goal(stand) if said is None and not alone else given(stand)
        if option is None and stand.question is not None:
            way = (
                ", a line in a file, and say it again with ",
                Setting("answers", "FILE"),
                "; what was asked of a model is kept.",
            )
            raise AnswerNeeded(stand.question.text, offered_answers(stand.question), *way)
        return SKIP if option is None else option

    return answer


def _asked(question: "CardQuestion") -> str:
    """One question, and what the person types; Enter alone takes the proposal."""
    kinds = {
        "constant": "a number; no: as it is",
        "condition": "a condition; no: none",
        "max_steps": "steps; no: as it is",
        "nothing": "a few words",
    }
    say(f"{question.place}: {question.text}")
    shown = f"  {kinds[question.changes]}{'' if question.proposal else '; Enter leaves it open'}"
    answer: str = typer.prompt(shown, default=question.proposal, show_default=bool(question.proposal))
    return "" if answer == question.proposal else answer


def _confirmed(draft: "Initiated", text: str) -> str:
    """What the person keeps: this text, or their edit of it, as long as it can be read."""
    from autoreward.core.wording import in_shell
    from autoreward.errors import TaskError

    while True:
        choice = typer.prompt("Keep it? yes, edit, no", default="yes").strip().lower()
        if choice in ("n", "no"):
            raise typer.Abort
        if choice in ("e", "edit"):
            text = _edited(text)
        elif choice not in ("y", "yes"):
            continue
        try:
            draft.check(text)
            return text
        except TaskError as error:
            say(f"{error.worded(in_shell)} Edit it again.")


def _edited(text: str) -> str:
    """The text after the person's editor. Raises UsageError if there is none."""
    from autoreward.core.resources import plain_text
    from autoreward.errors import UsageError

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.toml"
        path.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise UsageError(
                f"The editor {editor!r} did not work ({error}); set EDITOR, or keep it and edit the file."
            ) from None
        try:
            return plain_text(path)
        except (OSError, ValueError) as error:
            raise UsageError(f"What the editor {editor!r} left can't be read: {error}.") from None
