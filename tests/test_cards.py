"""Cards for environments without one: docstring tables, guesses that say so, files that read back, a model's proposals."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import typer
from fake_provider import Answer, provider
from in_process import HERE
from kept import kept
from scripted import Scripted, client
from typer.testing import CliRunner

import autoreward
from autoreward.cli.init import _asked
from autoreward.errors import TaskError, UsageError
from autoreward.llm.types import Prompt
from autoreward.records import Entry, Stretch, Survey
from autoreward.roles.card_writer import Proposed, propose
from autoreward.session.env_check import audit_tasks
from autoreward.session.new_task import Initiated, Wanted, take_proposal
from autoreward.tasks.draft import docstring_tables
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.questions import CardQuestion, answered
from autoreward.tasks.draft.ranges import source_range
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.records import AuditJob, SurveyJob
from autoreward.worker.jobs.survey import survey

DOC = """
## Action Space
- 0: push left
- 1: push right

## Observation Space
| Num | Observation            | Min  | Max | Type (Unit)              |
|-----|------------------------|------|-----|--------------------------|
| 0   | Cart Position          | -4.8 | 4.8 | position (m)             |
| 1   | Cart Velocity          | -Inf | Inf | velocity (m/s)           |
| excluded | x of the floor    | -Inf | Inf | position (m)             |

## Rewards
Secret: +1 for every step.

## Episode End
Nothing.
"""


def entry(low: float | None = None, high: float | None = None, seen: tuple[float, float] = (-1.0, 1.0)) -> Entry:
    return Entry(low=low, high=high, seen_low=seen[0], seen_high=seen[1], mean=0.0, std=0.5)


def surveyed(**change: Any) -> Survey:
    plain = {
        "env": "Toy-v0", "doc": DOC, "stretches": (Stretch(key="", entries=(entry(-4.8, 4.8), entry(), entry())),),
        "left_out": (), "action": (), "choices": (2,), "max_steps": 500, "terminates": True, "random_length": 20.0, "longest": 60,
        "settings": {"exclude_current_positions_from_observation": True},
    }  # fmt: skip
    return Survey.model_validate(plain | change)


def written(environment: Survey, kwargs: dict[str, object] | None = None) -> tuple[str, Any]:
    drafted = draft_task(environment, "toy", 'Hold "it" up.', kwargs or {})
    text = card_text(drafted)
    assert parse_task(text, Path("toy/task.toml")) == drafted.task, "the file reads back to what was drafted"
    return text, drafted.task


def test_tables_of_docstrings() -> None:
    rows = docstring_tables.rows(DOC, "observation")
    assert [(r.place, r.about, r.unit) for r in rows] == [(0, "Cart Position", "m"), (1, "Cart Velocity", "m/s")]
    assert docstring_tables.choices(DOC) == {0: "push left", 1: "push right"}
    assert docstring_tables.rows("no table", "observation") == ()


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ("Cart Position", "cart_position"),
        ("angular velocity of the first arm", "angular_velocity_first_arm"),
        ("x = cos(theta)", "x_cos_theta"),
        ("Torque applied at the first hinge (connecting the link)", "torque_first_hinge"),
        ("2nd joint", "n2nd_joint"),
        ("the", ""),
    ],
)
def test_names_are_plain_words(about: str, name: str) -> None:
    assert docstring_tables.field_name(about) == name


def test_what_is_stated_is_taken_and_what_is_not_is_marked() -> None:
    text, task = written(surveyed())
    assert task.state["cart_position"].range == (-4.8, 4.8)
    assert task.state["cart_velocity"].unit == "m/s"
    assert task.action["choice"].about == "0 push left, 1 push right"
    assert "range = [-1.5, 1.5]  # GUESS: random actions gave -1 to 1; no finite bounds are stated that hold" in text
    assert "# GUESS: nothing says what it is: give it a name and a unit\n[state.obs_2]" in text
    assert "# GUESS: random episodes end early" in text


def test_goals_of_goal_environments_become_the_rule() -> None:
    parts = tuple(Stretch(key=k, entries=(entry(),) * 3) for k in ("achieved_goal", "desired_goal", "observation"))
    text, task = written(surveyed(stretches=parts, terminates=False, doc=""))
    assert task.success.when == "norm(achieved_goal - desired_goal) < close_enough"
    assert "close_enough = { value = 0.05" in text


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        (("inflow", "level", "wanted"), "abs(level - wanted) < close_enough"),
        (("inflow", "level", "setpoint"), "abs(level - setpoint) < close_enough"),
        (("level", "depth", "wanted"), "level > "),  # two could be meant
        (("inflow", "level_rate", "wanted"), "inflow > "),  # a rate is brought nowhere
    ],
)
def test_what_alone_is_in_the_range_of_a_goal_is_brought_to_it(keys: tuple[str, ...], rule: str) -> None:
    entries = {"inflow": entry(0.0, 0.5)}
    parts = tuple(Stretch(key=k, entries=(entries.get(k, entry(0.0, 10.0)),)) for k in keys)
    _, task = written(surveyed(stretches=parts, terminates=False, doc=""))
    assert task.success.when.startswith(rule)


SPLIT = """
The observation is a dictionary:

* `observation`: an `ndarray` of shape `(2,)`; not the `desired_goal`

| Num | Observation         | Min  | Max | Unit           |
|-----|---------------------|------|-----|----------------|
| 0   | Angle of the elbow  | -Inf | Inf | angle (rad)    |
| 1   | Speed of the elbow  | -Inf | Inf | speed (rad/s)  |

* `desired_goal`: where the tip is to be

| Num | Observation            | Unit         |
|-----|------------------------|--------------|
| 0   | Goal in the x direction | position (m) |
| 1   | Goal in the y direction | position (m) |

* camera: [pan, tilt, zoom] of the camera
"""


def goal_environment(**change: Any) -> Survey:
    parts = [Stretch(key=k, entries=(entry(-2.0, 2.0),) * 2) for k in ("achieved_goal", "desired_goal", "observation")]
    parts.append(Stretch(key="camera", entries=(entry(0.2, 1.0),) * 3))
    return surveyed(**{"stretches": tuple(parts), "terminates": False, "doc": SPLIT, "settings": {}} | change)


def test_names_are_taken_from_tables_and_lists_inside_dicts() -> None:
    text, task = written(goal_environment())
    elbow = task.state["speed_elbow"]
    assert (elbow.source, elbow.unit, elbow.range) == ("obs.observation[1]", "rad/s", (-2.0, 2.0))
    assert [task.state[n].source for n in ("pan", "tilt", "zoom")] == [f"obs.camera[{i}]" for i in range(3)]
    goal = task.state["desired_goal"]
    assert (goal.source, goal.unit) == ("obs.desired_goal", "m"), "a goal stays a vector: the rule needs its distance"
    assert goal.about.endswith("Goal in the x direction, Goal in the y direction")
    assert "no finite bounds are stated" not in text


def test_a_table_of_another_size_names_nothing_in_a_dict() -> None:
    short = SPLIT.replace("| 1   | Speed of the elbow  | -Inf | Inf | speed (rad/s)  |\n", "")
    _, task = written(goal_environment(doc=short.replace(", zoom", "")))
    assert [task.state[n].source for n in ("observation", "camera")] == ["obs.observation", "obs.camera"]


@pytest.mark.parametrize(
    ("doc", "names"),
    [
        ("observation: [q1, q2, dq1] in rad", ["q1", "q2", "dq1"]),
        ("Observations: cart position, pole angle, speed.", ["cart position", "pole angle", "speed"]),
        ("observation: shape (3, 1, 2)", []),
        ("observation: q1, q1, q2", []),
        ("the observation: a, b", []),
    ],
)
def test_lists_of_names(doc: str, names: list[str]) -> None:
    assert [row.about for row in docstring_tables.listed(doc, ("observation", "observations"), 3)] == names


def test_the_environments_own_tolerance_and_a_goal_that_speaks_of_holding() -> None:
    environment = goal_environment(settings={"sparse": True, "tolerance": 0.08, "width": 480.0})
    drafted = draft_task(environment, "toy", "Hold the tip at the goal.", {})
    assert drafted.task.constants["close_enough"].value == 0.08
    assert drafted.task.success.within == "last 50 steps"
    assert "# FOUND: `tolerance` of the environment itself\nclose_enough = " in card_text(drafted)
    assert draft_task(environment, "toy", "Reach the goal.", {}).task.success.within == "last step"


def test_the_seconds_of_a_step_are_said_where_durations_stand() -> None:
    text, task = written(surveyed(dt=0.02))
    assert "# FOUND: a step takes 0.02 s; with dt = 0.02 below" in text
    seconds = text.replace("\nfull_length", "\ndt = 0.02\nfull_length").replace('"last step"', '"last 0.5 s"')
    assert parse_task(seconds, Path("toy/task.toml")).success.window == 25
    assert task.success.dt is None


def test_named_goals_are_approached_by_what_moves() -> None:
    parts = tuple(Stretch(key=k, entries=(entry(-4.0, 4.0),) * 2) for k in ("q", "tip_velocity", "tip", "goal"))
    _, task = written(surveyed(stretches=parts, doc="", settings={}))
    assert task.success.when == "norm(tip - goal) < close_enough"
    assert task.constants["close_enough"].value == 0.4, "a twentieth of the range"


@pytest.mark.parametrize(
    ("settings", "count", "names"),
    [
        ({"exclude_current_positions_from_observation": True}, 2, ["cart_position", "cart_velocity"]),
        ({"exclude_current_positions_from_observation": False}, 3, ["x_floor", "cart_position", "cart_velocity"]),
        ({}, 2, ["cart_position", "cart_velocity"]),
        ({}, 3, ["obs_0", "obs_1", "obs_2"]),
    ],
)
def test_positions_that_are_not_excluded_move_every_name(
    settings: dict[str, bool], count: int, names: list[str]
) -> None:
    whole = Stretch(key="", entries=(entry(),) * count)
    text, task = written(surveyed(stretches=(whole,), settings=settings))
    assert list(task.state) == names
    assert [field.source for field in task.state.values()] == [f"obs[{i}]" for i in range(count)]
    assert ("is not stated, so no name is taken" in text) == (names[0] == "obs_0")


def test_without_excluded_rows_a_shifted_table_names_nothing() -> None:
    doc = DOC.replace("| excluded | x of the floor    | -Inf | Inf | position (m)             |\n", "")
    assert "excluded" not in doc
    whole = Stretch(key="", entries=(entry(),) * 3)
    shifted = surveyed(stretches=(whole,), doc=doc, settings={"exclude_current_positions_from_observation": False})
    assert list(written(shifted)[1].state) == ["obs_0", "obs_1", "obs_2"]


def test_a_card_may_be_for_sac_where_actions_are_numbers() -> None:
    smooth = surveyed(choices=(), action=(entry(-1, 1),))
    drafted = draft_task(smooth, "toy", "Hold it.", {}, "SAC")
    assert parse_task(card_text(drafted), Path("toy/task.toml")).train.algorithm == "SAC"
    assert "usual SAC settings" in card_text(drafted)
    with pytest.raises(TaskError, match="takes choices, and SAC gives real numbers alone"):
        draft_task(surveyed(), "toy", "Hold it.", {}, "SAC")
    with pytest.raises(UsageError, match="'ddpg' is no algorithm that a card is drafted for"):
        Wanted.of("X-v0", {}, "go", None, Path("envs"), algorithm="ddpg")


def test_long_vectors_stay_one_field_and_integers_are_read() -> None:
    _, task = written(surveyed(stretches=(Stretch(key="", entries=(entry(),) * 60),), doc="", terminates=False))
    assert list(task.state) == ["observation"]
    _, task = written(surveyed(stretches=(Stretch(key="value", entries=(entry(0, 9),), choices=(10,)),), doc=""))
    assert task.state["value"].source == "obs.value"


def test_kwargs_and_missing_limits_are_written() -> None:
    text, task = written(surveyed(max_steps=None), {"env_name": "reach-v3", "size": [3, 4], "inner": {"a": True}})
    assert 'kwargs = { env_name = "reach-v3", size = [3, 4], inner = { a = true } }' in text
    assert task.max_steps == 600
    assert "# GUESS: the environment states no time limit" in text


def answer(**change: Any) -> dict[str, Any]:
    plain = {
        "fields": [field("place", "obs[0]")],
        "constants": [{"name": "far", "value": 2.0, "about": "far away", "unit": "m", "field": "place"}],
        "success": {"when": "place > far", "within": "any step", "share": 1.0, "full_length": False},
        "metric": {"value": "length", "better": "lower"},
        "action": "pushes the cart", "max_steps": None,
        "questions": [{"text": "Is far far?", "place": "success", "changes": "nothing", "proposal": ""}],
    }  # fmt: skip
    return plain | change


def field(name: str, source: str, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"name": name, "source": source, "about": "of the cart", "unit": "m", "low": low, "high": high}


def asks(text: str, place: str, changes: str, proposal: str = "") -> dict[str, str]:
    return {"text": text, "place": place, "changes": changes, "proposal": proposal}


QUESTIONS = [
    asks("How far is far?", "constants.far", "constant", "2.5"),
    asks("Must it stand still there?", "success", "condition", "abs(speed) < 0.1"),
    asks("How long may it take?", "max_steps", "max_steps", "300"),
    asks("Which side is meant?", "state.place", "nothing"),
]
CURIOUS = {"fields": [field("place", "obs[0]"), field("speed", "obs[1]")], "questions": QUESTIONS}
"""An answer with a question of each kind."""


def proposed(folder: Path, **change: Any) -> Proposed:
    environment = surveyed()
    model = Scripted({"init-0": answer(**change)})
    return propose(client(model, folder), environment, draft_task(environment, "toy", "Go far.", {}))


def initiated(folder: Path, **change: Any) -> Initiated:
    made = proposed(folder, **change)
    return Initiated(folder / "toy" / "task.toml", made.draft, made.questions, made.findings)


def test_a_model_names_fields_and_proposes_the_rule(tmp_path: Path) -> None:
    model = Scripted({"init-0": answer()})
    environment = surveyed()
    drafted, questions, findings = propose(
        client(model, tmp_path), environment, draft_task(environment, "toy", "Go far.", {})
    )
    assert findings == ()
    assert [q.text for q in questions] == ["Is far far?"]
    assert drafted.task.state["place"].range == (-4.8, 4.8)
    assert drafted.task.success.when == "place > far"
    text = card_text(drafted)
    assert "# GUESS: written by a model\n[success]" in text
    assert 'far = { value = 2.0, unit = "m", about = "far away", field = "place" }' in text
    assert "Go far." in model.asked["init-0"]
    assert "Cart Position" in model.asked["init-0"]


STAGES = [
    {"name": "out", "when": "place > far", "hold": 5},
    {"name": "home", "when": "terminated", "distance": "abs(place)"},
]


def test_a_model_proposes_stages_and_they_are_in_the_card(tmp_path: Path) -> None:
    made = initiated(tmp_path, success={"stages": STAGES, "full_length": False}, max_steps=300,
                     questions=[asks("Slowly?", "success", "condition", "abs(place) < 1")])  # fmt: skip
    assert made.findings == ()
    text = card_text(made.draft)
    assert '    { name = "out", when = "place > far", hold = 5 },' in text
    task = parse_task(text, tmp_path / "toy" / "task.toml")
    assert task == made.draft.task
    assert [(s.name, s.hold, s.distance) for s in task.success.stages] == [("out", 5, ""), ("home", 1, "abs(place)")]
    more = answered(made.draft, made.questions[0], "yes").task.success
    assert [s.when for s in more.stages] == ["place > far", "terminated and abs(place) < 1"]


def test_what_a_model_is_asked_about_an_environment(tmp_path: Path) -> None:
    model, environment = Scripted({"init-0": answer()}), surveyed()
    propose(client(model, tmp_path), environment, draft_task(environment, "toy", "Go far.", {"size": 3}))
    text = model.asked["init-0"]
    assert text == kept(Path(__file__).parent / "golden" / "init.md", text)


def test_stages_beside_a_condition_go_back_to_the_model(tmp_path: Path) -> None:
    both = {"stages": STAGES, "when": "place > 1", "within": "last step", "share": 1.0, "full_length": False}
    model = Scripted({"init-0": answer(success=both), "init-1": answer(success=both | {"when": ""})})
    environment = surveyed()
    made = propose(client(model, tmp_path), environment, draft_task(environment, "toy", "Go far.", {"size": 3}))
    assert "either when" in made.findings[0]
    assert "either when" in model.asked["init-1"]
    assert "made with the arguments" in model.asked["init-0"], "it sees the arguments of the environment"
    assert [s.name for s in made.draft.task.success.stages] == ["out", "home"]


def test_a_proposal_that_does_not_fit_goes_back_and_the_tables_stay(tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [
        answer(success={"when": "nowhere > far", "within": "any step", "share": 1.0, "full_length": False}),
        answer(fields=[field("place", "obs[7]")]),
        answer(fields=[]),
    ]

    def say(prompt: Prompt) -> dict[str, Any]:
        return wrong[int(prompt.key[-1])]

    model = Scripted({}, say)
    environment = surveyed()
    plain = draft_task(environment, "toy", "Go far.", {})
    drafted, questions, findings = propose(client(model, tmp_path), environment, plain)
    assert (drafted, questions) == (plain, ())
    assert [text in " ".join(findings) for text in ("'nowhere'", "reaches beyond the 3 numbers", "no field")] == [
        True
    ] * 3
    assert "'nowhere', which is not a field" in model.asked["init-1"]


def test_proposals_that_nobody_speaks_against_are_taken(tmp_path: Path) -> None:
    made = initiated(tmp_path, **CURIOUS).answered(take_proposal)
    task = made.check(made.text)
    assert task == made.draft.task
    assert (task.constants["far"].value, task.max_steps) == (2.5, 300)
    assert task.success.when == "place > far and abs(speed) < 0.1"
    lines = made.text.splitlines()
    for comment, below in (
        ("# ASKED: How far is far? proposed by a model: 2.5", "far = { value = 2.5"),
        ("# ASKED: Must it stand still there? proposed by a model: abs(speed) < 0.1", "[success]"),
        ("# ASKED: How long may it take? proposed by a model: 300", "max_steps = 300"),
        ("# OPEN: Which side is meant?", "[state.place]"),
    ):
        assert lines[lines.index(comment) + 1].startswith(below)
    assert "# OPEN is a question that nobody has answered." in lines
    assert made.questions == ()


def test_answers_change_the_card_or_leave_it(tmp_path: Path) -> None:
    def say(question: CardQuestion) -> str:
        return {"constants.far": " 3 ", "success": "no", "max_steps": "1,500", "state.place": "the right\none"}[
            question.place
        ]

    made = initiated(tmp_path, **CURIOUS).answered(say)
    task = made.check(made.text)
    assert (task.constants["far"].value, task.max_steps, task.success.when) == (3.0, 1500, "place > far")
    assert "# ASKED: Must it stand still there? answered: no\n[success]" in made.text
    assert "# ASKED: Which side is meant? answered: the right one\n[state.place]" in made.text
    assert "OPEN" not in made.text


def test_a_condition_keeps_the_meaning_of_the_rule_and_yes_takes_the_proposal(tmp_path: Path) -> None:
    either = {"when": "place > far or speed > 9", "within": "any step", "share": 1.0, "full_length": False}
    made = initiated(tmp_path, **CURIOUS, success=either).answered(lambda q: "yes" if q.place == "success" else "")
    assert made.draft.task.success.when == "(place > far or speed > 9) and abs(speed) < 0.1"


def test_what_can_not_be_used_is_asked_again_with_the_reason(tmp_path: Path) -> None:
    heard: list[str] = []
    script = iter(["very", "4", "speeed < 1", "speed < 1 or place > 1", "0", "1.5", "77", ""])

    def say(question: CardQuestion) -> str:
        heard.append(question.text)
        return next(script)

    task = initiated(tmp_path, **CURIOUS).answered(say).draft.task
    assert (task.constants["far"].value, task.max_steps) == (4.0, 77)
    assert task.success.when == "place > far and (speed < 1 or place > 1)"
    assert heard[1] == "'very' is not a number; write one, or `no` to leave the card as it is. How far is far?"
    assert "'speeed', which is not a field. Did you mean 'speed'?" in heard[3]
    assert heard[5].startswith("'0' is no number of steps; write a whole number from 1.")
    with pytest.raises(UsageError, match="no usable answer after 10 attempts: 'very' is not a number"):
        initiated(tmp_path, **CURIOUS).answered(lambda q: "very")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            asks("What?", "state.nothing", "nothing"),
            "there is no 'state.nothing'; places are action.choice, constants.far",
        ),
        (
            asks("What?", "success", "constant", "3"),
            "changes a constant, and its place is 'success'; write constants.NAME",
        ),
        (asks("What?", "constants.far", "constant", "many"), "'many' is not a number"),
        (asks("What?", "success", "condition", "nowhere > 3"), "'nowhere', which is not a field"),
        (asks("What?", "success", "condition", "place + 3"), "place + 3"),
    ],
)
def test_a_question_about_nothing_goes_back_to_the_model(question: dict[str, str], said: str, tmp_path: Path) -> None:
    model = Scripted({"init-0": answer(questions=[question]), "init-1": answer()})
    environment = surveyed()
    made = propose(client(model, tmp_path), environment, draft_task(environment, "toy", "Go far.", {}))
    assert said in made.findings[0]
    assert said[:20] in model.asked["init-1"]
    assert len(made.questions) == 1


def test_a_model_is_told_the_arguments_and_may_choose_the_length(tmp_path: Path) -> None:
    model = Scripted({"init-0": answer(max_steps=250)})
    environment = surveyed()
    made = propose(
        client(model, tmp_path), environment, draft_task(environment, "toy", "Go far.", {"continuous": True})
    )
    assert r'made with the arguments "{\"continuous\": true}"' in model.asked["init-0"]
    assert made.draft.task.max_steps == 250
    assert "# GUESS: proposed by a model; the environment's own limit is 500\nmax_steps = 250" in card_text(made.draft)


def test_ranges_hold_what_was_sampled_and_what_the_model_needs(tmp_path: Path) -> None:
    fields = [
        field("place", "obs[0]", -1.0, 9.0),  # bounds are stated: -4.8 to 4.8
        field("pitch_rate", "obs[1]"),  # random actions gave -1 to 1
        field("both", "obs[1:3]", high=6.0),
        field("speed", "norm(obs[1:3])"),
        field("still", "abs(obs[1]) < 0.1"),
    ]
    state = proposed(tmp_path, fields=fields).draft.task.state
    assert [state[n].range for n in ("place", "pitch_rate", "both", "still")] == [
        (-4.8, 9.0),
        (-1.5, 1.5),
        (-1.5, 6.0),
        None,
    ]
    low, high = state["speed"].range or (0.0, 0.0)
    assert low <= 0.0
    assert 2.0 <= high <= 3.0  # at most sqrt(2) * 1.5, and its margin


def test_a_source_that_is_not_there_is_named() -> None:
    with pytest.raises(TaskError, match=r"speaks of 'obs\.speed'; the observation has obs"):
        source_range("obs.speed + 1", surveyed())
    with pytest.raises(TaskError, match="reaches outside the array"):
        source_range("obs[7] + 1", surveyed())


def test_the_terminal_asks_one_question_after_the_other(tmp_path: Path) -> None:
    """As a person sees it, with the model's proposals as what Enter takes."""
    app = typer.Typer()

    @app.command()
    def ask() -> None:
        typer.echo(initiated(tmp_path, **CURIOUS).answered(_asked).text)

    done = CliRunner().invoke(app, [], input="4\n\nno\n\n")
    assert done.exit_code == 0, done.output
    said = done.output.splitlines()
    assert said[0] == "constants.far: How far is far?"
    assert said[1] == "  a number; no: as it is [2.5]: 4"
    assert "  a condition; no: none [abs(speed) < 0.1]: " in said
    assert "  a few words; Enter leaves it open: " in said
    assert "far = { value = 4.0" in done.output
    assert 'when = "place > far and abs(speed) < 0.1"' in done.output
    assert "\nmax_steps = 500\n" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("env", ["Hopper-v5", "HalfCheetah-v5", "Swimmer-v5", "Walker2d-v5", "Ant-v5", "Humanoid-v5"])
def test_names_of_mujoco_are_of_the_same_numbers_with_and_without_positions(env: str) -> None:
    """A name must be of the number that MuJoCo's own state has there, however the environment is made."""
    drafts, made = [], []
    for exclude in (True, False):
        kwargs = {"exclude_current_positions_from_observation": exclude}
        environment, _ = survey(SurveyJob(task=placeholder_task(env, kwargs, "toy")), {}, HERE)
        drafts.append(draft_task(environment, "toy", "Run.", dict(kwargs)).task.state)
        made.append(gymnasium.make(env, **kwargs))
    short, whole = (np.asarray(one.reset(seed=3)[0]) for one in made)
    named = {name: int(f.source[4:-1]) for name, f in drafts[0].items() if not name.startswith(("obs_", "observation"))}
    assert len(named) > 5
    for name, place in named.items():
        assert whole[int(drafts[1][name].source[4:-1])] == short[place], name
    first = [name for name, field in drafts[1].items() if field.source == "obs[0]"]
    assert first[0].split("_")[0] == "x" or "_x" in first[0]
    for one in made:
        one.close()


def test_parts_of_a_dict_keep_their_stated_bounds() -> None:
    environment, _ = survey(SurveyJob(task=placeholder_task("zoo.observations:OtherOrder-v0", {}, "toy")), {}, HERE)
    text, task = written(environment)
    assert (task.state["a"].range, task.state["b"].range) == ((-10.0, 10.0), (-1.0, 1.0))
    assert "bounds are stated" not in text
    assert "bound is stated" not in text


def test_a_bound_that_is_stated_is_kept_where_the_other_is_not() -> None:
    half = Stretch(key="", entries=(entry(0.0, None, (0.5, 2.0)), entry(None, 1.0, (-3.0, 0.5))))
    text, task = written(surveyed(stretches=(half,), doc=""))
    assert [field.range for field in task.state.values()] == [(0.0, 2.4), (-3.9, 1.0)]
    assert "random actions gave 0.5 to 2; no upper bound is stated that holds" in text
    assert "random actions gave -3 to 0.5; no lower bound is stated that holds" in text


@pytest.mark.slow
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "Blackjack-v1"])
def test_real_environments_get_cards_that_fit_them(env: str) -> None:
    environment, _ = survey(SurveyJob(task=placeholder_task(env, {}, "toy")), {}, HERE)
    _, task = written(environment)
    checked, _ = audit(AuditJob(task=task), {}, HERE)
    assert not [i.message for i in checked.items if i.name.startswith("range of") and not i.ok]
    assert {i.name: i.ok for i in checked.items}["determinism"]
    assert "## reward" not in environment.doc.lower(), "the environment's own reward stays with the environment"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_card_from_python_is_asked_about_and_passes_its_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model at a local server; the environment is sampled for real, by `init` and by the check, on different seeds."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    names = {
        "pitch": "obs[1]",
        "speed": "obs[8]",
        "height_rate": "obs[9]",
        "pitch_rate": "obs[10]",
        "pace": "norm(obs[8:10])",
    }
    said = answer(
        fields=[field(name, source) for name, source in names.items()],
        constants=[{"name": "fast", "value": 2.0, "about": "a run", "unit": "m/s", "field": "speed"}],
        success={"when": "speed > fast", "within": "last 20 steps", "share": 1.0, "full_length": False},
        questions=[
            asks("Must it run upright?", "success", "condition", "abs(pitch) < 0.5"),
            asks("How fast is fast?", "constants.fast", "constant", "2"),
        ],
    )
    heard: list[tuple[str, str]] = []
    arguments = {"exclude_current_positions_from_observation": True}

    def say(question: CardQuestion) -> str:
        heard.append((question.place, question.proposal))
        return "3" if question.changes == "constant" else ""

    with provider(Answer(json.dumps(said))) as server:
        model = f"openai+{server.url}/v1:m"
        task = autoreward.init("HalfCheetah-v5", "Run.", say, model=model, kwargs=arguments, to=tmp_path)
    assert heard == [("success", "abs(pitch) < 0.5"), ("constants.fast", "2")]
    assert task.success.when == "speed > fast and abs(pitch) < 0.5"
    assert task.constants["fast"].value == 3.0
    (checked,) = audit_tasks([task])
    assert [i.message for i in checked.items if not i.ok] == []
    assert "exclude_current_positions_from_observation" in json.dumps(server.requests[0])
    again = autoreward.init(
        "HalfCheetah-v5", "Run.", lambda q: pytest.fail("the card is there"), "grammar", to=tmp_path
    )
    assert again == task
    with pytest.raises(UsageError, match="is a card for HalfCheetah-v5 with other arguments"):
        autoreward.init("HalfCheetah-v5", "Run.", model="grammar", kwargs={"frame_skip": 2}, to=tmp_path)
