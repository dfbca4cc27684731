"""What a coding agent may call, and how much it may spend. No tool takes steps, seeds, a rule or a place."""

from collections.abc import Mapping
from typing import NamedTuple

from autoreward.config import AGENT, RunConfig, make_config
from autoreward.core.wording import Setting
from autoreward.errors import ConfigError
from autoreward.llm.types import Tool
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.roles.tools import RECORDED_TOOLS, described_tool
from autoreward.tasks.card import Task

MOST_TRAININGS = 100
"""Programs of a session."""
MOST_CALLS = 2_000
"""Of a session."""
MOST_AT_ONCE = 8
"""Calls that may wait for their answers."""
LONGEST_ARGUMENTS = 50_000
"""Characters, as JSON."""
LONGEST_WAIT = 45.0
"""Seconds that `train`, `results` and `finish` wait for what is under way; many clients give up after a minute."""


class Answered(NamedTuple):
    """What a call comes to."""

    text: str
    refused: str = ""
    """The name of what it was refused for; empty where it was done."""
    looked: bool = False
    """Whether it is made from held-out episodes."""
    picture: bytes = b""
    """A PNG beside the text; empty without one."""


class CallRefused(Exception):
    """A call that is not done; its words are for the agent."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(words)
        self.name = name
        """What it is refused for, as the record of the call says it."""


_TEXT = {"type": "string"}
_SECONDS = {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT}

_READING = (
    described_tool("tasks", "The tasks that there are, a line each, and which of them this session is for.", {}),
    described_tool("task", "All that a task says: goal, rule, fields, constants, training, and the contract of programs.",
                   {"name": _TEXT}),
)  # fmt: skip
_SEEING = (
    described_tool("frames", "Pictures of one recorded episode that a trained policy played, by its number in `episodes`.",
                   {"id": {"type": "integer", "minimum": 0}}),
)  # fmt: skip
_TRAINING = (
    described_tool("train", "Train a program and score it on held-out episodes, within the budget of the session. It must pass "
                   f"`check`. Waits {LONGEST_WAIT:.0f} s; `results` waits on. `thought`: its idea, in one line.",
                   {"program": _TEXT, "composition": {"type": "string", "enum": list(COMPOSITIONS)}, "thought": _TEXT}),
    described_tool("results", "How all programs did, what is left of the budget, and what is under way; waits for it as many "
                   "seconds as you say.", {"seconds": _SECONDS}),
    described_tool("keep", "Go on from this program: what is trained next is its child. Answers its source.",
                   {"candidate": _TEXT}),
    described_tool("revert", "Leave the last program: what is trained next is a child of the one that was kept. Answers the "
                   "source of that one.", {}),
    described_tool("audit", "Does a success do what the goal says? What successful episodes do that the rule does not speak of.",
                   {}),
    described_tool("finish", "End the search. The best program is trained again on fresh seeds, which takes a while; `results` "
                   "has both numbers then.", {}),
)  # fmt: skip
AGENT_TOOLS: tuple[Tool, ...] = (*_READING, *RECORDED_TOOLS, *_SEEING, *_TRAINING)
"""All of them."""


def agent_config(task: Task, budget: int, trainings: int, chosen: Mapping[str, object]) -> RunConfig:
    """The settings of a session: a program a round, each on its search seed and on as many more as its share of the budget holds.

    Args:
        task: what programs are for.
        budget: environment steps of the search.
        trainings: programs that may be trained, at most.
        chosen: settings that the person chose besides.

    Raises:
        ConfigError: a setting that can't be, or a budget that does not hold one training.
    """
    if not 1 <= trainings <= MOST_TRAININGS:
        raise ConfigError(Setting("trainings", trainings), f": write a number from 1 to {MOST_TRAININGS}.")
    config = make_config({**chosen, "model": AGENT, "rounds": trainings, "candidates": 1, "finalists": 1})
    if config.steps == "auto":
        raise ConfigError(
            Setting("steps", "auto"), ": an agent's trainings have a length; write a number of environment steps."
        )
    full = config.full(task)
    if budget < full:
        raise ConfigError(
            Setting("budget", budget), f": one training takes {full:,} environment steps; write {full} or more."
        )
    return make_config({**config.model_dump(exclude_unset=True), "budget": budget / full})
