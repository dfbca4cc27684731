"""What a task card says, as one record. Whoever holds a Task holds one whose names and formulas go together."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, Self

from pydantic import Field as Bounded
from pydantic import model_validator

from autoreward.core.contract import ALWAYS_THERE, NATIVE_REWARD
from autoreward.errors import TaskError
from autoreward.records import Record
from autoreward.records.base import (
    Argument,
    Environment,
    FolderName,
    FormulaText,
    Hyperparameter,
    Line,
    Name,
    ProgramText,
    Prose,
)
from autoreward.tasks.consistency import check_metrics, check_names, check_rules, check_seen, check_sources
from autoreward.tasks.formulas.angles import Angles
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.names import of_info
from autoreward.tasks.limits import MOST_LIMITS, StatedLimit, check_limits
from autoreward.tasks.native import USES_NATIVE, check_native, with_native
from autoreward.tasks.process import Process
from autoreward.tasks.success_table import NO_RULE, Success
from autoreward.tasks.tables import (
    MOST_METRICS,
    ActionField,
    Clarified,
    Constant,
    JudgeTable,
    Metric,
    StateField,
    Train,
)

STATE_PROGRAM = "state.py"
_formula = lru_cache(1024)(Expression)
"""A formula, parsed once: by its text, since a copy of a task may say something else."""


def is_script_file(script: str) -> bool:
    """Whether a card's script names the file of a program; any other is a formula."""
    return script.endswith(".py")


class Task(Record):
    """Everything about a task. `name` is its folder's name."""

    name: FolderName
    env: Environment
    kwargs: dict[Name, Argument] = Bounded(default_factory=dict)
    max_steps: int | None = Bounded(default=None, gt=0, le=10**9)
    """Overrides the environment's time limit, in steps."""
    longest_call: float | None = Bounded(default=None, gt=0.0, le=86_400.0)
    """Seconds that one call of the environment may take before it counts as hanging; None: as long as for any."""
    terminates: bool = True
    """False: episodes go on to the time limit, also where the environment would end them."""
    goal: Prose
    clarified: tuple[Clarified, ...] = Bounded(default=(), max_length=20)
    """What a person said when asked what the goal means; models read it beside the goal."""
    tier: Literal["smoke", "quick", "standard"] = "quick"
    uses_native: bool = False
    """Whether programs are given the environment's own reward of a step, as the state field `native_reward`."""
    state: dict[Name, StateField]
    action: dict[Name, ActionField]
    constants: dict[Name, Constant] = Bounded(default_factory=dict)
    success: Success = NO_RULE
    metric: Metric = Metric(value="length", better="lower")
    metrics: dict[Name, Metric] = Bounded(default_factory=dict, max_length=MOST_METRICS)
    """Further metrics, by name: measured in every score and shown beside it; nothing is ranked by them."""
    limits: dict[Name, StatedLimit] = Bounded(default_factory=dict, max_length=MOST_LIMITS)
    """What a policy may not do on its way: measured in every scored episode, and held by whoever wins."""
    judge: JudgeTable = JudgeTable()
    train: Train
    process: Process = Process()
    script: FormulaText = ""
    """A policy that a person would write down: a formula for the whole action over fields and constants, or the file of a program,
    as seen from the card's folder. Its episodes join the recorded ones that rewards are judged by."""
    script_program: ProgramText = ""
    """The program's text, if it is one; it runs in the jail, as rewards do."""
    observe: Line = STATE_PROGRAM
    """The file with the program that replaces the observation, as seen from the card's folder; cards may share one."""
    state_program: ProgramText = ""
    """Its text, if there is one; it runs where the environment runs."""

    @model_validator(mode="before")
    @classmethod
    def _has_native(cls, values: Any) -> Any:
        """Its state has the field, wherever the values come from."""
        return with_native(values)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        """Raises ValueError if names and formulas do not fit together."""
        try:
            own = self.state.keys() - {NATIVE_REWARD}
            check_names(self.goal, own, self.action, self.constants, self.train.hyperparameters)
            judges = (*self.rules, *self.stage_distances, self.metric_formula, *self.limit_formulas.values())
            others = (*self.action, *self.constants)
            check_native(self.uses_native, self.state, self.state_sources, others, judges)
            check_sources(self.state_sources, self.action_sources)
            check_seen(self.state, self.state_sources, self.script_formula)
            _ = self.success.window
            check_rules(
                self.rules,
                (self.metric_formula, *self.metric_formulas.values(), *self.stage_distances),
                self.script_formula,
                self.state_sources,
                self.action_sources,
                self.constants,
            )
            numbers = {name: constant.value for name, constant in self.constants.items()}
            check_metrics(self.metrics, self.limits, self.metric_formula)
            check_limits(self.limits, self.limit_formulas, self.state_sources, self.action, numbers, ALWAYS_THERE)
        except TaskError as error:
            raise ValueError(str(error)) from None
        return self

    def trained_with(self, settings: Mapping[str, Hyperparameter]) -> Self:
        """The same task with these in place of what it says in [train.hyperparameters]."""
        if not settings:
            return self
        hyperparameters = {**self.train.hyperparameters, **settings}
        return self.model_copy(update={"train": self.train.model_copy(update={"hyperparameters": hyperparameters})})

    @property
    def ruled(self) -> bool:
        """Whether a rule says what a success is."""
        return self.success != NO_RULE

    @property
    def success_rule(self) -> Expression:
        """The parsed condition of `[success]`; of stages the last one's."""
        return self.stage_rules[-1]

    @property
    def rules(self) -> tuple[Expression, ...]:
        """All parsed conditions of `[success]`: of each stage, and `always`."""
        return (*self.stage_rules, *((self.always_rule,) if self.always_rule else ()))

    @property
    def stage_rules(self) -> tuple[Expression, ...]:
        """The parsed condition of each stage; one where there are no stages."""
        return tuple(_formula(s.when, f"{self._at(s.name)} when", self.angles) for s in self.success.plan)

    @property
    def stage_distances(self) -> tuple[Expression | None, ...]:
        """The parsed distance of each stage, where it has one."""
        return tuple(
            _formula(s.distance, f"{self._at(s.name)} distance", self.angles) if s.distance else None
            for s in self.success.plan
        )

    @property
    def always_rule(self) -> Expression | None:
        """The parsed condition that must hold all along, if there is one."""
        always = self.success.always
        return _formula(always, f"task {self.name}, [success] always", self.angles) if always else None

    @property
    def ruled_names(self) -> frozenset[str]:
        """What the conditions of `[success]` read."""
        return frozenset().union(*(rule.names for rule in self.rules))

    def _at(self, stage: str) -> str:
        """Where in the card a stage stands."""
        return f"task {self.name}, [success]{f' stage {stage},' if self.success.stages else ''}"

    @property
    def metric_formula(self) -> Expression | None:
        """The parsed metric, or None for `length`."""
        if self.metric.value == "length":
            return None
        return _formula(self.metric.value, f"task {self.name}, [metric] value", self.angles)

    @property
    def metric_formulas(self) -> dict[str, Expression | None]:
        """The parsed value of each further metric; None for `length`."""
        where = f"task {self.name}, [metrics."
        return {
            n: None if one.value == "length" else _formula(one.value, f"{where}{n}] value", self.angles)
            for n, one in self.metrics.items()
        }

    @property
    def limit_formulas(self) -> dict[str, Expression]:
        """The parsed value of each limit."""
        where = f"task {self.name}, [limits."
        return {n: _formula(one.value, f"{where}{n}] value", self.angles) for n, one in self.limits.items()}

    @property
    def script_formula(self) -> Expression | None:
        """The parsed script, if it is a formula."""
        if not self.script or is_script_file(self.script):
            return None
        return _formula(self.script, f"task {self.name}, script", self.angles)

    @property
    def state_sources(self) -> dict[str, Expression]:
        """The parsed source of each state field."""
        where = f"task {self.name}, [state."
        return {n: _formula(f.source, f"{where}{n}] source", (), f.turn) for n, f in self.state.items()}

    @property
    def angles(self) -> Angles:
        """The state fields that come round."""
        return tuple((name, field.turn) for name, field in self.state.items() if field.turn)

    @property
    def unseen(self) -> tuple[str, ...]:
        """The state fields that policies do not see."""
        return tuple(name for name, field in self.state.items() if not field.policy)

    @property
    def native_sentence(self) -> str:
        """That programs are given the environment's own reward; empty where they are not."""
        said = f"Programs may read the environment's own reward of a step, next_state.{NATIVE_REWARD}"
        return f"{said}: the task's card says {USES_NATIVE}." if self.uses_native else ""

    @property
    def info_at_reset(self) -> dict[str, float | None]:
        """The values of `info` that fields read, in their order, with what each is taken to be at a reset; None: what it says."""
        return {
            path: self.state[name].at_reset
            for name, source in self.state_sources.items()
            for path in sorted(filter(of_info, source.names))
        }

    @property
    def action_sources(self) -> dict[str, Expression]:
        """The parsed source of each action field."""
        return {n: _formula(f.source, f"task {self.name}, [action.{n}] source") for n, f in self.action.items()}
