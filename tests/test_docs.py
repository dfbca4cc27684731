"""The pages that people read: what they point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT)) for where in ("*.md", "docs/*.md", "*/README.md") for path in ROOT.glob(where)
)


def links(text: str) -> list[str]:
    """Targets of links and pictures, without those that lead to the web; code is no link."""
    plain = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", plain)
    return [target for target in found if not target.startswith(("http:", "https:", "mailto:"))]


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
