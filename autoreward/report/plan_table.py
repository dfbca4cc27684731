"""A run's plan as the terminal shows it."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoreward.records import LegPlan, Plan
from autoreward.report.phrases import counted

NAMES = {"seeds": "finalists, more seeds", "longer": "the best one, longer"}
"""What the stretches of a round are called that are not legs of the race."""


def show_plan(plan: Plan) -> RenderableType:
    """What a round is made of, what the run takes at most, and how that was found."""
    race = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("one round", "trainings", "from step", "to step", "environment steps"):
        race.add_column(name, justify="left" if name == "one round" else "right")
    for number, leg in enumerate(plan.round):
        race.add_row(NAMES.get(leg.kind, f"race, leg {number + 1}"), *_leg(leg))
    total = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("at most", "environment steps", "minutes here"):
        total.add_column(name, justify="left" if name == "at most" else "right")
    total.add_row("a round", f"{plan.round_steps:,}", _minutes(plan.round_minutes))
    total.add_row(
        f"the search, {counted(plan.rounds, 'round')}", f"{plan.search_steps:,}", _minutes(plan.search_minutes)
    )
    if plan.confirm:
        steps = plan.confirm.trainings * plan.confirm.end
        total.add_row(
            f"confirmation, {counted(plan.confirm.trainings, 'training')}", f"{steps:,}", _minutes(plan.confirm_minutes)
        )
    speed = plan.speed
    ends = f"{plan.judges}, so that no target ends the search early" if plan.target is None else (
        f"the search ends with the round that reaches {plan.target:g}"
    )  # fmt: skip
    longer = (
        " Trainings get longer where that helps: the search stays within its steps, the confirmation takes as much longer."
        if plan.finds_length
        else ""
    )
    return Group(
        race,
        Text(""),
        total,
        Text(""),
        Text(
            f"Measured with {speed.workers} at a time: {speed.training:,.0f} steps a second in a training, {speed.scoring:,.0f} "
            f"in a scoring, {speed.start:.1f} s to start either; {ends}.{longer}",
            style="dim",
        ),
    )


def _leg(leg: LegPlan) -> tuple[str, ...]:
    return str(leg.trainings), f"{leg.begin:,}", f"{leg.end:,}", f"{leg.trainings * (leg.end - leg.begin):,}"


def _minutes(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"
