"""How many shapes of a designer's reply are read whole, by the product and by libraries for lenient JSON.

    python benchmarks/reader.py [--missed]

The shapes are those of `tests/reply_shapes.py`: 41 that a study of real models and servers found, and the project's own. A shape
is read if every whole program in it comes back with its source, and no other one; of a shape without any, nothing may come back.

Libraries are given the best chance that does not need the product's reader: the whole text, then its first fenced block, then what
stands from the first brace on; what any of the three yields counts, and whatever has a text called `source`, at any depth, is a
program. They know no programs in fences, which the column of shapes with JSON leaves out. json5 and partial-json-parser are no
packages of the project's: `pip install json5 partial-json-parser` adds their rows.
"""

import argparse
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from reply_shapes import FIRST, OWN, SECOND, STUDY, Shape

from autoreward.llm.parsing import Unusable
from autoreward.llm.types import Reply
from autoreward.roles.ideas import read_ideas

LIBRARIES = (("json-repair", "json_repair"), ("json5", "json5"), ("partial-json-parser", "partial_json_parser"))
Sources = Callable[[Shape], list[str]]


def of_product(shape: Shape) -> list[str]:
    try:
        return [idea.source for idea in read_ideas(Reply(text=shape.text, model="m", finish=shape.finish), []).ideas]  # type: ignore[arg-type]
    except Unusable:
        return []


def of_library(loads: Callable[[str], Any]) -> Sources:
    def sources(shape: Shape) -> list[str]:
        fence = re.search(r"(?:```|~~~)\w*\n(.*?)(?:```|~~~|\Z)", shape.text, re.DOTALL)
        brace = shape.text.find("{")
        for text in (shape.text, fence[1] if fence else "", shape.text[brace:] if brace >= 0 else ""):
            try:
                found = list(programs(loads(text)))
            except Exception:  # whatever a library raises, it has not read it
                found = []
            if found:
                return found
        return []

    return sources


def programs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("source"), str):
            yield value["source"]
        else:
            value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from programs(each)


def is_read(shape: Shape, sources: Sequence[str]) -> bool:
    """Quotes aside, which some shapes change."""
    if len(sources) != shape.whole:
        return False
    return all(w.replace("'", '"') in s.replace("'", '"') for s, w in zip(sources, (FIRST, SECOND), strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missed", action="store_true", help="Also name the shapes that each does not read.")
    options = parser.parse_args()
    readers: dict[str, Sources] = {"autoreward": of_product, "json, of Python": of_library(json.loads)}
    for package, module in LIBRARIES:
        try:
            readers[f"{package} {metadata.version(package)}"] = of_library(importlib.import_module(module).loads)
        except ImportError:
            print(f"({package} is not installed)")
    with_json = [shape for shape in (*STUDY, *OWN) if "source" in shape.text]
    print(
        f"| reader | {len(STUDY)} of the study | {len(OWN)} more | {len(with_json)} shapes with JSON |\n|---|---|---|---|"
    )
    for name, sources in readers.items():
        missed = [[s.name for s in some if not is_read(s, sources(s))] for some in (STUDY, OWN, with_json)]
        counts = [len(some) - len(m) for some, m in zip((STUDY, OWN, with_json), missed, strict=True)]
        print(f"| {name} | {' | '.join(map(str, counts))} |")
        if options.missed:
            print("\n".join(f"  {shape}" for shape in (*missed[0], *missed[1])))


if __name__ == "__main__":
    main()
