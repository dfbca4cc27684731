"""What is taken out of a run: the files of its best/ or second/ as they were written here, or made anew where they were not."""

from pathlib import Path
from typing import NamedTuple

from autoreward.core.wording import Command
from autoreward.errors import AutorewardError, JobFailed, RunDamaged, StoreError, UsageError
from autoreward.export import EXPORTED_FILES, EXPORTED_FOLDERS
from autoreward.export.best import demonstration, handed_over, kept_files
from autoreward.records import Candidates
from autoreward.report.phrases import result_sentence
from autoreward.report.reading import RunView, read_run
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox.jail import Jail
from autoreward.store.book import Book, Page, powers_of
from autoreward.store.damage import unreadable
from autoreward.store.folder import Folder
from autoreward.store.keys import CANDIDATES, RESULT
from autoreward.store.trust import demand, made_here
from autoreward.training.workers import Workers


def hand_over(book: Book, reading: RunView, workers: Workers) -> AutorewardError | None:
    """Write best/ and second/ of a finished run; why a reward could not be exported, if one could not."""
    refused: list[AutorewardError] = []
    for within in EXPORTED_FOLDERS:
        made = kept_files(book, reading, workers.package, demonstration(book, workers.jail), within)
        for name, data in made.files.items():
            book.write(f"{within}/{name}", data)
        refused += [made.refused] if made.refused else []
    return refused[0] if refused else None


class Taken(NamedTuple):
    """What an export is made of."""

    files: dict[str, bytes]
    anew: bool
    """It was made from the run's records now, since the folder is not as it was written on this machine."""


def take(folder: Path, within: str = "best") -> Taken:
    """The files to take out of a finished run, of its best/ or second/.

    `policy.zip` and `vecnormalize.pkl` are pickles, and `reward.py` is a program: only those that were written here are taken
    as they are. A run from elsewhere gives its records: its policy is built from numbers, its reward from a program that
    passes the gate.

    Raises:
        UsageError: there is nothing to take yet, or nothing at all.
        NotTrusted: it has to be made anew, and that would run code that nobody has let in.
        StoreError: the run is damaged.
    """
    if not Folder(folder).at(within).has("manifest.json"):
        run = Page(Folder(folder)).lone(RESULT)
        if run and not run.best:
            raise UsageError(f"{folder} has nothing to keep. {result_sentence(run)}")
        if run and not handed_over(run, within):
            raise UsageError(
                f"{folder} has no second program to keep: on fresh seeds none did better than {run.best}, which won the search."
            )
        raise UsageError(f"{folder} has nothing to keep yet; finish it with `", Command("resume", (folder,)), "`.")
    files = kept(folder, within)
    if _as_made(files):  # these bytes, whatever lies there by now
        return Taken(files, anew=False)
    return Taken(_made_anew(folder, within), anew=True)


def kept(folder: Path, within: str = "best") -> dict[str, bytes]:
    """The files of best/ or second/ that an export takes, as they are: what else lies there is not ours to publish.

    Raises RunDamaged.
    """
    handed = Folder(folder).at(within)
    try:
        return {name: handed.read(name) for name in EXPORTED_FILES if handed.has(name)}
    except OSError as error:
        raise unreadable(handed.path, error) from None


def is_as_made(folder: Path, within: str = "best") -> bool:
    """Whether all of it was written on this machine, so that nothing has to run to take it. Raises RunDamaged."""
    return _as_made(kept(folder, within))


def _as_made(files: dict[str, bytes]) -> bool:
    return all(map(made_here, files.values()))


def _made_anew(folder: Path, within: str) -> dict[str, bytes]:
    with Book.open(folder) as book:
        demand(powers_of(book), str(folder))
        run = book.lone(RESULT)
        if run is None or not (who := handed_over(run, within)):
            raise UsageError(f"{folder} has nothing to keep yet; finish it with `", Command("resume", (folder,)), "`.")
        demand_passed(book, who)
        trust = book.header.config.trust_the_model or book.programs_made_here()
        with Jail(trust) as jail, Workers(jail) as workers:
            try:
                kept = kept_files(book, read_run(folder), workers.package, demonstration(book, jail), within)
            except JobFailed as failed:
                raise UsageError(f"The policy of {folder} can't be made anew: {failed}.") from None
            except (KeyError, ValueError, TypeError) as error:
                raise RunDamaged(
                    f"{folder}: its records do not go together ({type(error).__name__}: {error})."
                ) from None
    if kept.refused:
        raise kept.refused
    return kept.files


def demand_passed(book: Book, who: str) -> None:
    """Raises StoreError if the candidate's program is not one that the gate lets through."""
    for page in book.pages():
        for candidate in (page.lone(CANDIDATES) or Candidates(items=())).items:
            if candidate.id == who and (problems := examine(candidate.source).problems):
                raise StoreError(
                    f"{book.folder}: the program of {candidate.id} may not be trained ({problems[0].message}), and is not "
                    "exported."
                )
