"""The plan of the package in numbers: rooms, arrows between them, circles, long functions, names that mean two things.

    python benchmarks/house.py [--names] [PACKAGE ...]

By default ./autoreward; several are printed side by side: before and after. With --names, which public names are defined twice.

A room is a folder or a module of the package's root. An arrow is one room that imports another, a circle a set of modules
that import each other in a loop, those for type checkers and within functions too. Type variables are no public names.
`tests/test_architecture.py` holds what these numbers may be, by the same functions.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

LONG, MANY, TOO_MANY = 60, 6, 8
DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


class Plan(NamedTuple):
    """A package, parsed: modules by dotted name, relative to the package (its `__init__` is '')."""

    package: str
    trees: Mapping[str, ast.Module]
    lines: Mapping[str, int]


def read(package: Path) -> Plan:
    trees, lines = {}, {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        trees[name], lines[name] = ast.parse(text), text.count("\n")
    return Plan(package.name, trees, lines)


def imports(plan: Plan, module: str) -> set[str]:
    """The modules of the package that a module imports: a name from a package is its module if there is one of that name."""
    named: list[str] = []
    for node in ast.walk(plan.trees[module]):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named += [f"{node.module}.{alias.name}" for alias in node.names]
    ours = [name.split(".")[1:] for name in named if name.split(".")[0] == plan.package]
    return {nearest(plan, parts) for parts in ours} - {module}


def relative_imports(plan: Plan) -> list[str]:
    """Modules with imports that start with a dot, which `imports` does not see."""
    return [m for m, t in plan.trees.items() if any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(t))]


def nearest(plan: Plan, parts: list[str]) -> str:
    while parts and ".".join(parts) not in plan.trees:
        parts = parts[:-1]
    return ".".join(parts)


def room(module: str) -> str:
    return module.split(".")[0]


def arrows(plan: Plan) -> set[tuple[str, str]]:
    """Which room imports which."""
    pairs = ((room(m), room(i)) for m in plan.trees for i in imports(plan, m))
    return {(one, other) for one, other in pairs if one != other}


def upward(plan: Plan, layers: Sequence[Set[str]]) -> list[tuple[str, str]]:
    """Arrows that lead beside or above; `layers` are sets of rooms from the bottom. Raises KeyError for a room in none."""
    level = {name: height for height, names in enumerate(layers) for name in names}
    return sorted((one, other) for one, other in arrows(plan) if level[other] >= level[one])


def unexplained(plan: Plan, package: Path) -> list[str]:
    """Folders with modules in them whose `__init__` does not say what lives there."""
    folders = sorted({path.parent.relative_to(package).parts for path in package.rglob("*.py")})
    names = [".".join(parts) for parts in folders]
    return [name for name in names if name not in plan.trees or not ast.get_docstring(plan.trees[name])]


def circles_of_modules(plan: Plan) -> list[set[str]]:
    return circles({module: imports(plan, module) for module in plan.trees})


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


def crowded(plan: Plan, most: int = TOO_MANY) -> list[str]:
    """Functions that take more parameters than that."""
    return [f"{module}.{f.name}" for module, f in functions(plan) if parameters(f) > most]


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
        if isinstance(node, ast.Assign | ast.AnnAssign) and not is_type_variable(node):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def is_type_variable(node: ast.Assign | ast.AnnAssign) -> bool:
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in ("TypeVar", "ParamSpec")


def rows(package: Path) -> dict[str, str]:
    plan = read(package)
    between = arrows(plan)
    of_rooms = {room(m): {b for a, b in between if a == room(m)} for m in plan.trees}
    every = [f for _, f in functions(plan)]
    long = sum(length(f) > LONG for f in every)
    return {
        "modules": str(len(plan.trees)),
        "lines": f"{sum(plan.lines.values()):,}",
        "root modules": str(len(list(package.glob("*.py")))),
        "rooms": str(len({room(m) for m in plan.trees} - {"", "__main__"})),
        "arrows between rooms": str(len(between)),
        "circles of modules": ", ".join(str(len(c)) for c in circles_of_modules(plan)) or "0",
        "circles of rooms": ", ".join(str(len(c)) for c in circles(of_rooms)) or "0",
        "functions": f"{len(every):,}",
        f"over {LONG} lines": f"{long} ({long / len(every):.1%})",
        f"over {MANY} parameters": str(len(crowded(plan, MANY))),
        f"over {TOO_MANY} parameters": str(len(crowded(plan))),
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
    words = sys.argv[1:]
    packages = [Path(word) for word in words if word != "--names"] or [Path("autoreward")]
    if "--names" in words:
        for package in packages:
            for name, modules in shared_names(read(package)).items():
                print(f"{name:20s}", *(module or "__init__" for module in modules))
        return
    tables = [rows(package) for package in packages]
    print(" " * 28, *(f"{str(package)[-22:]:>22s}" for package in packages))
    for name in tables[0]:
        print(f"{name:28s}", *(f"{table[name]:>22s}" for table in tables))


if __name__ == "__main__":
    main()
