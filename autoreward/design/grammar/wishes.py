"""What a person may wish of the grammar's programs in words, and what each wish does to a program.

    calmer   effort, damping and smooth count more, what pays for motion less
    faster   haste, speed and coming nearer count more, effort, damping and smooth less
    longer   staying in the episode counts more, haste less
    higher   being near the top of each height counts more
    safer    the card's limits count more, and ending early (where an end may be right: ending without the goal)

A part that counts more has four times its weight, one that counts less a quarter; where a program has no part that a wish
is about, it gets one. The words are read one by one. Where one is neither a wish nor of no weight, the sentence
may mean something else ("not so fast"), and a model has to read it.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from autoreward.core.wording import Setting
from autoreward.design.grammar.kit import Kit
from autoreward.design.grammar.quantities import Quantity
from autoreward.design.grammar.terms import Genome, Kind, Term, reweighted, tidied
from autoreward.errors import UsageError
from autoreward.records import Candidate, Description, Feedback, Round
from autoreward.tasks.card import Task

_MORE = 4.0
"""What the weight of a part grows by: a mutation that halves it as well does not take the wish back."""
_CALM: tuple[Kind, ...] = ("effort", "damping", "smooth")
_MOTION: tuple[Kind, ...] = ("speed", "gain", "energy", "along")
_HEIGHTS = ("height", "altitude", "elevation", "z")
"""Words in the names of fields that say how high something is."""
_NEVER_HEARD = -1


class _Wish(NamedTuple):
    words: str
    """By which it is known."""
    more: tuple[Kind, ...]
    less: tuple[Kind, ...]
    added: Callable[[Kit, random.Random], list[Term]]
    """What a program without it gets; nothing where the task gives nothing to build it from."""


def _calm(kit: Kit, rng: random.Random) -> list[Term]:
    return kit.effort(rng) + kit.damping(rng)


def _fast(kit: Kit, rng: random.Random) -> list[Term]:
    """Haste, where it is right that an episode ends; else coming nearer, or where nothing is to be come nearer to, speed."""
    if kit.ends:
        return [Term(kind="time", weight=rng.choice((0.1, 0.5, 1.0)))]
    return kit.progress(rng) or kit.motion(rng)


def _long(kit: Kit, rng: random.Random) -> list[Term]:
    return [Term(kind="alive", weight=rng.choice((1.0, 2.0, 5.0)))] if kit.terminates else []


def _high(kit: Kit, rng: random.Random) -> list[Term]:
    weight = rng.choice((0.5, 1.0, 2.0))
    return [Term(kind="near", on=q.key, scale=q.scale, weight=weight) for q in _tops(kit)]


def _safe(kit: Kit, rng: random.Random) -> list[Term]:
    if kit.ends:
        return kit.within(rng) + kit.ending(rng)
    return kit.within(rng) + ([Term(kind="fall", weight=5.0)] if kit.terminates and not kit.wins else [])


def _tops(kit: Kit) -> list[Quantity]:
    """How far each height is from the upper end of its range."""
    return [
        q
        for q in kit.far
        if q.key.startswith("bound:") and q.key.endswith(":top") and {*_HEIGHTS} & {*q.key.split(":")[1].split("_")}
    ]


_WISHES = {
    "calmer": _Wish(
        "calm calmer calmly gentle gentler gently smooth smoother smoothly soft softer softly quiet quieter quietly steadier "
        "steadily slow slower slowly",
        _CALM,
        _MOTION,
        _calm,
    ),
    "faster": _Wish(
        "fast faster quick quicker quickly rapid rapidly rapider swift swifter swiftly speed sooner hurry",
        ("time", "progress", *_MOTION),
        _CALM,
        _fast,
    ),
    "longer": _Wish("long longer survive", ("alive",), ("time",), _long),
    "higher": _Wish("high higher taller", (), (), _high),
    "safer": _Wish(
        "safe safer safely careful carefully cautious cautiously", ("limit", "fall", "end"), (), _safe
    ),
}  # fmt: skip

_OF_NO_WEIGHT = frozenset(
    "a an and be bit but climb drive fly get go it jump last let little make more move much please run should stay swing that "
    "the this to walk up down a lot of even and agent policy robot".split()
)
"""Words beside a wish that change nothing in it. Those that turn it round (not, less, too, is) are not among them."""


def wishes_in(text: str) -> tuple[str, ...]:
    """The wishes that a person's words are, in their order, none twice. Raises UsageError if they are anything else."""
    known = {word: name for name, wish in _WISHES.items() for word in wish.words.split()}
    said = re.findall(r"\w+", text.casefold())
    strange = list(dict.fromkeys(word for word in said if word not in known and word not in _OF_NO_WEIGHT))
    found = tuple(dict.fromkeys(known[word] for word in said if word in known))
    if found and not strange:
        return found
    *others, last = _WISHES
    words = f", and not {', '.join(repr(word) for word in strange[:5])}" if strange else ""
    raise UsageError(
        f"The grammar designed this run and understands {', '.join(others)} and {last} alone{words}; "
        "anything else needs a model: start a run with ",
        Setting("model", "NAME"),
        ".",
    )


def demand_grantable(text: str, task: Task, description: Description) -> None:
    """Raises UsageError if a person's words are no wish, or one that the task gives nothing to build from."""
    kit = Kit(task, description)
    for name in wishes_in(text):
        if not _WISHES[name].added(kit, random.Random(0)):
            raise UsageError(
                f"The grammar has nothing to make the policies of {task.name} {name} with: {_MISSING[name]}; what else "
                "it could mean needs a model: start a run with ",
                Setting("model", "NAME"),
                ".",
            )


_MISSING = {
    "calmer": "the card names no speed and no action that has a size",
    "faster": "the card's rule has no distance, and the card no speed",
    "longer": "no episode was seen to end before its time limit",
    "higher": f"no field with a range in the card has {', '.join(_HEIGHTS[:-1])} or {_HEIGHTS[-1]} in its name",
    "safer": "the card has no limits, and no episode was seen to end early that should not have",
}


def unheard_wishes(said: Sequence[Feedback], parents: Sequence[str], rounds: Sequence[Round]) -> tuple[str, ...]:
    """What a new program has still to be given: all that was said since the oldest of its parents was made, or ever."""
    made = {c.id: (r.number, c) for r in rounds for c in r.candidates}
    since = min((_heard_in(made, name) for name in parents), default=_NEVER_HEARD)
    return tuple(dict.fromkeys(wish for f in said if f.after > since for wish in wishes_in(f.text)))


def _heard_in(made: dict[str, tuple[int, Candidate]], identity: str) -> int:
    """The round in which a program was written; one that is an earlier one again has heard what that had."""
    number, candidate = made[identity]
    if candidate.how in ("fresh", "mutation", "crossover"):
        return number
    return min((_heard_in(made, name) for name in candidate.parents), default=_NEVER_HEARD)


def granted(kit: Kit, rng: random.Random, genome: Genome, wishes: Sequence[str]) -> Genome:
    """The program as it was wished for; nothing is drawn where nothing was wished."""
    for name in wishes:
        wish = _WISHES[name]
        added = wish.added(kit, rng)
        about = {t.slot for t in added}
        terms = [
            reweighted(t, _MORE)
            if t.kind in wish.more or t.slot in about
            else reweighted(t, 1 / _MORE)
            if t.kind in wish.less
            else t
            for t in genome.terms
        ]
        there = {t.slot for t in terms}
        new = [t for t in added if t.slot not in there]
        genome = tidied([*new, *terms], len(new) + len(terms))
    return genome
