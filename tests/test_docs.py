"""The pages that people read: what they point at is there."""

import ast
import functools
import inspect
import re
import shlex
import types
from pathlib import Path
from typing import Any

import pytest
from kept import kept
from typer.main import get_command

import autoreward
from autoreward.cli import app

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
    """docs/api.md: what `import autoreward` gives, from signatures and docstrings; functions, and then what they give."""
    head = "Made of the docstrings of `autoreward/api.py` by `make pages`."
    parts = [f"# Python\n\n{head}\n\n```python\nimport autoreward as ar\n```\n"]
    things = {name: getattr(autoreward, name) for name in autoreward.__all__}
    parts += [callable_text(f"## {name}", thing) for name, thing in things.items() if inspect.isfunction(thing)]
    for name, thing in things.items():
        if inspect.isclass(thing):
            values, methods = members(thing)
            lines = [f"- `{member}`: {(inspect.getdoc(value) or '').splitlines()[0]}" for member, value in values]
            first = (inspect.getdoc(thing) or "").splitlines()[0]
            parts.append("\n".join([f"## {name}\n\n{first}\n", *lines]).rstrip() + "\n")
            parts += [callable_text(f"### {name}.{member}", method) for member, method in methods]
    return "\n".join(parts)


def callable_text(head: str, function: Any) -> str:
    """A function's signature, as it is written, and what it says of itself."""
    source = inspect.getsource(function)
    signature = inspect.cleandoc(source[source.index("def ") + 4 :].partition('"""')[0].rstrip().removesuffix(":"))
    return f"{head}\n\n```python\n{signature}\n```\n\n```text\n{inspect.getdoc(function)}\n```\n"


def members(thing: type) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """The public properties of a class, and its methods; those that say nothing of themselves are left out."""
    own = [(n, v) for n, v in sorted(vars(thing).items()) if not n.startswith("_") and inspect.getdoc(v)]
    values = [(name, value) for name, value in own if isinstance(value, property | functools.cached_property)]
    return values, [(name, value) for name, value in own if isinstance(value, types.FunctionType)]


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
