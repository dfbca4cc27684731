"""A policy as one ONNX graph: observations as the environment gives them in, actions as it takes them out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import BasePolicy
from torch.distributions import Distribution

from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import ONNX_FILE, WEIGHTS_FILE, EmptyReport, GraphJob


def graph(job: GraphJob, files: Mapping[str, bytes], context: JobContext) -> tuple[EmptyReport, dict[str, bytes]]:
    """`policy.onnx` of one checkpoint.

    Its input `observation` has shape (n, d) and the type of the environment's observations; its output `action` has shape (n,)
    or (n, a), in the environment's own units. Normalisation of observations, the action's bounds and what brings a policy's numbers
    to them are inside; no action is drawn at random.
    """
    model = policies.blank(job.task, context.closing)
    env = make.make_env(job.task)
    actions = PolicyActions(env.action_space, job.task.train)
    context.closing.callback(env.close)
    actor = Actor(model.policy, actions, *policies.from_bytes(model, files[WEIGHTS_FILE])).eval()
    Distribution.set_default_validate_args(False)  # a graph can't raise, so it can't check its own numbers
    space = model.observation_space
    example = torch.from_numpy(np.zeros((2, *(space.shape or ())), space.dtype))
    many = ({0: torch.export.Dim("n")},)
    program = torch.onnx.export(
        actor, (example,), input_names=["observation"], output_names=["action"], dynamic_shapes=many, verbose=False
    )
    if program is None:
        raise TypeError("torch's exporter returned no program")
    proto = program.model_proto
    for node in proto.graph.node:
        node.ClearField("metadata_props")  # lines of source with their paths on this machine
    return EmptyReport(), {ONNX_FILE: proto.SerializeToString()}


class Actor(torch.nn.Module):
    """Normalise, ask the policy for its most likely action, and bring that within the bounds, as `policy_function` does."""

    _mean: torch.Tensor
    _spread: torch.Tensor

    def __init__(self, policy: BasePolicy, actions: PolicyActions, mean: NDArray[Any], variance: NDArray[Any]) -> None:
        super().__init__()
        self._policy = policy
        self._space, self._actions = policy.action_space, actions
        # in double precision, as VecNormalize does it: observations can be large and differ little
        self.register_buffer("_mean", torch.from_numpy(mean).double())
        self.register_buffer("_spread", torch.from_numpy(np.sqrt(variance + policies.EPSILON)).double())

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Observations (n, d) -> actions (n,) or (n, a)."""
        view = torch.clamp((observation.double() - self._mean) / self._spread, -policies.CLIP, policies.CLIP)
        action = self._policy._predict(view.float(), deterministic=True)
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
