"""For notebooks: `improve` a task, `load` a run, look at it.

import autoreward
run = autoreward.improve("cartpole-hold", model="grammar", rounds=2)
run                       # the report, in the cell
run.best                  # the winner's candidate record; run.best.source is its program
run.frame()               # every candidate as a pandas table (needs pandas)
run.plot()                # held-out success over training, as an SVG in the cell
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoreward import events
from autoreward.config import RunConfig
from autoreward.records import Candidate
from autoreward.report.curves import Line, chart
from autoreward.report.html import COLORS, render
from autoreward.report.lines import describe_event, verdict
from autoreward.report.numbers import Log
from autoreward.report.reading import Reading, read_run
from autoreward.resources import envs_folder
from autoreward.session import resume, start
from autoreward.tasks import find_task

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LoadedRun:
    """A run, finished or not."""

    reading: Reading

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.reading.folder

    @property
    def best(self) -> Candidate | None:
        """The winner; None while there is none."""
        run = self.reading.run
        told = self.reading.told(run.best) if run else None
        return told.candidate if told else None

    def frame(self) -> "pd.DataFrame":
        """One row per candidate. Raises ImportError without pandas."""
        import pandas as pd

        rows = [
            {
                "candidate": t.candidate.id,
                "how": t.candidate.how,
                "parents": ", ".join(t.candidate.parents),
                "steps": max((trial.steps for trial in t.trials), default=0),
                "seeds": len(t.scores),
                "success": t.success if t.ruled else None,
                "progress": t.progress if t.ruled else None,
                "metric": t.metric,
                "symptom": t.diagnosis.symptoms[0].name if t.diagnosis and t.diagnosis.symptoms else "",
                "thought": t.candidate.thought,
            }
            for t in self.reading.candidates
        ]
        return pd.DataFrame(rows).set_index("candidate")

    def plot(self) -> "Picture":
        """Held-out success over training, a line per candidate."""
        lines = [
            Line(t.candidate.id, [(c.step, c.success) for c in t.scores[0].checkpoints], COLORS[i % len(COLORS)])
            for i, t in enumerate(self.reading.candidates)
            if t.scores
        ]
        return Picture(chart(lines, "held-out success", 0.0, 1.0))

    def _repr_html_(self) -> str:
        """The report, in a frame of its own: its style and script stay inside."""
        return f'<iframe srcdoc="{escape(render(self.reading), quote=True)}" width="100%" height="600"></iframe>'

    def __repr__(self) -> str:
        run = self.reading.run
        return f"<run {self.folder}: {verdict(run) if run else 'not finished'}>"


@dataclass(frozen=True)
class Picture:
    """An SVG that notebooks show."""

    svg: str

    def _repr_html_(self) -> str:
        style = "svg{width:100%;max-width:640px} svg text{fill:#66707f;font:11px sans-serif} svg .grid{stroke:#d9dee6}"
        colors = "--good:#14804a;--accent:#2563c9;--muted:#66707f"
        return f'<div style="{colors}"><style>{style}</style>{self.svg}</div>'


def improve(
    task: str | Path,
    runs: str | Path = "runs",
    name: str | None = None,
    envs: str | Path | None = None,
    tell: Callable[[events.Event], None] | None = None,
    log: Log | None = None,
    tensorboard: str | Path | None = None,
    **settings: Any,
) -> LoadedRun:
    """Search for a reward program, as `autoreward run` does.

    Args:
        task: a task's name or the path of a card.
        runs: folder of run folders.
        name: of this run's folder; a run of that name is gone on with.
        envs: a folder of your own tasks.
        tell: told what happens; prints lines if not given.
        log: called with every training's numbers, once they are saved: `log("r000c1-s0", 20_480, {"held_out/success": 0.85})`.
            See docs/curves.md for what there is, and for W&B and MLflow. What it raises stops the run.
        tensorboard: folder for TensorBoard's event files.
        settings: of RunConfig: `model`, `rounds`, `candidates`, `steps`, `seed`, ...

    Raises:
        AutorewardError: see errors.py.
        pydantic.ValidationError: a setting that can't be.
    """
    folders = (*((Path(envs),) if envs else ()), envs_folder())
    say, board = tell or _say, Path(tensorboard) if tensorboard else None
    if name is not None and (Path(runs) / name / "run.json").exists():
        _, folder = resume(Path(runs) / name, say, board, log)
    else:
        found, config = find_task(str(task), folders), RunConfig.model_validate(settings)
        _, folder = start(found, config, Path(runs), name, say, tensorboard=board, log=log)
    return load(folder)


def load(folder: str | Path) -> LoadedRun:
    """A run from its folder. Raises UsageError, RunDamaged, RunChanged."""
    return LoadedRun(read_run(Path(folder)))


def _say(event: events.Event) -> None:
    if line := describe_event(event):
        print(line)  # noqa: T201 - a notebook's cell is where this is read


__all__ = ["LoadedRun", "Picture", "improve", "load"]
