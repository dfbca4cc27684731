"""A draft as the text of task.toml, with its guesses as comments."""

import json
from collections.abc import Mapping
from typing import Any

from autoreward.core.contract import NATIVE_REWARD
from autoreward.tasks.draft.guess import Draft
from autoreward.tasks.draft.ranges import short
from autoreward.tasks.native import USES_NATIVE
from autoreward.tasks.success_table import Success
from autoreward.tasks.tables import ActionField, StateField, Train


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
    lines += [USES_NATIVE] if task.uses_native else []
    for name, field in task.state.items():
        if name == NATIVE_REWARD:  # which that line stands for
            continue
        lines += ["", *_marked(drafted, f"state.{name}", f"[state.{name}]"), f"source = {_text(field.source)}"]
        lines += _field(field, guesses.get(f"state.{name}.range", ""))
        lines += _marked(drafted, f"state.{name}.wrap", "wrap = true") if field.wrap else []
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
    for answered in task.clarified:
        lines += ["", "[[clarified]]", f"question = {_text(answered.question)}", f"answer = {_text(answered.answer)}"]
    lines += ["", *_marked(drafted, "success", "[success]"), *_success(task.success)]
    for name, limit in task.limits.items():
        lines += ["", f"[limits.{name}]", *_changed(limit.model_dump(exclude_none=True), {"unit": "", "about": ""})]
    lines += [
        "",
        *_marked(drafted, "metric", "[metric]"),
        f"value = {_text(task.metric.value)}",
        f"better = {_text(task.metric.better)}",
    ]
    lines += [f"unit = {_text(task.metric.unit)}"] if task.metric.unit else []
    lines += ["", *_marked(drafted, "train", "[train]"), *_train(task.train)]
    asked = {key: value for key, value in task.process.model_dump().items() if value}
    lines += ["", "[process]", *(f"{key} = {_value(value)}" for key, value in asked.items())] if asked else []
    return "\n".join(lines) + "\n"


def _train(train: Train) -> list[str]:
    """The table's keys that are not as usual, and its tables."""
    lines = [f"algorithm = {_text(train.algorithm)}", f"steps = {train.steps:_}", f"envs = {train.envs}"]
    usual = Train(algorithm=train.algorithm, steps=train.steps, envs=train.envs)
    written = {"normalize_observations", "normalize_rewards", "net", "frame_stack"}
    lines += _changed(train.model_dump(include=written), usual.model_dump())
    for table, values in (("policy_kwargs", train.policy_kwargs.given()), ("hyperparameters", train.hyperparameters)):
        lines += ["", f"[train.{table}]", *_changed(values, {})] if values else []
    return lines


def _success(success: Success) -> list[str]:
    """The rule's keys: a condition with its window, or stages."""
    lines = []
    if success.stages:
        lines += ["stages = ["]
        for stage in success.stages:
            usual = {k: f.default for k, f in type(stage).model_fields.items() if k not in ("name", "when")}
            lines.append(f"    {_inline({k: v for k, v in stage.model_dump().items() if v != usual.get(k)})},")
        lines += ["]", *(["any_order = true"] if success.any_order else [])]
    else:
        lines += [f"when = {_text(success.when)}", f"within = {_text(success.within)}", f"share = {success.share:g}"]
    lines.append(f"full_length = {json.dumps(success.full_length)}")
    return lines + _changed(
        success.model_dump(include={"distance", "always", "dt"}), {"distance": "", "always": "", "dt": None}
    )


def _changed(values: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    """A key a line, without those that have their usual value."""
    return [f"{key} = {_value(value)}" for key, value in values.items() if key not in usual or value != usual[key]]


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
