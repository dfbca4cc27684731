"""The zoo in real processes: an interpreter that has it installed, and what workers and commands make of its environments there.

`python -m zoo_real` of that interpreter reads one question a line and answers each with one line, in one process: `Workers` and
their fork server are started once.
"""

import contextlib
import io
import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
STEPS = 256
"""Of a training."""
TINY = {"n_steps": 64, "batch_size": 64, "n_epochs": 1}


def interpreter(folder: Path) -> Path:
    """A Python in which the zoo is installed as packages are, beside all that this one has."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    others = [
        entry for entry in sys.path if Path(entry).is_dir() and Path(entry).name in ("site-packages", "dist-packages")
    ]
    (site / "zoo.pth").write_text("\n".join([str(ROOT), str(ROOT / "tests"), *others]) + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def asked(python: Path, questions: Sequence[dict[str, Any]], home: Path) -> list[dict[str, Any]]:
    """The answers to some questions, by one process with a home and a temporary folder of its own."""
    for folder in (home, home / "tmp"):
        folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [str(python), "-m", "zoo_real"],
        input="".join(json.dumps(question) + "\n" for question in questions),
        capture_output=True,
        text=True,
        cwd=home,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home / "tmp")},
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(questions), done.stderr[-2000:]
    return answers


def stages(workers: Any, env: str, train: bool) -> dict[str, Any]:
    """What each stage says of an environment: `works`, or the kind of the error and its message; the stages after are left out."""
    from autoreward.config import RunConfig
    from autoreward.core.wording import in_shell
    from autoreward.errors import AutorewardError
    from autoreward.records import TrialJob
    from autoreward.tasks.draft.guess import draft_task
    from autoreward.tasks.draft.write import card_text
    from autoreward.tasks.files import parse_task, placeholder_task

    found: dict[str, Any] = {}
    stage = "init"
    try:
        survey = workers.survey(placeholder_task(env, {}, "zoo"))
        task = parse_task(card_text(draft_task(survey, "zoo", "Do it.", {})), Path("zoo/task.toml"))
        found[stage], stage = {"kind": "works", "said": ""}, "check"
        failed = [f"{item.name}: {item.message}" for item in workers.audit(task).items if not item.ok]
        found[stage], stage = {"kind": "refused" if failed else "works", "said": "; ".join(failed)}, "train"
        if not train:
            return found
        tiny = task.model_copy(update={"train": task.train.model_copy(update={"hyperparameters": TINY, "envs": 2})})
        job = TrialJob(id="n-s0", candidate_id="n", reward="native", seed=1, steps=STEPS, checkpoints=1)
        trial, files = workers.train(tiny, job, RunConfig(), lambda step: None)
        if not trial.outcome.ok:
            found[stage] = {"kind": trial.outcome.value, "said": trial.message}
            return found
        score, _ = workers.score(tiny, trial, RunConfig(), files, (1, 2), (3, 4))
        kind = "works" if score.outcome.ok else score.outcome.value
        curve = [point.model_dump(mode="json") for point in trial.curve]
        found[stage] = {"kind": kind, "said": score.message, "curve": curve}
    except AutorewardError as error:
        found[stage] = {"kind": type(error).__name__, "said": error.worded(in_shell), "code": error.exit_code}
    except Exception as error:  # a dump for the person, where one sentence was due
        found[stage] = {"kind": "dump", "said": f"{type(error).__name__}: {error}"}
    return found


def commands(env: str) -> list[list[str]]:
    """All that a person does with an environment, from its card to what is exported, as small as can be."""
    name = env.partition(":")[2].partition("-")[0].lower()
    kept, runs = ["--envs", "envs"], ["--runs", "runs", "--episodes", "2"]
    search = (
        "--model grammar --candidates 2 --rounds 1 --steps 512 --budget 4 --finalist-seeds 0 --confirm-seeds 0".split()
    )
    return [
        ["init", env, "--goal", "Do it.", "--name", name, "--to", "envs", "--yes", "--model", "grammar"],
        ["tasks", name, *kept, "--check"],
        [
            "train",
            name,
            *kept,
            *runs,
            "--name",
            f"{name}-native",
            "--reward",
            "native",
            "--steps",
            "256",
            "--seeds",
            "1",
        ],
        ["run", name, *kept, *runs, "--name", name, *search],
        ["export", name, "--runs", "runs", "--to", f"taken/{name}"],
    ]


def command(words: Sequence[str]) -> dict[str, Any]:
    """A command's exit code, and what it says, in this process."""
    from autoreward.cli import main

    said = io.StringIO()
    sys.argv = ["autoreward", *words]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
            code: Any = 0
        except SystemExit as stop:
            code = stop.code or 0
    return {"code": code, "said": said.getvalue()}


def gone_through(env: str) -> list[dict[str, Any]]:
    """What the commands say, up to the first that fails."""
    answers: list[dict[str, Any]] = []
    for words in commands(env):
        answers.append(command(words))
        if answers[-1]["code"]:
            break
    return answers


def answered() -> None:
    """Answer until there are no more questions."""
    from autoreward.sandbox.jail import Jail
    from autoreward.training.workers import Workers

    with contextlib.ExitStack() as stack:
        workers: Workers | None = None
        for line in sys.stdin:
            question = json.loads(line)
            answer: dict[str, Any]
            if "whole" in question:
                answer = {"commands": gone_through(question["whole"])}
            else:
                workers = workers or stack.enter_context(Workers(stack.enter_context(Jail(trust_the_model=True))))
                answer = stages(workers, question["env"], question["train"])
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    answered()
