"""What no other one beats in everything: the Pareto front of trained policies.

After the view of C-MORL (Liu et al. 2024, arXiv 2410.02236): where a task has more than one measure, there is a set of policies to
choose from, and no best one. Means alone are compared, so that of two policies on the front one may be there by chance.
"""

from collections.abc import Sequence


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether it is no worse in anything and better in something; larger is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))


def non_dominated(points: Sequence[Sequence[float]]) -> tuple[int, ...]:
    """Places of the points that no other one dominates; larger is better in each of their numbers. Equal ones are all there."""
    return tuple(i for i, point in enumerate(points) if not any(dominates(other, point) for other in points))


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Volume of what the points dominate beyond a reference point, exactly; 0 for points that are nowhere beyond it.

    By slices along the first number (Zitzler and Thiele 1998): meant for some dozens of points and up to five numbers.
    """
    beyond = [tuple(point) for point in points if all(a > b for a, b in zip(point, reference, strict=True))]
    if not beyond:
        return 0.0
    if len(reference) == 1:
        return max(point[0] for point in beyond) - reference[0]
    volume, low = 0.0, reference[0]
    for high in sorted({point[0] for point in beyond}):
        rest = [point[1:] for point in beyond if point[0] >= high]
        volume += (high - low) * hypervolume(rest, reference[1:])
        low = high
    return volume
