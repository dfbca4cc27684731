"""Parts -> one training reward. One file per composition.

What a part is for is said by its program (ROLES: see `gate.roles`), never guessed from the order of the parts.

To add one, write a file with an object that is a `Composition` (`Elementwise`, if no step needs another), put it into
COMPOSITIONS and its name into `records.CompositionName`; designers, reward files and exports then know it, and
`tests/test_compose.py` holds its rollouts, its source and its formula against each other. `start` gets whole transitions, so that
a composition may read fields of the state; what it must know of the parts beforehand is a `Setup`, and what can't be combined so is
its `fault`, which a review refuses. One that was learned is an object made with its weights, which its `source` writes down as
numbers.
"""

from collections.abc import Mapping

from autoreward.records import CompositionName
from autoreward.rewards.compose.bounded import BOUNDED
from autoreward.rewards.compose.capped import CAPPED
from autoreward.rewards.compose.composition import Combine, Composition, as_read
from autoreward.rewards.compose.conjunction import CONJUNCTION
from autoreward.rewards.compose.gated import GATED
from autoreward.rewards.compose.krc import KRC
from autoreward.rewards.compose.lagrange import LAGRANGE
from autoreward.rewards.compose.potential import POTENTIAL
from autoreward.rewards.compose.product import PRODUCT
from autoreward.rewards.compose.sign import SIGN
from autoreward.rewards.compose.staged import STAGED
from autoreward.rewards.compose.standardised import STANDARDISED
from autoreward.rewards.compose.sum import SUM

__all__ = ["COMPOSITIONS", "PROPOSED", "Combine", "Composition", "as_read", "demanded"]


class _Compositions(dict[CompositionName, Composition]):
    def __missing__(self, name: str) -> Composition:
        raise KeyError(f"There is no composition {name!r}: write one of {', '.join(self)}.")


COMPOSITIONS: Mapping[CompositionName, Composition] = _Compositions(
    {
        "sum": SUM,
        "bounded": BOUNDED,
        "sign": SIGN,
        "product": PRODUCT,
        "potential": POTENTIAL,
        "standardised": STANDARDISED,
        "conjunction": CONJUNCTION,
        "krc": KRC,
        "gated": GATED,
        "capped": CAPPED,
        "staged": STAGED,
        "lagrange": LAGRANGE,
    }
)
"""By name. Raises KeyError for any other one."""

PROPOSED: tuple[CompositionName, ...] = ("sum", "bounded", "sign", "product", "potential")
"""What designers are told of, where nobody demands one."""


def demanded(setting: str) -> tuple[CompositionName, ...]:
    """The one that a run's setting names for all programs; none for `own` and `auto`."""
    return tuple(name for name in COMPOSITIONS if name == setting)
