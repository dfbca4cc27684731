"""What every role is told before its own question: the task, its environment, the rule, how a policy is trained and judged."""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from autoreward.checks.samples import written_constants
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible
from autoreward.records import CompositionName, Description
from autoreward.rewards.compose import PROPOSED, demanded
from autoreward.roles.episode_tables import Table, episode_table
from autoreward.roles.example import example_program
from autoreward.tasks.card import Task
from autoreward.tasks.revisable import SettingBounds, revisable
from autoreward.tasks.tables import StateField

LONGEST_DYNAMICS = 3_000
"""Characters of an environment's documentation."""
_EXCERPT_ROWS, _EXCERPT_COLUMNS = 6, 12
_UNTOLD = ("argument", "version", "credit", "reference", "citation", "vectori", "render", "observation")
"""Sections of a documentation that say nothing of dynamics, or what the fields say already: by words of their headings."""
_SECTION = re.compile(r"^#+ *([^\n]*)\n.*?(?=^#+ |\Z)", re.MULTILINE | re.DOTALL)


class Brief(NamedTuple):
    """What all roles are told."""

    task: Task
    steps: int
    """Environment steps of one full training."""
    episodes: int
    """Held-out episodes of a score."""
    description: Description | None = None
    """None: nobody has looked at the environment yet."""
    rule_shown: bool = True
    """Whether models read the success rule and the metric. Programs never do."""
    excerpts: tuple[Table, ...] = ()
    """An episode of doing nothing, and a random one."""
    compositions: tuple[CompositionName, ...] = PROPOSED
    """How a designer may have its parts added up."""
    settings: Mapping[str, SettingBounds] = {}
    """Training settings that a designer may propose beside a program; empty where it may not."""

    @property
    def example(self) -> str:
        """A program of the form that is asked for, in the task's own names."""
        return example_program(self.task, self.description)

    @property
    def states(self) -> dict[str, StateField]:
        """The fields that a state has, before and after a step."""
        return {name: field for name, field in self.task.state.items() if name != NATIVE_REWARD}

    @property
    def native(self) -> dict[str, StateField]:
        """The environment's own reward, where the card hands it to programs."""
        return {NATIVE_REWARD: self.task.state[NATIVE_REWARD]} if self.task.uses_native else {}

    @property
    def constants(self) -> dict[str, float]:
        """The task's constants by the names that programs write."""
        return written_constants(self.task)

    @property
    def dynamics(self) -> str:
        """What the environment's documentation says, besides its spaces; empty without any."""
        return dynamics(self.description.doc) if self.description else ""

    @property
    def horizon(self) -> float:
        """Steps after which a reward counts 1/e of what it would now: 1 / (1 - gamma); infinite for gamma = 1."""
        gamma = self.task.train.gamma
        return math.inf if gamma >= 1.0 else 1.0 / (1.0 - gamma)

    @property
    def condition(self) -> str:
        """The rule's condition with constants as a program writes them; of stages the last one's."""
        return self.written(self.task.success.plan[-1].when)

    @property
    def reads_action(self) -> bool:
        """Whether the condition speaks of the action."""
        return bool(self.task.ruled_names & (self.task.action.keys() - self.task.state.keys()))

    @property
    def reads_episodes(self) -> bool:
        """Whether a rule or a metric calls a function of whole episodes."""
        task = self.task
        formulas = (*task.rules, *task.metric_formulas.values(), *task.stage_distances)
        return any(formula.over_episodes for formula in formulas if formula)

    @property
    def metric(self) -> str:
        """The metric, in the same way."""
        return self.written(self.task.metric.value)

    @property
    def limits(self) -> list[str]:
        """The card's limits in the same way; none where the rule is kept from models, since they are of the same kind."""
        shown = self.task.limits if self.rule_shown else {}
        return [
            f"{name}: {limit.model_copy(update={'value': self.written(limit.value)}).said}"
            + (f" ({limit.about})" if limit.about else "")
            for name, limit in shown.items()
        ]

    @property
    def arguments(self) -> str:
        """What the environment is made with."""
        return ", ".join(f"{name} = {value!r}" for name, value in self.task.kwargs.items())

    @property
    def random_episodes(self) -> list[Any]:
        """Whole episodes of random actions, as the rule judged them."""
        known = self.description.reference_episodes if self.description else ()
        return [reference.episode for reference in known if reference.kind == "random"]

    def written(self, formula: str) -> str:
        """A formula of the card with constants as a program writes them."""
        names = "|".join(map(re.escape, self.task.constants))
        return re.sub(rf"\b(?:{names})\b", lambda found: found[0].upper(), formula) if names else formula


def brief(
    task: Task,
    steps: int,
    episodes: int,
    description: Description | None = None,
    rule_shown: bool = True,
    recorded: Transitions | None = None,
    composition: str = "own",
    tunes_settings: bool = False,
) -> Brief:
    """The brief of a run; `recorded` are the description's reference episodes, one column each, `composition` its setting,
    `tunes_settings` whether a designer may propose settings, too."""
    excerpts = excerpted(task, description, recorded, rule_shown) if description and recorded else ()
    settings = revisable(task) if tunes_settings else {}
    return Brief(task, steps, episodes, description, rule_shown, excerpts, demanded(composition) or PROPOSED, settings)


def excerpted(task: Task, description: Description, recorded: Transitions, rule_shown: bool) -> tuple[Table, ...]:
    """An episode of the first constant action (of 0, where actions are numbers) and one of random actions, as small tables."""
    kinds = [known.kind for known in description.reference_episodes]
    wanted = [next((i for i, kind in enumerate(kinds) if kind.startswith("constant")), None),
              next((i for i, kind in enumerate(kinds) if kind == "random"), None)]  # fmt: skip
    tables = []
    for index in (i for i in wanted if i is not None):
        episode = description.reference_episodes[index].episode
        one = recorded.cut(slice(0, episode.length), slice(index, index + 1))
        name = (
            "random actions"
            if kinds[index] == "random"
            else f"the {kinds[index].replace('constant', 'constant action', 1)}"
        )
        tables.append(
            episode_table(task, one, name, {}, rows=_EXCERPT_ROWS, columns=_EXCERPT_COLUMNS, rule_shown=rule_shown)
        )
    return tuple(tables)


def dynamics(doc: str) -> str:
    """A documentation without code and without the sections that say nothing of dynamics, at most LONGEST_DYNAMICS long."""
    prose = re.sub(r"(?ms)^```.*?^```\n?", "", visible(doc))

    def told(section: re.Match[str]) -> str:
        return "" if any(word in section[1].lower() for word in _UNTOLD) else section[0]

    prose = re.sub(r"\[([^\]\n]*)\]\([^)\n]*\)", r"\1", prose)  # links
    prose = "\n".join(map(_without_reward, prose.splitlines()))
    text = re.sub(r"[ \t]+", " ", re.sub(r"-{4,}", "---", _SECTION.sub(told, prose)))
    text = re.sub(r"\n\s*\n+", "\n", text).strip()
    return text if len(text) <= LONGEST_DYNAMICS else text[: LONGEST_DYNAMICS - 1] + "…"


def _without_reward(line: str) -> str:
    """A line without its sentences on the environment's own reward."""
    return " ".join(sentence for sentence in re.split(r"(?<=[.!?]) +", line) if "reward" not in sentence.lower())
