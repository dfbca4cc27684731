"""The command that makes a run again."""

import shlex

from autoreward.config import GRAMMAR, RunConfig
from autoreward.records import DEMONSTRATIONS, Candidate
from autoreward.report.reading import RunView

NOT_REPEATED = {
    "given", "start", "model", "critic", "analyzer", "effort", "critic_effort", "analyzer_effort",
    "max_cost", "max_calls", "model_silence", "model_timeout", "trust_the_model",
    "pool", "workers", "minutes_per_trial", "memory_mb",
}  # fmt: skip
"""Settings that are told in another way, and those that a machine or a purse sets and no result depends on."""
_OF_TRAININGS = ("steps", "episodes", "seed")
"""Settings of a single training, of those that are repeated."""


def start_file(own: Candidate) -> str:
    """Where a run keeps a program of the person's that it starts from."""
    return f"start/{own.id}.py"


def again(reading: RunView) -> str:
    """One line for a shell: every setting that is not the usual one, and a model's saved replies in its place."""
    config = reading.header.config
    chosen = {
        name: getattr(config, name)
        for name, field in RunConfig.model_fields.items()
        if name not in NOT_REPEATED and getattr(config, name) != field.default
    }
    if len(config.judges) == len(config.asked_judges) == 1:  # of several, each is asked again
        chosen |= {"judge": f"replay:{reading.folder}", "trust_the_judge": True}
    if config.by_agent:  # nobody can ask the agent again; its winner can be trained again
        command, options = "train", {"reward": str(reading.folder / "best" / "reward.py")}
        kept = {name: value for name, value in chosen.items() if name in _OF_TRAININGS}
        chosen = {"seeds": max(config.confirm_seeds, 1), **kept}
    elif config.given is None:
        command = "run"
        options = {"model": GRAMMAR if config.model == GRAMMAR else f"replay:{reading.folder}"}
        if reading.files.has(DEMONSTRATIONS):
            options["demos"] = str(reading.folder / DEMONSTRATIONS)
    else:
        command = "train"
        options = {
            "reward": config.given if isinstance(config.given, str) else str(reading.folder / "best" / "reward.py")
        }
        if not isinstance(config.given, str) and config.given.composition != "sum":
            options["composition"] = config.given.composition
        chosen = {"seeds": config.confirm_seeds, **{k: v for k, v in chosen.items() if k != "confirm_seeds"}}
    words = ["autoreward", command, reading.header.told]
    starts = [("start", str(reading.folder / start_file(own))) for own in config.start]
    for name, value in (*options.items(), *starts, *chosen.items()):
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return shlex.join(words)
