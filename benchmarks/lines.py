"""What benchmarks that train for hours share: a committed file, one line of JSON a training, and how they are asked to go on."""

import argparse
import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


class Lines:
    """A file of lines. What has one is not run again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Mapping[str, Any]]:
        """All lines, in their order; none without a file."""
        return [json.loads(line) for line in self._path.read_text().splitlines()] if self._path.exists() else []

    def has(self, key: Mapping[str, Any]) -> bool:
        """Whether a line says all that the key says."""
        return any(key.items() <= line.items() for line in self.read())

    def fill(self, keys: Iterable[Mapping[str, Any]], make: Callable[..., Mapping[str, Any]]) -> None:
        """A line for each key that has none: the commit, and what `make` says, called with the key's values in their order."""
        for key in keys:
            if not self.has(key):
                self.add({**key, "commit": commit(), **make(*key.values())})

    def write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """These lines in place of all that there are."""
        self._path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def add(self, line: Mapping[str, Any]) -> None:
        """One more, printed, too."""
        text = json.dumps(line)
        with self._path.open("a") as file:
            file.write(text + "\n")
        print(text, flush=True)


def commit() -> str:
    """Of the checkout; `+` where its code has changes: the lines that this adds are none."""

    def git(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *command], capture_output=True, text=True, check=False, cwd=DATA.parent.parent)

    changed = git("diff", "--quiet", "HEAD", "--", "autoreward", "benchmarks", ":!benchmarks/data").returncode
    return git("rev-parse", "--short", "HEAD").stdout.strip() + "+" * bool(changed)


def train_or_table(about: str, tasks: str, seeds: str) -> argparse.ArgumentParser:
    """The command line of such a benchmark: `train` or `table`, which tasks and seeds, and where the runs are."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("train", "table"))
    parser.add_argument("--tasks", default=tasks)
    parser.add_argument("--seeds", default=seeds)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    return parser
