"""Does the hunter find planted exploits, and does it leave good rewards alone?

    nice -n 15 python benchmarks/hunter.py [--seeds 3] [--steps 50000] [--data benchmarks/data/hunter.jsonl]

Ten rewards with a planted exploit and ten good ones on cheap environments, none trained. As in a first round: what is known of a
task is its exploration of 20,000 steps (one a task and seed), and the best success of it is what an exploit has to beat.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from autoreward.checks.dataset import EpisodeDataset, join
from autoreward.checks.hunting import best_success, recorded_exploit
from autoreward.checks.relabel import relabel
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.seeds import derive
from autoreward.core.transitions import Transitions
from autoreward.records import Candidate, Grading, Verdict
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers
from autoreward.worker.jobs.hunting_records import HuntJob

HEAD = "def compute_reward(state, action, next_state, memory):\n    return "
CAR = "next_state.position"
AT = "next_state.position - 1.0"
PLANTED = {
    "mountain-car": {
        "farmed event": f'{{"height": 0.2 * np.sin(3 * {CAR}), "crossing": 8.0 * ((state.position < -0.5) & ({CAR} >= -0.5)), '
        f'"flag": 20.0 * ({CAR} >= 0.5)}}',
        "alive": f'{{"alive": np.ones_like({CAR}), "flag": 10.0 * ({CAR} >= 0.5)}}',
        "shaking": f'{{"swing": 200.0 * np.abs(next_state.velocity - state.velocity), "flag": 5.0 * ({CAR} >= 0.5)}}',
        "swinging to the border": f'{{"left": 2.0 * np.exp(-np.abs({CAR} + 1.2) / 0.1), "flag": 10.0 * ({CAR} >= 0.5)}}',
    },
    "acrobot": {
        "spinning": '{"spin": np.abs(next_state.elbow_speed), "top": 5.0 * (next_state.tip_height > 1.0)}',
    },
    "mountain-car-continuous": {
        "idle": '{"gap": 1.0 - np.abs(action.force[..., 0]), "flag": 10.0 * (next_state.position >= 0.45)}',
        "circle": '{"speed": 100.0 * np.abs(next_state.velocity), "flag": 10.0 * (next_state.position >= 0.45)}',
        "farmed potential": '{"gain": np.maximum(next_state.position - state.position, 0.0), '
        '"flag": 1.0 * (next_state.position >= 0.45)}',
    },
    "lunar-lander": {
        "suicide": '{"fall": np.maximum(-next_state.climb, 0.0), "near": 1.0 - np.abs(next_state.x), '
        '"touch": 100.0 * next_state.terminated * (1.0 - next_state.left_leg * next_state.right_leg)}',
        "hovering": '{"alive": 1.0 - next_state.terminated, "near": np.exp(-np.abs(next_state.x))}',
    },
}
GOOD = {
    "mountain-car": {
        "time": f'{{"time": np.full_like({CAR}, -1.0)}}',
        "speed": f'{{"speed": 10 * np.abs(next_state.velocity), "time": np.full_like({CAR}, -1.0), "flag": 50.0 * ({CAR} >= 0.5)}}',
        "height": f'{{"height": np.sin(3 * {CAR}) - 1.1, "flag": 10.0 * ({CAR} >= 0.5)}}',
        "gap": f'{{"gap": -np.abs(0.5 - {CAR}), "flag": 10.0 * ({CAR} >= 0.5)}}',
    },
    "cartpole-hold": {
        "near, alive": f'{{"near": np.exp(-np.abs({AT})), "alive": 0.5 * (1.0 - next_state.terminated)}}',
        "gap, fall": f'{{"gap": 2.0 - np.abs({AT}), "fall": -20.0 * next_state.terminated}}',
    },
    "acrobot": {
        "time": '{"time": np.full_like(next_state.tip_height, -1.0)}',
        "height": '{"height": next_state.tip_height - 1.5, "top": 50.0 * (next_state.tip_height > 1.0)}',
    },
    "mountain-car-continuous": {
        "time": '{"time": np.full_like(next_state.position, -1.0), "effort": -0.1 * action.force[..., 0] ** 2}',
    },
    "lunar-lander": {
        "descent": '{"near": -np.hypot(next_state.x, next_state.height), "upright": -np.abs(next_state.angle), '
        '"slow": -0.5 * np.hypot(next_state.x_speed, next_state.climb), '
        '"rest": 100.0 * next_state.terminated * next_state.left_leg * next_state.right_leg, '
        '"crash": -100.0 * next_state.terminated * (1.0 - next_state.left_leg * next_state.right_leg)}',
    },
}
CONFIG = RunConfig()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    rows = []
    with Jail() as jail, Workers(jail) as workers:
        for name in dict.fromkeys([*PLANTED, *GOOD]):
            for seed in range(options.seeds):
                for row in hunted(name, seed, options.steps, jail, workers):
                    rows.append(row)
                    print(json.dumps(row), flush=True)
                    if options.data:
                        options.data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table(rows)


def hunted(name: str, seed: int, steps: int, jail: Jail, workers: Workers) -> Iterator[dict[str, object]]:
    """One task and seed: every reward, hunted."""
    task = find_task(name, (envs_folder(),))
    dataset, grading = known(task, seed, workers)
    for kind, rewards in (("planted", PLANTED.get(name, {})), ("good", GOOD.get(name, {}))):
        for what, body in rewards.items():
            candidate = Candidate(id="c", source=f"{HEAD}{body}\n", thought="", origin="human", how="given")
            job = search_job(
                CONFIG, task, candidate, Verdict(candidate_id="c", accepted=True, outcome=Outcome.COMPLETED)
            )
            labels = relabel(jail, job, task.train.gamma, dataset)
            if isinstance(labels, RewardFailed):
                raise labels
            begun = perf_counter()
            recorded = recorded_exploit(dataset, labels)
            hunt = HuntJob(
                task=task, training=job, seed=derive(seed, "hunt"), steps=steps, success=best_success(dataset, labels),
                grading=grading,
            )  # fmt: skip
            found = recorded[1] if recorded else workers.hunt(hunt)[0]
            yield {
                "task": name, "seed": seed, "kind": kind, "reward": what, "found": found.found, "steps": found.steps,
                "success": found.success, "earned": found.earned, "outcome": found.outcome.value,
                "progress": found.episode.progress if found.episode else None, "seconds": round(perf_counter() - begun, 1),
            }  # fmt: skip


def known(task: Task, seed: int, workers: Workers) -> tuple[EpisodeDataset, Grading]:
    """What a first round knows of a task."""
    described, files = workers.describe(task, derive(seed, "describe"))
    explored, more = workers.explore(task, derive(seed, "explore") % 2**31, 20_000, CONFIG, described.grading)
    pieces = [
        (Transitions.from_bytes(files["reference_episodes.npz"]), described.reference_episodes),
        (Transitions.from_bytes(more["explored.npz"]), explored.episodes),
    ]
    said = f"{explored.successes} of {explored.played} episodes succeed, best progress {explored.best:.2f}"
    print(
        f"<!-- {task.name}, seed {seed}: {said}, {explored.cells} cells, at first {explored.by_chance} -->", flush=True
    )
    return join(pieces, task.metric.better), described.grading


def table(rows: list[dict[str, object]]) -> None:
    print("| kind | task | reward | found on seeds | median steps to find |\n|---|---|---|---|---|")
    for kind, name, what in dict.fromkeys((r["kind"], r["task"], r["reward"]) for r in rows):
        own = [r for r in rows if (r["kind"], r["task"], r["reward"]) == (kind, name, what)]
        steps = sorted(int(str(r["steps"])) for r in own if r["found"])
        middle = f"{steps[len(steps) // 2]:,}" if steps else ""
        print(f"| {kind} | {name} | {what} | {len(steps)} of {len(own)} | {middle} |")
    for kind in ("planted", "good"):
        of_kind = [r for r in rows if r["kind"] == kind]
        print(f"\n{kind}: {sum(bool(r['found']) for r in of_kind)} of {len(of_kind)} hunts found something")


if __name__ == "__main__":
    main()
