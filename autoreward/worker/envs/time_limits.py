"""Where an environment cuts its own episodes, as those that were played show it."""

from collections.abc import Sequence


def cut_after(lengths: Sequence[int], cut: Sequence[bool]) -> int | None:
    """Steps after which the environment cuts an episode, from whole episodes: how long each was, and whether it was cut.

    None where none was cut, where they were cut after different numbers of steps, and where one went on for longer.
    """
    lasted = {length for length, was in zip(lengths, cut, strict=True) if was}
    return lasted.pop() if len(lasted) == 1 and max(lengths) in lasted else None
