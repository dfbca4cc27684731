"""The README's pictures, of a finished run: native and winner side by side, and what the search found for what it spent.

python benchmarks/pictures.py RUN [FOLDER]

Writes film.webp and search.svg into FOLDER (examples/uphill).
The film is that of `autoreward play RUN --side-by-side native winner`, smaller.
"""

import sys
from pathlib import Path

from autoreward.report.reading import read_run
from autoreward.report.search_curve import search_picture
from autoreward.session.play import WINNER, cast_both, filmed_roles

WIDTH = 300
"""Pixels of one policy's picture."""


def main() -> None:
    reading = read_run(Path(sys.argv[1]))
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "examples/uphill")
    roles = cast_both(reading, "native", WINNER)
    film = filmed_roles(reading, roles, width=WIDTH)
    print(film.sentence)
    saved = film.save(folder / "film.webp")
    curve = folder / "search.svg"
    curve.write_text(search_picture(reading), encoding="utf-8")
    for path in (saved, curve):
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
