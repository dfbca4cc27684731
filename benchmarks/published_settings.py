"""rl-baselines3-zoo's published hyperparameters as cards can say them: autoreward/tasks/draft/published_settings.toml.

    git clone https://github.com/DLR-RM/rl-baselines3-zoo CHECKOUT
    python benchmarks/published_settings.py CHECKOUT [--commit HEAD]

Of each algorithm that a card may name, the entries for environments that an installed package registers today, in any version of
the name. What a card has no word for is kept as a sentence, which `init` writes into the card. All of PACKAGES must be installed.
"""

import argparse
import ast
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from autoreward.tasks.algorithms import ALGORITHMS, AlgorithmName
from autoreward.tasks.draft import published_training
from autoreward.tasks.policy_kwargs import PolicyKwargs

REPOSITORY = "https://github.com/DLR-RM/rl-baselines3-zoo"
FILES: Mapping[AlgorithmName, str] = {
    "PPO": "ppo.yml",
    "A2C": "a2c.yml",
    "SAC": "sac.yml",
    "TD3": "td3.yml",
    "DQN": "dqn.yml",
    "TQC": "tqc.yml",
    "QRDQN": "qrdqn.yml",
    "RecurrentPPO": "ppo_lstm.yml",
}
PACKAGES = ("gymnasium", "gymnasium-robotics", "minigrid", "panda-gym", "pybullet-envs-gymnasium")
PICTURES = ("CarRacing",)
"""Names of environments that observe pictures, of which `init` makes no card."""
OWN_NET: Mapping[AlgorithmName, tuple[int, ...]] = {"SAC": (256, 256), "TQC": (256, 256), "TD3": (400, 300)}
"""Layers that Stable-Baselines3 takes where nothing is said, and they are not a card's own (64, 64)."""
CONFIGURED = ("policy", "n_timesteps", "n_envs", "frame_stack", "normalize", "policy_kwargs")
"""What the zoo takes for itself, and a card has its own words for, or none."""
NO_WORD = {
    "env_wrapper": "the wrapper {}",
    "replay_buffer_class": "its replay buffer {}",
    "replay_buffer_kwargs": "",
    "noise_type": "noise of actions ({})",
    "noise_std": "",
    "callback": "",
}
"""What a card can't say, and how that is told; nothing: it goes without saying, or with another."""


class Translated(NamedTuple):
    """One entry of a file of the zoo."""

    steps: int
    train: dict[str, Any]
    """Keys of `[train]`."""
    left_out: list[str]
    """What a card can't say, each as part of a sentence."""


def translated(algorithm: AlgorithmName, entry: Mapping[str, Any]) -> Translated:
    """What a card can say of it. Raises ValueError where something is not plain data, or a card has no word for it."""
    left_out: list[str] = []
    given = _called(entry.get("policy_kwargs", "dict()"))
    net = given.pop("net_arch", None) or OWN_NET.get(algorithm)
    if isinstance(net, dict) and len({tuple(widths) for widths in net.values()}) == 1:
        net = next(iter(net.values()))
    normal = entry.get("normalize", False)
    normal = {"norm_obs": normal, "norm_reward": normal} if isinstance(normal, bool) else ast.literal_eval(normal)
    train: dict[str, Any] = {
        "envs": entry.get("n_envs", 1),
        "normalize_observations": normal["norm_obs"],
        "normalize_rewards": normal["norm_reward"],
    }
    train |= {"frame_stack": entry["frame_stack"]} if "frame_stack" in entry else {}
    train |= {"net": list(net)} if isinstance(net, list | tuple) else {"net": net} if net else {}
    settings: dict[str, Any] = {}
    for name, value in entry.items():
        if name in NO_WORD:
            left_out += [NO_WORD[name].format(_named(value))] if NO_WORD[name] else []
        elif isinstance(value, str) and value.startswith("lin_"):
            settings[name] = float(value.removeprefix("lin_"))
            left_out.append(f"the fall of {name} to 0 (here it stays where it begins)")
        elif name not in CONFIGURED:
            settings[name] = value
    if strange := given.keys() - PolicyKwargs.model_fields:
        raise ValueError(f"a card has no word for {sorted(strange)}")
    return Translated(
        int(entry["n_timesteps"]), train | {"policy_kwargs": given, "hyperparameters": settings}, left_out
    )


def _called(text: str) -> dict[str, Any]:
    """The arguments of a call `dict(...)` that holds plain data, calls like it, and classes, whose names are kept."""

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            return {str(word.arg): value(word.value) for word in node.keywords}
        return node.attr if isinstance(node, ast.Attribute) else ast.literal_eval(node)

    found: dict[str, Any] = value(ast.parse(text.strip(), mode="eval").body)
    return found


def _named(value: Any) -> str:
    """What is left out, by the last words of its name: a wrapper's class, a word."""
    if isinstance(value, list):
        return " and ".join(map(_named, value))
    return str(next(iter(value)) if isinstance(value, dict) else value).rpartition(".")[2]


def doubts(text: str) -> dict[str, str]:
    """Of entries that their file itself doubts, what it says: that they are still to be tuned or tested, or solve nothing."""
    found: dict[str, str] = {}
    above, key = "", ""
    for line in text.splitlines():
        if head := re.match(r"^([\w-]+-v\d+):", line):
            key = head[1]
            if re.search("to be (tuned|tested)", above, re.IGNORECASE):
                found[key] = "to be tuned"
        if "# Unsolved" in line:
            found[key] = "unsolved"
        above = line
    return found


def registered() -> dict[str, tuple[str, str]]:
    """Environments by their names without a version: the newest id, and the module that registers it."""
    from zoo import environments  # here, as nothing else needs what it imports

    found: dict[str, tuple[int, str, str]] = {}
    for package in PACKAGES:
        for asked in environments(package):
            module, _, env = asked.env.rpartition(":")
            name, _, version = env.rpartition("-v")
            if name and name not in PICTURES:
                found[name] = max(found.get(name, (-1, "", "")), (int(version), env, module or "gymnasium"))
    return {name: (env, module) for name, (_, env, module) in found.items()}


def entries(algorithm: AlgorithmName, text: str, known: Mapping[str, tuple[str, str]]) -> Iterable[str]:
    """Lines of TOML: a table for each environment that is known, by the name that it has in the file."""
    doubted = doubts(text)
    newest: dict[str, tuple[int, str]] = {}
    for key in (content := yaml.safe_load(text)):
        name, _, version = key.rpartition("-v")
        if name in known:
            newest[name] = max(newest.get(name, (-1, "")), (int(version), key))
    for name, (_, key) in sorted(newest.items()):
        found = translated(algorithm, content[key])
        env, module = known[name]
        yield f"\n[{algorithm}.{key}]"
        yield f"env = {json.dumps(env)}\nmodule = {json.dumps(module)}\nsteps = {found.steps:_}"
        yield from [f"doubt = {json.dumps(doubted[key])}"] if key in doubted else []
        yield from [f"left_out = {json.dumps(found.left_out)}"] if found.left_out else []
        yield from (f"train.{word} = {_toml(value)}" for word, value in found.train.items() if value != {})


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{word} = {_toml(inner)}" for word, inner in value.items()) + " }"
    return json.dumps(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--commit", default="HEAD")
    asked = parser.parse_args()

    def git(*command: str) -> str:
        done = subprocess.run(["git", "-C", asked.checkout, *command], capture_output=True, text=True, check=True)
        return done.stdout

    commit = git("rev-parse", asked.commit).strip()
    lines = [
        "# Training settings that rl-baselines3-zoo publishes, as a card's [train] says them, by algorithm and entry of its files.",
        f"# Made by benchmarks/published_settings.py, of {len(FILES)} files of {REPOSITORY}, whose licence is:",
        "#",
        *(f"# {line}".rstrip() for line in git("show", f"{commit}:LICENSE").strip().splitlines()),
        "",
        "[source]",
        f'repository = "{REPOSITORY}"\ncommit = "{commit}"\nfiles = {_toml(dict(FILES))}',
    ]
    known = registered()
    for algorithm, file in FILES.items():
        assert algorithm in ALGORITHMS
        lines += entries(algorithm, git("show", f"{commit}:hyperparams/{file}"), known)
    published_training.SETTINGS_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
