"""The console of every view in a terminal."""

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from autoreward.core.visible import visible


class Terminal(Console):
    """Prints text as it is written: `[x]` is no markup, `:x:` no emoji, and what can't be seen is left out.

    Nothing is cut: lines break at the width of a terminal, and stay whole in a pipe or a file.
    """

    def __init__(self, file: IO[str] | None = None, width: int | None = None, force: bool | None = None) -> None:
        """Writes to stdout if no file is given; `force` says whether it is a terminal, which is found out otherwise."""
        super().__init__(file=file, width=width, force_terminal=force, markup=False, emoji=False, highlight=False)
        self.soft_wrap = not self.is_terminal

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, as rich does, but never cut what is wider than the terminal."""
        super().print(*objects, **{"crop": False, **how})

    def on_broken_pipe(self) -> None:
        """A reader that went away is told to the caller; Rich would end the program. Raises BrokenPipeError."""
        raise  # what Rich has caught where it calls this

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is printed, in pieces; codes that move the cursor are the views' own."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
