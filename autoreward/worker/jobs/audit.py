"""Check a task card against its environment: does it say what is there?"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import NATIVE_REWARD
from autoreward.evaluation.limits import of_episodes
from autoreward.records import Audit, AuditItem, Description, Episode
from autoreward.tasks.card import Task
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import out_of_reach
from autoreward.worker.envs.flatten import layout_of
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.time_limits import cut_after
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import AuditJob, DescribeJob
from autoreward.worker.rollout.recorder import Recorded, Recorder
from autoreward.worker.success import SuccessRule

_STEPS = 300
_ENVS = 4
BEYOND = 0.1
"""Share of a range by which sampled values may leave it."""
_DIGITS = 1e-5
"""Share of a number that the six digits of a card may have rounded away."""
LEAK = 0.999
"""Correlation of a field with the environment's own reward from which it gives the reward away."""


def audit(job: AuditJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Audit, dict[str, bytes]]:
    """Everything that can be checked without training. Raises TaskError if the card does not fit at all."""
    task = job.task
    looking = DescribeJob(task=task, seed=0, demonstrated=False, seconds=job.seconds / 2)
    description, _ = describe(looking, {}, context)
    one = _recorded(task, context, _STEPS, job.seconds / 4)
    two = _recorded(task, context, len(one.done))
    items = [
        AuditItem(name="fields", ok=True, message=f"{len(task.state)} state fields, {len(task.action)} of the action")
    ]
    items += _hurried(description)
    items += [*_ranges(task, one), *_graded(task, one), _repeats(one, two), _hidden(task, one)]
    episodes = [p.episode for p in description.reference_episodes]
    items += _cut(episodes, description.max_steps)
    solved = sum(e.success for e in episodes)
    sentence = f"met in {solved} of {len(episodes)} random and constant episodes" if solved else (
        f"not met in {len(episodes)} random and constant episodes: whether it can be met is unknown until something is trained"
    )  # fmt: skip
    sentence = sentence if task.ruled else "there is no rule: people compare policies"
    items.append(AuditItem(name="success", ok=solved < len(episodes), message=sentence))
    finite = all(np.isfinite(e.metric) for e in episodes)
    items.append(
        AuditItem(
            name="metric", ok=finite, message="a finite number in every episode" if finite else "not always finite"
        )
    )
    items += [
        AuditItem(name=f"limit {r.name}", ok=True, message=f"{r.word} by random and constant actions: {r.said}")
        for r in of_episodes(task.limits, episodes)
    ]
    items += _environment(task, context)
    return Audit(task=task.name, items=tuple(items)), {}


def _environment(task: Task, context: JobContext) -> Iterator[AuditItem]:
    env = make.make_env(task)
    context.closing.callback(env.close)
    layout = layout_of(env)
    if task.unseen:
        seen = f"sees {len(PolicyView(task, layout).places)} of the {layout.observed} numbers of the observation"
        # the environment's reward is one number, and no field reads it of info
        said = layout.size - layout.observed - task.uses_native
        told = f", and nothing of the {said} that fields read of info" if said else ""
        message = f"{seen}{told}; not seen: {', '.join(task.unseen)}"
        yield AuditItem(name="policy", ok=True, message=message)
    if far := out_of_reach(env.action_space, task.train):
        starts = "a policy that is not rescaled starts about 0 with a spread of 1"
        yield AuditItem(name="actions", ok=False, message=f"{far}, and {starts}; leave rescale_actions = false out")


def _hurried(description: Description) -> Iterator[AuditItem]:
    if (pace := description.hurried) is not None:
        few = f"{pace.steps:,} random steps and {len(description.reference_episodes)} episodes"
        message = f"a step takes {pace.seconds:.2g} s: it was looked at in {few}, which are fewer than usual"
        yield AuditItem(name="speed", ok=True, message=message)


def _recorded(task: Task, context: JobContext, steps: int, seconds: float = math.inf) -> Recorded:
    """Steps of ENVS environments under the same seeds and actions every time, as many as there is time for."""
    recorder = Recorder(make.vectorised(task, _ENVS, seed=0), task)
    context.closing.callback(recorder.close)
    recorder.action_space.seed(0)
    recorder.reset()
    deadline = time.monotonic() + seconds
    for _ in range(steps):
        recorder.step(np.stack([recorder.action_space.sample() for _ in range(_ENVS)]))
        if time.monotonic() > deadline:
            break
    return recorder.take()


def _cut(episodes: Sequence[Episode], limit: int) -> Iterator[AuditItem]:
    own = cut_after([e.length for e in episodes], [not e.terminated for e in episodes])
    if own is not None and own < limit:
        message = f"the environment cuts every episode after {own} steps itself, before the limit of {limit}: max_steps = {own}"
        yield AuditItem(name="time limit", ok=False, message=message)


def _ranges(task: Task, recorded: Recorded) -> Iterator[AuditItem]:
    for name, field in task.state.items():
        if field.range is None:
            if name in task.ruled_names:
                message = "none is given; progress toward a rule about it can't be graded"
                yield AuditItem(name=f"range of {name}", ok=False, message=message)
            continue
        values, (low, high) = recorded.transitions.next_state[name], field.range
        slack = max(BEYOND * (high - low), _DIGITS * max(abs(low), abs(high)))
        inside = bool((values >= low - slack).all() and (values <= high + slack).all())
        sentence = f"sampled {values.min():.3g} to {values.max():.3g}, stated {low:g} to {high:g}"
        if not inside:
            yield AuditItem(name=f"range of {name}", ok=False, message=sentence)


def _graded(task: Task, recorded: Recorded) -> Iterator[AuditItem]:
    flags = [name for name, field in task.state.items() if field.range == (0.0, 1.0) and _is_flag(recorded, name)]
    for name in SuccessRule(task, max_steps=1).ungraded(flags) if task.ruled else ():
        stage = next(s for s in task.success.plan if s.name == name)
        if task.success.stages:
            message = (
                f"stage {name}, `{stage.when}`, only says yes or no: progress does not move until it is reached; say in its "
                "`distance` how far it still is"
            )
        else:
            message = (
                f"`{stage.when}` only says yes or no: progress stays 0 up to success; name what comes before it in "
                "[success] stages, or how far it still is in [success] distance"
            )
        yield AuditItem(name="graded progress", ok=False, message=message)


def _is_flag(recorded: Recorded, name: str) -> bool:
    """Whether a field was 0 or 1 at every sampled step."""
    return bool(np.isin(recorded.transitions.next_state[name], (0.0, 1.0)).all())


def _repeats(one: Recorded, two: Recorded) -> AuditItem:
    pairs = list(zip(_arrays(one), _arrays(two), strict=True))
    if all(np.array_equal(a, b) for a, b in pairs):
        return AuditItem(name="determinism", ok=True, message="the same seeds give the same episodes")
    if all(np.allclose(a, b, rtol=_DIGITS, atol=_DIGITS, equal_nan=True) for a, b in pairs):
        sentence = "the same seeds give the same episodes, but for last digits: a resumed training goes another way"
        return AuditItem(name="determinism", ok=True, message=sentence)
    # shape (T, n): after the first episode, which alone was given a seed
    ended = np.cumsum(one.done, axis=0) - one.done > 0
    if all(np.array_equal(a[~ended], b[~ended]) for a, b in pairs):
        sentence = (
            "episodes that begin with the same seed are the same, and a reset without a seed draws anew: scores, whose episodes "
            "each have a seed, repeat themselves, trainings do not"
        )
        return AuditItem(name="determinism", ok=True, message=sentence)
    sentence = (
        "the same seeds give different episodes: scores differ by chance on the same seeds, too (more episodes help), and a "
        "resumed training goes another way"
    )
    return AuditItem(name="determinism", ok=False, message=sentence)


def _hidden(task: Task, recorded: Recorded) -> AuditItem:
    if task.uses_native:
        message = (
            f"programs are given it as next_state.{NATIVE_REWARD}, as the card says, so that no field gives it away"
        )
        return AuditItem(name="native reward", ok=True, message=message)
    native = recorded.native.reshape(-1).astype(np.float64)
    if np.ptp(native) == 0.0:
        return AuditItem(name="native reward", ok=True, message="the same at every sampled step: nothing to give away")
    for name, values in recorded.transitions.next_state.items():
        asked_for = name in task.ruled_names and bool(np.isin(values, (0.0, 1.0)).all())
        for column in values.reshape(len(native), -1).astype(np.float64).T:
            if np.ptp(column) > 0 and abs(np.corrcoef(native, column)[0, 1]) > LEAK:
                if asked_for:
                    return AuditItem(
                        name="native reward", ok=True, message=f"it pays {name} alone, which the rule asks for"
                    )
                return AuditItem(
                    name="native reward", ok=False, message=f"{name} gives it away (correlation above {LEAK})"
                )
    return AuditItem(name="native reward", ok=True, message="no field is a straight line of it")


def _arrays(recorded: Recorded) -> list[NDArray[Any]]:
    transitions = recorded.transitions
    return [*transitions.next_state.values(), *transitions.action.values(), transitions.terminated, recorded.done]
