"""The house rules that a reader relies on: which folder may import which, and what may appear where."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "autoreward"
FILES = sorted(PACKAGE.rglob("*.py"))
VOCABULARY = {
    "autoreward", "closing", "config",
    "contract", "errors", "events", "expressions", "outcomes", "pools", "records", "resources", "seeds",
    "tasks", "tiers", "transitions",
}  # fmt: skip
ROOMS = {
    "spawn": set[str](),
    "compose": set[str](),
    "store": set[str](),
    "export": {"store", "report", "analyze", "compose"},
    "jail": {"spawn"},
    "worker": {"spawn", "jail", "compose"},
    "llm": set[str](),
    "cards": {"llm"},
    "design": {"llm", "compose", "jail"},
    "analyze": {"llm"},
    "check": {"jail", "llm", "compose", "analyze"},
    "train": {"spawn", "jail", "worker"},
    "report": {"store", "analyze", "llm"},
}
ANYTHING = {
    "cli",
    "session",
    "crew",
    "crews",
    "workshop",
    "loop",
    "recordings",
    "doubt",
    "judging",
    "initiate",
    "plan",
    "race",
    "contest",
    "poll",
    "notebook",
    "__main__",
    "__init__",
}
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
    if here in ANYTHING:
        return
    allowed = VOCABULARY | ROOMS.get(here, set()) | {here}
    if here in VOCABULARY:
        allowed = VOCABULARY
    used = {name.split(".")[1] for name in imports(path) if name.startswith("autoreward.")}
    rooms = {u for u in used if (PACKAGE / u).is_dir() or (PACKAGE / f"{u}.py").is_file()}
    assert rooms <= allowed, f"{here} imports {sorted(rooms - allowed)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_worker_imports_torch_and_environments(path: Path) -> None:
    heavy = {name.split(".")[0] for name in imports(path)} & HEAVY
    assert room(path) == "worker" or not heavy, heavy


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_candidate_code_is_compiled_in_one_room(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"exec", "eval"}:
            # state.py is the task author's own program, as trusted as the environment that it reads
            assert room(path) == "jail" or path.name == "observations.py"
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


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.body[0].lineno < 60, node.name
        if isinstance(node, ast.ExceptHandler):
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), f"line {node.lineno}"
