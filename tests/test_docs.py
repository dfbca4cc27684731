"""The pages that people read: what they point at is there."""

import ast
import dataclasses
import inspect
import re
import shlex
import types
from pathlib import Path
from typing import get_args

import pytest
from kept import kept
from typer.main import get_command

import autoreward
from autoreward import errors, events
from autoreward.cli import app
from autoreward.core.lines import FORM
from autoreward.errors import AutorewardError
from autoreward.records import Audit, EnvCheck, Paired, Plan, Record, Run, SuccessAudit, Verdict
from autoreward.report.reading import CandidateView
from autoreward.tasks.card import Task

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT)) for where in ("*.md", "docs/*.md", "*/README.md") for path in ROOT.glob(where)
)


def links(text: str) -> list[str]:
    """Targets of links and pictures, without those that lead to the web; code is no link."""
    plain = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", plain)
    return [target for target in targets if not target.startswith(("http:", "https:", "mailto:"))]


def anchors(text: str) -> set[str]:
    """The names that headings can be linked by."""
    heads = re.findall(r"^#+ +(.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page} links to {link}"


def test_links_are_found() -> None:
    text = "[models\nand money](docs/models.md) ![x](loop.svg) [web](https://a.b) `a[0](b)` [here](#how)\n## How"
    assert links(text) == ["docs/models.md", "loop.svg", "#how"]
    assert anchors("## What it `does`, now") == {"what-it-does-now"}


def test_files_that_the_pages_name_are_there() -> None:
    """Paths in code marks that look like ours: `autoreward/...`, `tests/...`, `benchmarks/...`, `docs/...`, `examples/...`."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        named = re.findall(r"`((?:autoreward|tests|benchmarks|docs|envs|examples|prompts)/[\w./-]+)`", text)
        missing = [name for name in named if not (ROOT / name).exists()]
        assert not missing, f"{page} names {missing}"


def commands(text: str) -> list[list[str]]:
    """Every autoreward command in a code block or in code marks, as words; `[...]` of a usage line is left out."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [part for block in blocks for line in block.splitlines() for part in re.split(r";\s*(?=autoreward)", line)]
    plain = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += re.findall(r"`(autoreward [^`]*)`", plain)
    matches = (re.search(r"(?:^|/|\s)(?<!import )autoreward (.*)", line.partition("#")[0]) for line in lines)
    return [shlex.split(match[1]) for match in matches if match and "[OPTIONS]" not in match[1]]


@pytest.mark.parametrize("page", PAGES)
def test_commands_on_the_pages_exist(page: str) -> None:
    """Their names and options, that is; what they do has tests of its own."""
    known = get_command(app).commands  # type: ignore[attr-defined]
    for words in commands((ROOT / page).read_text(encoding="utf-8")):
        name = words[0].strip(",.:") if words else ""
        if name.startswith("-"):
            continue
        assert name in known, f"{page}: autoreward {' '.join(words)}"
        options = {
            option for parameter in known[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        unknown = [w for w in words[1:] if w.startswith("--") and w.partition("=")[0] not in {*options, "--help"}]
        assert not unknown, f"{page}: autoreward {' '.join(words)}"


def test_commands_are_found() -> None:
    text = "`autoreward run TASK --x`\n```sh\nautoreward runs; autoreward compare A B  # two\n./v/bin/autoreward doctor\n```"
    assert commands(text) == [["runs"], ["compare", "A", "B"], ["doctor"], ["run", "TASK", "--x"]]


def test_the_map_of_the_code_is_whole() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(\w+(?:\.py|/))", text.split("```")[1]))
    package = ROOT / "autoreward"
    modules = {path.name for path in package.glob("*.py") if not path.stem.startswith("_")}
    rooms = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert modules | rooms <= named
    assert not [name for name in named if not any(package.rglob(name.rstrip("/"))) and not (ROOT / name).exists()]


LISTINGS = {str(path.parent.relative_to(ROOT)): path for path in sorted((ROOT / "autoreward").rglob("__init__.py"))}


def listed(docstring: str) -> list[str]:
    """The modules and folders that a package's docstring lists: names at the beginning of a line, two spaces apart."""
    heads = re.findall(r"^((?:\w+(?:\.py|/)  +)+)\S", docstring, flags=re.MULTILINE)
    return [name for head in heads for name in head.split()]


@pytest.mark.parametrize("package", LISTINGS)
def test_a_package_that_lists_its_modules_lists_all_of_them(package: str) -> None:
    folder = LISTINGS[package].parent
    named = listed(ast.get_docstring(ast.parse(LISTINGS[package].read_text(encoding="utf-8"))) or "")
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    rooms = [f"{path.parent.name}/" for path in folder.glob("*/__init__.py")]
    assert not named or sorted(named) == sorted([*modules, *rooms])


def test_listed_modules_are_found() -> None:
    text = "A room.\n\ngate.py  rules.py    what\nkernel/       child\nsee lock.py  there\n"
    assert listed(text) == ["gate.py", "rules.py", "kernel/"]


def api_page() -> str:
    """docs/api.md: what `import autoreward` gives, from signatures and docstrings."""
    head = "Made of the docstrings of `autoreward/api.py` by `make pages`."
    parts = [f"# Python\n\n{head}\n\n```python\nimport autoreward as ar\n```\n"]
    for name in autoreward.__all__:
        thing = getattr(autoreward, name)
        about = inspect.getdoc(thing) or ""
        if inspect.isfunction(thing):
            signature = inspect.getsource(thing).removeprefix("def ").partition(':\n    """')[0]
            parts.append(f"## {name}\n\n```python\n{signature}\n```\n\n```text\n{about}\n```\n")
        elif inspect.isclass(thing):
            members = [f"- `{member}`: {line}" for member, line in sorted(documented(thing).items())]
            parts.append("\n".join([f"## {name}\n\n{about.splitlines()[0]}\n", *members]).rstrip() + "\n")
    return "\n".join(parts)


def documented(thing: type) -> dict[str, str]:
    """The public methods and properties of a class, each with the first line of what it says of itself."""
    members = {
        name: inspect.getdoc(value) or ""
        for name, value in vars(thing).items()
        if not name.startswith("_") and isinstance(value, types.FunctionType | property | classmethod)
    }
    return {name: about.splitlines()[0] for name, about in members.items() if about}


def test_the_api_page_is_what_the_code_says() -> None:
    text = api_page()
    assert text == kept(ROOT / "docs" / "api.md", text)


def test_what_is_public_says_what_it_takes_and_raises() -> None:
    for name in autoreward.__all__:
        thing = getattr(autoreward, name)
        if inspect.isfunction(thing) and name != "load":
            about = inspect.getdoc(thing) or ""
            assert "Args:" in about, name
            assert "Raises:" in about, name
            assert [p for p in inspect.signature(thing).parameters if f"{p}:" not in about] == [], name


RECORDS: tuple[tuple[str, type[Record]], ...] = (
    ("check", Verdict), ("score", Paired), ("audit", SuccessAudit), ("tasks --check", Audit),
    ("tasks NAME", Task), ("show", Run), ("run --dry-run", Plan), ("doctor --env", EnvCheck),
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
    codes = sorted({(c.exit_code, c.__name__, c.way_out) for c in every_error()})
    errors = [f"| {code} | `{name}` | {way_out.replace('|', '')} |" for code, name, way_out in codes]
    return JSON_HEAD.format(form=FORM) + "\n".join(table) + JSON_ERRORS + "\n".join(errors) + "\n"


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
JSON_ERRORS = """

An error is an object on standard output, too, beside its sentence on standard error: `code`, `exit_code`, `message`, and
`way_out`, a list of the settings and commands that the message names, as they are written on a command line; where it names
none, what is done about such errors.

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
    functions = functions_of("report", "phrases.py")
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
                 "RunListed": ["run", "task", "state", "winner", "success", "trainings", "cost"],
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


def test_the_json_page_is_what_the_code_says() -> None:
    text = json_page()
    assert text == kept(ROOT / "docs" / "json.md", text)
    assert {kind.__name__ for kind in get_args(events.Event)} == set(told_events())
