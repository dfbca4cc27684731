"""Makes the critic's exam: ten good programs, faults planted in them, and what recorded episodes show of each.

    python benchmarks/critic_exam.py plant          # writes exams/critic/TASK.json; only faults that recorded episodes show
    python benchmarks/critic_exam.py train --runs DIR [--faulty]      # trains each on one seed, and says how it did
    python benchmarks/critic_exam.py price MODEL [MODEL ...]          # what the exam would cost; asks nobody

`plant` takes the success of each good program from what `train` found before. `autoreward doctor --exam MODEL` asks with it.
"""

import argparse
import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from suite import finished

from autoreward.checks.planted import ordered_share, overpaid
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder, exams_folder
from autoreward.records import Candidate, ExamPaper, ExamProgram, PlantedFault
from autoreward.sandbox.jail import Jail
from autoreward.session.critic_exam import demand_affordable
from autoreward.session.exam_sheets import ExamRoom, exam_papers, sheets_of
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers

SIGNATURE = "def compute_reward(state, action, next_state, memory):\n"
BEHAVIOURS = {
    "mountain-car": (
        "2.0 * (velocity >= 0.0)",
        "1.0 + (velocity >= 0.0)",
        "2.0 * (velocity >= 0.0) * (position < -0.5) + 1.0 * (position >= -0.5)",
        "2.0 * abs(1.0 * (velocity >= 0.0) - 1.0 * (position > -0.2))",
        "2.0 * (position < -0.9)",
        "2.0 * (velocity < 0.0)",
        "2.0 * (position < -0.4)",
    ),
    "cartpole-hold": (
        "1.0 * (angle + 0.4 * angular_velocity + 0.1 * (position - 1.0) + 0.15 * velocity > 0.0)",
        "1.0 * (angle + 0.4 * angular_velocity + 0.1 * (position - 0.9) + 0.15 * velocity > 0.0)",
        "1.0 * (angle + 0.4 * angular_velocity + 0.1 * position + 0.15 * velocity > 0.0)",
        "1.0 * (angle + 0.4 * angular_velocity + 0.1 * (position + 1.0) + 0.15 * velocity > 0.0)",
        "1.0 * (angle + 0.4 * angular_velocity + 0.1 * (position - 0.6) + 0.02 * velocity > 0.0)",
        "1.0 * (angle + 0.4 * angular_velocity + 0.1 * (position - 1.9) + 0.15 * velocity > 0.0)",
        "1.0 * (angle + 0.1 * angular_velocity > 0.0)",
        "1.0 * (angle < 0.0)",
    ),
}
"""Some succeed; the others rock without arriving, stay elsewhere, pass the goal again and again, or fall."""


class Good(NamedTuple):
    """A program before anything is wrong with it: `name = expression` lines, each a part but those in capitals and `x`."""

    name: str
    thought: str
    lines: str


GOOD = {
    "mountain-car": (
        Good("near_flag", "What is missing to the flag is what each step costs, most of all near it.",
             "near = np.exp(-np.abs(FLAG - x) / 0.5) - 1.0\nflag = 10.0 * (x >= FLAG)"),
        Good("swing", "Speed builds the swing; the flag is worth more than any swing.",
             "speed = 10.0 * np.abs(next_state.velocity)\ntime = np.full_like(x, -1.0)\nflag = 50.0 * (x >= FLAG)"),
        Good("height", "Height of the hill at each step, below zero until the flag.",
             "height = np.sin(3.0 * x) - 1.1\nflag = 10.0 * (x >= FLAG)"),
        Good("energy", "Pays gains of mechanical energy, and charges losses.",
             "gain = 300.0 * (0.5 * next_state.velocity**2 + 0.0025 * np.sin(3.0 * x) / 3.0 - 0.5 * state.velocity**2"
             " - 0.0025 * np.sin(3.0 * state.position) / 3.0)\ntime = np.full_like(x, -0.1)\nflag = 5.0 * (x >= FLAG)"),
        Good("gap", "The way left to the flag is what each step costs.",
             "gap = -np.abs(FLAG - x)\nflag = 10.0 * (x >= FLAG)"),
    ),
    "cartpole-hold": (
        Good("near", "Near the place, and alive.",
             "near = np.exp(-np.abs(x - HOLD_AT))\nalive = 0.5 * (1.0 - next_state.terminated)"),
        Good("gap", "Being up is worth more than any gap; falling costs.",
             "close = 2.0 - np.abs(x - HOLD_AT)\nfall = -20.0 * next_state.terminated"),
        Good("wide", "A wide hill around the place, and an upright pole.",
             "near = 1.0 / (1.0 + (x - HOLD_AT) ** 2)\nupright = np.exp(-np.abs(next_state.angle) / 0.1)"),
        Good("slow", "Alive, near, and slow.",
             "alive = 1.0 - next_state.terminated\ngap = -0.3 * np.abs(x - HOLD_AT)\nslow = -0.05 * next_state.velocity**2"),
        Good("both", "Near and upright at once.",
             "hold = np.exp(-np.abs(x - HOLD_AT) / 0.5) * np.exp(-np.abs(next_state.angle) / 0.2)\n"
             "fall = -5.0 * next_state.terminated"),
    ),
}  # fmt: skip
CONSTANTS = {"mountain-car": "FLAG = 0.5", "cartpole-hold": "HOLD_AT = 1.0"}
ELSEWHERE = {"mountain-car": "FLAG = -0.5", "cartpole-hold": "HOLD_AT = -1.0"}
EVENTS = {
    "mountain-car": "10.0 * ((state.position < -0.5) & (x >= -0.5))",
    "cartpole-hold": "20.0 * ((np.abs(state.position - HOLD_AT) >= 0.3) & (np.abs(x - HOLD_AT) < 0.3))",
}
"""What pays again each time that it is repeated."""
OTHER_FIELDS = {
    "next_state.velocity": "next_state.position",
    "next_state.angle": "next_state.angular_velocity",
    "(x - HOLD_AT)": "(next_state.velocity - HOLD_AT)",
    "(FLAG - x)": "(FLAG - next_state.velocity)",
    "(3.0 * x)": "(3.0 * next_state.velocity)",
}


def written(task: str, good: Good) -> str:
    """The whole program."""
    names = [line.partition(" = ")[0] for line in good.lines.splitlines()]
    parts = ", ".join(f'"{name}": {name}' for name in names)
    body = "".join(f"    {line}\n" for line in good.lines.splitlines())
    head = f'{CONSTANTS[task]}\n\n\n{SIGNATURE}    """{good.thought}"""\n    x = next_state.position\n'
    return f"{head}{body}    return {{{parts}}}\n"


class Edit(NamedTuple):
    """A fault before it is known to be one."""

    kind: str
    source: str
    lines: tuple[int, ...]


def edits(task: str, source: str) -> Iterator[Edit]:
    """All that the operators make of a program."""
    rows = source.splitlines()
    parts = {
        node.lineno: (node.targets[0].id, ast.get_source_segment(source, node.value) or "")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id not in ("x", "FLAG", "HOLD_AT")
    }
    if any("FLAG" in text or "HOLD_AT" in text for _, text in parts.values()):
        users = tuple(line for line, (_, text) in parts.items() if "FLAG" in text or "HOLD_AT" in text)
        yield Edit("wrong place", source.replace(CONSTANTS[task], ELSEWHERE[task], 1), (1, *users))
    for line, (name, text) in parts.items():
        for kind, operator in OPERATORS.items():
            if (made := operator(text)) is not None and made != text:
                yield Edit(kind, "\n".join([*rows[: line - 1], f"    {name} = {made}", *rows[line:]]) + "\n", (line,))
        farmed = "\n".join([*rows[: line - 1], f"    {name} = {EVENTS[task]}", *rows[line:]]) + "\n"
        if ">=" in text or "terminated" not in text:
            yield Edit("farmed event", farmed, (line,))
        if len(parts) > 1 and "time" not in source:  # where each step costs, what is left may still teach
            left = (
                source.replace(f"    {name} = {text}\n", "")
                .replace(f'"{name}": {name}, ', "")
                .replace(f', "{name}": {name}', "")
            )
            yield Edit("missing part", left, tuple(range(6, len(left.splitlines()) + 1)))


def turned(text: str) -> str:
    """The sign of a part."""
    if text.startswith("np.full_like(x, -"):
        return text.replace("(x, -", "(x, ")
    return (
        text[1:]
        if text.startswith("-")
        else f"-{text}"
        if re.match(r"[\d.]+ \* |np\.\w+\([^-+]*\)$", text)
        else f"-({text})"
    )


def elsewhere(text: str) -> str | None:
    """Another field in the place of the one that is meant."""
    return next((text.replace(right, wrong, 1) for right, wrong in OTHER_FIELDS.items() if right in text), None)


def narrow(text: str) -> str | None:
    """A scale in which nothing but the goal itself is told apart."""
    if "np.exp(-np.abs(x - HOLD_AT)" in text:
        return re.sub(
            r"np\.exp\(-np\.abs\(x - HOLD_AT\)(?: / [\d.]+)?\)", "np.exp(-np.abs(x - HOLD_AT) / 0.0001)", text
        )
    return None


EVENT = re.compile(r">=|HOLD_AT|-0|-1|FLAG")
"""What may outweigh all else: events, costs, and what says where the goal is."""
OPERATORS: dict[str, Callable[[str], str | None]] = {
    "sign": turned,
    "wrong field": elsewhere,
    "dominance": lambda text: None if EVENT.search(text) else f"1000.0 * ({text})",
    "scale": narrow,
    "out of reach": lambda text: text.replace("x >= FLAG", "x >= 50.0 * FLAG") if "x >= FLAG" in text else None,
    "absolute value": lambda text: (
        text.replace("(x - HOLD_AT)", "(np.abs(x) - HOLD_AT)", 1) if "(x - HOLD_AT)" in text else None
    ),
    "before, not after": lambda text: text.replace("1.0 - next_state.terminated", "1.0 + next_state.terminated"),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["plant", "train", "price"])
    parser.add_argument("models", nargs="*")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--faulty", action="store_true")
    options = parser.parse_args()
    if options.what == "train":
        train(options.runs, options.faulty)
        return
    with Jail() as jail, Workers(jail) as workers:
        if options.what == "price":
            prompts = [sheet.prompt for paper in exam_papers() for sheet in sheets_of(paper, jail, workers)]
            for model in options.models:
                print(f"{model}: {demand_affordable(model, prompts, None)}")
            return
        for task in GOOD:
            plant(task, jail, workers)


def train(runs: Path, faulty: bool) -> None:
    """Train each program of the papers on one seed; resumed by running it again."""
    for path in sorted((exams_folder() / "critic").glob("*.json")):
        paper = ExamPaper.model_validate_json(path.read_text())
        task = find_task(paper.task, (envs_folder(),))
        done = []
        for program in paper.programs:
            found = trained(program.source, f"{paper.task}-{program.name}", paper.task, runs)
            print(f"| {paper.task} | {program.name} | | {found:.2f} |", flush=True)
            done.append(program.model_copy(update={"success": found}))
            for place, fault in enumerate(program.faults if faulty else ()):
                spoilt = trained(fault.source, f"{paper.task}-{program.name}-{place}", paper.task, runs)
                print(f"| {paper.task} | {program.name} | {fault.kind} | {spoilt:.2f} |", flush=True)
        assert task.name == paper.task
        path.write_text(paper.model_copy(update={"programs": tuple(done)}).model_dump_json(indent=1) + "\n")


def trained(source: str, name: str, task: str, runs: Path) -> float:
    given = Candidate(id="given", source=source, thought="", origin="human", how="given")
    config = RunConfig(given=given, confirm_seeds=1, workers=1)
    run = finished(find_task(task, (envs_folder(),)), config, runs / name)
    (confirmed,) = run.confirmed
    return confirmed.estimate.value


def plant(task: str, jail: Jail, workers: Workers) -> None:
    """Write a task's paper: of each program the faults that recorded episodes show, a kind once, the rarest kinds first."""
    path = exams_folder() / "critic" / f"{task}.json"
    known = (
        {p.name: p.success for p in ExamPaper.model_validate_json(path.read_text()).programs} if path.is_file() else {}
    )
    room = ExamRoom.of(find_task(task, (envs_folder(),)), BEHAVIOURS[task], jail, workers)
    programs = []
    for good in GOOD[task]:
        source = written(task, good)
        labels = room.relabelled(source)
        assert labels is not None, good.name
        assert not overpaid(room.dataset, labels), good.name
        print(
            f"{task} {good.name}: orders {ordered_share(room.dataset.goodness, labels.returns):.1%} of the pairs as the task does",
            flush=True,
        )
        faults = []
        for edit in edits(task, source):
            shown = room.shown(source, edit.source)
            print(f"   {edit.kind}, line {edit.lines[0]}: {shown or 'not shown'}", flush=True)
            # what is farmed must be seen to be
            if shown and not (edit.kind == "farmed event" and shown.startswith("variation")):
                faults.append(PlantedFault(kind=edit.kind, source=edit.source, lines=edit.lines, shown=shown))
        programs.append(ExamProgram(name=good.name, thought=good.thought, source=source, success=known.get(good.name),
                                    faults=tuple(faults)))  # fmt: skip
    paper = ExamPaper(task=task, behaviours=BEHAVIOURS[task], programs=tuple(programs))
    path.write_text(paper.model_dump_json(indent=1) + "\n")


if __name__ == "__main__":
    main()
