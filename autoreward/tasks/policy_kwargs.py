"""A card's table of what its policies are made of: of Stable-Baselines3's `policy_kwargs` those that are plain data."""

from typing import Annotated, Any, Literal

from pydantic import Field as Bounded

from autoreward.records import Record

_Width = Annotated[int, Bounded(gt=0, le=4_096)]


class OptimizerKwargs(Record):
    """Arguments of the optimiser, besides the learning rate, which is the algorithm's."""

    eps: float | None = Bounded(default=None, gt=0.0, le=1.0)
    weight_decay: float | None = Bounded(default=None, ge=0.0, le=1.0)


class PolicyKwargs(Record):
    """What a card leaves out is as the policy's class has it. Classes are called as PyTorch calls them."""

    activation_fn: Literal["Tanh", "ReLU", "ELU", "GELU", "LeakyReLU", "SiLU"] | None = None
    """Of `torch.nn`."""
    ortho_init: bool | None = None
    log_std_init: float | None = Bounded(default=None, ge=-20.0, le=2.0)
    optimizer_class: Literal["Adam", "AdamW", "RMSprop"] | None = None
    """Of `torch.optim`."""
    optimizer_kwargs: OptimizerKwargs = OptimizerKwargs()
    n_critics: int | None = Bounded(default=None, gt=0, le=16)
    n_quantiles: _Width | None = None
    lstm_hidden_size: _Width | None = None
    n_lstm_layers: int | None = Bounded(default=None, gt=0, le=8)
    shared_lstm: bool | None = None
    enable_critic_lstm: bool | None = None

    def given(self) -> dict[str, Any]:
        """Those that a card names, as plain data."""
        named: dict[str, Any] = self.model_dump(exclude_none=True)
        return {name: value for name, value in named.items() if value != {}}
