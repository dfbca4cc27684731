"""The tables of a task card, as records: fields, constants, the metric, how to train."""

from typing import Annotated, Literal, Self

from pydantic import Field as Bounded
from pydantic import model_validator

from autoreward.records import Record
from autoreward.records.base import FormulaText, Hyperparameter, Line, Name, Prose, Range, Unit
from autoreward.tasks.algorithms import ALGORITHMS, AlgorithmName, AlgorithmSpec
from autoreward.tasks.formulas.angles import Circle, circle_of
from autoreward.tasks.policy_kwargs import PolicyKwargs


class StateField(Record):
    """A named view of the observation, and of what the environment says in `info`."""

    source: FormulaText
    """A formula over `obs`, such as `obs[0]` or `obs[4:6] + obs[8:10]`, and values of `info`, such as `info.energy`."""
    about: Line
    unit: Unit = ""
    range: Range | None = None
    wrap: bool = False
    """It comes round, as an angle does: its value is brought into `range`, which is one turn; differences go the shorter way."""
    policy: bool = True
    """False: policies do not see the numbers of the observation that it reads; of one that reads `info` too, not the `info`."""
    at_reset: float | None = None
    """What every number of `info` that it reads is taken to be at a reset; None: what `info` of the reset says."""

    @model_validator(mode="after")
    def _one_turn(self) -> Self:
        """Raises ValueError where an angle does not say how long a turn is."""
        if self.wrap and self.range is None:
            raise ValueError("wrap = true needs the range of one turn, such as range = [-3.1416, 3.1416]")
        return self

    @property
    def turn(self) -> Circle | None:
        """Of a field that comes round: where its numbers lie."""
        return circle_of(*self.range) if self.wrap and self.range else None

    @property
    def span(self) -> float | None:
        """The farthest that two of its numbers are apart, in its unit; None without a range."""
        if self.turn:
            return self.turn.period / 2
        return self.range[1] - self.range[0] if self.range else None


class ActionField(Record):
    """A named view of the action, as the environment executes it (clipped to its bounds)."""

    about: Line
    source: FormulaText = "action"
    unit: Unit = ""
    range: Range | None = None


class Constant(Record):
    """A number the goal speaks of; designers see it by name."""

    value: float
    about: Line
    unit: Unit = ""
    field: Line = ""
    """The state field it is a value of, if it is one."""


class Clarified(Record):
    """What was asked about the goal, and what a person said."""

    question: Prose
    answer: Line


class JudgeTable(Record):
    """What models that judge are told to go by."""

    principles: tuple[Line, ...] = Bounded(default=(), max_length=6)
    """Each is scored of either policy, from 1 to 5, and the sums decide."""
    goal: Line = ""
    """What is seen where the goal is reached, for image-text models; empty: the card's goal."""
    baseline: Line = ""
    """What is seen in any case, for them."""
    strength: float = Bounded(default=0.5, ge=0.0, le=1.0)
    """How much they leave out of what does not tell the goal from the baseline; without a baseline nothing."""


Direction = Literal["lower", "higher"]


def direction_sign(better: Direction) -> float:
    """What a metric is multiplied by so that larger is better."""
    return 1.0 if better == "higher" else -1.0


MOST_METRICS = 20
"""Metrics of one card besides the one that ranks."""


class Metric(Record):
    """A number about successful episodes; the one of `[metric]` ranks two policies that both succeed."""

    value: FormulaText
    """`length` (steps), or a formula averaged over the success window."""
    better: Direction
    unit: Unit = ""
    about: Line = ""


_Layers = Annotated[tuple[Annotated[int, Bounded(gt=0, le=65_536)], ...], Bounded(max_length=16)]


class Train(Record):
    """Tuned settings of one full training."""

    algorithm: AlgorithmName
    steps: int = Bounded(gt=0, le=10**12)
    envs: int = Bounded(default=16, gt=0, le=256)
    normalize_observations: bool = True
    normalize_rewards: bool = True
    rescale_actions: bool = True
    """Whether policies emit real-valued actions in [-1, 1], which become those between the environment's bounds. False: in its own
    units, about 0 with a spread of 1 at first, which bounds far from that are never reached by. SAC, TD3 and TQC always rescale."""
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    """Where models train; `auto` is a GPU where there is one. A worker of a task that trains on a GPU has no memory limit."""
    net: _Layers | dict[Literal["pi", "vf", "qf"], _Layers] = (64, 64)
    """Widths of layers: the same of all networks, or those of policy (`pi`) and critic (`vf` on-policy, else `qf`) apart."""
    policy_kwargs: PolicyKwargs = PolicyKwargs()
    frame_stack: int = Bounded(default=1, gt=0, le=32)
    """Observations that a policy sees at once, the newest last; those before an episode's start are 0."""
    snapshots: float = Bounded(default=0.0, ge=0.0, le=1.0)
    """Share of a training's episodes that begin at a snapshot at first, a state on the way of a recorded episode; it falls to 0 in
    the first half of the training. Scores are of episodes from the environment's own starts alone."""
    hyperparameters: dict[Name, Hyperparameter] = Bounded(default_factory=dict)

    @model_validator(mode="after")
    def _learns_beside_others(self) -> Self:
        """Raises ValueError where the algorithm would learn from actions that are not its own."""
        if self.snapshots and self.algorithm not in ("PPO", "A2C"):
            raise ValueError(
                f'snapshots need algorithm = "PPO" or "A2C"; {self.algorithm} learns from every action that was played'
            )
        return self

    @model_validator(mode="after")
    def _networks_that_it_has(self) -> Self:
        """Raises ValueError where networks are told apart that the algorithm does not have."""
        has = self.spec.networks
        if isinstance(self.net, dict) and {*self.net} != {*has}:
            apart = f"{{ {', '.join(f'{name} = [64, 64]' for name in has)} }}, or " if has else ""
            raise ValueError(f"net of {self.algorithm} is {apart}[64, 64]; write one of these forms")
        return self

    @property
    def spec(self) -> AlgorithmSpec:
        """What is known of the algorithm."""
        return ALGORITHMS[self.algorithm]

    @property
    def policy(self) -> str:
        """What Stable-Baselines3 calls the kind of its policy."""
        return "MlpLstmPolicy" if self.spec.recurrent else "MlpPolicy"

    @property
    def net_arch(self) -> list[int] | dict[str, list[int]]:
        """Widths of its layers, as Stable-Baselines3 takes them."""
        if isinstance(self.net, dict):
            return {name: list(widths) for name, widths in self.net.items()}
        net = list(self.net)
        return {"pi": net, "vf": net} if self.spec.on_policy else net

    @property
    def gamma(self) -> float:
        """The discount factor; Stable-Baselines3's own where the card names none."""
        return float(self.hyperparameters.get("gamma", 0.99))

    @property
    def rescales(self) -> bool:
        """Whether real-valued actions are rescaled for the policy, which some algorithms do themselves."""
        return self.rescale_actions and not self.spec.rescales
