"""What a shell completes: runs, tasks, and the candidates of the run that is named. Names of files alone are looked at."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import typer


def complete_runs(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Names of runs, the newest first, and `latest`."""
    from autoreward.store.files import run_folders

    with suppress(OSError):
        names = [path.name for path in reversed(run_folders(_runs(context)))]
        yield from _beginning([*names, *(["latest"] if names else [])], incomplete)


def complete_tasks(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Names of the tasks that come with autoreward, and of those in the folder that `--envs` names."""
    from autoreward.core.resources import envs_folder
    from autoreward.tasks.files import task_names

    own = context.params.get("envs")
    with suppress(OSError):
        yield from _beginning(sorted(task_names((*((Path(own),) if own else ()), envs_folder()))), incomplete)


def complete_candidates(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Ids of the candidates of the run on the line, of the newest if none is there yet, and the baselines that it trained."""
    from autoreward.errors import RunDamaged
    from autoreward.store.book import CONFIRM_PAGE, pages_of
    from autoreward.store.files import run_folders
    from autoreward.store.folder import Folder
    from autoreward.store.keys import TRIALS, VERDICTS

    with suppress(OSError, RunDamaged):
        known = {path.name: path for path in run_folders(_runs(context))}
        # an option that waits for its value keeps the parser from reading the words before it
        named = [word for word in _line() if word in known] or [*known]
        if not named:
            return
        folder = known[named[-1]]
        designed = {stem for page in pages_of(folder) for stem in page.files.at(VERDICTS.folder).stems()}
        confirmed = Folder(folder).at(CONFIRM_PAGE).at(TRIALS.folder).stems()
        trained = {stem.rpartition("-s")[0] for stem in confirmed}
        yield from _beginning([*sorted(designed), *sorted(trained - designed)], incomplete)


def complete_topics(incomplete: str) -> Iterator[str]:
    """Names of the pages of the documentation."""
    from autoreward.core.resources import doc_pages

    with suppress(OSError):
        yield from _beginning([*doc_pages()], incomplete)


def _runs(context: typer.Context) -> Path:
    """The folder of runs, as the line and the environment say so far."""
    return Path(context.params.get("runs") or os.environ.get("AUTOREWARD_RUNS") or "runs")


def _line() -> list[str]:
    """The words so far, as the shell hands them over: bash in one variable, the others in another."""
    return (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()


def _beginning(names: list[str], incomplete: str) -> Iterator[str]:
    return (name for name in names if name.startswith(incomplete))
