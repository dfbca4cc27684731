"""Whole runs with all roles on servers that are slow, small or still loading: local ones that answer from a script.

    python benchmarks/servers.py [--only slow,small,loading] [--seconds 310] [--tokens 8000] [--loading 180]

`slow` says nothing for 310 s and then answers; `small` holds 8,000 tokens (3.2 characters each) and refuses what is longer in
vLLM's words; `loading` answers 503 for the first 180 s, as llama.cpp does. Each is asked by `autoreward run mountain-car` with two
rounds of four programs: designer, a repair, critic, rework. `small` and `loading` write programs that teach to stand still, so that
an analyzer is asked and a second round is played; those of `slow` reach the goal in the first. No wait is shortened.

A row a server: how the run ended (0: it finished), questions that were answered, those of each role, further portions of a
question among them, refusals, calls that failed, minutes.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fake_provider import Answer, provider  # noqa: E402

CHARACTERS = 3.2
LINES = 24
"""Of comments in each program, so that four of them are long."""
Said = Callable[[dict[str, Any]], Answer | None]


def program(number: int, still: bool) -> str:
    about = "".join(
        f"    # line {n} of what program {number} is for, which a reader would like to know\n" for n in range(LINES)
    )
    height, still_part = f"{number + 1}.0 * next_state.position", f"-{number + 1}.0 * np.abs(next_state.velocity)"
    return (
        'def compute_reward(state, action, next_state, memory):\n    """One part."""\n'
        f'{about}    return {{"one": {still_part if still else height}}}\n'
    )


def answer(text: str, still: bool) -> object:
    """Something of every program that a question is about; the designer's last program needs a repair."""
    shown = re.findall(r"^# (r\d+c\d+)", text, re.MULTILINE)
    if "review reward functions" in text:
        remark = {"line": 3, "severity": "serious", "reason": "it pays for height alone", "fix": "pay for arriving"}
        return {"remarks": [{"id": identity, **remark} for identity in shown]}
    if "A reader objects" in text or "This program can't be used" in text:
        return {"revisions": [{"id": identity, "source": program(10 + n, still)} for n, identity in enumerate(shown)]}
    if '{"missing": [' in text:
        return {"missing": []}
    if '{"causes": [' in text:
        identity = re.findall(r'"id": "(\w+)"', text)[-1]
        episode = re.findall(r"^Episode `(\w+)`", text, re.MULTILINE)[0]
        cause = {"cause": "it swings too little", "episode": episode, "steps": [1], "suggestion": "pay for speed"}
        return {"causes": [{"id": identity, **cause}], "wants": []}
    sources = [program(0, still), program(1, still), program(2, still), "import os\n" + program(3, still)]
    return {"ideas": [{"plan": "", "thought": "up", "parent": "", "composition": "sum", "source": s} for s in sources]}


def answered(asked: dict[str, Any], still: bool = True, sleep: float = 0.0) -> Answer:
    return Answer(json.dumps(answer(asked["messages"][-1]["content"], still)), sleep=sleep)


def slow(seconds: float) -> Said:
    return lambda asked: answered(asked, still=False, sleep=seconds)


def small(held: int) -> Said:
    def said(asked: dict[str, Any]) -> Answer:
        sent = int(sum(len(message["content"]) for message in asked["messages"]) / CHARACTERS)
        wanted = asked["max_tokens"]
        if sent + wanted <= held:
            return answered(asked)
        words = (
            f"This model's maximum context length is {held} tokens. However, you requested {sent + wanted} tokens ({sent} in the "
            f"messages, {wanted} in the completion). Please reduce the length of the messages or completion."
        )
        return Answer(words, status=400)

    return said


def loading(seconds: float) -> Said:
    begun: list[float] = []

    def said(asked: dict[str, Any]) -> Answer:
        begun.append(time.monotonic())
        return Answer("Loading model", status=503) if begun[-1] - begun[0] < seconds else answered(asked)

    return said


def run(name: str, said: Said, folder: Path) -> str:
    """The row of one server."""
    began, refused = time.monotonic(), 0

    def decide(asked: dict[str, Any]) -> Answer | None:
        nonlocal refused
        what = said(asked)
        refused += what is not None and what.status != 200
        return what

    with provider(Answer()) as server:
        server.decide = decide
        command = [
            sys.executable, "-m", "autoreward", "run", "mountain-car", "--model", f"openai+{server.url}/v1:{name}",
            "--rounds", "2", "--candidates", "4", "--steps", "4000", "--finalist-seeds", "0", "--confirm-seeds", "0",
            "--target", "1", "--episodes", "5", "--runs", str(folder), "--name", name,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return row(name, done.returncode, folder / name / "replies", refused, (time.monotonic() - began) / 60)


def row(name: str, ended: int, replies: Path, refused: int, minutes: float) -> str:
    keys = [path.stem for path in replies.glob("*.json")]
    failed = [key for key in keys if ".failed-" in key]
    told = [key for key in keys if key not in failed]
    roles = [sum(f"-{role}" in key for key in told) for role in ("designer", "repair", "critic", "rework", "analyzer")]
    cells = [
        name,
        ended,
        len(told),
        *roles,
        sum("-portion-" in key for key in told),
        refused,
        len(failed),
        f"{minutes:.1f}",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = "| server | ended | answered | designer | repair | critic | rework | analyzer | portions | refused | failed | minutes |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="small,loading,slow")
    parser.add_argument("--seconds", type=float, default=310.0)
    parser.add_argument("--tokens", type=int, default=8_000)
    parser.add_argument("--loading", type=float, default=180.0)
    options = parser.parse_args()
    servers = {"small": small(options.tokens), "loading": loading(options.loading), "slow": slow(options.seconds)}
    print(f"{HEAD}\n{'|---' * HEAD.count(' |')}|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only.split(","):
            print(run(name, servers[name], Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
