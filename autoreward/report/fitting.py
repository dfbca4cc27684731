"""Tables that fit the terminal: all of one where there is room, less of it in a narrow one."""

from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

ANY_WIDTH = 10_000
"""More letters than a row has."""


@dataclass(frozen=True)
class Fitting:
    """The first of some tables that fits the terminal without a broken line, or else the last; in a pipe the first.

    Columns that do not wrap are never cut: what they name is typed into other commands.
    """

    tables: tuple[Table, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is printed."""
        wide = options.update(width=ANY_WIDTH)
        if not console.is_terminal:
            yield from console.render(self.tables[0], wide)
            return
        for table in self.tables[:-1]:
            if Measurement.get(console, wide, table).maximum <= options.max_width:
                yield table
                return
        last = self.tables[-1]
        for column in last.columns:
            if column.no_wrap:
                column.min_width = max(
                    cell_len(line) for cell in (column.header, *column.cells) for line in str(cell).splitlines() or [""]
                )
        least = Measurement.get(console, wide, last).minimum
        yield from console.render(last, options.update(width=max(least, options.max_width)))
