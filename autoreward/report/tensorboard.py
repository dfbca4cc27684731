"""A run's curves for TensorBoard: a folder for each training, an event file for each of its legs.

An event file is a function of saved records alone: a run that is gone on with, or read again, writes the same bytes.
"""

import importlib.util
import io
import os
from pathlib import Path

from autoreward.core.visible import is_folder
from autoreward.core.wording import Command, Phrase, Setting
from autoreward.errors import MissingExtra, StoreError, UsageError, how_to_get
from autoreward.records import Board
from autoreward.report.scalars import Follower, Leg
from autoreward.store.book import Book
from autoreward.store.files import is_there
from autoreward.store.folder import Folder
from autoreward.store.keys import BOARD


def keep_board(book: Book, logdir: Path) -> None:
    """Show the run there from now on, whenever it is gone on with. Raises UsageError, StoreError."""
    board = Board(logdir=str(logdir.resolve()))
    if book.lone(BOARD) != board:
        check_board(logdir, book.folder)
        book.put(BOARD, board)
        book.own()


def check_board(logdir: Path, run: Path) -> None:
    """Raises MissingExtra without tensorboard, UsageError if the folder can't be made or shows another run of that name.

    Nothing is made here.
    """
    _demand_package(Setting("tensorboard"))
    board = Setting("tensorboard", str(logdir))
    place = logdir / run.resolve().name
    if not is_folder(place.name):
        raise UsageError(board, f": {run} has a name that is no plain folder's; rename it first.")
    if is_there(place):
        raise UsageError(board, f": {place} is there already; delete it, or choose another folder.")
    nearest = next(path for path in (logdir.resolve(), *logdir.resolve().parents) if path.exists())
    if not nearest.is_dir():
        raise UsageError(board, f" can't be made: {nearest} is a file.")
    if not os.access(nearest, os.W_OK):
        raise UsageError(board, f" can't be made: {nearest} can't be written.")


def board_follower(book: Book) -> Follower | None:
    """The listener that writes the run's curves, from its first training on; None if nobody asked for them.

    Raises MissingExtra without tensorboard.
    """
    board = book.lone(BOARD)
    if board is None:
        return None
    _demand_package(f"This run writes curves to {board.logdir}, and that")
    files, own = Folder(Path(board.logdir)), book.folder.resolve().name

    def write(leg: Leg) -> None:
        name, data = f"{own}/{leg.training}/events.out.tfevents.{leg.begin:012d}", event_file(leg)
        try:
            files.make()
            if not files.has(name) or files.read(name) != data:  # one that is read by TensorBoard now is left alone
                files.write(name, data)
        except (OSError, StoreError) as error:
            reason = str(getattr(error, "strerror", None) or error).rstrip(".")
            raise StoreError(
                f"{files.path / name} can't be written: {reason}. Choose another folder with ",
                Command("resume", (book.folder,), (Setting("tensorboard", "DIR"),)),
                ".",
            ) from None

    return Follower(book.folder, write, earlier=True)


def event_file(leg: Leg) -> bytes:
    """A leg's rows as the bytes of a TensorBoard event file; time within the leg is taken to pass evenly."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    file = io.BytesIO()
    out = RecordWriter(file)
    began = leg.ended - leg.seconds
    out.write(Event(wall_time=began, file_version="brain.Event:2").SerializeToString())
    for step, values in leg.rows.items():
        clock = began + leg.seconds * (step - leg.begin) / max(leg.steps - leg.begin, 1)
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        out.write(Event(wall_time=clock, step=step, summary=summary).SerializeToString())
    return file.getvalue()


def _demand_package(who: Phrase) -> None:
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingExtra(who, f" needs a package that is not installed: {how_to_get('tensorboard')}")
