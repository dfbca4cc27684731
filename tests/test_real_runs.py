"""Real trainings in real processes: failures stay local, a killed run goes on, nothing is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.seeds import held_out
from autoreward.errors import TaskError
from autoreward.export import EXPORTED_FILES
from autoreward.records import Run, Score, Trial, TrialJob
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, placeholder_task
from autoreward.training.workers import Workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TASK = find_task("mountain-car", (envs_folder(),))


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Jail() as jail, Workers(jail) as made:
        yield made


@pytest.mark.nightly
def test_a_run_goes_on_by_a_stricter_rule(tmp_path: Path) -> None:
    """Success falls by the stricter rule, and nothing that was trained is trained again."""
    command = [sys.executable, "-m", "autoreward"]
    options = ["--runs", str(tmp_path), "--json"]
    short = (
        "--rounds 1 --candidates 3 --steps 15000 --finalist-seeds 0 --budget 4 --confirm-seeds 0 --episodes 10".split()
    )
    search = subprocess.run(
        [*command, "run", "mountain-car", "--name", "first", *short, *options], capture_output=True, text=True
    )
    assert search.returncode == 0, search.stderr
    saved = {p.name: p.read_bytes() for p in (tmp_path / "first").rglob("policy-*.safetensors")}
    rule = ["--add", "velocity < 0.035", "--rounds", "0", "--yes"]
    strict = subprocess.run([*command, "tighten", "first", *rule, *options], capture_output=True, text=True)
    assert strict.returncode == 0, strict.stderr
    events = [json.loads(line) for line in strict.stdout.splitlines()]
    proposed, judged = events[0], next(e for e in events if e["kind"] == "JudgedAgain")
    assert proposed["when"] == "(position >= flag) and (velocity < 0.035)"
    assert set(judged["before"]) == {"r000c0", "r000c1", "r000c2"}
    assert max(judged["before"].values()) > 0.5
    assert all(judged["now"][name] < before for name, before in judged["before"].items() if before > 0.5)
    assert not [e for e in events if e["kind"] == "TrialDone"], "nothing trains"
    assert {p.name: p.read_bytes() for p in (tmp_path / "first").rglob("policy-*.safetensors")} == saved
    assert (tmp_path / "first-tightened" / "best" / "reward.py").exists()


def job(source: str, steps: int = 4096, **change: object) -> TrialJob:
    plain = {"id": "t-s0", "candidate_id": "t", "reward": "candidate", "source": source, "seed": 1, "steps": steps}
    return TrialJob.model_validate(plain | change)


def program(line: str) -> str:
    return f"def compute_reward(state, action, next_state, memory):\n    x = next_state.position\n    {line}\n"


@pytest.mark.parametrize(
    ("line", "outcome", "says"),
    [
        ("return {'a': np.where(next_state.step == 100, np.nan, x)}", Outcome.NOT_FINITE, "part 'a' became nan at step 100"),
        ("return {'a': x + np.zeros((50000, 50000))[0, 0]}", Outcome.OUT_OF_MEMORY, "Unable to allocate"),
        ("return {'a': 1.0 / (x[0] > -0.4) * x} if x[0] > 9 else {'a': x, 'b': x} if x[0] > -0.45 else {'a': x}",
         Outcome.BROKE_CONTRACT, "the parts changed"),
    ],
)  # fmt: skip
def test_a_reward_that_fails_in_training_is_an_outcome(
    workers: Workers, line: str, outcome: Outcome, says: str
) -> None:
    trial, _ = workers.train(TASK, job(program(line), 20_000), RunConfig(), lambda *_: None)
    assert trial.outcome is outcome, trial.message
    assert says in trial.message


def test_a_training_past_its_wall_clock_is_killed(workers: Workers) -> None:
    config = RunConfig(minutes_per_trial=0.02)
    trial, _ = workers.train(TASK, job(program("return {'a': x}"), 10_000_000), config, lambda *_: None)
    assert trial.outcome is Outcome.OVERDUE


def test_a_scoring_past_its_wall_clock_is_killed_and_says_so(workers: Workers) -> None:
    trial, files = workers.train(TASK, job(program("return {'a': x}")), RunConfig(), lambda *_: None)
    seeds = held_out("keep", 20), held_out("search", 1000)
    score, _ = workers.score(TASK, trial, RunConfig(minutes_per_trial=0.002), files, *seeds)
    assert score.outcome is Outcome.OVERDUE
    assert "the score process did not end within 0.002 minutes" in score.message
    assert "minutes_per_trial" in score.message


def at_work() -> list[psutil.Process]:
    """The processes of this one's workers that do a job."""
    servers = [p for p in psutil.Process().children() if "autoreward.worker.server" in " ".join(p.cmdline())]
    return [job for server in servers for job in server.children()]


def kill_some(deaths: int) -> None:
    """Kill that many workers, one after the other, as they come to work."""
    seen: set[int] = set()
    while len(seen) < deaths:
        for process in at_work():
            if process.pid not in seen:
                seen.add(process.pid)
                process.kill()
        time.sleep(0.01)


@pytest.mark.parametrize(("deaths", "outcome"), [(1, Outcome.COMPLETED), (2, Outcome.LOST)])
def test_a_killed_worker_is_tried_again_once(workers: Workers, deaths: int, outcome: Outcome) -> None:
    native = job("", 20_480, reward="native")
    whole, files = workers.train(TASK, native, RunConfig(), lambda *_: None)

    def train() -> Trial:
        return workers.train(TASK, native, RunConfig(), lambda *_: None)[0]

    def score() -> Score:
        return workers.score(TASK, whole, RunConfig(), files, held_out("keep", 20), held_out("search", 20))[0]

    work: tuple[Callable[[], Trial | Score], ...] = (train, score)
    for do in work:
        killer = threading.Thread(target=kill_some, args=(deaths,))
        killer.start()
        done = do()
        killer.join()
        assert done.outcome is outcome, done.message


def test_the_scorer_is_another_process_and_repeats_itself(workers: Workers) -> None:
    trial, files = workers.train(TASK, job(program("return {'a': x}")), RunConfig(), lambda *_: None)
    assert trial.outcome.ok
    seeds = held_out("keep", 2), held_out("search", 3)
    one, two = (workers.score(TASK, trial, RunConfig(), files, *seeds)[0] for _ in range(2))
    assert one == two
    packaged = workers.package(TASK, files[f"policy-{trial.steps}.safetensors"])
    assert set(packaged) == {"policy.zip", "vecnormalize.pkl"}


def test_memory_programs_train(workers: Workers) -> None:
    line = "best = memory.get('best', x); memory['best'] = np.maximum(best, x); return {'a': memory['best'] - best}"
    trial, _ = workers.train(TASK, job(program(line), uses_memory=True), RunConfig(), lambda *_: None)
    assert trial.outcome.ok, trial.message


@pytest.mark.parametrize(
    ("name", "source", "change"),
    [
        ("cartpole-hold", "import numpy as np\n\n\ndef compute_reward(state, action, next_state, memory):\n"
         "    x = next_state.position\n    best = memory.get('best', x)\n    memory['best'] = np.maximum(best, x)\n"
         "    return {'best': memory['best'], 'gain': memory['best'] - best, 'alive': 1.0 - next_state.terminated}\n",
         {"uses_memory": True}),
        ("cartpole-hold", "def compute_reward(state, action, next_state, memory):\n"
         "    return {'alive': 1.0 - next_state.terminated, 'near': -np.abs(next_state.position - 1.0)}\n",
         {"composition": "potential"}),
        ("lunar-lander-hover", "def compute_reward(state, action, next_state, memory):\n"
         "    return {'near': -np.abs(next_state.x), 'high': -np.abs(next_state.height - 0.8)}\n", {}),
    ],
    ids=["memory", "potential", "box2d"],
)  # fmt: skip
def test_a_training_in_legs_is_the_training_in_one_piece(
    workers: Workers, name: str, source: str, change: dict[str, object]
) -> None:
    """To the bit, with the reward program's own memory and each episode's potential."""
    card = find_task(name, (envs_folder(),))
    whole, expected = workers.train(card, job(source, 10_000, **change), RunConfig(), lambda *_: None)
    assert whole.outcome.ok, whole.message
    first = job(source, 3_000, id="t-s0-leg0", unfinished=True, **change)
    _, begun = workers.train(card, first, RunConfig(), lambda *_: None)
    second = job(source, 10_000, id="t-s0-leg1", leg=1, begin=3_000, **change)
    rest, files = workers.train(card, second, RunConfig(), lambda *_: None, begun)
    last = f"policy-{whole.steps}.safetensors"
    assert rest.steps == whole.steps
    assert files[last] == expected[last]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"env": "MountainCarr-v0"}, "MountainCarr"),
        ({"kwargs": {"colour": 3}}, "colour"),
        ({"state": {"position": {"source": "obs[7]", "about": "x"}, "velocity": {"source": "obs[1]", "about": "x"}}},
         "reaches outside"),
    ],
)  # fmt: skip
def test_a_card_that_does_not_fit_its_environment_is_one_sentence(
    workers: Workers, change: dict[str, object], says: str
) -> None:
    task = Task.model_validate(TASK.model_dump() | change)
    with pytest.raises(TaskError, match=says) as caught:
        workers.describe(task, seed=0)
    assert "\n" not in str(caught.value)


BROKEN = """
def observe(env, observation, info):
    def step(action):
        raise KeyError("lost")

    env.step = step
    return {"place": observation}
"""
"""Makes an environment whose own code raises."""


@pytest.mark.parametrize(
    ("env", "kwargs", "program", "says"),
    [
        (
            "FrozenLake-v1",
            {"map_name": "9x9"},
            "",
            "x: FrozenLake-v1 failed when it was tried: the call.* raised KeyError: '9x9'",
        ),
        ("CartPole-v1", {}, BROKEN, "KeyError: 'lost'"),
        ("CartPole-v1", {}, "import os\n\n\ndef observe(env, observation, info):\n    os._exit(3)\n", r"exit code 3"),
    ],
    ids=["kwargs", "program", "exit"],
)
def test_whatever_an_environment_raises_is_one_sentence(
    workers: Workers, env: str, kwargs: dict[str, object], program: str, says: str
) -> None:
    with pytest.raises(TaskError, match=says) as caught:
        workers.survey(placeholder_task(env, kwargs, "x", program))
    assert "\n" not in str(caught.value)


def test_a_training_whose_environment_raises_is_an_outcome_with_its_words(workers: Workers) -> None:
    state = {"position": {"source": "obs.place[0]", "about": "x"}, "velocity": {"source": "obs.place[1]", "about": "v"}}
    task = Task.model_validate(TASK.model_dump() | {"state_program": BROKEN, "state": state})
    trial, _ = workers.train(task, job("", reward="native"), RunConfig(), lambda *_: None)
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED
    assert "KeyError: 'lost'" in trial.message


def test_a_training_that_eats_its_memory_is_an_outcome_with_advice(workers: Workers) -> None:
    huge = Task.model_validate(TASK.model_dump() | {"train": TASK.train.model_dump() | {"net": (30_000, 30_000)}})
    job = TrialJob(id="big-s0", candidate_id="", reward="native", seed=1, steps=2048)
    trial, files = workers.train(huge, job, RunConfig(memory_mb=512), lambda step: None)
    assert trial.outcome is Outcome.SHORT_OF_MEMORY, trial.message
    assert files == {}


def test_description_is_the_same_for_the_same_seed(workers: Workers) -> None:
    assert workers.describe(TASK, 3)[0] == workers.describe(TASK, 3)[0]


RUN = ("run", "mountain-car", "--candidates", "2", "--rounds", "1", "--steps", "4096", "--confirm-seeds", "1",
       "--episodes", "5", "--finalist-seeds", "1", "--workers", "2")  # fmt: skip


def begin(runs: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "autoreward", *RUN, "--runs", str(runs), "--name", name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children(pid: int) -> set[int]:
    found = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    parents = dict(tuple(map(int, line.split())) for line in found.splitlines()[1:])
    below = {pid}
    while more := {p for p, parent in parents.items() if parent in below} - below:
        below |= more
    return below - {pid}


def gone(pids: set[int]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


def result(runs: Path, name: str) -> Run:
    return Run.model_validate_json((runs / name / "result.json").read_bytes())


def test_a_killed_run_resumes_to_the_same_winner(tmp_path: Path) -> None:
    # in another folder of runs: it would take over the baselines
    whole = begin(tmp_path / "apart", "whole")
    _, said = whole.communicate(timeout=200)
    assert whole.returncode == 0, said
    process = begin(tmp_path, "killed")
    trials = tmp_path / "killed" / "rounds" / "000" / "trials"
    deadline = time.monotonic() + 100
    while not list(trials.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    finished = {p.name: p.stat().st_mtime_ns for p in trials.glob("*.json")}
    assert finished
    family = children(process.pid)
    process.kill()
    process.communicate()
    assert gone(family)
    resume = [sys.executable, "-m", "autoreward", "resume", "killed", "--runs", str(tmp_path)]
    subprocess.run(resume, check=True, capture_output=True)
    # trainings are deterministic, so all but the seconds they took must agree
    assert result(tmp_path, "killed") == result(tmp_path / "apart", "whole")
    assert {name: (trials / name).stat().st_mtime_ns for name in finished} == finished
    best = tmp_path / "killed" / "best"
    kept = set(EXPORTED_FILES) - {"state.py"}
    assert {p.name for p in best.iterdir()} == kept
    assert (tmp_path / "killed" / "clips" / "winner" / "clip.webp").read_bytes()[8:12] == b"WEBP"
    load = "from stable_baselines3 import PPO; PPO.load('policy.zip')"
    subprocess.run([sys.executable, "-c", load], cwd=best, check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    process = begin(tmp_path, "stopped")
    deadline = time.monotonic() + 100
    while not (tmp_path / "stopped" / "rounds" / "000" / "verdicts").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    family = children(process.pid)
    assert family
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"autoreward resume {tmp_path / 'stopped'}" in said
    assert gone(family)


DEAD_END = """
def observe(env, observation, info):
    return {"place": [-0.5 + 0.01 * (hash(float(observation[0])) % 7) / 7.0]}
"""


DARK = """
def observe(env, observation, info):
    return {"place": observation, "lamp": [0.0]}
"""


@pytest.mark.parametrize(
    ("case", "says"),
    [
        pytest.param("optimiser", "the optimiser diverges", marks=pytest.mark.nightly),
        pytest.param("exploration", "exploration", marks=pytest.mark.nightly),
        pytest.param("observation", "never nearer to the goal", marks=pytest.mark.nightly),
    ],
)
def test_a_run_that_no_reward_can_help_says_so_and_stops(tmp_path: Path, case: str, says: str) -> None:
    """A task whose learning rate is absurd, one in which actions change nothing that is seen, one whose lamp never goes on."""
    card = (envs_folder() / "mountain-car" / "task.toml").read_text()
    folder = tmp_path / "odd"
    folder.mkdir()
    if case == "optimiser":
        card = re.sub(r"learning_rate = .*", "learning_rate = 1e12", card)
    elif case == "observation":
        (folder / "state.py").write_text(DARK)
        card = card.replace('"obs[0]"', '"obs.place[0]"').replace('"obs[1]"', '"obs.place[1]"')
        card = card.replace(
            "[constants]",
            '[state.lamp]\nsource = "obs.lamp[0]"\nabout = "1 when it is on"\nrange = [0.0, 1.0]\n\n[constants]',
        )
        card = card.replace('"position >= flag"', '"lamp >= 0.5"')
    else:
        (folder / "state.py").write_text(DEAD_END)
        card = card.replace('source = "obs[0]"', 'source = "obs.place[0]"').replace(
            'source = "obs[1]"', 'source = "obs.place[0]"'
        )
    (folder / "task.toml").write_text(card)
    steps = 20_480 if case == "observation" else 8_192  # the native reward must get the car around
    settings = f"--trust --model grammar --candidates 2 --rounds 3 --steps {steps} --finalist-seeds 0 --name r"
    command = [sys.executable, "-m", "autoreward", "run", str(folder), "--runs", str(tmp_path), *settings.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "It is not the reward" in done.stdout
    assert says in done.stdout
    run = Run.model_validate_json((tmp_path / "r" / "result.json").read_bytes())
    assert run.rounds == 1, "it stopped spending"
    assert run.confirmed == ()
    assert run.doubt.evidence


UNDRAWN = """
def observe(env, observation, info):
    env.render = lambda: None
    return {"car": observation}
"""


@pytest.mark.nightly
def test_a_run_that_cannot_be_drawn_shows_plots_and_the_reason(tmp_path: Path) -> None:
    card = (envs_folder() / "mountain-car" / "task.toml").read_text()
    folder = tmp_path / "unseen"
    folder.mkdir()
    (folder / "state.py").write_text(UNDRAWN)
    (folder / "task.toml").write_text(re.sub(r"obs\[(\d)\]", r"obs.car[\1]", card))
    command = [sys.executable, "-m", "autoreward", "run", str(folder), *RUN[2:], "--runs", str(tmp_path), "--name", "r"]
    subprocess.run([*command, "--model", "grammar", "--trust"], capture_output=True, check=True)
    page = (tmp_path / "r" / "report.html").read_text()
    assert "Plots of one episode, not clips" in page
    assert "gives no picture but NoneType" in page
    assert "position &gt;= flag = 0.5, over steps" in page
    assert "<img" not in page
