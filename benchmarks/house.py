"""The plan of the package in numbers: rooms, arrows between them, circles, long functions, names that mean two things.

    python benchmarks/house.py [PACKAGE ...]     by default ./autoreward; several are printed side by side

A room is a folder or a module of the package's root. An arrow is one room that imports another, a circle a set of modules
that import each other in a loop, those for type checkers and within functions too. `tests/test_architecture.py` holds what
these numbers may be.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

LONG, MANY, TOO_MANY = 60, 6, 8
DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


class Plan(NamedTuple):
    """A package, parsed: modules by dotted name, relative to the package (its `__init__` is '')."""

    trees: Mapping[str, ast.Module]
    lines: Mapping[str, int]


def read(package: Path) -> Plan:
    trees, lines = {}, {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        trees[name], lines[name] = ast.parse(text), text.count("\n")
    return Plan(trees, lines)


def imports(plan: Plan, module: str, package: str = "autoreward") -> set[str]:
    """The modules of the package that a module imports: a name from a package is its module if there is one of that name."""
    named: list[str] = []
    for node in ast.walk(plan.trees[module]):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            named += [f"{node.module}.{alias.name}" for alias in node.names]
    ours = [name.split(".")[1:] for name in named if name.split(".")[0] == package]
    return {nearest(plan, parts) for parts in ours} - {module}


def nearest(plan: Plan, parts: list[str]) -> str:
    while parts and ".".join(parts) not in plan.trees:
        parts = parts[:-1]
    return ".".join(parts)


def room(module: str) -> str:
    return module.split(".")[0]


def arrows(plan: Plan) -> set[tuple[str, str]]:
    """Which room imports which."""
    return {(room(m), room(i)) for m in plan.trees for i in imports(plan, m)} - {(r, r) for r in map(room, plan.trees)}


def circles(edges: Mapping[str, set[str]]) -> list[set[str]]:
    """Strongly connected components of more than one node, largest first."""
    reached = {node: reachable(node, edges) for node in edges}
    loops = {frozenset({node} | {other for other in reached[node] if node in reached[other]}) for node in edges}
    return sorted((set(loop) for loop in loops if len(loop) > 1), key=len, reverse=True)


def reachable(node: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    open_ = [node]
    while open_:
        for other in edges[open_.pop()] - seen:
            seen.add(other)
            open_.append(other)
    return seen


def functions(plan: Plan) -> Iterator[tuple[str, ast.FunctionDef]]:
    for module, tree in plan.trees.items():
        yield from ((module, node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def parameters(function: ast.FunctionDef) -> int:
    """What a caller hands over: `self` and `cls` are not."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def shared_names(plan: Plan) -> dict[str, list[str]]:
    """Public classes, functions and constants that two modules or more define."""
    places = defaultdict(list)
    for module, tree in plan.trees.items():
        for name in sorted(defined(tree)):
            places[name].append(module)
    return {name: modules for name, modules in sorted(places.items()) if len(modules) > 1}


def defined(tree: ast.Module) -> set[str]:
    names = {node.name for node in tree.body if isinstance(node, DEFINITIONS)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            names |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def rows(package: Path) -> dict[str, str]:
    plan = read(package)
    between = arrows(plan)
    of_rooms = {room(m): {b for a, b in between if a == room(m)} for m in plan.trees}
    of_modules = {m: imports(plan, m) for m in plan.trees}
    made = [f for _, f in functions(plan)]
    long = sum(length(f) > LONG for f in made)
    return {
        "modules": str(len(plan.trees)),
        "lines": f"{sum(plan.lines.values()):,}",
        "root modules": str(len([p for p in package.glob("*.py")])),
        "rooms": str(len({room(m) for m in plan.trees} - {"", "__main__"})),
        "arrows between rooms": str(len(between)),
        "circles of modules": ", ".join(str(len(c)) for c in circles(of_modules)) or "0",
        "circles of rooms": ", ".join(str(len(c)) for c in circles(of_rooms)) or "0",
        "functions": f"{len(made):,}",
        f"over {LONG} lines": f"{long} ({long / len(made):.1%})",
        f"over {MANY} parameters": str(sum(parameters(f) > MANY for f in made)),
        f"over {TOO_MANY} parameters": str(sum(parameters(f) > TOO_MANY for f in made)),
        "public names defined twice": str(len(shared_names(plan))),
        "`said` as a name": str(sum(name == "said" for t in plan.trees.values() for name in names_in(t))),
    }


def names_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Attribute):
            yield node.attr


def main() -> None:
    packages = [Path(p) for p in sys.argv[1:]] or [Path("autoreward")]
    tables = [rows(package) for package in packages]
    for name in tables[0]:
        print(f"{name:28s}", *(f"{table[name]:>22s}" for table in tables))


if __name__ == "__main__":
    main()
