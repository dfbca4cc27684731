"""What policies written as code are worth beside trained ones, in words."""

from collections.abc import Sequence

from autoreward.records import PlayedController


def controller_sentences(controllers: Sequence[PlayedController]) -> list[str]:
    """A sentence for each."""
    return [_sentence(one) for one in controllers]


def _sentence(one: PlayedController) -> str:
    lines = f"{one.lines} line{'s' * (one.lines != 1)}"
    whose = {"card": "The card's", "designer": "The designer's"}[one.by]
    if not one.outcome.ok:
        return f"{whose} controller of {lines} could not be played: {one.message.rstrip('.')}."
    reached = f"{whose} controller of {lines} reaches {one.success:.2f} on held-out episodes"
    beside = "" if one.trained is None else f" (the best trained policy {one.trained:.2f})"
    return f"{reached}{beside}: you may not need training." if one.enough else f"{reached}{beside}."
