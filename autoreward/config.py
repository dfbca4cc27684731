"""One run's settings as a record: what `settings.py` declares, checked, with the rewards that a person gives it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError, ValidationInfo, field_validator

from autoreward.core.wording import Setting, did_you_mean
from autoreward.errors import ConfigError
from autoreward.records import Allowance, Candidate, Record
from autoreward.records.base import Line
from autoreward.settings import JUDGE_ROLES, Effort, Role, RunSettings, SimulatorSetting
from autoreward.tasks.card import Task

GRAMMAR = "grammar"
"""The designer that is no model."""
ASKED_NOBODY = frozenset({"rule", "human"})
"""Judges that are no models."""
IMAGE_TEXT = "image-text:"
"""What the name of an image-text model as a judge begins with; the folder of its weights follows."""
AGENT = "agent"
"""The designer of a run whose programs a coding agent hands in (`session/agent_session.py`)."""
NO_MODELS = (GRAMMAR, AGENT)
"""Designers beside whom no model is asked."""
_LINE: TypeAdapter[str] = TypeAdapter(Line)


def image_text_folder(judge: str) -> str:
    """The folder of weights of a judge that is an image-text model; empty of any other."""
    return judge.removeprefix(IMAGE_TEXT) if judge.startswith(IMAGE_TEXT) else ""


def judge_anywhere(name: str) -> str:
    """The name with the whole path of its weights, if it has any: a run that goes on elsewhere finds the same ones.

    Raises ValueError if no folder is named.
    """
    if name == IMAGE_TEXT:
        raise ValueError(f"Write the folder of its weights behind {IMAGE_TEXT}")
    if folder := image_text_folder(name):
        return f"{IMAGE_TEXT}{Path(os.path.expanduser(folder)).resolve()}"  # noqa: PTH111 - Path.expanduser raises
    return name


class Given(Record):
    """Comes first in a `RunConfig`: what is wrong with other settings depends on it."""

    given: Candidate | Literal["sparse", "native", "none"] | None = None
    """Train this reward and search for nothing."""
    start: tuple[Candidate, ...] = ()
    """The person's own rewards, which a search starts from."""


class RunConfig(RunSettings, Given):
    """Settings of one run; saved in run.json and compared on resume."""

    @field_validator("model", "critic", "analyzer")
    @classmethod
    def _is_a_line(cls, name: str) -> str:
        return _LINE.validate_python(name)

    @field_validator("judge")
    @classmethod
    def _is_somebody(cls, name: str) -> str:
        judges = _LINE.validate_python(name).split(",")
        if not all(judges) or len(judges) > len(JUDGE_ROLES):
            raise ValueError(f"Write rule, human, or one to {len(JUDGE_ROLES)} models with commas between them")
        judges = [judge_anywhere(judge) for judge in judges]
        if len(set(judges)) < len(judges):
            raise ValueError("The same model twice says nothing new: name each once")
        if len(judges) > 1 and ASKED_NOBODY & set(judges):
            raise ValueError("Models judge together, rule and human alone")
        return ",".join(judges)

    @field_validator("critic", "analyzer")
    @classmethod
    def _has_a_designer(cls, name: str, others: ValidationInfo) -> str:
        if name and others.data.get("model") == GRAMMAR:
            raise ValueError(
                "The grammar's programs are neither reviewed nor explained; choose a model that designs, too"
            )
        return name

    @field_validator("confirm_seeds")
    @classmethod
    def _trains_what_is_given(cls, count: int, others: ValidationInfo) -> int:
        if count == 0 and others.data.get("given") is not None:
            raise ValueError("A given reward is trained on one seed at least")
        return count

    @field_validator("composition")
    @classmethod
    def _is_of_a_search(cls, composition: str, others: ValidationInfo) -> str:
        if composition != "own" and others.data.get("given") is not None:
            raise ValueError("A given reward says how its parts add up: write COMPOSITION in its file")
        return composition

    @field_validator("steps")
    @classmethod
    def _is_found_by_a_search(cls, steps: int | str | None, others: ValidationInfo) -> int | str | None:
        if steps == "auto" and others.data.get("given") is not None:
            raise ValueError("Only a search finds how long a training must be; write a number of environment steps")
        return steps

    def full(self, task: Task) -> int:
        """Environment steps of one full training; where the search finds them, of its first round's."""
        return self.steps if isinstance(self.steps, int) else task.train.steps

    @property
    def trained_in(self) -> SimulatorSetting:
        """What trainings may step: what a cluster's machines have is not known here, so that `auto` is the task's own there."""
        return "gymnasium" if self.simulator == "auto" and self.pool == "ray" else self.simulator

    @property
    def by_grammar(self) -> bool:
        """Whether every program is the grammar's: those that it writes here need no lock, and get the best there is."""
        return self.model == GRAMMAR and not isinstance(self.given, Candidate) and not self.start

    @property
    def by_agent(self) -> bool:
        """Whether programs are handed in by a coding agent; nobody else is asked, and it alone says what the steps go to."""
        return self.model == AGENT

    @property
    def judges(self) -> dict[Role, str]:
        """The models that judge; empty where the rule or people do."""
        names = [name for name in self.judge.split(",") if name not in ASKED_NOBODY]
        return dict(zip(JUDGE_ROLES, names, strict=False))

    @property
    def asked_judges(self) -> dict[Role, str]:
        """Those of them that are asked in words."""
        return {role: name for role, name in self.judges.items() if not image_text_folder(name)}

    @property
    def image_text_judges(self) -> tuple[str, ...]:
        """Those of them that are image-text models."""
        return tuple(name for name in self.judges.values() if image_text_folder(name))

    @property
    def preferred_by(self) -> str:
        """Whose preferences rank where no rule does, in words."""
        return " and ".join(self.judges.values()) or "people"

    @property
    def models(self) -> dict[Role, str]:
        """Who is asked in each role."""
        designing: dict[Role, str] = {
            "designer": self.model,
            "critic": self.critic or self.model,
            "analyzer": self.analyzer or self.model,
        }
        return {**(designing if self.model not in NO_MODELS else {}), **self.asked_judges}

    @property
    def efforts(self) -> dict[Role, Effort | None]:
        """How much each role thinks; None: what its model does by itself."""
        return {
            "designer": self.effort,
            "critic": self.critic_effort or self.effort,
            "analyzer": self.analyzer_effort or self.effort,
            **dict.fromkeys(self.asked_judges, self.effort),
        }


def one_at_a_time(chosen: Mapping[str, object]) -> dict[str, object]:
    """Settings of a search that keeps or reverts: a program a round, and a round for each full training of its budget.

    Empty for any other search. Raises ConfigError where more programs a round are chosen, or what would add some.
    """
    if chosen.get("search") != "agent":
        return {}
    more = {"candidates": chosen.get("candidates", 1) != 1, "composition": chosen.get("composition") == "auto",
            **{name: bool(chosen.get(name)) for name in ("tune_weights", "tune_settings")}}  # fmt: skip
    for name in (name for name, adds in more.items() if adds):
        raise ConfigError(
            Setting("search", "agent"), ": it tries one program at a time; leave ", Setting(name), " out."
        )
    budget = chosen.get("budget", RunSettings.budget)
    rounds = max(1, min(100, int(budget))) if isinstance(budget, int | float) else 1
    return {"rounds": rounds, "candidates": 1, "finalists": 1, "finalist_seeds": 0}


def allowed_at_first(config: RunConfig) -> Allowance:
    """What a run's model calls may take, as it was started."""
    return Allowance.model_validate({name: getattr(config, name) for name in Allowance.model_fields})


def make_config(chosen: Mapping[str, object]) -> RunConfig:
    """The record of what was chosen. Raises ConfigError."""
    try:
        return RunConfig.model_validate(chosen)
    except ValidationError as error:
        raise wrong_setting(error) from None


def wrong_setting(error: ValidationError) -> ConfigError:
    """The first setting that can't be, what was chosen for it, and what is wrong with that."""
    problem = error.errors(include_url=False)[0]
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return ConfigError(f"There is no setting {name!r}.{did_you_mean(name, RunConfig.model_fields)}")
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return ConfigError(Setting(name, problem["input"]), f": {reason[0].lower()}{reason[1:]}.")
