"""Are hacks found, and is honest work left alone? Forty scripted cases of ten tasks, half of them hacks (`hack_cases.py`).

    nice -n 15 python benchmarks/hacks.py run [--seeds 3]       # the cases that benchmarks/data/hacks.jsonl lacks
    python benchmarks/hacks.py audit                            # the audit alone again, of all lines, where it changed
    python benchmarks/hacks.py table

Three detectors see each case as they see a run. Of the *audit of successes*: 20 held-out episodes of the policy and the
reference episodes of a `describe`; it finds something if a field departs or
if successes only pass through. Of *exploits the reward*: a made-up training, in
which the share of random actions falls from 1 to 0 over ten checkpoints, with its returns under the program and its scores. Of
the *hunter*: the program alone, after the exploration of a first round, and 50,000 steps. No reward is trained.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from hack_cases import CASES, Case
from hunter import CONFIG, known
from lines import DATA, Lines, commit

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.hunting import best_success, recorded_exploit
from autoreward.checks.relabel import relabel
from autoreward.core.outcomes import Outcome
from autoreward.core.seeds import derive
from autoreward.core.transitions import Transitions
from autoreward.evaluation.diagnose import untrained
from autoreward.evaluation.hacking import exploits_the_reward
from autoreward.evaluation.success_audit import Successes, audit_successes
from autoreward.records import (
    Candidate,
    CheckpointScore,
    CurvePoint,
    Description,
    Episode,
    Grading,
    Score,
    Trial,
    TrialJob,
    Verdict,
)
from autoreward.rewards.compose.episodes import lasting, over_episodes
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers
from autoreward.worker.envs import make
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import PolicyFunction, VectorEnv
from autoreward.worker.jobs.hunting_records import HuntJob
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes

Known = tuple[EpisodeDataset, Grading]
"""What a first round knows of a task."""
LINES = Lines(DATA / "hacks.jsonl")
CHECKPOINTS, POINTS, AT_ONCE, EPISODES = 10, 4, 5, 20
"""Of a made-up training: checkpoints, points of the return between two of them, and the episodes of a point and of a checkpoint."""
STEPS = 50_000
DETECTORS = {"exploits": "exploits the reward", "hunter": "hunter", "audit": "audit of successes"}
MEANT = {"exploits": "reward", "hunter": "reward", "audit": "rule"}
"""Which hacks a detector is for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("run", "audit", "table"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if options.do != "table":
        with Jail() as jail, Workers(jail) as workers:
            if options.do == "run":
                run(options.seeds, jail, workers)
            else:
                LINES.write([audited_again(line, workers) for line in LINES.read()])
    print(*table(LINES.read()), sep="\n")


def run(seeds: int, jail: Jail, workers: Workers) -> None:
    """A line for each case and seed that has none."""
    explored: dict[tuple[str, str, int], Known] = {}
    for case, seed in ((case, seed) for case in CASES for seed in range(seeds)):
        key = {"task": case.task, "kind": case.kind, "what": case.what, "seed": seed}
        if LINES.has(key):
            continue
        place = (case.task, case.rule, seed)
        explored[place] = explored.get(place) or known(case.card, seed, workers)
        LINES.add({**key, **judged(case, seed, explored[place], jail, workers), "commit": commit()})


def audited_again(line: Mapping[str, Any], workers: Workers) -> Mapping[str, Any]:
    """A line as it is, but for what the audit says now."""
    (case,) = (c for c in CASES if (c.task, c.kind, c.what) == (line["task"], line["kind"], line["what"]))
    venv = make.vectorised(case.card, 1, seed=line["seed"])
    try:
        described, files = workers.describe(case.card, derive(line["seed"], "describe"))
        again = {**line, **audited(case, venv, described, files, line["seed"]), "audit_commit": commit()}
    finally:
        venv.close()
    print(again, flush=True)
    return again


def judged(case: Case, seed: int, explored: Known, jail: Jail, workers: Workers) -> Mapping[str, Any]:
    """What each detector says of one case."""
    task = case.card
    described, files = workers.describe(task, derive(seed, "describe"))
    candidate = Candidate(id="c", source=case.source, thought="", origin="human", how="given")
    job = search_job(CONFIG, task, candidate, Verdict(candidate_id="c", accepted=True, outcome=Outcome.COMPLETED))
    venv = make.vectorised(task, 1, seed=seed)
    try:
        audit = audited(case, venv, described, files, seed)
        symptom = exploits_the_reward(*training(task, venv, case, described, job, jail, seed), untrained(described, ()))
    finally:
        venv.close()
    return {
        **audit,
        "exploits": symptom is not None,
        "hunter": hunted(task, seed, job, explored, jail, workers),
    }


def audited(
    case: Case, venv: VectorEnv, described: Description, files: Mapping[str, bytes], seed: int
) -> Mapping[str, Any]:
    """How well the policy does by the rule, and what the audit says of its successes."""
    played, episodes = plays(case.card, venv, case, described, [0.0] * EPISODES, 10_000 * (seed + 1))
    reference = Transitions.from_bytes(files["reference_episodes.npz"])
    won = tuple(episode.success for episode in episodes)
    audit = audit_successes(case.card, reference, described.reference_episodes, [Successes(played, won)])
    return {
        "success": sum(won) / len(won),
        "progress": round(float(np.mean([e.progress for e in episodes])), 3),
        "audit": bool(audit.sentences),
        "departures": [d.quantity for d in audit.departures],
        "passing": audit.passing,
    }


def plays(
    task: Task, venv: VectorEnv, case: Case, described: Description, random: Sequence[float], first: int
) -> tuple[Transitions, list[Episode]]:
    """An episode for each share of random actions, from successive seeds, as transitions and as the rule sees it."""
    played = [venv.play(mixed(case, venv, share, first + n), [first + n])[0] for n, share in enumerate(random)]
    view = PolicyView(task, venv.layout)
    spread = np.concatenate([view.of(episode.observations) for episode in played]).std(axis=0) + 1e-4
    return as_transitions(task, venv, played), evaluated_episodes(task, venv, played, spread, described.grading)


def mixed(case: Case, venv: VectorEnv, share: float, seed: int) -> PolicyFunction:
    """The case's policy, with that share of random actions."""
    random = np.random.default_rng(seed)
    venv.action_space.seed(seed)
    return lambda seen, _: [venv.action_space.sample() if random.random() < share else case.controller(seen[0])]


def training(
    task: Task, venv: VectorEnv, case: Case, described: Description, job: TrialJob, jail: Jail, seed: int
) -> tuple[Trial, Score]:
    """A training that comes to the case's policy by and by, as its records would be."""
    ends = np.linspace(1.0, 0.0, CHECKPOINTS)
    curve: list[CurvePoint] = []
    checkpoints: list[CheckpointScore] = []
    first = 1_000_000 * (seed + 1)
    for n, share in enumerate(ends):
        before = ends[n - 1] if n else 1.0
        for point in range(POINTS):
            step = 1_000 * n + 250 * (point + 1)
            now = before + (share - before) * (point + 1) / POINTS
            batch, shown = plays(task, venv, case, described, [now] * AT_ONCE, first + step)
            curve.append(
                CurvePoint(
                    step=step,
                    episode_return=float(np.mean(returns(batch, task, job, jail))),
                    episode_length=float(np.mean([e.length for e in shown])),
                )
            )
        _, scored = plays(task, venv, case, described, [float(share)] * EPISODES, first + 500_000 + 1_000 * n)
        checkpoints.append(
            CheckpointScore(
                step=1_000 * (n + 1),
                success=float(np.mean([e.success for e in scored])),
                progress=float(np.mean([e.progress for e in scored])),
                metric=None,
                length=float(np.mean([e.length for e in scored])),
            )
        )
    about: dict[str, Any] = {
        "candidate_id": "r000c0",
        "outcome": Outcome.COMPLETED,
        "seed": 0,
        "steps": 1_000 * CHECKPOINTS,
    }
    trial = Trial(id="r000c0-s0", curve=tuple(curve), **about)
    return trial, Score(trial_id="r000c0-s0", checkpoints=tuple(checkpoints), episodes=tuple(scored), **about)


def returns(batch: Transitions, task: Task, job: TrialJob, jail: Jail) -> Any:
    """What each episode earns under the case's program, (n,)."""
    with jail.open(job.source) as room:
        parts = room.client.evaluate(lasting(batch), job.uses_memory)
    return over_episodes(job, task.train.gamma, parts, batch).sum(axis=0)


def hunted(task: Task, seed: int, job: TrialJob, explored: Known, jail: Jail, workers: Workers) -> bool:
    """Whether a hunt of the program finds an exploit."""
    dataset, grading = explored
    labels = relabel(jail, job, task.train.gamma, dataset)
    if recorded_exploit(dataset, labels):
        return True
    hunt = HuntJob(
        task=task, training=job, seed=derive(seed, "hunt"), steps=STEPS, success=best_success(dataset, labels),
        grading=grading,
    )  # fmt: skip
    return workers.hunt(hunt)[0].found


def table(lines: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """The hacks that each detector finds, by kind, and the honest ones that it blames; then each case."""
    hacks, honest = [c for c in lines if c["kind"] != "honest"], [c for c in lines if c["kind"] == "honest"]
    yield "| detector | hacks of the reward found | of the rule | honest ones blamed | precision | recall | of its own kind |"
    yield "|---|---|---|---|---|---|---|"
    for name, columns in (*((told, (d,)) for d, told in DETECTORS.items()), ("any of them", tuple(DETECTORS))):
        kinds = [[c for c in hacks if c["kind"] == kind] for kind in ("reward", "rule")]
        found = [sum(any(c[d] for d in columns) for c in of_kind) for of_kind in kinds]
        blamed = sum(any(c[d] for d in columns) for c in honest)
        meant = {MEANT[d] for d in columns}
        own = [c for c in hacks if c["kind"] in meant]
        cells = (
            *(f"{f} of {len(k)}" for f, k in zip(found, kinds, strict=True)), f"{blamed} of {len(honest)}",
            percent(sum(found), sum(found) + blamed), percent(sum(found), len(hacks)),
            percent(sum(any(c[d] for d in columns) for c in own), len(own)),
        )  # fmt: skip
        yield f"| {name} | {' | '.join(cells)} |"
    yield "\n| task | policy | kind | success | exploits the reward | hunter | audit of successes |\n|---|---|---|---|---|---|---|"
    for task, kind, what in dict.fromkeys((c["task"], c["kind"], c["what"]) for c in lines):
        same = [c for c in lines if (c["task"], c["kind"], c["what"]) == (task, kind, what)]
        said = [f"{sum(c[d] for c in same)} of {len(same)}" for d in DETECTORS]
        fields = sorted({name for c in same for name in c["departures"]})
        fields += ["in passing"] * any(c["passing"] for c in same)
        said[-1] += f" ({', '.join(fields)})" if fields else ""
        yield f"| {task} | {what} | {kind} | {np.mean([c['success'] for c in same]):.2f} | {' | '.join(said)} |"


def percent(count: int, of: int) -> str:
    """As people read it; nothing where there is nothing."""
    return f"{count / of:.0%}" if of else ""


if __name__ == "__main__":
    main()
