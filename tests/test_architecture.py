"""The house rules that a reader relies on: who may import whom, what may appear where, and that a name means one thing.

`benchmarks/house.py` states the rules of the plan; each of them is shown here to find its fault in a small package.
"""

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "autoreward"


def by_path(name: str, path: Path) -> ModuleType:
    """A module that no package has."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


house = by_path("house", ROOT / "benchmarks" / "house.py")
PLAN = house.read(PACKAGE)
FILES = sorted(PACKAGE.rglob("*.py"))
LAYERS = (
    {"core", "version"},
    {"errors", "records", "settings"},
    {"rewards", "tasks"},
    {"config", "evaluation", "sandbox"},
    {"checks", "events", "store", "worker"},
    {"llm", "training"},
    {"report", "roles", "search"},
    {"design", "export", "judges"},
    {"loop"},
    {"session"},
    {"api", "cli"},
    {"", "__main__"},
)
"""Rooms, from the bottom: each may import what is below it, never beside or above; '' is the package's own `__init__`."""
HEAVY = {"torch", "stable_baselines3", "gymnasium", "safetensors", "mujoco"}
JAIL_CHILD_ALLOWED = {"numpy", "autoreward"}


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


SAME_MEANING = {
    "Array": "a NumPy array of numbers, in annotations",
    "composed": "the step of each composition in rewards/compose/, under one name because exports call it so",
    "improve": "the loop's, and the API's door to it",
    "train": "the job of a worker, and the API's door to it",
    "command": "one function of typer in each module of cli/, under the name of the module",
}
"""Public names that several modules may define, and why they mean the same."""


def small(root: Path, **modules: str) -> Path:
    """A package `toy`: text by the module's dotted name, with two underscores for a dot; every folder has an empty `__init__`."""
    package = root / "toy"
    for name, text in modules.items():
        path = package.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
    return package


def test_no_module_imports_in_a_circle() -> None:
    assert house.circles_of_modules(PLAN) == []
    assert house.relative_imports(PLAN) == [], "house.py follows absolute imports alone"


@pytest.mark.parametrize(
    "text",
    [
        "from toy.low.b import x",
        "from toy.low import b",
        "import toy.low.b",
        "def f():\n    from toy.low.b import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.low.b import x",
    ],
)
def test_circles_are_found(tmp_path: Path, text: str) -> None:
    plan = house.read(
        small(tmp_path, low__a=text, low__b="import toy.low.c", low__c="from toy.low.a import y", low__d="")
    )
    assert house.circles_of_modules(plan) == [{"low.a", "low.b", "low.c"}]


def test_circles_through_the_package_itself_are_found(tmp_path: Path) -> None:
    package = small(tmp_path, a="from toy import __version__")
    (package / "__init__.py").write_text("from toy.a import x")
    assert house.circles_of_modules(house.read(package)) == [{"", "a"}]
    (package / "a.py").write_text("from . import b")
    assert house.relative_imports(house.read(package)) == ["a"]


def test_dependencies_point_one_way() -> None:
    assert sorted(name for names in LAYERS for name in names) == sorted({house.room(m) for m in PLAN.trees})
    assert house.upward(PLAN, LAYERS) == []


@pytest.mark.parametrize("text", ["from toy.high import a", "def f():\n    import toy.beside.a"])
def test_imports_beside_and_above_are_found(tmp_path: Path, text: str) -> None:
    plan = house.read(
        small(tmp_path, low__a="from toy.low import b", low__b=text, beside__a="", high__a="import toy.low.a")
    )
    other = "high" if "high" in text else "beside"
    assert house.upward(plan, [{"low", "beside"}, {"high"}, {""}]) == [("low", other)]


def test_the_root_is_small_and_every_folder_says_what_lives_there() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 10
    assert house.unexplained(PLAN, PACKAGE) == []


def test_folders_that_say_nothing_are_found(tmp_path: Path) -> None:
    package = small(tmp_path, a="", told__a="", silent__a="", none__deep__a="")
    (package / "__init__.py").write_text('"""A toy."""')
    (package / "told" / "__init__.py").write_text('"""What is told."""')
    assert house.unexplained(house.read(package), package) == ["none.deep", "silent"]


def test_a_public_name_means_one_thing() -> None:
    shared = house.shared_names(PLAN).keys()
    assert shared <= SAME_MEANING.keys(), sorted(shared - SAME_MEANING.keys())
    assert SAME_MEANING.keys() <= shared, "a reason for a name that is not shared"


@pytest.mark.parametrize(
    "text", ["class Same: ...", "def Same(): ...", "Same = 1", "Same: int = 1", "Other, Same = 1, 2"]
)
def test_shared_names_are_found(tmp_path: Path, text: str) -> None:
    private = "_own = 1\nT = TypeVar('T')\ndef f():\n    local = 1\n"
    plan = house.read(
        small(tmp_path, low__a=f"class Same: ...\n{private}", high__b=f"{text}\n{private.replace('f()', 'g()')}")
    )
    assert house.shared_names(plan) == {"Same": ["high.b", "low.a"]}


OPTION = re.compile(r"(?<![\w(-])--[a-z][a-z-]*(?![\w-]*:)")
"""An option of a command; not a style of a page, `var(--fg)` or `--fg: ...`."""

RAY = re.compile("ray start --head")
"""Another program's."""


def options_named(path: Path) -> list[str]:
    """Options in a file's texts; what a comment says is for readers of the code."""
    if path.suffix != ".py":
        return OPTION.findall(path.read_text())
    texts = (n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant))
    return [option for text in texts if isinstance(text, str) for option in OPTION.findall(RAY.sub("", text))]


@pytest.mark.parametrize(
    "path", [p for p in (*FILES, *PACKAGE.rglob("*.j2")) if room(p) != "cli"], ids=lambda p: p.name
)
def test_the_library_speaks_no_command_line(path: Path) -> None:
    """Messages name settings and commands as facts (core/wording.py); the command line words them as options."""
    assert options_named(path) == []


@pytest.mark.parametrize("text", ['raise E("give it more with --max-cost")', 'f"{x} --model {y}"', '"""As --trust."""'])
def test_options_are_found(text: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert options_named(path)


def test_functions_take_few_parameters() -> None:
    """Those of commands are a command's options, which a person gives by name."""
    assert [n for n in house.crowded(PLAN) if not (n.startswith("cli.") and n.endswith(".command"))] == []


def test_functions_of_many_parameters_are_found(tmp_path: Path) -> None:
    text = "class A:\n    def few(self, a, b, c, d, e, f, g, *, h): ...\n    def many(self, a, b, c, d, e, f, /, g, h, *, i): ...\n"
    assert house.crowded(house.read(small(tmp_path, low__a=text))) == ["low.a.many"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_worker_imports_torch_and_environments(path: Path) -> None:
    heavy = {name.split(".")[0] for name in imports(path)} & HEAVY
    assert room(path) == "worker" or not heavy, heavy


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nobody_reaches_for_a_single_environment_of_several(path: Path) -> None:
    """But the one kind of VectorEnv that has single ones; `envs` of a task's [train] is their number."""
    assert (
        path.name == "vector.py" or [owner for owner in owners_of_envs(path.read_text()) if owner[-5:] != "train"] == []
    )


def owners_of_envs(text: str) -> list[str]:
    return [
        ast.unparse(n.value) for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Attribute) and n.attr == "envs"
    ]


def test_reaching_for_a_single_environment_is_found() -> None:
    assert set(owners_of_envs("a = layout(venv.envs[0])\nb = task.train.envs")) == {"venv", "task.train"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_candidate_code_is_compiled_in_one_room(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"exec", "eval"}:
            # state.py is the task author's own program, as trusted as the environment that it reads
            assert room(path) == "sandbox" or path.name == "flatten.py"
    roots = {name.split(".")[0] for name in imports(path)}
    assert "pickle" not in roots
    assert "cloudpickle" not in roots


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_is_printed_passes_one_filter(path: Path) -> None:
    """Consoles are Terminals, and commands print with `say`: nothing that others wrote acts on a terminal."""
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    if path.name != "say.py":
        assert not called & {"typer.echo", "typer.secho", "print"}
    assert "Console" not in called


TOUCHING = {
    "copy2", "copyfile", "copytree", "exists", "fdopen", "glob", "is_dir", "is_file", "is_symlink", "iterdir", "lexists",
    "listdir", "lstat", "makedirs", "mkdir", "open", "read_bytes", "read_text", "rename", "rglob", "rmdir", "rmtree",
    "scandir", "stat", "symlink_to", "touch", "unlink", "write_bytes", "write_text",
}  # fmt: skip
OPENERS = {"Book", "archive", "av", "jail", "webbrowser"}
"""What has an `open` that opens no file."""
NOT_IN_A_RUN = {
    "cli/doctor.py": "whether there is a folder of runs",
    "cli/agent_file.py": "the file that the person names",
    "cli/export.py": "the folder that the person names",
    "cli/init.py": "what the person edits",
    "cli/compare.py": "the picture that the person names",
    "cli/play.py": "the film that the person names",
    "cli/options.py": "the folder of cards that the person names",
    "cli/say.py": "where output goes that nobody reads",
    "core/resources.py": "where this package is",
    "export/loader_source.py": "our own source",
    "report/templates.py": "our own templates",
    "report/tensorboard.py": "the folder that the person names",
    "sandbox/kernel/landlock.py": "what a worker may reach",
    "sandbox/kernel/lock.py": "what this machine can lock",
    "sandbox/kernel/proofs.py": "what must not work in a room",
    "sandbox/processes/scratch.py": "the folders of child processes",
    "sandbox/selfcheck.py": "what must not work in a room",
    "search/recorded.py": "whether a run is a link",
    "session/exam_sheets.py": "the exams that are shipped",
    "session/handed.py": "the temporary folder that an export is used from",
    "session/new_task.py": "whether a card is there",
    "session/play.py": "the film that the person names",
    "session/reward_file.py": "the reward file that the person names",
    "tasks/files.py": "task cards",
    "tasks/process.py": "what a card asks to read and write",
    "training/local.py": "how much of the machine there is",
    "worker/attempts.py": "what must not work in a worker",
    "worker/confine.py": "the worker's own folder, how much memory it has",
    "worker/denied.py": "what a worker was refused",
    "worker/image_text.py": "the weights that a state.py or a judge names",
    "worker/jobs/sb3_files.py": "the worker's own temporary folder",
    "worker/reach.py": "packages and system libraries",
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_of_a_run_are_reached_in_one_way(path: Path) -> None:
    """By store/folder.py, which follows no link."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    touched = {f.attr for f in calls if isinstance(f, ast.Attribute) and f.attr in TOUCHING and not opener(f)}
    touched |= {f.id for f in calls if isinstance(f, ast.Name) and f.id == "open"}
    name = str(path.relative_to(PACKAGE))
    assert room(path) == "store" or bool(touched) == (name in NOT_IN_A_RUN), (name, touched)


def opener(call: ast.Attribute) -> bool:
    return call.attr == "open" and ast.unparse(call.value).rpartition(".")[2].lstrip("_") in OPENERS


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.body[0].lineno < 60, node.name
        if isinstance(node, ast.ExceptHandler):
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), f"line {node.lineno}"
