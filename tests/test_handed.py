"""A run from Python: its policy, its reward as a module, its environment wrapped, its confirmation, its page."""

import urllib.error
import urllib.request
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from exports import written
from fake_steps import FakeSteps

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.errors import UsageError
from autoreward.export.build import reward_files
from autoreward.loop import improve
from autoreward.report.reading import read_run
from autoreward.search.study import Study
from autoreward.session.loaded import LoadedRun
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
PROGRAM = """def compute_reward(state, action, next_state, memory):
    return {"right": next_state.position}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    folder = tmp_path_factory.mktemp("handed") / "run"
    with Book.create(folder, RunHeader.of(TASK, RunConfig(rounds=1, candidates=2, confirm_seeds=2))) as book:
        improve(Study(TASK, book.header.config, FakeSteps(), book, lambda event: None))
        kept = {name: text.encode() for name, text in reward_files(TASK, written(PROGRAM)).items()}
        for name, data in (kept | {"policy.zip": b"weights", "manifest.json": b"{}"}).items():
            book.write(f"best/{name}", data)
    return LoadedRun(read_run(folder))


def test_the_policy_is_a_file_beside_what_belongs_to_it(run: LoadedRun) -> None:
    assert run.policy.read_bytes() == b"weights"
    assert (run.policy.parent / "program.py").read_text() == PROGRAM
    assert run.folder not in run.policy.parents, "what is used is a copy"


def test_an_environment_is_wrapped_in_the_winners_reward(run: LoadedRun) -> None:
    env = run.wrap(gymnasium.make("MountainCar-v0"))
    env.reset(seed=1)
    observation, reward, _, _, info = env.step(2)
    assert reward == pytest.approx(float(observation[0]))
    assert info["reward_parts"] == {"right": reward}
    envs = run.wrap(gymnasium.make_vec("MountainCar-v0", 3, vectorization_mode="sync"))
    envs.reset(seed=1)
    observations, rewards, *_ = envs.step(np.array([0, 1, 2]))
    assert rewards == pytest.approx(observations[:, 0])
    assert run.reward is run.reward, "the program is loaded once"
    envs.close()
    env.close()


def test_the_confirmation_is_by_name(run: LoadedRun) -> None:
    rows = run.confirmation
    assert next(iter(rows)) == run.reading.finished.best
    assert len(rows["native"].success) == 2


def test_a_page_is_served_until_it_is_closed(run: LoadedRun) -> None:
    page = run.view()
    with urllib.request.urlopen(page.address) as answer:
        assert "Programs, best first" in answer.read().decode()
    assert page.address in page._repr_html_()
    page.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(page.address)


def test_what_there_is_not_is_said(tmp_path: Path) -> None:
    with Book.create(tmp_path / "begun", RunHeader.of(TASK, RunConfig())):
        pass
    begun = LoadedRun(read_run(tmp_path / "begun"))
    assert begun.confirmation == {}
    with pytest.raises(UsageError, match="has nothing to keep yet"):
        begun.policy  # noqa: B018
