"""The documentation as a site: what it takes in, how its links lead, and that it is built strictly."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_architecture import by_path

ROOT = Path(__file__).parent.parent
hook = by_path("taken_in", ROOT / "site" / "taken_in.py")


def test_links_lead_from_page_to_page_of_the_site() -> None:
    assert hook.as_linked("concepts.md", "../envs/README.md#stages") == "tasks.md#stages"
    assert hook.as_linked("tasks.md", "../docs/concepts.md") == "concepts.md"
    assert hook.as_linked("index.md", "examples/uphill/film.webp") == "examples/uphill/film.webp"
    assert hook.as_linked("quickstart.md", "../README.md") == "index.md"
    assert hook.as_linked("view.md", "view.png") == "view.png"
    for elsewhere in ("https://a.b/c.md", "#here", "`a](b.md)`"):
        assert hook.as_linked("view.md", elsewhere) == elsewhere
    assert hook.as_linked("concepts.md", "../autoreward/loop.py") == "autoreward/loop.py", (
        "which the site does not have"
    )


def test_code_is_no_link() -> None:
    assert hook.links("[a](b.md) `x[0](c.md)`\n```\n[d](e.md)\n```\n![f](g.png)") == ["b.md", "g.png"]


def test_a_notebook_is_a_page() -> None:
    def code(text: str, *outputs: dict[str, object]) -> dict[str, object]:
        return {"cell_type": "code", "source": [text], "outputs": outputs}

    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        code("f()", {"output_type": "stream", "text": ["said\n"]}),
        code("g()", {"data": {"text/plain": ["plain"], "text/html": ["<p>rich</p>\n", "\n", "<p>more</p>"]}}),
    ]
    assert hook.notebook_page(json.dumps({"cells": cells})) == (
        "# Title\ntext\n\n```python\nf()\n```\n\n```text\nsaid\n```\n\n"
        '```python\ng()\n```\n\n<div class="output"><p>rich</p>&#10;\n<p>more</p></div>\n'
    )


def build(config: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "-f", config, "-d", target]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=quiet)


@pytest.mark.slow
def test_the_site_is_built_without_a_complaint_and_asks_no_other_server(tmp_path: Path) -> None:
    done = build(ROOT / "site" / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = {page.name: page.read_text(encoding="utf-8") for page in (tmp_path / "site").glob("*.html")}
    names = {path.name for path in (ROOT / "docs").glob("*.md")} | set(hook.TAKEN_IN.values())
    assert {name.replace(".md", ".html") for name in names} <= pages.keys()
    asked = re.compile(r'src="https?:|<link[^>]* href="https?:|@import')
    assert not [name for name, text in pages.items() if asked.search(text)]
    assert 'href="tasks.html#' in pages["start.html"] or 'href="tasks.html"' in pages["concepts.html"]
    assert "<h2" in pages["quickstart.html"]
    assert (tmp_path / "site" / "examples" / "uphill" / "film.webp").is_file()


@pytest.mark.slow
def test_what_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = tmp_path / "docs" / "start.md"
    wrong = "[a](nothing.md) [b](concepts.md#nothing) [c](../autoreward/loop.py)"
    page.write_text(f"{page.read_text(encoding='utf-8')}\n{wrong}\n", encoding="utf-8")
    (tmp_path / "docs" / "stray.md").write_text("# Stray\n", encoding="utf-8")
    settings, taken_in = ROOT / "site" / "mkdocs.yml", ROOT / "site" / "taken_in.py"
    config = tmp_path / "mkdocs.yml"
    config.write_text(f"INHERIT: {settings}\ndocs_dir: docs\nhooks: [{taken_in}]\n", encoding="utf-8")
    done = build(config, tmp_path / "site")
    assert done.returncode == 1
    for said in ("nothing.md", "concepts.md#nothing", "autoreward/loop.py", "stray.md", "4 warnings"):
        assert said in done.stderr + done.stdout
