"""What is measured of people's words, as a table and in sentences."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoreward.core.transitions import Transitions
from autoreward.evaluation.legs import newest
from autoreward.evaluation.traits import mean_trait
from autoreward.records import Trait, Traits
from autoreward.report.reading import RunView
from autoreward.store.played import played_episodes


def measured_traits(reading: RunView) -> dict[str, tuple[float | None, ...]]:
    """By candidate: the mean of each trait over all recorded episodes of its trainings, failed ones too. Raises RunDamaged."""
    if not reading.traits.items:
        return {}
    scored = reading.search_scores or reading.confirm_scores  # of a run that trained one reward there are no others
    pages = {saved.score.trial_id: saved.page for saved in scored}
    usable = [saved.score for saved in scored if saved.score.candidate_id and saved.score.outcome.ok]
    episodes: dict[str, list[Transitions]] = {}
    for score in newest(usable).values():
        played = played_episodes(reading.page(pages[score.trial_id]), score.trial_id)
        episodes.setdefault(score.candidate_id, []).extend(played)
    task = reading.header.task
    return {name: tuple(mean_trait(task, t, own) for t in reading.traits.items) for name, own in episodes.items()}


def traits_said(traits: Traits) -> str:
    """How much of what was said is measured; empty where nothing was said."""
    if not traits.aspects:
        return ""
    return (
        f"{len(traits.items)} of {traits.proposed} formulas kept; coverage {traits.coverage:.2f} ({len(traits.told_apart)} of "
        f"{traits.aspects} sayings are told apart), redundancy {traits.redundancy:.2f}."
    )


def trait_line(trait: Trait) -> str:
    """What a trait is, and what it comes to where it is good and where it is not."""
    said = f" ({trait.about})" if trait.about else ""
    return (
        f"{trait.name}{said}: {trait.measured_as}, {trait.better} is better; {trait.praised:.3g} where it is good, "
        f"{trait.blamed:.3g} where it was blamed, the right way round in {trait.separates:.0%} of the pairs"
    )


def card_lines(trait: Trait) -> tuple[str, ...]:
    """A trait as a limit of a task card, halfway between what is good and what was blamed."""
    side = "at_most" if trait.better == "lower" else "at_least"
    return (
        f"[limits.{trait.name}]",
        f'value = "{trait.value}"',
        f"{side} = {trait.bound:.4g}",
        f'over = "{trait.over}"',
    )


def traits_lines(traits: Traits) -> list[str]:
    """All of it, with what would make a limit of each, for a terminal."""
    lines = []
    for trait in traits.items:
        lines += [trait_line(trait), *(f"    {line}" for line in card_lines(trait))]
    if traits.items:
        lines.append(
            "each is measured from now on; so written it is a limit of the task's card, and its value may be its [metric]"
        )
    said = traits_said(traits)
    return [*lines, *([said] if said and traits.proposed else []), *traits.findings]


def traits_table(reading: RunView) -> RenderableType:
    """Every trait of every candidate; marked where it is more like what was blamed."""
    table = Table(
        box=None, header_style="dim", pad_edge=False, title="What people's words measure", title_justify="left"
    )
    table.add_column("candidate")
    for trait in reading.traits.items:
        table.add_column(Text(trait.name), justify="right")
    for name, values in measured_traits(reading).items():
        table.add_row(name, *(trait_cell(t, v) for t, v in zip(reading.traits.items, values, strict=True)))
    lines = [Text(trait_line(trait)) for trait in reading.traits.items]
    return Group(table, *lines, Text(traits_said(reading.traits)))


def trait_cell(trait: Trait, value: float | None) -> str:
    """The value, with a `!` where it is more like what was blamed; `-` where there is none."""
    return "-" if value is None else f"{value:.3g}{' !' * trait.wrong(value)}"
