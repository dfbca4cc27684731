"""What a formula may read, as it stands in its tree: a field, `obs.KEY`, or a value of `info` by its keys.

A value of `info` has one name however it is written: `info.a.b`, `info['a'].b` and `info["a"]["b"]` are `info['a']['b']`.
"""

import ast

OBSERVATION, INFO = "obs", "info"


def name_of(node: ast.expr) -> str | None:
    """What a node reads, if it is the name of something; None for all else, an index of it too."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="obs"), attr=key):
            return f"{OBSERVATION}.{key}"
    keys = _keys(node)
    return INFO + "".join(f"[{key!r}]" for key in keys) if keys else None


def of_observation(name: str) -> bool:
    """Whether a name is `obs` or one of its parts."""
    return name == OBSERVATION or name.startswith(f"{OBSERVATION}.")


def of_info(name: str) -> bool:
    """Whether a name is a value of `info`."""
    return name.startswith(f"{INFO}[")


def info_keys(name: str) -> tuple[str, ...]:
    """The keys that lead to a value of `info`, outermost first."""
    return _keys(ast.parse(name, mode="eval").body)


def _keys(node: ast.expr) -> tuple[str, ...]:
    """Keys from `info` on to what a node reads; empty where it reads something else, or all of it."""
    found: list[str] = []
    while True:
        match node:
            case ast.Name(id="info"):
                return tuple(reversed(found))
            case (
                ast.Attribute(value=inner, attr=key)
                | ast.Subscript(value=inner, slice=ast.Constant(value=str() as key))
            ):
                found.append(key)
                node = inner
            case _:
                return ()
