"""Whether a simulator is the same environment as Gymnasium's, by what both do.

- Actions are of the same space, and observations have as many numbers.
- From the same state, where it can be set: SAME_STARTS starts, the same actions, SAME_STEPS steps. No number may differ by more
  than SAME_TOLERANCE of 1 or of its size, whichever is larger.
- Then chance differs, and distributions are compared: what the resets of COMPARED_EPISODES episodes observe, and of these, with the
  same actions and LONGEST steps at most, the mean and the last value of each number, the return, the length, and whether they ended
  by themselves. A two-sample Kolmogorov-Smirnov test each, that takes values for equal that differ by less than NEARNESS of all
  values' range. ALARM is the probability that any test of an environment that is the same fails by chance (Bonferroni).
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.worker.batched.same_state import state_setter
from autoreward.worker.batched.simulator import BatchSimulator, Facts, Opener

SAME_STARTS, SAME_STEPS, SAME_TOLERANCE = 8, 10, 1e-3
COMPARED_EPISODES, LONGEST = 96, 100
NEARNESS, ALARM = 1e-3, 1e-4
_HELD = 8
"""Most steps for which an action is held: random ones that change at every step lead nowhere."""
_Floats = NDArray[np.float64]


def mismatch(
    env: gymnasium.Env[Any, Any], opened: Opener, facts: Facts, seed: int, episodes: int = COMPARED_EPISODES
) -> str:
    """In which way the simulator is another environment, as a clause without a full stop; empty where none was found.

    Raises what either of them raises.
    """
    if words := _of_spaces(env, opened, facts):
        return words
    actions = _scripts(facts, seed, episodes)
    setter = state_setter(env)
    if setter is not None and (words := _of_dynamics(env, opened, setter, actions, seed)):
        return words
    here = _measures(_in_gymnasium(env, actions, seed))
    simulator = opened([(seed + i) % 2**31 for i in range(episodes)])
    there = _measures(_in_simulator(simulator, actions))
    simulator.close()
    return _of_distributions(here, there)


def _of_spaces(env: gymnasium.Env[Any, Any], opened: Opener, facts: Facts) -> str:
    simulator = opened([0])
    observed = simulator.reset(np.arange(1))
    own = simulator.action_space
    simulator.close()
    if observed.shape != (1, facts.layout.size):
        return f"it observes {observed.shape[-1]} numbers, and {env.unwrapped.spec.id} {facts.layout.size}"  # type: ignore[union-attr]
    if not _same_actions(own, facts.action_space):
        return f"it takes actions of {own}, and Gymnasium's of {facts.action_space}"
    return ""


def _same_actions(one: spaces.Space[Any], other: spaces.Space[Any]) -> bool:
    if isinstance(one, spaces.Box) and isinstance(other, spaces.Box):
        return one.shape == other.shape and np.allclose(one.low, other.low) and np.allclose(one.high, other.high)
    if isinstance(one, spaces.Discrete) and isinstance(other, spaces.Discrete):
        return bool(one.n == other.n and one.start == other.start)
    return one == other


def _scripts(facts: Facts, seed: int, episodes: int) -> NDArray[Any]:
    """Actions of K episodes, each held for 1 to _HELD steps, shape (T, K) or (T, K, a)."""
    chance = np.random.default_rng(seed)
    space = facts.action_space
    space.seed(seed)
    length = min(facts.time_limit, LONGEST)
    rows = []
    for _ in range(episodes):
        held = int(chance.integers(1, _HELD + 1))
        drawn = [space.sample() for _ in range(-(-length // held))]
        rows.append(np.repeat(np.stack(drawn), held, axis=0)[:length])
    return np.stack(rows, axis=1)


def _of_dynamics(env: gymnasium.Env[Any, Any], opened: Opener, setter: Any, actions: NDArray[Any], seed: int) -> str:
    simulator = opened([(seed + i) % 2**31 for i in range(SAME_STARTS)])
    everyone = np.arange(SAME_STARTS)
    begun = simulator.reset(everyone)
    going = np.ones(SAME_STARTS, np.bool_)
    steps = []
    for row in actions[:SAME_STEPS]:
        step = simulator.step(everyone, row[:SAME_STARTS])
        steps.append((step, going.copy()))
        going &= ~(step.terminated | step.truncated)
    simulator.close()
    for i in everyone:
        env.reset(seed=seed)
        setter(env.unwrapped, np.asarray(begun[i], np.float64))
        for t, (step, alive) in enumerate(steps):
            if not alive[i]:
                break
            observation, reward, terminated, _, _ = env.step(actions[t, i])
            here = np.append(np.asarray(observation, np.float64), float(reward))
            there = np.append(np.asarray(step.observations[i], np.float64), float(step.rewards[i]))
            apart = np.abs(here - there) / np.maximum(1.0, np.abs(here))
            if apart.max() > SAME_TOLERANCE:
                place = int(apart.argmax())
                what = _named(place) if place < len(here) - 1 else "the reward"
                return (
                    f"from the same state, after {t + 1} of the same actions, {what} is {there[place]:.4g}, and in Gymnasium "
                    f"{here[place]:.4g}"
                )
            if bool(terminated) != bool(step.terminated[i]):
                which = "it" if step.terminated[i] else "Gymnasium's"
                return f"from the same state, after {t + 1} of the same actions, {which} alone ends the episode"
    return ""


def _named(place: int) -> str:
    return f"number {place} of the observation"


class _Episode:
    """One that is played."""

    def __init__(self, observation: Any) -> None:
        self.observations = [np.asarray(observation, np.float64)]
        self.collected, self.terminated, self.over = 0.0, False, False

    def add(self, observation: Any, reward: float, terminated: bool, truncated: bool) -> None:
        """One more step."""
        self.observations.append(np.asarray(observation, np.float64))
        self.collected += reward
        self.terminated, self.over = terminated, terminated or truncated


def _in_gymnasium(env: gymnasium.Env[Any, Any], actions: NDArray[Any], seed: int) -> list[_Episode]:
    episodes = []
    for k in range(actions.shape[1]):
        episode = _Episode(env.reset(seed=(seed + k) % 2**31)[0])
        for action in actions[:, k]:
            observation, reward, terminated, truncated, _ = env.step(action)
            episode.add(observation, float(reward), bool(terminated), bool(truncated))
            if episode.over:
                break
        episodes.append(episode)
    return episodes


def _in_simulator(simulator: BatchSimulator, actions: NDArray[Any]) -> list[_Episode]:
    going = np.arange(actions.shape[1])
    episodes = [_Episode(row) for row in simulator.reset(going)]
    for row in actions:
        step = simulator.step(going, row[going])
        for k, i in enumerate(going):
            episodes[i].add(
                step.observations[k], float(step.rewards[k]), bool(step.terminated[k]), bool(step.truncated[k])
            )
        going = np.array([i for i in going if not episodes[i].over], np.intp)
        if not len(going):
            break
    return episodes


def _measures(episodes: list[_Episode]) -> dict[str, _Floats]:
    """What is compared, by name: each of shape (K,)."""
    starts = np.stack([e.observations[0] for e in episodes])
    means = np.stack([np.mean(e.observations, axis=0) for e in episodes])
    ends = np.stack([e.observations[-1] for e in episodes])
    named = {}
    for place in range(starts.shape[1]):
        named[f"{_named(place)} at resets"] = starts[:, place]
        named[f"the mean of {_named(place)} over an episode of random actions"] = means[:, place]
        named[f"{_named(place)} after an episode of random actions"] = ends[:, place]
    named["the return of an episode of random actions"] = np.array([e.collected for e in episodes])
    named["the length of an episode of random actions"] = np.array([len(e.observations) - 1.0 for e in episodes])
    named["how often an episode of random actions ends by itself"] = np.array([float(e.terminated) for e in episodes])
    return named


def _of_distributions(here: dict[str, _Floats], there: dict[str, _Floats]) -> str:
    tests, episodes = len(here), len(next(iter(here.values())))
    most = np.sqrt(-np.log(ALARM / (2 * tests)) / 2 * (2 / episodes))
    far = {name: sample_distance(here[name], there[name]) for name in here}
    worst = max(far, key=lambda name: far[name])
    if far[worst] <= most:
        return ""
    return (
        f"{worst} is distributed otherwise: a mean of {there[worst].mean():.4g}, in Gymnasium {here[worst].mean():.4g} "
        f"(Kolmogorov-Smirnov distance {far[worst]:.2f} over {episodes} episodes each, where {most:.2f} may be)"
    )


def sample_distance(one: _Floats, other: _Floats) -> float:
    """The Kolmogorov-Smirnov distance of two samples, in [0, 1], where values that differ by less than NEARNESS of the range of all
    count as equal."""
    both = np.concatenate([one, other])
    near = NEARNESS * float(np.ptp(both)) + 1e-6
    return max(_above(one, other, near), _above(other, one, near))


def _above(one: _Floats, other: _Floats, near: float) -> float:
    """The most by which the share of `one` that is at most x exceeds the share of `other` that is at most x + near."""
    points = np.sort(one)
    own = np.searchsorted(points, points, side="right") / len(one)
    others = np.searchsorted(np.sort(other), points + near, side="right") / len(other)
    return float(np.max(own - others))
