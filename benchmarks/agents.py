"""How long a coding agent waits for the tools of `autoreward mcp`, and how far the scores that it searches by flatter.

    python benchmarks/agents.py latency [--task mountain-car] [--calls 20] [--pause 0.0]
    python benchmarks/agents.py flattery [--sds 0.0,0.05,0.1] [--searches 2000]
    python benchmarks/agents.py recorded [--searches 2000]

`latency` starts a session and calls check, parts and rank over the SDK's own client in the same process, each time with a program
that was not seen before, and once more with the same: median, least and most of the wall-clock time, in milliseconds.
`--pause` waits so many seconds before each new program, as an agent that thinks does. Nothing is trained.

`flattery` trains nothing either: an agent tries programs whose true success rates spread by a standard deviation around 0.5, sees
each one's success in 20 held-out episodes on each of 3 training seeds, keeps the best that it has seen after 10, 50 and 200 looks,
and is confirmed on 5 fresh seeds. The difference of both numbers, on average over many such searches, is what it flatters by.

`recorded` trains nothing either, and nothing in it is made up: a strong model's programs for the hard tasks, of which two training
seeds are recorded (`benchmarks/hard.py`). A look is the held-out success of one program at one of the 16 checkpoints of one seed;
the best of so many looks at random is kept, and the same checkpoint of the other seed, which nobody looked at, is what confirms it.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import anyio
import numpy as np
from early_signal import trainings
from hard import TASKS
from mcp.client.client import Client
from numpy.typing import NDArray

from autoreward.core.resources import envs_folder
from autoreward.session.agent_session import AgentSession, open_session
from autoreward.session.agent_tools import agent_config
from autoreward.session.mcp_server import protocol_server
from autoreward.tasks.files import find_card, read_task

LOOKS = (10, 50, 200)
SEEDS, CONFIRMED, EPISODES = 3, 5, 20
PROGRAM = """def compute_reward(state, action, next_state, memory):
    height = next_state.position + {scale}
    return {{"height": np.tanh(height), "speed": {scale} * np.abs(next_state.velocity)}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("latency", "flattery", "recorded"))
    parser.add_argument("--task", default="mountain-car")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--sds", default="0.0,0.05,0.1")
    parser.add_argument("--searches", type=int, default=2000)
    options = parser.parse_args()
    if options.do == "latency":
        latency(options.task, options.calls, options.pause)
    elif options.do == "recorded":
        recorded(options.searches)
    else:
        flattery([float(sd) for sd in options.sds.split(",")], options.searches)


def latency(name: str, calls: int, pause: float) -> None:
    """Print a row a tool."""
    card = find_card(name, (envs_folder(),))
    task = read_task(card)
    config = agent_config(task, task.train.steps, 1, {})
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_session(task, config, Path(scratch) / "run", card, (envs_folder(),)) as session,
    ):
        asker = threading.Thread(target=anyio.run, args=(asked, session, calls, pause))
        asker.start()
        try:
            session.search(lambda event: None)
        except Exception as error:  # nothing was trained, which ends the run so
            print(f"(the session ended: {error})")
        asker.join()


async def asked(session: AgentSession, calls: int, pause: float) -> None:
    async with Client(protocol_server(session)) as client:
        while (await client.call_tool("stats", {"expression": "next_state.velocity"})).is_error:
            await anyio.sleep(1.0)
        print(
            "| tool | a new program: median | least | most | the same again: median | least | most |\n|---|---|---|---|---|---|---|"
        )
        for tool, more in {
            "check": {},
            "parts": {"composition": "sum", "episodes": []},
            "rank": {"composition": "sum"},
        }.items():
            times: dict[str, list[float]] = {"new": [], "again": []}
            for i in range(calls):
                await anyio.sleep(pause)
                program = PROGRAM.format(scale=0.5 + i / 100 + sum(map(ord, tool)) / 1_000_000)
                for kind in times:
                    begin = time.perf_counter()
                    answer = await client.call_tool(tool, {"program": program, **more})
                    times[kind].append(1000 * (time.perf_counter() - begin))
                    assert not answer.is_error, answer
            cells = [f"{f(times[kind]):.0f}" for kind in times for f in (median, min, max)]
            print(f"| {tool} | {' | '.join(cells)} |", flush=True)
    session.desk.leave()


def flattery(spreads: list[float], searches: int) -> None:
    """Print a row a spread."""
    print(f"| spread of the true success | {' | '.join(f'{n} looks' for n in LOOKS)} |\n|---|" + "---|" * len(LOOKS))
    rng = np.random.default_rng(0)
    for spread in spreads:
        cells = []
        for looks in LOOKS:
            truth = np.clip(rng.normal(0.5, spread, (searches, looks)), 0.0, 1.0)
            seen = rng.binomial(SEEDS * EPISODES, truth) / (SEEDS * EPISODES)
            best = seen.argmax(axis=1)
            rows = np.arange(searches)
            fresh = rng.binomial(CONFIRMED * EPISODES, truth[rows, best]) / (CONFIRMED * EPISODES)
            cells.append(
                f"{seen[rows, best].mean():.2f} - {fresh.mean():.2f} = {(seen[rows, best] - fresh).mean():.2f}"
            )
        print(f"| {spread:g} | {' | '.join(cells)} |")


def recorded(searches: int) -> None:
    """Print a row a hard task of which enough programs were trained on two seeds."""
    print(f"| task | programs | {' | '.join(f'{n} looks' for n in LOOKS)} |\n|---|---|" + "---|" * len(LOOKS))
    for name in TASKS:
        by_seed = {(t.program, t.seed): t.rates for t in trainings(name)}
        programs = sorted({p for p, _ in by_seed if {(p, 0), (p, 1)} <= by_seed.keys()})
        rates = np.array([[by_seed[p, seed] for p in programs] for seed in (0, 1)]).reshape(2, -1)
        if rates.shape[1] < max(LOOKS):
            continue
        cells = []
        for looks in LOOKS:
            seen, fresh = flattered(rates, looks, searches)
            cells.append(f"{seen:.2f} - {fresh:.2f} = {seen - fresh:.2f}")
        print(f"| {name} | {len(programs)} | {' | '.join(cells)} |")


def flattered(rates: NDArray[np.float64], looks: int, searches: int) -> tuple[float, float]:
    """The best of so many looks at one seed, and the same checkpoint on the other: means over searches, half of them each way.

    `rates`: (2, N), of both seeds; `looks`: at most N.
    """
    rng = np.random.default_rng(0)
    pairs = []
    for i in range(searches):
        shown, other = rates[:: 1 - 2 * (i % 2)]
        some = rng.choice(len(shown), looks, replace=False)
        best = some[shown[some].argmax()]
        pairs.append((shown[best], other[best]))
    seen, fresh = np.mean(pairs, axis=0)
    return float(seen), float(fresh)


if __name__ == "__main__":
    main()
