"""Nothing that a card, a run or a model says becomes code, markup or a key of the files that people take away."""

import ast
import functools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from exports import PROOF, load, task, written
from fake_steps import FakeSteps
from hypothesis import given, settings
from hypothesis import strategies as st

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.visible import visible
from autoreward.export import EXPORTED_FILES
from autoreward.export.best import Kept, kept_files
from autoreward.export.build import packaging, reward_files, train_script
from autoreward.export.render import NotWritable, Word, code, literal, one_line, plain_markdown, shown, slug
from autoreward.export.verify import ExportProof, NotEqual
from autoreward.loop import improve
from autoreward.records import Candidate, Score
from autoreward.report.reading import read_run
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.card import Task

SOURCE = "def compute_reward(state, action, next_state, memory):\n    return {'a': next_state.x}\n"
NASTY = (
    'm"""\nimport os\nos.system("touch PWNED")\n"""',
    "'''\nraise SystemExit\n'''",
    'ends in a quote "',
    'ends in two ""',
    "ends in a backslash \\",
    '\\""" + boom() + """',
    "{{ 7 * 7 }} {% raw %} {# #}",
    "_value_0_ _value_1_",
    "\x1b[31mRED\x1b]0;title\x07",
    "\u202eevil\u2066\u200b\ufeff",
    "\u115f\u3164\u2800",
    "a\rb\x85c\u2028d\x0ce",
    "<script>alert(1)</script><img src=x onerror=alert(2)><b onmouseover=x>",
    "![b](http://127.0.0.1:9/x.png) [l](javascript:alert(1)) <http://a.b> https://a.b www.a.b a@b.c",
    "| a | b |\n|---|---|\n# title\n- item\n1. one\n> quote\n```\ncode",
    '"\nversion = "9"\n[tool.x]\ny = "',
    "`code` ``",
)
TEXT = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.lists(st.sampled_from(NASTY)).map("".join))
UNSEEN = re.compile("[\u115f\u1160\u3164\uffa0\u2800\u034f\ufe00-\ufe0f]")


def hostile(text: str) -> Task:
    """A card that says it everywhere; built as a run's header could hold it, whatever cards are checked for."""
    base = task()
    field = {"about": text, "unit": text}
    state = {n: f.model_copy(update=field) for n, f in base.state.items()}
    more = {text: base.state["x"].model_copy(update=field)}
    action = {n: f.model_copy(update=field) for n, f in base.action.items()}
    changes = {"name": text, "env": text, "goal": text, "kwargs": {text: {"inner": [text, 1, True]}}}
    return base.model_copy(update={**changes, "state": state | more, "action": action})


def harmless(said: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in said) and not UNSEEN.search(said)


@functools.cache
def plain_reward() -> ast.Module:
    return ast.parse(reward_files(task(), written(SOURCE))["reward.py"])


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(TEXT)
def test_reward_py_holds_values_and_nothing_more(text: str) -> None:
    plain_tree = plain_reward()
    candidate = written(SOURCE, thought=text).model_copy(update={"origin": text})
    made = reward_files(hostile(text), candidate)["reward.py"]
    assert harmless(made)
    tree = ast.parse(made)
    assert [type(n) for n in tree.body] == [type(n) for n in plain_tree.body]
    said = ast.get_docstring(tree, clean=False) or ""
    assert harmless(said), "also where help() prints it"
    values = {ast.unparse(t): n.value for n in tree.body if isinstance(n, ast.Assign) for t in n.targets}
    env, kwargs = ast.literal_eval(values["(ENV, KWARGS)"])
    assert (env, kwargs) == (text, {text: {"inner": [text, 1, True]}})
    names = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    assert names == {n.name for n in plain_tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.slow
def test_what_a_card_says_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, text in enumerate(NASTY):
        load(tmp_path / str(number), reward_files(hostile(text), written(SOURCE, thought=text)))
    assert not list(tmp_path.rglob("PWNED*"))


@pytest.mark.slow
@settings(deadline=None)
@given(TEXT)
def test_train_py_holds_values_and_nothing_more(text: str) -> None:
    score = Score(trial_id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=3, kept=10)
    base = task()
    train = base.train.model_copy(update={"hyperparameters": {text: text, "gamma": 0.9}})
    one, other = (ast.parse(train_script(base.model_copy(update={"train": t}), score, 64)) for t in (train, base.train))
    assert [type(n) for n in one.body] == [type(n) for n in other.body]
    with pytest.raises(NotWritable, match="is not a plain name"):
        train_script(base.model_copy(update={"train": train.model_copy(update={"algorithm": "PPO, os"})}), score, 64)


@settings(max_examples=40)
@given(TEXT)
def test_pyproject_says_what_it_should(text: str) -> None:
    made = packaging(hostile(text))
    assert harmless(made)
    read = tomllib.loads(made)
    assert set(read) == {"build-system", "project", "tool"}
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", read["project"]["name"])
    assert read["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == ["reward.py", "program.py"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner) | st.tuples(inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(VALUES)
def test_a_literal_is_its_value(value: Any) -> None:
    written_value = literal(value)
    assert harmless(written_value)
    assert eval(written_value, {"float": float}) == value


@pytest.mark.parametrize("value", [object(), b"x", {1: 2}, 1j, [{3}], Path("x")])
def test_what_has_no_literal_is_said(value: Any) -> None:
    with pytest.raises(NotWritable, match="can't be written into an exported file"):
        literal(value)
    with pytest.raises(NotWritable):
        reward_files(task(kwargs={}).model_copy(update={"kwargs": {"a": value}}), written(SOURCE))


@pytest.mark.parametrize("name", ["a b", "a.b", "1a", "class", "\u00e9", "", "a\n"])
def test_a_name_is_a_plain_one(name: str) -> None:
    with pytest.raises(NotWritable):
        Word(name)


@given(TEXT)
def test_words_in_markdown_stay_words(text: str) -> None:
    for made in (plain_markdown(text), code(text)):
        assert harmless(made)
        assert "\n" not in made
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>\[\]`|*_!#&]", plain_markdown(text))
    assert not re.search(r"(?i)\w:\S|\bwww\.|@", plain_markdown(text))
    assert not re.match(r"[-+=>]|\d+[.)](\s|$)|\s{4}", plain_markdown(text))
    assert one_line(text) == " ".join(shown(text).split())
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug(text))


class Nasty(FakeSteps):
    """Designs programs that hold a hostile thought."""

    def __init__(self, text: str) -> None:
        super().__init__(width=3)
        self._text = text

    def design(self, description: Any, rounds: Any) -> Any:
        made = super().design(description, rounds)
        items = [c.model_copy(update={"thought": self._text, "source": SOURCE}) for c in made.items]
        return made.model_copy(update={"items": tuple(items)})


def kept(folder: Path, card: Task, steps: FakeSteps, fail: bool = False) -> Kept:
    def demonstrate(winner: Candidate, files: Any) -> ExportProof:
        if fail:
            raise NotEqual("They differ.")
        return PROOF

    with Book.create(folder, RunHeader.of(card, RunConfig(rounds=1, candidates=3, confirm_seeds=1))) as book:
        improve(Study(card, book.header.config, steps, book, lambda event: None))
        return kept_files(
            book, read_run(folder), lambda t, weights: {"policy.zip": b"", "vecnormalize.pkl": b""}, demonstrate
        )


@pytest.mark.parametrize("text", NASTY)
def test_a_card_for_people_has_no_markup_of_others(text: str, memory_folder: Path) -> None:
    goal = visible(text) or "Go."  # a run with letters that can't be seen in its card is refused before
    card = task().model_copy(update={"goal": goal})
    made = kept(memory_folder / "run", card, Nasty(text))
    said = made.files["card.md"].decode()
    assert harmless(said)
    bare = re.sub(r"\\.", "", said)  # what is escaped is a letter
    bare = re.sub(r"(`+).*?\1", "", bare)
    assert not re.search(r"<|!\[|\]\(|https?:|www\.|javascript:", bare)
    assert [line for line in bare.split("\n") if line.startswith("#")][1:] == [
        "## The reward", "## Known weaknesses", "## How it was made", "## Files",
    ]  # fmt: skip
    assert json.loads(made.files["manifest.json"])["task"]["goal"] == goal
    assert made.files["manifest.json"].isascii()
    assert set(made.files) <= set(EXPORTED_FILES)


def test_what_was_compared_is_said(memory_folder: Path) -> None:
    made = kept(memory_folder / "run", task(), Nasty("Go."))
    assert set(made.files) == set(EXPORTED_FILES) - {"state.py"}
    assert made.refused is None
    assert "about 10 recorded transitions" in made.files["card.md"].decode()
    assert "are equal to the bit to what training computes" in made.files["card.md"].decode()
    assert "unpickles" in made.files["card.md"].decode()
    assert json.loads(made.files["manifest.json"])["reward"]["compared"]["rows"] == 10


def test_a_reward_that_differs_is_left_out_and_the_rest_is_kept(memory_folder: Path) -> None:
    made = kept(memory_folder / "run", task(), Nasty("Go."), fail=True)
    assert set(made.files) == {"card.md", "manifest.json", "policy.zip", "vecnormalize.pkl"}
    assert isinstance(made.refused, NotEqual)
    card = made.files["card.md"].decode()
    assert "The reward is not here. They differ." in card
    assert "train.py" not in card
    assert json.loads(made.files["manifest.json"])["reward"]["compared"] is None
