"""A draft as the text of task.toml, with its guesses as comments."""

import json
from collections.abc import Mapping
from typing import Any

from autoreward.tasks.draft.guess import Draft
from autoreward.tasks.draft.ranges import short
from autoreward.tasks.success_table import StageRule, Success
from autoreward.tasks.tables import ActionField, StateField


def card_text(drafted: Draft) -> str:
    """The file's text, with a comment a line at the place that it concerns; reading it gives the draft's task again."""
    task, guesses = drafted.task, drafted.guesses
    lines = [
        "# Lines marked GUESS were not stated by the environment: check them, above all [success].",
        *(
            ["# OPEN is a question that nobody has answered."]
            if any(n.startswith("OPEN") for _, n in drafted.notes)
            else []
        ),
        f"env = {_text(task.env)}",
    ]
    if task.kwargs:
        lines.append(f"kwargs = {_inline(task.kwargs)}")
    lines += _marked(drafted, "max_steps", f"max_steps = {task.max_steps}")
    lines += [f"goal = {_text(task.goal)}", f"tier = {_text(task.tier)}"]
    for name, field in task.state.items():
        lines += ["", *_marked(drafted, f"state.{name}", f"[state.{name}]"), f"source = {_text(field.source)}"]
        lines += _field(field, guesses.get(f"state.{name}.range", ""))
        lines += [] if field.policy else ["policy = false"]
        lines += [] if field.at_reset is None else [f"at_reset = {json.dumps(field.at_reset)}"]
    said = drafted.remarks("info")
    lines += ["", *said] if said else []
    for name, action in task.action.items():
        lines += ["", *_marked(drafted, f"action.{name}", f"[action.{name}]")]
        lines += [] if action.source == "action" else [f"source = {_text(action.source)}"]
        lines += _field(action, "")
    if task.constants:
        lines += ["", "[constants]"]
        for name, constant in task.constants.items():
            values: dict[str, Any] = {"value": constant.value, "unit": constant.unit, "about": constant.about,
                                      "field": constant.field}  # fmt: skip
            row = f"{name} = {_inline({k: v for k, v in values.items() if v != ''})}"
            lines += _marked(drafted, f"constants.{name}", row)
    lines += ["", *_marked(drafted, "success", "[success]"), *_rule(task.success)]
    lines += [
        "",
        *_marked(drafted, "metric", "[metric]"),
        f"value = {_text(task.metric.value)}",
        f"better = {_text(task.metric.better)}",
    ]
    lines += [f"unit = {_text(task.metric.unit)}"] if task.metric.unit else []
    train = task.train
    lines += ["", *_marked(drafted, "train", "[train]"), f"algorithm = {_text(train.algorithm)}"]
    lines += [f"steps = {train.steps:_}", f"envs = {train.envs}", "", "[train.hyperparameters]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in train.hyperparameters.items()]
    asked = {key: value for key, value in task.process.model_dump().items() if value}
    lines += ["", "[process]", *(f"{key} = {_value(value)}" for key, value in asked.items())] if asked else []
    return "\n".join(lines) + "\n"


def _rule(success: Success) -> list[str]:
    """What stands in [success]."""
    if not success.stages:
        lines = [f"when = {_text(success.when)}", f"within = {_text(success.within)}", f"share = {success.share:g}"]
        lines += [f"distance = {_text(success.distance)}"] if success.distance else []
    else:
        usual = StageRule(name="x", when="1 > 0").model_dump()
        stages = [{k: v for k, v in s.model_dump().items() if v != usual[k]} for s in success.stages]
        lines = ["stages = [", *(f"    {_inline(stage)}," for stage in stages), "]"]
    return [*lines, f"full_length = {json.dumps(success.full_length)}"]


def _marked(drafted: Draft, place: str, line: str) -> list[str]:
    return [*drafted.remarks(place), line]


def _field(field: StateField | ActionField, guess: str) -> list[str]:
    lines = [f"about = {_text(field.about)}"]
    lines += [f"unit = {_text(field.unit)}"] if field.unit else []
    if field.range is not None:
        low, high = field.range
        lines.append(f"range = [{short(low)}, {short(high)}]" + (f"  # GUESS: {guess}" if guess else ""))
    return lines


def _text(text: str) -> str:
    """A TOML string: JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False)


def _inline(values: Mapping[str, Any]) -> str:
    """An inline table; nested ones too."""
    return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in values.items()) + " }"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _inline(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)
