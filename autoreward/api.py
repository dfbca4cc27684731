"""For notebooks: `improve` a task, `load` a run, look at it.

import autoreward
run = autoreward.improve("cartpole-hold", model="grammar", rounds=2)
run                       # the report, in the cell
run.best                  # the winner's candidate record; run.best.source is its program
run.frame()               # every candidate as a pandas table (needs pandas)
run.plot()                # held-out success over training, as an SVG in the cell
"""

import difflib
import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from autoreward import events
from autoreward.config import RunConfig, first_problem
from autoreward.core.resources import envs_folder
from autoreward.errors import ConfigError, RunChanged
from autoreward.records import Candidate
from autoreward.report.charts import MANY, Series, picture
from autoreward.report.html import render
from autoreward.report.live.notebook_view import CellView, cell_output
from autoreward.report.phrases import PlainView, result_sentence
from autoreward.report.reading import RunView, read_run
from autoreward.report.scalars import Log
from autoreward.session.run import resume, start, usual_settings
from autoreward.store.book import Page, powers_of
from autoreward.store.files import is_run, plain_name
from autoreward.store.folder import Folder
from autoreward.store.header import read_header
from autoreward.store.trust import keep, of_card
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LoadedRun:
    """A run, finished or not."""

    reading: RunView

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.reading.folder

    @property
    def best(self) -> Candidate | None:
        """The winner; None while there is none."""
        run = self.reading.run
        view = self.reading.candidate(run.best) if run else None
        return view.candidate if view else None

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
        """Held-out success over training, a line per candidate: of its first training."""
        scored = [t for t in self.reading.candidates if t.scores]
        lines = [
            Series(t.candidate.id, [(c.step, c.success) for c in t.scores[0].checkpoints], MANY[i % len(MANY)])
            for i, t in enumerate(scored)
        ]
        return Picture(picture(lines, "held-out success", 0.0, 1.0))

    def _repr_html_(self) -> str:
        """The report, in a frame of its own: its style and script stay inside; the result in words where frames are not shown."""
        page = escape(render(self.reading), quote=True)
        return (
            f'<p>{escape(self._said())}</p><iframe srcdoc="{page}" width="100%" height="600" style="border:0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<run {self.folder}: {self._said()}>"

    def _said(self) -> str:
        return result_sentence(self.reading.run) if self.reading.run else "not finished"


@dataclass(frozen=True)
class Picture:
    """An SVG that notebooks show; `svg` is its text."""

    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg


def improve(
    task: str | Path,
    runs: str | Path = "runs",
    name: str | None = None,
    envs: str | Path | None = None,
    tell: events.Listener | None = None,
    log: Log | None = None,
    tensorboard: str | Path | None = None,
    trust: bool = False,
    **settings: Any,
) -> LoadedRun:
    """Search for a reward program, as `autoreward run` does; stopped (Ctrl-C, "interrupt"), it goes on under the same name.

    Args:
        task: a task's name or the path of a card.
        runs: folder of run folders.
        name: of this run's folder; a run of that name and these settings is gone on with, or loaded if it is finished.
        envs: a folder of your own tasks.
        tell: told what happens; if not given, a live view in the cell, or lines outside of notebooks.
        log: called with every training's numbers, once they are saved: `log("r000c1-s0", 20_480, {"held_out/success": 0.85})`.
            See docs/curves.md for what there is, and for W&B and MLflow. What it raises stops the run.
        tensorboard: folder for TensorBoard's event files.
        trust: let in the code, addresses and places that the card, or the run to go on with, has; as `--trust`.
        settings: of RunConfig: `model`, `rounds`, `candidates`, `steps`, `seed`, ...

    Raises:
        ConfigError: a setting that does not exist or can't be.
        RunChanged: a run of that name has another task or other settings.
        AutorewardError: see errors.py.
    """
    board = Path(tensorboard) if tensorboard else None
    if trust:
        _let_in(task, Path(runs), name, envs)
    if tell is not None:
        return load(_go(task, Path(runs), name, envs, tell, settings, log, board))
    if not _in_notebook():
        return load(_go(task, Path(runs), name, envs, PlainView(sys.stdout), settings, log, board))
    with CellView(cell_output()) as view:
        return load(_go(task, Path(runs), name, envs, view, settings, log, board))


def load(folder: str | Path) -> LoadedRun:
    """A run from its folder. Raises UsageError, RunDamaged, RunChanged."""
    return LoadedRun(read_run(Path(folder)))


def _go(
    task: str | Path, runs: Path, name: str | None, envs: str | Path | None,
    tell: events.Listener, settings: dict[str, Any], log: Log | None, board: Path | None,
) -> Path:  # fmt: skip
    """Start a run or go on with it; the folder of the finished run."""
    card = _card(task, envs)
    config = _config(card, settings)
    if name is None or not is_run(runs / plain_name(name)):
        return start(card, config, runs, name, tell, tensorboard=board, log=log)[1]
    header = read_header(runs / name)
    changed = [key for key in settings if getattr(header.config, key) != getattr(config, key)]
    if header.task.name != card.name or changed:
        what = "another task" if header.task.name != card.name else f"another {', '.join(changed)}"
        raise RunChanged(f"{runs / name} is a run with {what}; choose another name, or load it as it is.")
    return resume(runs / name, tell, board, log)[1]


def _card(task: str | Path, envs: str | Path | None) -> Task:
    return find_task(str(task), (*((Path(envs),) if envs else ()), envs_folder()))


def _let_in(task: str | Path, runs: Path, name: str | None, envs: str | Path | None) -> None:
    """What the person trusts by saying so. Raises UsageError, StoreError."""
    keep(of_card(_card(task, envs)))
    if name is not None and is_run(runs / plain_name(name)):
        keep(powers_of(Page(Folder(runs / name))))


def _config(task: Task, settings: dict[str, Any]) -> RunConfig:
    """Settings as `autoreward run` takes them. Raises ConfigError."""
    try:
        return RunConfig.model_validate({**usual_settings(task), **settings})
    except ValidationError as error:
        key, given, said = first_problem(error)
    if key not in RunConfig.model_fields:
        close = difflib.get_close_matches(key, RunConfig.model_fields, n=1)
        raise ConfigError(f"There is no setting {key!r}.{f' Did you mean {close[0]!r}?' if close else ''}")
    raise ConfigError(f"{key}={given!r}: {said}")


def _in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook, where outputs can be redrawn."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


__all__ = ["LoadedRun", "Picture", "improve", "load"]
