"""The page of JSON lines: the records, events and calls of the commands that print them say what is on it."""

import ast
import dataclasses
import inspect
from pathlib import Path
from typing import Any, get_args

from kept import kept

from autoreward import errors, events
from autoreward.core.lines import FORM
from autoreward.errors import AutorewardError
from autoreward.records import (
    Audit,
    CriticExam,
    EnvCheck,
    Paired,
    Plan,
    Record,
    Robustness,
    Run,
    Strength,
    SuccessAudit,
    Tuned,
    Verdict,
)
from autoreward.report.candidates import CandidateView
from autoreward.tasks.card import Task

ROOT = Path(__file__).parent.parent
RECORDS: tuple[tuple[str, type[Record]], ...] = (
    ("check", Verdict), ("score", Paired), ("tune", Tuned), ("audit", SuccessAudit), ("prefer", Strength),
    ("confirm", Robustness), ("tasks --check", Audit),
    ("tasks NAME", Task), ("show", Run), ("run --dry-run", Plan), ("doctor --env", EnvCheck), ("doctor --exam", CriticExam),
)  # fmt: skip
"""Kinds that are records: their fields are the record's."""


def json_page() -> str:
    """docs/json.md: what `--json` prints, from the records, the events and the calls that print lines of a kind."""
    rows = [(kind.__name__, command, list(kind.model_fields)) for command, kind in RECORDS]
    rows += [(kind, command, fields) for kind, command, fields in said_lines()]
    rows += [(kind, "run, train, resume, feedback, tighten", fields) for kind, fields in told_events().items()]
    table = [
        f"| `{kind}` | {command} | {', '.join(f'`{field}`' for field in fields)} |" for kind, command, fields in rows
    ]
    shapes = [
        f"| `{name}` | {', '.join(f'`{field}` {shape}' for field, shape in fields.items())} |"
        for name, fields in record_shapes().items()
    ]
    codes = sorted({(c.exit_code, c.__name__, c.way_out) for c in every_error()})
    errors = [f"| {code} | `{name}` | {way_out.replace('|', '')} |" for code, name, way_out in codes]
    return "".join([JSON_HEAD.format(form=FORM), "\n".join(table), JSON_SHAPES, "\n".join(shapes), JSON_ERRORS,
                    "\n".join(errors), "\n"])  # fmt: skip


def record_shapes() -> dict[str, dict[str, str]]:
    """What each field of a record on the page holds, and of each record within one, as they are written: name -> field -> shape."""
    found: dict[str, dict[str, Any]] = {}
    for _, kind in RECORDS:
        schema = kind.model_json_schema(mode="serialization")
        found |= {kind.__name__: schema} | schema.get("$defs", {})
    fields = {name: schema["properties"] for name, schema in found.items() if "properties" in schema}
    return {name: {field: shape_of(made, found) for field, made in fields[name].items()} for name in sorted(fields)}


def shape_of(made: dict[str, Any], known: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "$ref" in made:
        name = made["$ref"].rpartition("/")[2]
        return name if "properties" in known[name] else shape_of(known[name], known)
    if "anyOf" in made:
        return " or ".join(shape_of(one, known) for one in made["anyOf"])
    if "enum" in made:
        return "one of " + ", ".join(f"`{value}`" for value in made["enum"])
    if "prefixItems" in made:
        return f"[{'; '.join(shape_of(one, known) for one in made['prefixItems'])}]"
    if made.get("type") == "array":
        return f"list of {shape_of(made['items'], known)}"
    if made.get("type") == "object":
        values = made.get("additionalProperties") or next(iter(made["patternProperties"].values()))
        return "object of any value by name" if values is True else f"object of {shape_of(values, known)} by name"
    return WORDS.get(made.get("type", ""), "any value")


WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}

JSON_HEAD = """\
# What `--json` prints

Made of the code by `make pages`. Every command that has `--json` prints JSON lines: one object a line, plain ASCII, each with
`form` (the version of this page, now {form}) and `kind`. Fields and kinds may be added within a form; none goes away or means
something else. What people read (progress of `score`, warnings) goes to standard error.

```sh
autoreward score my_reward.py --task reacher --against native --seeds 5 --budget 400000 --json
```

| kind | of | fields |
|---|---|---|
"""
JSON_SHAPES = """

## What is in a record

The fields of the kinds above that are records, and of the records within them. What each means, and its unit, is said where the
record is defined, in `autoreward/records/`; that of a task in `envs/README.md`.

| record | fields |
|---|---|
"""
JSON_ERRORS = """

## Errors

An error is an object on standard output, too, beside its sentence on standard error: `code`, `exit_code`, `message`, and
`way_out`, a list of the settings and commands that the message names as a remedy, as they are written on a command line (the
setting that it complains of, with which it begins, is none); where it names none, what is done about such errors.

| exit code | code | `way_out` where the message names nothing |
|---|---|---|
"""


def every_error() -> list[type[AutorewardError]]:
    return [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, AutorewardError)]


def keys_of(node: ast.AST) -> list[str]:
    """The keys of a dict that is written out."""
    assert isinstance(node, ast.Dict)
    return [key.value if isinstance(key, ast.Constant) else "..." for key in node.keys]


def functions_of(*path: str) -> dict[str, ast.FunctionDef]:
    """A module's functions by name."""
    tree = ast.parse(ROOT.joinpath("autoreward", *path).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def told_events() -> dict[str, list[str]]:
    """The fields of each event, as the functions of the report that make facts of events write them."""
    functions = functions_of("report", "live", "lines.py")
    cases = [
        case
        for function in (functions["_facts"], functions_of("report", "hunting.py")["facts_before_training"])
        for case in next(n for n in ast.walk(function) if isinstance(n, ast.Match)).cases
    ]
    found: dict[str, list[str]] = {}
    for case in cases:
        names = [n.attr for n in ast.walk(case.pattern) if isinstance(n, ast.Attribute)]
        (answer,) = [n for statement in case.body for n in ast.walk(statement) if isinstance(n, ast.Return)]
        if isinstance(answer.value, ast.Dict):
            found |= {name: [key for key in keys_of(answer.value) if key != "..."] for name in names}
        else:  # another function says it, of which the cases come later
            found |= {name: [] for name in names}
    assert all(name in found for name in ("Explored", "HuntsDone", "ExploitsRemembered"))
    others = functions["_other_facts"]
    for test in [n for n in ast.walk(others) if isinstance(n, ast.If)]:
        (name,) = [n.attr for n in ast.walk(test.test) if isinstance(n, ast.Attribute)]
        found[name] = keys_of(next(n for n in test.body if isinstance(n, ast.Return)).value)
    found["Audited"] = keys_of(next(n for n in others.body if isinstance(n, ast.Return)).value)
    return found


def said_lines() -> list[tuple[str, str, list[str]]]:
    """Kind, command and fields of each `say_line`, where the fields are written out; elsewhere those of who makes them."""
    elsewhere = {"CandidateView": [f.name for f in dataclasses.fields(CandidateView)], "ModelCheck": [], "Doctor": [],
                 "RunListed": ["run", "task", "state", "winner", "success", "trainings", "cost", "rate"],
                 "Error": ["code", "exit_code", "message", "way_out"]}  # fmt: skip
    found: list[tuple[str, str, list[str]]] = []
    for path in sorted((ROOT / "autoreward" / "cli").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        made = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        for call in [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "say_line"]:
            kind, facts = call.args
            if not isinstance(kind, ast.Constant):
                continue
            if kind.value in elsewhere:
                fields = elsewhere[kind.value]
            elif isinstance(facts, ast.Dict):
                fields = keys_of(facts)
            else:
                assert isinstance(facts, ast.Call)
                maker = made[facts.func.id]  # type: ignore[attr-defined]
                fields = keys_of(next(n for n in ast.walk(maker) if isinstance(n, ast.Return)).value)
            found.append((kind.value, "every command" if path.stem == "__init__" else path.stem, fields))
    return found


def test_nothing_goes_away_within_a_form() -> None:
    """A script that was written for a form reads what it prints: a field that goes takes a new form."""
    there = {f"{kind}.{field}" for kind, fields in record_shapes().items() for field in fields}
    there |= {f"{kind}.{field}" for kind, _, fields in said_lines() for field in fields}
    there |= {f"{kind}.{field}" for kind, fields in told_events().items() for field in fields}
    promised = ROOT / "tests" / "golden" / f"json_form_{FORM}.txt"
    gone = set(promised.read_text(encoding="utf-8").split()) - there
    assert not gone, "raise FORM in core/lines.py, and say so in CHANGELOG.md"
    text = "".join(f"{name}\n" for name in sorted(there))
    assert text == kept(promised, text), "what is new is promised from now on"


def test_the_json_page_is_what_the_code_says() -> None:
    text = json_page()
    assert text == kept(ROOT / "docs" / "json.md", text)
    assert {kind.__name__ for kind in get_args(events.Event)} == set(told_events())
