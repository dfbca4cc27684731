"""The house rules that a reader relies on: who may import whom, and what may appear where."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "autoreward"
FILES = sorted(PACKAGE.rglob("*.py"))
LAYERS = (
    {"core", "version"},
    {"errors", "records"},
    {"rewards", "tasks"},
    {"config", "evaluation", "sandbox"},
    {"checks", "events", "store", "worker"},
    {"llm", "training"},
    {"report", "roles", "search"},
    {"design", "export", "judges"},
    {"loop"},
    {"session"},
    {"api", "cli"},
    {"__init__", "__main__"},
)
"""Rooms, from the bottom: each may import what is below it, never beside or above."""
HEAVY = {"torch", "stable_baselines3", "gymnasium", "safetensors", "mujoco"}
JAIL_CHILD_ALLOWED = {"numpy", "autoreward"}


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_dependencies_point_one_way(path: Path) -> None:
    here = room(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("autoreward.")}
    ours = {u for u in used if (PACKAGE / u).is_dir() or (PACKAGE / f"{u}.py").is_file()}
    assert ours <= allowed(here), f"{here} imports {sorted(ours - allowed(here))}"


def allowed(here: str) -> set[str]:
    """What a room may import, besides itself."""
    level = next(i for i, names in enumerate(LAYERS) if here in names)
    return set[str]().union(*LAYERS[:level]) | {here}


def test_every_module_has_one_place() -> None:
    assert sorted(name for names in LAYERS for name in names) == sorted({room(path) for path in FILES})


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_worker_imports_torch_and_environments(path: Path) -> None:
    heavy = {name.split(".")[0] for name in imports(path)} & HEAVY
    assert room(path) == "worker" or not heavy, heavy


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
OPENERS = {"Book", "archive", "jail"}
"""What has an `open` that opens no file."""
NOT_IN_A_RUN = {
    "cli/doctor.py": "whether there is a folder of runs",
    "cli/export.py": "the folder that the person names",
    "cli/init.py": "what the person edits",
    "cli/options.py": "the folder of cards that the person names",
    "cli/prefer.py": "the answers that the person names",
    "cli/run.py": "the demonstrations that the person names",
    "cli/say.py": "where output goes that nobody reads",
    "core/resources.py": "where this package is",
    "report/templates.py": "our own templates",
    "report/tensorboard.py": "the folder that the person names",
    "sandbox/kernel/landlock.py": "what a worker may reach",
    "sandbox/kernel/lock.py": "what this machine can lock",
    "sandbox/kernel/proofs.py": "what must not work in a room",
    "sandbox/processes/scratch.py": "the folders of child processes",
    "sandbox/selfcheck.py": "what must not work in a room",
    "search/recorded.py": "whether a run is a link",
    "session/new_task.py": "whether a card is there",
    "session/reward_file.py": "the reward file that the person names",
    "tasks/files.py": "task cards",
    "tasks/process.py": "what a card asks to read and write",
    "training/local.py": "how much of the machine there is",
    "worker/attempts.py": "what must not work in a worker",
    "worker/confine.py": "the worker's own folder",
    "worker/denied.py": "what a worker was refused",
    "worker/jobs/sb3_files.py": "the worker's own temporary folder",
    "worker/reach.py": "packages and system libraries",
    "worker/server.py": "how much memory it has",
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
