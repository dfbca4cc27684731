"""A policy as one ONNX graph: observations as the environment gives them in, actions as it takes them out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import BaseModel, BasePolicy
from torch.distributions import Distribution

from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions
from autoreward.worker.envs.masks import ACTION_MASKS, choice_widths
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import ONNX_FILE, WEIGHTS_FILE, EmptyReport, GraphJob

_ROWS = torch.export.Dim("n")


class _Inputs(NamedTuple):
    """What a graph takes and gives beside observation and action: names, and examples of two rows."""

    names: tuple[str, ...] = ()
    examples: tuple[torch.Tensor, ...] = ()
    given: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    """Which dimension of each example is that of the rows."""


def graph(job: GraphJob, files: Mapping[str, bytes], context: JobContext) -> tuple[EmptyReport, dict[str, bytes]]:
    """`policy.onnx` of one checkpoint.

    Its input `observation` has shape (n, d) and the type of the environment's observations; its output `action` has shape (n,)
    or (n, a), in the environment's own units. Normalisation of observations, the action's bounds and what brings a policy's numbers
    to them are inside; no action is drawn at random.

    One that is masked takes `action_masks`, too, (n, choices) bool. One that is recurrent takes `hidden` and `cell`,
    (layers, n, width) float32, all 0 where an episode begins, and gives `next_hidden` and `next_cell` for the step after it.
    """
    model = policies.blank(job.task, context.closing)
    env = make.make_env(job.task)
    actions = PolicyActions(env.action_space, job.task.train)
    context.closing.callback(env.close)
    actor = Actor(model.policy, actions, *policies.from_bytes(model, files[WEIGHTS_FILE])).eval()
    Distribution.set_default_validate_args(False)  # a graph can't raise, so it can't check its own numbers
    space = model.observation_space
    example = torch.from_numpy(np.zeros((2, *(space.shape or ())), space.dtype))
    more = _inputs(model.policy, env.action_space, masked=job.task.train.spec.masked)
    further = (tuple({place: _ROWS} for place in more.rows),) if more.rows else ()  # those of `*more` are one argument
    program = torch.onnx.export(
        actor,
        (example, *more.examples),
        input_names=["observation", *more.names],
        output_names=["action", *more.given],
        dynamic_shapes=({0: _ROWS}, *further),
        verbose=False,
    )
    if program is None:
        raise TypeError("torch's exporter returned no program")
    proto = program.model_proto
    for node in proto.graph.node:
        node.ClearField("metadata_props")  # lines of source with their paths on this machine
    return EmptyReport(), {ONNX_FILE: proto.SerializeToString()}


def _inputs(policy: BasePolicy, actions: spaces.Space[Any], masked: bool) -> _Inputs:
    if masked:
        return _Inputs((ACTION_MASKS,), (torch.ones(2, sum(choice_widths(actions)), dtype=torch.bool),), rows=(0,))
    if lstm := getattr(policy, "lstm_actor", None):
        nothing = torch.zeros(lstm.num_layers, 2, lstm.hidden_size)
        return _Inputs(("hidden", "cell"), (nothing, nothing.clone()), ("next_hidden", "next_cell"), (1, 1))
    return _Inputs()


def _lstm_step(
    lstm: torch.nn.LSTM, seen: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What an LSTM gives for rows (n, d), and its next state, each (layers, n, width): the formulas in torch's own documentation.

    Written out, since torch's exporter does not take an LSTM whose weights belong to a larger model.
    """
    hiddens, cells = [], []
    for layer in range(lstm.num_layers):
        weights = [getattr(lstm, f"{name}_l{layer}") for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")]
        gates = torch.nn.functional.linear(seen, *weights[:2]) + torch.nn.functional.linear(hidden[layer], *weights[2:])
        taken, kept, new, shown = gates.chunk(4, dim=1)
        cells.append(torch.sigmoid(kept) * cell[layer] + torch.sigmoid(taken) * torch.tanh(new))
        seen = torch.sigmoid(shown) * torch.tanh(cells[-1])
        hiddens.append(seen)
    return seen, torch.stack(hiddens), torch.stack(cells)


class Actor(torch.nn.Module):
    """Normalise, ask the policy for its most likely action, and bring that within the bounds, as `policy_function` does."""

    _mean: torch.Tensor
    _spread: torch.Tensor

    def __init__(self, policy: BasePolicy, actions: PolicyActions, mean: NDArray[Any], variance: NDArray[Any]) -> None:
        super().__init__()
        self._policy: Any = policy
        self._space, self._actions = policy.action_space, actions
        self._recurrent = hasattr(policy, "lstm_actor")
        # in double precision, as VecNormalize does it: observations can be large and differ little
        self.register_buffer("_mean", torch.from_numpy(mean).double())
        self.register_buffer("_spread", torch.from_numpy(np.sqrt(variance + policies.EPSILON)).double())

    def forward(self, observation: torch.Tensor, *more: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Observations (n, d) -> actions (n,) or (n, a); `more`: masks, or the state, which is then given, too."""
        view = torch.clamp((observation.double() - self._mean) / self._spread, -policies.CLIP, policies.CLIP).float()
        if self._recurrent:
            action, hidden, cell = self._remembering(view, *more)
            return self._acted(action), hidden, cell
        masks = {ACTION_MASKS: more[0]} if more else {}
        return self._acted(self._policy._predict(view, deterministic=True, **masks))

    def _remembering(self, view: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """One step of the policy; as its own `_predict`, without what that asks of values, which no graph can."""
        features = BaseModel.extract_features(self._policy, view, self._policy.pi_features_extractor)
        out, hidden, cell = _lstm_step(self._policy.lstm_actor, features, hidden, cell)
        latent = self._policy.mlp_extractor.forward_actor(out)
        chosen = self._policy._get_action_dist_from_latent(latent).get_actions(deterministic=True)
        return chosen, hidden, cell

    def _acted(self, action: torch.Tensor) -> torch.Tensor:
        """As `predict` of the policy and then `Acting.acted`."""
        if not isinstance(self._space, spaces.Box):
            return action if self._actions.same else action + torch.as_tensor(self._actions.start)
        low, high = torch.from_numpy(self._space.low), torch.from_numpy(self._space.high)
        if self._policy.squash_output:
            return low + 0.5 * (action + 1.0) * (high - low)
        return self._rescaled(torch.clamp(action, low, high))

    def _rescaled(self, emitted: torch.Tensor) -> torch.Tensor:
        """As `Acting.acted`, in torch."""
        if not self._actions.rescaled:
            return emitted
        low, high = torch.from_numpy(self._actions.low), torch.from_numpy(self._actions.high)
        actions = torch.clamp(low + 0.5 * (emitted.double() + 1.0) * (high - low), low, high)
        kind = torch.from_numpy(np.zeros(1, self._actions.dtype)).dtype
        return (torch.round(actions) if self._actions.whole else actions).to(kind)
