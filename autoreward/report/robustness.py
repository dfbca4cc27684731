"""What is said of a run's winner where its environment varies: as sentences, and as a table in the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoreward.evaluation.limits import limits_cell
from autoreward.records import Estimate, Robustness
from autoreward.report.fitting import Fitting


def robustness_title(found: Robustness) -> str:
    """What was varied, and how often."""
    return (
        f"Under variation of {', '.join(v.said for v in found.variations)}: success, IQM [95 %], "
        f"{found.episodes} held-out starts a policy (seed {found.seed})"
    )


def robustness_rows(found: Robustness) -> list[dict[str, str]]:
    """A row for each reward: its cells by column."""
    return [
        {
            "reward": r.who,
            "": r.role,
            "plain": rate_text(r.plain, len(r.plain_success)),
            "varied": rate_text(r.varied, len(r.varied_success)),
            **(
                {"limits, plain": limits_cell(r.plain_limits), "varied limits": limits_cell(r.varied_limits)}
                if r.plain_limits
                else {}
            ),
            "worst part of each range": "; ".join(
                f"{part.said}: {rate_text(part.success, len(r.varied_success))}" for part in r.worst
            ),
        }
        for r in found.rewards
    ]


def rate_text(estimate: Estimate, policies: int) -> str:
    """A rate with its interval; none is claimed from a single policy."""
    interval = f" [{estimate.low:.2f}, {estimate.high:.2f}]" if policies > 1 else " (one seed)"
    return f"{estimate.value:.2f}{interval}"


def robustness_note(found: Robustness) -> str:
    """Who could not be played; empty if everybody was."""
    return f"Without a policy that was kept: {', '.join(found.unplayed)}." if found.unplayed else ""


def robustness_table(found: Robustness) -> RenderableType:
    """The same for a terminal; a narrow one gets the rates alone."""
    rows = robustness_rows(found)
    wide = _table(rows, list(rows[0]))
    narrow = _table(rows, ["reward", "plain", "varied"])
    note = robustness_note(found)
    return Group(Text(robustness_title(found)), Fitting((wide, narrow)), *([Text(note, style="dim")] if note else []))


def _table(rows: Sequence[dict[str, str]], names: Sequence[str]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=name != "worst part of each range")
    for row in rows:
        table.add_row(*(row[name] for name in names))
    return table
