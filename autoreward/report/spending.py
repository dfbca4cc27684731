"""What model calls have cost, by role and model."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Self

from autoreward.llm.cost import Bill


class Spending(NamedTuple):
    """What one role has cost."""

    role: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    """Of the input, read from the provider's cache."""
    dollars: float | None
    """None: a price is not known."""
    tools: str = ""
    """Which tools were called, and how often, in words."""

    @classmethod
    def of(cls, role: str, model: str, bills: Sequence[Bill]) -> Self:
        """The sum of some bills."""
        known = [bill.dollars for bill in bills if bill.dollars is not None]
        asked, answered = sum(b.input_tokens for b in bills), sum(b.output_tokens for b in bills)
        cached = sum(b.cache_read_tokens for b in bills)
        called = Counter(name for bill in bills for name in bill.tools)
        tools = ", ".join(f"{name} {count}" for name, count in called.most_common())
        dollars = sum(known) if len(known) == len(bills) else None
        return cls(role, model, len(bills), asked, answered, cached, dollars, tools)

    @property
    def called(self) -> str:
        """How many calls, and the tools that were called in them."""
        return f"{self.calls}" + (f" (tools: {self.tools})" if self.tools else "")

    @property
    def sent(self) -> str:
        """Tokens in, and how many of them were cached, in words."""
        return f"{self.input_tokens:,}" + (f" ({self.cached_tokens:,} cached)" if self.cached_tokens else "")

    @property
    def price(self) -> str:
        """Dollars in words."""
        return "price not known" if self.dollars is None else f"${self.dollars:.2f}"


def spending_of(bills: Sequence[Bill]) -> tuple[Spending, ...]:
    """Calls, tokens and dollars by role and model."""
    groups: dict[tuple[str, str], list[Bill]] = {}
    for bill in bills:
        groups.setdefault((bill.role, bill.model), []).append(bill)
    return tuple(Spending.of(role, model, own) for (role, model), own in groups.items())
