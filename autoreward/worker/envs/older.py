"""Environments of the older interface: of the package gym, with four-tuples, with a `reset` that takes no seed or no options.

Exported files hold the source of this module's classes and functions: what was trained in starts there, too.
"""

import ast
import dataclasses
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import gymnasium
from gymnasium import Env, Wrapper, spaces
from gymnasium.envs.registration import EnvSpec, load_env_creator


def made_env(env: str, kwargs: dict[str, Any], limit: int | None) -> gymnasium.Env[Any, Any]:
    """By Gymnasium, and adapted where it is of an older kind; `limit` cuts its episodes. Raises what making it raises."""
    try:
        made = gymnasium.make(env, max_episode_steps=limit, **kwargs)
    except gymnasium.error.DependencyNotInstalled:
        raise
    except (gymnasium.error.Error, TypeError):
        foreign = _made_foreign(env, kwargs, limit)
        if foreign is None:
            raise
        return foreign
    return _made_modern(made, limit)


class Older(Wrapper):
    """Takes what `reset` and `step` are given today, and returns what they return today."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._inner: Any = env.inner if isinstance(env, Foreign) else env
        self._takes = _parameters(self._inner.reset)

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """Of what is within: this one is no wrapper that anybody asked for."""
        return self.env.spec

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, seeded in the way that there is."""
        if seed is not None and "seed" not in self._takes:
            if callable(older_seed := getattr(self._inner, "seed", None)):
                older_seed(seed)
            elif isinstance(self._inner, gymnasium.Env):
                gymnasium.Env.reset(self._inner, seed=seed)  # what its np_random is seeded by
        given = {"seed": seed, "options": options}
        result = self._inner.reset(**{name: value for name, value in given.items() if name in self._takes})
        if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
            return result
        return result, {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step; of a `done`, what the info calls a time limit is `truncated`, and the rest `terminated`."""
        result = self._inner.step(action)
        if len(result) != 4:
            return result  # type: ignore[no-any-return]
        observation, reward, done, info = result
        cut = bool(done) and bool(info.get("TimeLimit.truncated", False))
        return observation, reward, bool(done) and not cut, cut, info


class Foreign(Env):
    """What is no `gymnasium.Env`, but has spaces, `reset` and `step`, as one."""

    def __init__(self, inner: Any) -> None:
        """Raises TypeError where it lacks these, or has a space that Gymnasium has not."""
        lacking = [name for name in ("observation_space", "action_space", "reset", "step") if not hasattr(inner, name)]
        if lacking:
            raise TypeError(f"{type(inner).__name__} is no environment: it has no {lacking[0]}")
        self.inner = inner
        self.observation_space = modern_space(inner.observation_space)
        self.action_space = modern_space(inner.action_space)
        self.metadata = dict(getattr(inner, "metadata", None) or {})
        self.render_mode = getattr(inner, "render_mode", None)

    def __getattr__(self, name: str) -> Any:
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def render(self) -> Any:
        """As it draws itself."""
        return self.inner.render()

    def close(self) -> None:
        """Close it, if it can be closed."""
        if hasattr(self.inner, "close"):
            self.inner.close()


def _made_modern(env: gymnasium.Env[Any, Any], limit: int | None) -> gymnasium.Env[Any, Any]:
    """The environment, as Gymnasium made it, with what is older within adapted; `limit` is what was asked for."""
    inner = env.unwrapped
    if env.spec is None or not _is_older(inner):
        return env
    spec = dataclasses.replace(env.spec, entry_point=lambda **_: Older(inner), kwargs={})
    return gymnasium.make(spec, max_episode_steps=limit)


def _made_foreign(env: str, kwargs: dict[str, Any], limit: int | None) -> gymnasium.Env[Any, Any] | None:
    """What is registered under an id without being a `gymnasium.Env`, or in the package gym alone; None if there is nothing.

    Its module has been imported. Raises what its maker raises.
    """
    name = env.rpartition(":")[2]
    older = getattr(getattr(sys.modules.get("gym"), "envs", None), "registry", {})
    found = gymnasium.registry.get(name) or getattr(older, "env_specs", older).get(name)
    if found is None or found.entry_point is None:
        return None
    creator = found.entry_point if callable(found.entry_point) else load_env_creator(found.entry_point)
    inner = creator(**{**(getattr(found, "kwargs", None) or getattr(found, "_kwargs", {})), **kwargs})
    if isinstance(inner, gymnasium.Env) and found is gymnasium.registry.get(name):
        return None
    adapted = Older(inner if isinstance(inner, gymnasium.Env) else Foreign(inner))
    spec = EnvSpec(id=name, entry_point=lambda **_: adapted, max_episode_steps=found.max_episode_steps)
    return gymnasium.make(spec, max_episode_steps=limit)


def modern_space(space: Any) -> spaces.Space[Any]:
    """A space of the package gym as Gymnasium's of the same name. Raises TypeError where there is none."""
    if isinstance(space, spaces.Space):
        return space
    match type(space).__name__:
        case "Box":
            return spaces.Box(space.low, space.high, dtype=space.dtype)
        case "Discrete":
            return spaces.Discrete(int(space.n), start=int(getattr(space, "start", 0)))
        case "MultiDiscrete":
            return spaces.MultiDiscrete(space.nvec)
        case "MultiBinary":
            return spaces.MultiBinary(space.n)
        case "Dict":
            return spaces.Dict({key: modern_space(inner) for key, inner in space.spaces.items()})
        case "Tuple":
            return spaces.Tuple([modern_space(inner) for inner in space.spaces])
    raise TypeError(f"a space of {type(space).__name__} is none of Gymnasium's")


def _is_older(env: gymnasium.Env[Any, Any]) -> bool:
    """By what `reset` takes, and by what both return as far as their source says."""
    if not {"seed", "options"} <= _parameters(env.reset):
        return True
    return 4 in _returned(env.step) or bool(_returned(env.reset) - {2})


def _parameters(call: Callable[..., Any]) -> set[str]:
    """What it can be given by name; where it takes any, seed and options are among them."""
    parameters = inspect.signature(call).parameters
    named = {name for name, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    return named | {"seed", "options"} if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) else named


def _returned(call: Callable[..., Any]) -> set[int]:
    """How many values each `return` in its source has; what another call gives may be anything, and does not count."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(call)))
    except (OSError, TypeError, SyntaxError):
        return set()
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    counts = {len(value.elts) for value in values if isinstance(value, ast.Tuple)}
    single = any(isinstance(value, ast.Name | ast.Attribute | ast.BinOp) or _makes_array(value) for value in values)
    return counts | ({1} if single else set())


def _makes_array(value: ast.expr) -> bool:
    """Whether it is a call such as `np.array(...)` or `self._get_obs()`, which gives an observation alone."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return False
    return "reset" not in value.func.attr and "step" not in value.func.attr
