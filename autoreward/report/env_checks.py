"""What a check of an environment found, as a table."""

from rich.table import Table

from autoreward.records import EnvCheck
from autoreward.report.fitting import Fitting

_STYLES = {"fail": "bold red", "warn": "yellow", "note": "dim"}


def env_check_table(check: EnvCheck) -> Fitting:
    """A row for each thing that was found, with what to do."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("checked", no_wrap=True)
    table.add_column("found")
    table.add_column("what to do")
    for row in check.rows:
        table.add_row(row.gravity, row.name, row.found, row.advice, style=_STYLES[row.gravity])
    return Fitting((table,))


def env_check_verdict(check: EnvCheck) -> str:
    """What all rows come to, in a line."""
    count = len(check.failed)
    if count:
        return f"{check.env} can't be trained in as it is: {count} {'row fails' if count == 1 else 'rows fail'}."
    warned = sum(row.gravity == "warn" for row in check.rows)
    return f"{check.env} can be trained in." + (f" {warned} of these rows may matter." if warned else "")
