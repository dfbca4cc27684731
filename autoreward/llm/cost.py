"""What asking costs: prices from the genai-prices package, an estimate before the first call, and a cap that holds."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pydantic import Field

from autoreward.core.wording import Setting
from autoreward.errors import LimitReached, UsageError
from autoreward.llm.names import SETTINGS, full_name, on_server
from autoreward.llm.thinking import thinking_room
from autoreward.llm.types import Count, Prompt
from autoreward.records import Record
from autoreward.records.base import Said
from autoreward.settings import JUDGE_ROLES, Effort, Role

_CHARACTERS_PER_TOKEN = 3.0
"""English and code have 3 to 4.5; the lower end, so that a reservation is rather too large."""
FREE_PROVIDERS = ("replay", "manual", "grammar")
NO_EFFORTS: Mapping[Role, Effort | None] = MappingProxyType({})
OWN_SERVER = "openai+http"
"""Nobody sells answers over plain http: a server of the person's own."""


class Bill(Record):
    """What one call cost."""

    role: Role
    model: Said
    """As the person gave it."""
    input_tokens: Count
    output_tokens: Count
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0
    """Both are of the input tokens, and have prices of their own."""
    tools: tuple[Said, ...] = ()
    """Names of the tools that the answer called."""
    dollars: float | None = Field(ge=0.0)
    """None: the price is not known."""


def price(
    model: str, input_tokens: int, output_tokens: int, cache_read_tokens: int = 0, cache_write_tokens: int = 0
) -> float | None:
    """Dollars, or None where no price is known. Replays and people cost nothing. Tokens of a cache are of the input tokens."""
    provider, _, name = full_name(model).partition(":")
    if provider in FREE_PROVIDERS:
        return 0.0
    if provider == OWN_SERVER:
        return None
    from genai_prices import Usage, calc_price

    cached = {"cache_read_tokens": cache_read_tokens, "cache_write_tokens": cache_write_tokens}
    cached = {name: count for name, count in cached.items() if count}
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, **cached)
    try:
        if provider == "openai+https":
            address, sold = on_server(name)
            return float(calc_price(usage, sold, provider_api_url=f"https:{address}").total_price)
        return float(calc_price(usage, name, provider_id=provider).total_price)
    except LookupError:
        return None


def demand_price(role: Role, model: str, max_cost: float | None) -> None:
    """Raises UsageError if a limit in dollars could not hold: the model is somebody's, and its price is not known."""
    if max_cost is not None and not model.startswith(f"{OWN_SERVER}:") and price(model, 1, 1) is None:
        raise UsageError(
            Setting(SETTINGS[role], model), ": its price is not known, so ", Setting("max_cost"),
            " can't hold. Check the name; with ", Setting("max_cost", None),
            " it is asked without a limit in dollars (", Setting("max_calls"), " holds as ever).",
        )  # fmt: skip


def tokens(text: str) -> int:
    """About how many tokens a text has, rather too many."""
    return int(len(text) / _CHARACTERS_PER_TOKEN) + 1


class CostLimit:
    """The cap on dollars and calls, counting what is spent and what is under way."""

    def __init__(self, max_cost: float | None, max_calls: int, spent: Iterable[Bill]) -> None:
        """`max_cost` in dollars, None: no limit; `spent`: what earlier sessions of the same run paid."""
        paid = list(spent)
        self._max_cost, self._max_calls = max_cost, max_calls
        self._dollars = sum(bill.dollars or 0.0 for bill in paid)
        self._calls = len(paid)

    def reserve(self, model: str, prompt: Prompt, sent: int | None = None) -> float:
        """Set aside the most that a call can cost; `sent`: tokens of the question, if it is more than its text.

        Raises:
            LimitReached: that is beyond the cap.
            UsageError: nobody knows what it can cost.
        """
        demand_price(prompt.role, model, self._max_cost)
        sent = tokens(prompt.whole) if sent is None else sent
        most = max(
            price(model, sent, prompt.max_tokens, 0, kept) or 0.0 for kept in (0, sent)
        )  # writing to a cache costs more
        if self._calls + 1 > self._max_calls:
            raise LimitReached(
                f"the limit of {self._max_calls} model calls is reached; raise it with ",
                Setting("max_calls"),
                " to go further",
            )
        if self._max_cost is not None and self._dollars + most > self._max_cost:
            raise LimitReached(
                f"the next call could cost ${most:.2f}, and ${self._dollars:.2f} of ${self._max_cost:.2f} is spent; raise the "
                "limit with ",
                Setting("max_cost"),
                " to go further",
            )
        self._calls += 1
        self._dollars += most
        return most

    def settle(self, reserved: float, bill: Bill | None) -> None:
        """Replace a reservation by what the call cost; nothing if it failed."""
        self._dollars += (bill.dollars or 0.0 if bill else 0.0) - reserved

    def give_back(self, reserved: float) -> None:
        """Undo a reservation: nobody was asked."""
        self._calls -= 1
        self._dollars -= reserved


class CostEstimate(NamedTuple):
    """What a run is expected to cost."""

    calls: int
    dollars: float | None
    """None: a price is not known."""


_CALLS_OF_A_ROUND: tuple[tuple[Role, int, int, int], ...] = (
    ("designer", 1, 5_000, 6_000),  # all programs
    ("designer", 1, 6_500, 1_500),  # a repair, with the whole conversation that wrote the program before it
    ("designer", 1, 4_000, 3_000),  # a rework after the critic
    ("critic", 2, 4_000, 1_500),
    ("analyzer", 1, 7_000, 1_500),
    *((role, 6, 14_000, 2_000) for role in JUDGE_ROLES),
)
"""Usual calls of a round with 8 candidates, and the tokens in and out of each; the last round is not analysed.

One repair: of the recorded replies that `benchmarks/prompts.py` reads, 1 program of 18 needed one.
"""

_CONTROLLER: tuple[Role, int, int, int] = ("designer", 1, 1_800, 800)
"""What a policy written as code takes."""
_READING_OF_A_GOAL: tuple[Role, int, int, int] = ("designer", 1, 4_000, 3_000)
"""The one call before all rounds in which a goal's readings are asked for."""
_RESULTS_SENT, _CALL_WRITTEN = 2_000, 800
"""Tokens of what earlier turns called and found, and of a turn's own calls."""


def estimate_cost(
    models: Mapping[Role, str],
    rounds: int,
    efforts: Mapping[Role, Effort | None] = NO_EFFORTS,
    tools: int = 0,
    reads_goal: bool = False,
    controller: bool = False,
) -> CostEstimate:
    """Expected calls and dollars of a whole run; of the room for thinking that was asked for, half is expected to be used.

    `tools`: turns in which designer and analyzer may call some; all of them are expected, each with the question before it.
    `reads_goal`: whether the designer is first asked how else the goal could be meant; `controller`: for a policy as code.
    """
    total: float | None = 0.0
    calls = 0
    usual = [(role, count * (rounds - (role == "analyzer")), *room) for role, count, *room in _CALLS_OF_A_ROUND]
    for role, times, sent, received in (
        *usual,
        *((_READING_OF_A_GOAL,) if reads_goal else ()),
        *((_CONTROLLER,) if controller else ()),
    ):
        if role not in models:
            continue
        calls += times
        each = price(models[role], sent, received + thinking_room(efforts.get(role)) // 2)
        total = None if each is None or total is None else total + each * times
    asked_first: tuple[tuple[Role, int], ...] = (("designer", 5_000), ("analyzer", 7_000))
    for role, sent in asked_first:
        if role not in models:
            continue
        turns = tools * (rounds - (role == "analyzer"))
        calls += turns
        each = price(models[role], sent + _RESULTS_SENT, _CALL_WRITTEN)
        total = None if each is None or total is None else total + each * turns
    return CostEstimate(calls, total)
