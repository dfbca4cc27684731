"""Task cards: every shipped one is well formed, and every way to get one wrong is one clear sentence."""

from pathlib import Path

import numpy as np
import pytest

from autoreward.core.resources import envs_folder
from autoreward.errors import TaskError
from autoreward.tasks.files import find_task, parse_task, place_of, read_task, task_names
from autoreward.worker.envs import make

GOOD = """
env = "CartPole-v1"
goal = "Hold the pole up."
[state.angle]
source = "obs[2]"
about = "of the pole"
[action.push]
about = "left or right"
[success]
when = "abs(angle) < 0.1"
[metric]
value = "length"
better = "higher"
[train]
algorithm = "PPO"
steps = 1000
"""


def card(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    path = folder / "task.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", sorted(task_names((envs_folder(),))))
def test_every_shipped_task_is_well_formed(name: str) -> None:
    task = find_task(name, (envs_folder(),))
    assert task.name == name
    assert task.goal.endswith(".")
    assert all(field.about for field in task.state.values())
    assert all(field.range is not None for field in task.state.values())


def test_a_good_card_reads(tmp_path: Path) -> None:
    task = read_task(card(tmp_path, GOOD))
    assert task.name == "mine"
    assert task.success.window == 1
    assert task.action["push"].source == "action"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('goal = "Hold the pole up."', 'goal = "  "'), "goal is empty"),
        (("[train]", "[trane]\nx = 1\n[train]"), "unknown key 'trane'"),
        (('source = "obs[2]"', 'sauce = "obs[2]"'), "state.angle.source"),
        (("steps = 1000", "steps = 0"), "train.steps"),
        (('algorithm = "PPO"', 'algorithm = "REINFORCE"'), "train.algorithm"),
        (("abs(angle) < 0.1", "abs(angel) < 0.1"), "Did you mean 'angle'?"),
        (("abs(angle) < 0.1", "__import__('os')"), "not part of the formula language"),
        (("abs(angle) < 0.1", "angle <"), "is not a formula"),
        (('source = "obs[2]"', 'source = "info[2]"'), "must be made from obs"),
        (("[state.angle]", "[state.step]"), "can't be a field"),
        (('when = "abs(angle) < 0.1"', 'when = "abs(angle) < 0.1"\nwithin = "sometimes"'), "use 'last step'"),
        (("abs(angle) < 0.1", "angle"), "'angle' in 'angle' is not a condition; compare it"),
        (("abs(angle) < 0.1", "angle and terminated"), "'angle' in 'angle and terminated' is not a condition"),
        (('value = "length"', 'value = "not angle"'), "'angle' in 'not angle' is not a condition"),
        (("[state.angle]", "[state.lambda]"), "state.lambda: write a plain word"),
        (
            ("[success]", '[constants.angle]\nvalue = 1.0\nabout = "it"\n[success]'),
            "'angle' is a state field and a constant",
        ),
        (('goal = "Hold the pole up."', 'goal = "Hold it."\nmax_steps = 0'), "max_steps"),
        (('env = "CartPole-v1"', "env = CartPole"), "task.toml"),
        (('env = "CartPole-v1"', ""), "the key 'env' is missing"),
    ],
)
def test_a_wrong_card_is_one_clear_sentence(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = card(tmp_path, GOOD.replace(*change))
    with pytest.raises(TaskError) as caught:
        read_task(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_field_that_is_a_condition_may_be_the_rule(tmp_path: Path) -> None:
    text = GOOD.replace("obs[2]", "obs[2] > 0").replace("abs(angle) < 0.1", "angle and not terminated")
    assert read_task(card(tmp_path, text)).success.when == "angle and not terminated"


def test_a_task_of_ones_own_is_named_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init` writes to `envs/`, which names alone are not looked for in."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaskError, match="There is no task 'tank'"):
        find_task("tank", (envs_folder(),))
    Path("envs/tank").mkdir(parents=True)
    Path("envs/tank/task.toml").write_text("")
    with pytest.raises(TaskError, match="you have one: write `envs/tank`"):
        find_task("tank", (envs_folder(),))


def test_an_unknown_task_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="Did you mean 'mountain-car'"):
        find_task("mountan-car", (envs_folder(),))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such task file"):
        read_task(tmp_path / "task.toml")


def test_a_card_of_another_name_is_told_where_it_must_be(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(GOOD)
    with pytest.raises(
        TaskError, match=r"bad\.toml: a card is FOLDER/task\.toml, and its folder's name is the task's; move it"
    ):
        find_task(str(tmp_path / "bad.toml"), (envs_folder(),))
    with pytest.raises(TaskError, match=r"bat\.toml: no such task file\.$"):
        find_task(str(tmp_path / "bat.toml"), (envs_folder(),))


def test_a_card_of_ones_own_is_named_by_its_folder_and_a_shipped_one_by_its_name(tmp_path: Path) -> None:
    path = card(tmp_path, GOOD)
    own = str(path.parent)
    assert place_of(own, (envs_folder(),), envs_folder()) == place_of(str(path), (), envs_folder()) == own
    assert place_of(path.parent.name, (path.parent.parent, envs_folder()), envs_folder()) == own
    assert place_of("reacher", (envs_folder(),), envs_folder()) == ""
    assert place_of(str(envs_folder() / "reacher"), (), envs_folder()) == ""


def test_a_task_can_be_given_by_its_folder(tmp_path: Path) -> None:
    path = card(tmp_path, GOOD)
    assert find_task(str(path.parent), ()) == find_task(str(path), ()) == read_task(path)


def test_cards_may_share_a_state_program() -> None:
    one, other = (find_task(name, (envs_folder(),)) for name in ("doorkey-6x6", "doorkey-8x8"))
    assert one.state_program == other.state_program != ""


def test_a_state_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    card = (envs_folder() / "doorkey-8x8" / "task.toml").read_text()
    with pytest.raises(TaskError, match=r"observe = '\.\./doorkey-6x6/state\.py' can't be read"):
        parse_task(card, tmp_path / "mine" / "task.toml")


def test_a_task_may_go_on_where_its_environment_ends() -> None:
    task = find_task("mountain-car", (envs_folder(),)).model_copy(update={"kwargs": {"goal_velocity": 0}})
    ends = []
    for terminates in (True, False):
        env = make.make_env(task.model_copy(update={"terminates": terminates}))
        env.reset(seed=0)
        env.unwrapped.state = np.array([0.49, 0.07])  # type: ignore[attr-defined]
        steps = [env.step(2)[2:4] for _ in range(200)]
        ends.append((any(ended for ended, _ in steps), steps[-1][1]))
        env.close()
    assert ends == [(True, True), (False, True)]


def test_a_changed_copy_has_its_own_formulas() -> None:
    card = find_task("mountain-car", (envs_folder(),))
    before = [card.success_rule.text, *(e.text for e in card.state_sources.values())]
    changed = {
        "success": card.success.model_copy(update={"when": "velocity > 9"}),
        "state": {"velocity": card.state["velocity"].model_copy(update={"source": "obs[1] * 2"})},
        "metric": card.metric.model_copy(update={"value": "abs(velocity)"}),
    }
    copy = card.model_copy(update=changed)
    assert copy.success_rule.text == "velocity > 9"
    assert {name: e.text for name, e in copy.state_sources.items()} == {"velocity": "obs[1] * 2"}
    assert copy.metric_formula
    assert copy.metric_formula.text == "abs(velocity)"
    assert [card.success_rule.text, *(e.text for e in card.state_sources.values())] == before
    assert card.success_rule is card.success_rule, "parsed once"


def test_the_demo_and_its_pictures_are_there() -> None:
    root = envs_folder().parent
    named = next(line for line in (root / "Makefile").read_text().splitlines() if line.startswith("DEMO_TASK"))
    folder = root / named.split()[-1]
    assert read_task(folder / "task.toml").success.when == "position >= flag"
    readme = (root / "README.md").read_text()
    pictures = [folder / name for name in ("film.webp", "search.svg")]
    assert all(
        f"({picture.relative_to(root)})" in readme and picture.stat().st_size < 2_000_000 for picture in pictures
    )
