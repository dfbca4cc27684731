"""What a card's limits cost: by how much each is exceeded in a step, whatever the limit is about."""

from autoreward.design.grammar.quantities import Quantity
from autoreward.tasks.card import Task
from autoreward.tasks.limits import StatedLimit


def excesses(task: Task) -> tuple[Quantity, ...]:
    """By how much a step goes beyond each limit of the card, 0 where it does not; over a share, whether it is a step of that kind.

    A limit of a mean, or of a whole episode, is kept by whoever keeps it in every step.
    """
    return tuple(
        Quantity(
            key=f"limit:{name}",
            name=name,
            code=_excess(task, name, limit),
            scale=1.0 if limit.over == "share" else float(f"{abs(limit.bound) or 1.0:.2g}"),
            tolerance=None,
            constants=tuple(sorted(task.limit_formulas[name].names & {*task.constants})),
        )
        for name, limit in task.limits.items()
    )


def _excess(task: Task, name: str, limit: StatedLimit) -> str:
    def source(read: str) -> str:
        if read in task.constants:
            return read.upper()
        return f"action.{read}" if read in task.action and read not in task.state else f"next_state.{read}"

    value = task.limit_formulas[name].as_numpy(source)
    if limit.over == "share":
        return f"1.0 * ({value})" if limit.at_most is not None else f"1.0 - 1.0 * ({value})"
    inside = f"({value}) - {limit.bound!r}" if limit.at_most is not None else f"{limit.bound!r} - ({value})"
    return f"np.maximum({inside}, 0.0)"
