"""What the screens do with 20 rewards that are known to be bad and 10 that are known to be good.

    python benchmarks/screens.py

Judged three times: by episodes of random and constant actions, by those that a first round has (also those of the exploration), and
by those that later rounds have (also those of one policy, trained with a good reward). An exploit that the hunt would find among
the recorded episodes, for no step, counts as demoted.
"""

from time import perf_counter

from autoreward.checks.dataset import EpisodeDataset, join
from autoreward.checks.hunting import recorded_exploit
from autoreward.checks.relabel import relabel
from autoreward.checks.screening import screen
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.seeds import derive, held_out
from autoreward.core.transitions import Transitions
from autoreward.records import Candidate, ReferenceEpisode, Verdict
from autoreward.report.hunting import exploration_line
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers

HEAD = "def compute_reward(state, action, next_state, memory):\n    x = next_state.position\n    return "
GOOD = {
    "mountain-car": [
        '{"time": np.full_like(x, -1.0)}',
        '{"speed": 10 * np.abs(next_state.velocity), "time": np.full_like(x, -1.0), "flag": 50.0 * (x >= 0.5)}',
        '{"height": np.sin(3 * x) - 1.1, "flag": 10.0 * (x >= 0.5)}',
        '{"energy": 300 * (0.5 * next_state.velocity**2 + 0.0025 * np.sin(3 * x) / 3 - 0.5 * state.velocity**2'
        ' - 0.0025 * np.sin(3 * state.position) / 3), "time": np.full_like(x, -0.1)}',
        '{"gap": -np.abs(0.5 - x), "flag": 10.0 * (x >= 0.5)}',
    ],
    "cartpole-hold": [
        '{"near": np.exp(-np.abs(x - 1.0)), "alive": 0.5 * (1.0 - next_state.terminated)}',
        '{"gap": 2.0 - np.abs(x - 1.0), "fall": -20.0 * next_state.terminated}',
        '{"near": 1.0 / (1.0 + (x - 1.0) ** 2), "upright": np.exp(-np.abs(next_state.angle) / 0.1)}',
        '{"alive": 1.0 - next_state.terminated, "gap": -0.3 * np.abs(x - 1.0), "slow": -0.05 * next_state.velocity**2}',
        '{"near": np.exp(-np.abs(x - 1.0) / 0.5) * np.exp(-np.abs(next_state.angle) / 0.2)}',
    ],
}
BAD = {
    "mountain-car": [
        '{"reversed": -x}',
        '{"slow": -np.abs(next_state.velocity)}',
        '{"alive": np.ones_like(x)}',
        '{"nothing": np.zeros_like(x)}',
        '{"crossing": 1.0 * ((state.position < -0.5) & (x >= -0.5))}',
        '{"alive": np.full_like(x, 1000.0), "flag": 1.0 * (x >= 0.5)}',
        '{"saturated": np.tanh(50 * (x + 2.0))}',
        '{"left": np.exp(-np.abs(x + 1.2))}',
        '{"valley": np.exp(-np.abs(x + 0.5) / 0.1)}',
        '{"coast": 1.0 * (action.push == 1)}',
    ],
    "cartpole-hold": [
        '{"gap": -5.0 * np.abs(x - 1.0)}',
        '{"away": np.abs(x - 1.0)}',
        '{"wrong_side": -np.abs(x + 1.0) + 2.5 - 5.0 * (x > 0.5)}',
        '{"swing": np.abs(next_state.angular_velocity) - 1.0}',
        '{"end": 100.0 * next_state.terminated}',
        '{"nothing": np.zeros_like(x)}',
        '{"alive": np.full_like(x, 1000.0), "near": np.exp(-np.abs(x - 1.0))}',
        '{"narrow": np.exp(-np.abs(x - 1.0) / 1e-4)}',
        '{"time": np.full_like(x, -1.0)}',
        '{"lean": np.abs(next_state.angle) / 0.2 - 1.0}',
    ],
}


def main() -> None:
    print("| task | reward | is | not explored | in the first round | later |\n|---|---|---|---|---|---|")
    counts = {(when, kind): [0, 0] for when in ("not explored", "first round", "later") for kind in ("good", "bad")}
    with Jail() as jail, Workers(jail) as workers:
        for name in GOOD:
            task = find_task(name, (envs_folder(),))
            datasets = recorded(task, workers, GOOD[name][1 if name == "mountain-car" else 0])
            for kind, bodies in (("good", GOOD[name]), ("bad", BAD[name])):
                for body in bodies:
                    said = []
                    for when, dataset in datasets.items():
                        decision, by = decided(task, jail, dataset, body)
                        counts[when, kind][0] += decision != "passed"
                        counts[when, kind][1] += 1
                        said.append(f"{decision}: {by}" if by else decision)
                    print(f"| {name} | `{body[:60]}` | {kind} | {' | '.join(said)} |", flush=True)
            print(timed(task, jail, datasets["later"], GOOD[name][1]))
    for (when, kind), (caught, total) in counts.items():
        print(f"\n{when}, {kind}: {caught} of {total} rejected or demoted")


def recorded(task: Task, workers: Workers, body: str) -> dict[str, EpisodeDataset]:
    description, files = workers.describe(task, seed=0)
    job = search_job(RunConfig(), task, candidate(body), VERDICT)
    trial, weights = workers.train(task, job, RunConfig(), lambda *_: None)
    score, more = workers.score(task, trial, RunConfig(), weights, held_out("search/keep", 10), held_out("search", 10))
    print(f"<!-- {task.name}: the trained policy succeeds in {score.success:.0%} -->")
    trained = [ReferenceEpisode(kind="trained", episode=e) for e in score.episodes]
    explored, found = workers.explore(task, derive(0, "explore") % 2**31, 20_000, RunConfig(), description.grading)
    print(f"<!-- {task.name}: {exploration_line(explored)} -->")
    first = (Transitions.from_bytes(files["reference_episodes.npz"]), description.reference_episodes)
    wandered = (Transitions.from_bytes(found["explored.npz"]), explored.episodes)
    return {
        "not explored": join([first], task.metric.better),
        "first round": join([first, wandered], task.metric.better),
        "later": join([first, wandered, (Transitions.from_bytes(more["episodes.npz"]), trained)], task.metric.better),
    }


def timed(task: Task, jail: Jail, dataset: EpisodeDataset, body: str) -> str:
    """How long re-labelling takes: one call, then all that the screens need (two calls, sums, composition)."""
    copies = -(-100_000 // dataset.size)
    large = join([(dataset.transitions, dataset.episodes)] * copies, task.metric.better)
    with jail.open(candidate(body).source) as room:
        begun = perf_counter()
        room.client.evaluate(large.transitions, stepped=False)
        called = perf_counter() - begun
    begun = perf_counter()
    relabel(jail, search_job(RunConfig(), task, candidate(body), VERDICT), task.train.gamma, large)
    whole = perf_counter() - begun
    return f"<!-- {large.size:,} transitions: one call {called:.2f} s, re-labelled in {whole:.2f} s -->"


VERDICT = Verdict(candidate_id="c", accepted=True, outcome=Outcome.COMPLETED)


def candidate(body: str) -> Candidate:
    return Candidate(id="c", source=f"{HEAD}{body}\n", thought="", origin="human", how="given")


def decided(task: Task, jail: Jail, dataset: EpisodeDataset, body: str) -> tuple[str, str]:
    gamma = task.train.gamma
    labels = relabel(jail, search_job(RunConfig(), task, candidate(body), VERDICT), gamma, dataset)
    (item,) = screen(dataset, {"c": labels}, {}, gamma).items
    for decision in ("rejected", "demoted"):
        if by := [s for s in item.screens if s.decision == decision]:
            return decision, ", ".join(s.name for s in by)
    if recorded_exploit(dataset, labels):
        return "demoted", "hunter"
    return "passed", ""


if __name__ == "__main__":
    main()
