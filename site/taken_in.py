"""A hook of MkDocs: pages and pictures from outside of docs/ that its pages lead to, and links as they are on the site.

In the repository a link is a path from the file that it is in, which is right there and in an editor. On the site the README is
the first page, and what others lead to has a name of its own. A link to what the site does not have is left as it is, and so
ends a strict build.
"""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
TAKEN_IN = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "envs/README.md": "tasks.md",
    "examples/quickstart.ipynb": "quickstart.md",
    "runs/README.md": "run-folder.md",
}
"""Pages from outside of docs/: in the repository, and on the site."""
STYLES = "site.css"
PICTURES = (".png", ".svg", ".webp")
_CODE_OR_LINK = re.compile(r"^ *```.*?^ *```|`[^`]*`|(?<=\]\()[^)\s]+(?=\))", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take in the pages, the pictures that any page shows, and the styles."""
    files.append(File.generated(config, STYLES, abs_src_path=str(Path(__file__).with_name(STYLES))))
    for source, name in TAKEN_IN.items():
        if source.endswith(".ipynb"):
            files.append(
                File.generated(config, name, content=notebook_page((ROOT / source).read_text(encoding="utf-8")))
            )
        else:
            files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    pages = list(files.documentation_pages())
    shown = {in_repository(page.src_uri, link) for page in pages for link in links(page.content_string)}
    for source in sorted(shown):
        if source.endswith(PICTURES) and not source.startswith("docs/") and (ROOT / source).is_file():
            files.append(File.generated(config, source, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with its links as the site has them."""
    return _CODE_OR_LINK.sub(lambda found: as_linked(page.file.src_uri, found[0]), markdown)


def links(markdown: str) -> list[str]:
    """What a page links to; code is no link."""
    return [found[0] for found in _CODE_OR_LINK.finditer(markdown) if not found[0].lstrip().startswith("`")]


def as_linked(page: str, link: str) -> str:
    """A link of a page as it is on the site, from there; code, and what leads elsewhere, as it is."""
    path, mark, anchor = link.partition("#")
    if not path or "`" in link or ":" in path:
        return link
    source = in_repository(page, path)
    name = TAKEN_IN.get(source, source.removeprefix("docs/"))
    return posixpath.relpath(name, posixpath.dirname(page) or ".") + mark + anchor


def in_repository(page: str, link: str) -> str:
    """Where a link of a page leads, as a path from the repository's root."""
    source = next((source for source, name in TAKEN_IN.items() if name == page), f"docs/{page}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def notebook_page(text: str) -> str:
    """A notebook as Markdown: its text, its code, and what the code printed and drew."""
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    return "\n\n".join(part for cell in cells for part in _cell(cell)) + "\n"


def _cell(cell: dict[str, Any]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    return [f"```python\n{source}\n```", *map(_output, cell["outputs"])]


def _output(output: dict[str, Any]) -> str:
    """The richest form of it that a page can show."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            drawn = re.sub(
                r"\n(?=[ \t]*\n)", "&#10;", "".join(data[kind])
            )  # a block of HTML would end at an empty line
            return f'<div class="output">{drawn}</div>'
    return f"```text\n{''.join(data['text/plain']).rstrip()}\n```"
