"""What designer, repair and critic prompts get out of a model, without any training.

    python benchmarks/prompts.py --model NAME [--tasks mountain-car,cheetah-stop] [--candidates 4] [--max-cost 1] [--runs DIR]
        [--shape one|each] [--prompts DIR] [--drafts] [--tools N]
    python benchmarks/prompts.py [--replies DIR]

asks a model for one round on each shipped task that is installed and on the hard ones of `benchmarks/data/hard`. Without
`--model` recorded replies are read: those of DIR/TASK, or of `tests/recordings` and the first round that a strong model wrote for
each hard task.

A row a task: answers that could be read, of all; programs; how many may train at first, and after repair; distinct ones of these,
docstrings and comments aside; copies of the prompt's example (half of their parts or more are its, whatever the numbers); the mean
rank correlation of their returns with the task's judgement on recorded episodes, least and greatest; whether the critic's answer
could be read; tokens of the first prompt, as they are estimated; tokens of all questions and of all answers; dollars; calls of
tools. Run it before and after a change of a prompt, with the same model, and show both tables.

`--shape each` asks for ideas first and for each program by itself (`shapes.py`). `--prompts DIR` asks the first question as
DIR/TASK.md has it: that of another commit is the field `prompt` of what its `autoreward run TASK --candidates 4 --dry-run --json`
prints. `--drafts` asks for no repair and no critic. `--tools N` asks twice, first without tools, the control, and then the same
question with tools in N turns at most: two rows a task.
"""

import argparse
import ast
import json
import re
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from shapes import Asked, drafts

from autoreward.checks.pay import OfflineData
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.design import refine
from autoreward.errors import LimitReached, TaskError
from autoreward.evaluation.rank_correlation import spearman
from autoreward.llm.client import ModelClient
from autoreward.llm.cost import tokens
from autoreward.llm.open import open_models
from autoreward.llm.replay import ReplayModel
from autoreward.llm.types import LLM, Prompt, Reply
from autoreward.records import REFERENCE_EPISODES, Allowance, Candidate, Verdict
from autoreward.roles import critic
from autoreward.roles.brief import Brief, brief
from autoreward.session.offline import Offline
from autoreward.session.real_steps import open_steps
from autoreward.settings import Role
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import DESCRIPTION
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, task_names

ROOT = Path(__file__).parent.parent
RECORDINGS = ROOT / "tests" / "recordings"
HARD = ROOT / "benchmarks" / "data" / "hard"
ROLES: tuple[Role, ...] = ("designer", "critic", "analyzer")


class Recorded:
    """A model that answers the first question with programs that are there."""

    def __init__(self, programs: Sequence[dict[str, Any]]) -> None:
        self.name = "replay:programs"
        wanted = ("thought", "composition", "source")
        self._text = json.dumps({"ideas": [{key: program.get(key, "") for key in wanted} for program in programs]})

    def ask(self, prompt: Prompt) -> Reply:
        if not prompt.key.endswith("-designer"):
            raise LimitReached(f"{self.name} ends here: it has no reply to {prompt.key}")
        return Reply(text=self._text, model="recorded")


class Measured(NamedTuple):
    """What a model made of the prompts of one task."""

    read: int
    """Answers that could be read."""
    answers: int
    programs: int
    at_first: int
    """Programs that may train as they were written."""
    repaired: int
    """And after repair."""
    distinct: int
    """Of those that may train."""
    copies: int
    """Of all programs."""
    ranks: tuple[float, ...]
    """Rank correlations of those that may train; empty where nothing is recorded."""
    critic: str
    """`read`, `not read`, or `not asked`."""
    first_prompt: int
    """Tokens, as they are estimated."""
    input_tokens: int
    output_tokens: int
    dollars: float | None
    called: int
    """Calls of tools."""

    def row(self, task: str) -> str:
        rank = f"{fmean(self.ranks):.2f} ({min(self.ranks):.2f} to {max(self.ranks):.2f})" if self.ranks else ""
        dollars = "" if self.dollars is None else f"{self.dollars:.3f}"
        cells = [task, f"{self.read} of {self.answers}", self.programs, self.at_first, self.repaired, self.distinct,
                 self.copies, rank, self.critic, self.first_prompt,
                 self.input_tokens, self.output_tokens, dollars, self.called]  # fmt: skip
        return "| " + " | ".join(map(str, cells)) + " |"


HEAD = "| task | read | programs | at first | repaired | distinct | copies | rank | critic | prompt | in | out | $ | tools |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--replies", type=Path)
    parser.add_argument("--tasks", default="")
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--max-cost", type=float, default=1.0)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--shape", choices=("one", "each"), default="one")
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--drafts", action="store_true")
    parser.add_argument("--tools", type=int, default=0)
    options = parser.parse_args()
    known = [*task_names((envs_folder(),)), *task_names((HARD,))]
    chosen = options.tasks.split(",") if options.tasks else known if options.model else recorded_tasks(options.replies)
    print(f"{HEAD}\n{'|---' * HEAD.count(' |')}|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in chosen:
            runs = options.runs or Path(scratch)
            try:
                task = find_task(name, (envs_folder(), HARD))
                for turns in sorted({0, options.tools}):
                    told = f"{name}, tools" if turns else name
                    folder = runs / (f"prompts-{name}-tools" if turns else f"prompts-{name}")
                    print(on_task(task, options, folder, turns).row(told), flush=True)
            except TaskError as error:  # an environment that is not installed
                print(f"| {name} | {error} |", flush=True)


def recorded_tasks(replies: Path | None) -> list[str]:
    if replies:
        return sorted(path.name for path in replies.iterdir() if path.is_dir())
    return sorted(
        path.parent.name for path in (*RECORDINGS.glob("*/r000-designer.json"), *HARD.glob("*/programs.json"))
    )


def model_for(task: Task, options: argparse.Namespace, folder: Path) -> LLM:
    if options.model:
        return open_models({"designer": options.model}, folder, options.max_cost)[options.model]
    recorded = (options.replies or RECORDINGS) / task.name
    if recorded.is_dir():
        return ReplayModel(recorded)
    written = json.loads((HARD / task.name / "programs.json").read_text())
    return Recorded([p for p in written if p["origin"] == "model" and p["id"].startswith("r000")])


def on_task(task: Task, options: argparse.Namespace, folder: Path, turns: int = 0) -> Measured:
    config = RunConfig(model="grammar", candidates=options.candidates, tools=turns)
    with (
        Book.create(folder, RunHeader.of(task, config)) as book,
        open_steps(task, config, book, lambda event: None) as (steps, workers),
    ):
        description = book.once(DESCRIPTION, steps.describe)
        recorded: Transitions = book.transitions(DESCRIPTION, REFERENCE_EPISODES)
        told = brief(task, config.full(task), config.episodes, description, recorded=recorded)
        offline = Offline(task, config, book, workers.jail)
        data = offline.data(())
        tools = offline.tools(data, steps.review) if turns else None
        asked = Asked(options.candidates, options.shape, options.prompts, options.drafts, tools)
        client = ModelClient(
            dict.fromkeys(ROLES, model_for(task, options, folder)),
            folder,
            lambda name, content: write(folder / name, content),
            Allowance(max_cost=options.max_cost, max_calls=100),
        )
        return measured(client, told, asked, steps.review, data)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def measured(
    client: ModelClient, told: Brief, asked: Asked, review: refine.Review, data: OfflineData | None
) -> Measured:
    """One round of designer, repair and critic."""
    drafted = drafts(client, told, asked)
    programs = refine.Drafts(0, len(drafted.candidates), review, data, drafted.findings, told.constants)
    for candidate in drafted.candidates:
        programs.take(candidate)
    at_first = accepted(programs)
    try:
        if not asked.drafts_alone:
            refine.repair_drafts(client, drafted.question, programs)
    except LimitReached:
        print(f"({told.task.name}: not every repair could be asked for)")
    sound, said = accepted(programs), "not asked"
    if sound and not asked.drafts_alone:
        try:
            _, wrong = critic.criticise(client, programs.key("critic-0"), told, sound, programs.pays(sound))
            said = "not read" if sum("critic-0" in line for line in wrong) >= 3 else "read"
        except LimitReached:
            said = "not asked"
    bills = client.bills()
    unread = sum(
        re.match(r"r\d+-(designer|ideas|program|repair)", line) is not None and "left out" not in line
        for line in programs.findings
    )
    answers = sum(bill.role == "designer" and not bill.tools for bill in bills)
    prices = [bill.dollars for bill in bills]
    example = parts(example_of(drafted.question))
    return Measured(
        read=answers - unread,
        answers=answers,
        programs=len(drafted.candidates),
        at_first=len(at_first),
        repaired=len(sound),
        distinct=len({bare(c.source) for c in sound}),
        copies=sum(is_copy(c.source, example) for c in drafted.candidates),
        ranks=tuple(ranks(sound, programs.verdicts, data)),
        critic=said,
        first_prompt=tokens(drafted.question),
        input_tokens=sum(bill.input_tokens for bill in bills),
        output_tokens=sum(bill.output_tokens for bill in bills),
        dollars=None if None in prices else sum(price for price in prices if price is not None),
        called=sum(len(bill.tools) for bill in bills),
    )


def accepted(programs: refine.Drafts) -> list[Candidate]:
    return [c for i, c in programs.candidates.items() if programs.verdicts[i].accepted]


def ranks(sound: Sequence[Candidate], verdicts: dict[str, Verdict], data: OfflineData | None) -> list[float]:
    if data is None:
        return []
    answers = [data.relabel(candidate, verdicts[candidate.id]) for candidate in sound]
    return [spearman(answer.returns, data.dataset.goodness) for answer in answers if answer is not None]


def example_of(prompt: str) -> str:
    """The first program that stands in a prompt, indented."""
    block = re.search(r"(?:^ {4}.*\n|^\n)*^ {4}def compute_reward.*\n(?:^ {4}.*\n|^\n)*", prompt, re.MULTILINE)
    return textwrap.dedent(block[0]).strip() if block else ""


def parts(source: str) -> set[str]:
    """The parts of a program as expressions without their numbers, and without names for what is between."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    given = {
        n.targets[0].id: n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
    }

    class Plain(ast.NodeTransformer):
        depth = 0

        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            return ast.Constant(0) if isinstance(node.value, int | float) else node

        def visit_Name(self, node: ast.Name) -> ast.AST:
            if node.id.isupper():  # a constant, wherever it is defined
                return ast.Constant(0)
            if node.id not in given or self.depth > 5:
                return node
            self.depth += 1
            value = self.visit(ast.parse(ast.unparse(given[node.id]), mode="eval").body)
            self.depth -= 1
            return value

    values = [
        v for n in ast.walk(tree) if isinstance(n, ast.Return) and isinstance(n.value, ast.Dict) for v in n.value.values
    ]
    return {ast.unparse(Plain().visit(ast.parse(ast.unparse(value), mode="eval"))) for value in values}


def is_copy(source: str, example: set[str]) -> bool:
    own = parts(source)
    return bool(own) and 2 * len(own & example) >= len(own)


def bare(source: str) -> str:
    """A program without comments and docstrings."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


if __name__ == "__main__":
    main()
