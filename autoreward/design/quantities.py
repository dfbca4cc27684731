"""What there is to build rewards from: distances that the goal speaks of, and the task's fields.

A designer model reads the goal sentence. The grammar can't, so it reads the goal's formal twin instead, the task's
success rule: `abs(position - hold_at) < 0.2` gives a distance |position - hold_at| with tolerance 0.2. The candidate
programs themselves never see the rule.
"""

import ast
from dataclasses import dataclass

from autoreward.records import Description, FieldStats
from autoreward.tasks import Task

_FUNCTIONS = {
    "abs": "np.abs({})",
    "norm": "np.linalg.norm({}, axis=-1)",
    "sqrt": "np.sqrt({})",
    "sin": "np.sin({})",
    "cos": "np.cos({})",
    "exp": "np.exp({})",
    "minimum": "np.minimum({})",
    "maximum": "np.maximum({})",
    "arctan2": "np.arctan2({})",
    "stack": "np.stack([{}], axis=-1)",
}


@dataclass(frozen=True)
class Quantity:
    """A number per transition, shape (n,), that a reward can be made from."""

    key: str
    name: str
    """A plain word for part names."""
    code: str
    """Its source for one state, with `{s}` where the state's name goes."""
    scale: float
    """A typical size, in its own unit."""
    tolerance: float | None
    """For a distance of the goal: where the rule counts it as reached."""
    constants: tuple[str, ...] = ()

    def after(self) -> str:
        """Source of its value after the step."""
        return self.code.format(s="next_state")

    def before(self) -> str:
        """Source of its value before the step."""
        return self.code.format(s="state")


def goals(task: Task, description: Description) -> tuple[Quantity, ...]:
    """The distances in the task's success rule; 0 where their comparison holds (or the distance itself for |x| < tol)."""
    found: list[Quantity] = []
    tree = ast.parse(task.success_rule.text.strip(), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            quantity = _distance(task, description, node, len(found))
            if quantity is not None:
                found.append(quantity)
    return tuple(found)


def fields(task: Task, description: Description) -> tuple[Quantity, ...]:
    """Each state field as a signed number (its length, for a vector)."""
    return tuple(
        Quantity(
            key=f"field:{stats.name}",
            name=stats.name,
            code=f"np.linalg.norm({{s}}.{stats.name}, axis=-1)" if stats.size else f"{{s}}.{stats.name}",
            scale=readable(max(stats.std, 1e-3)),
            tolerance=None,
        )
        for stats in description.state
    )


def rates(task: Task, description: Description) -> tuple[Quantity, ...]:
    """Fields whose unit is something per time: speeds."""
    return tuple(
        quantity
        for quantity in fields(task, description)
        if "/s" in task.state[quantity.name].unit
        or any(word in quantity.name for word in ("speed", "velocity", "spin", "climb", "rate"))
    )


def readable(value: float) -> float:
    """The nearest number of the 1-2-5 series, as a person would write it."""
    if value <= 0:
        return 1.0
    exponent = 0
    while value >= 10:
        value, exponent = value / 10, exponent + 1
    while value < 1:
        value, exponent = value * 10, exponent - 1
    mantissa = min((1, 2, 5, 10), key=lambda m: abs(m - value))
    return float(f"{mantissa}e{exponent}")


def _distance(task: Task, description: Description, node: ast.Compare, number: int) -> Quantity | None:
    left, right = node.left, node.comparators[0]
    names = {n.id for side in (left, right) for n in ast.walk(side) if isinstance(n, ast.Name)}
    used = sorted(names & set(task.state))
    if not used:
        return None
    falling = isinstance(node.ops[0], ast.Lt | ast.LtE)
    is_distance = isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id in ("abs", "norm")
    if falling and is_distance:
        code, tolerance = _source(task, left), _number(task, right)
    else:
        large, small = (left, right) if falling else (right, left)
        code, tolerance = f"np.maximum({_source(task, large)} - {_source(task, small)}, 0.0)", None
    stats = {s.name: s for s in description.state}
    return Quantity(
        key=f"goal:{number}",
        name=used[0],
        code=code,
        scale=readable(max(_span(task, stats[name]) for name in used) / 4),
        tolerance=tolerance if tolerance is not None else 0.0,
        constants=tuple(sorted(n for n in names & set(task.constants) if n.upper() in code)),
    )


def _span(task: Task, stats: FieldStats) -> float:
    span = task.state[stats.name].range
    return span[1] - span[0] if span else max(4 * stats.std, 1e-3)


def _number(task: Task, node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in task.constants:
        return task.constants[node.id].value
    return None


def _source(task: Task, node: ast.expr) -> str:
    """A formula as NumPy source, with `{s}` for the state."""
    match node:
        case ast.Constant(value=value):
            return repr(value)
        case ast.Name(id=name):
            return name.upper() if name in task.constants else f"{{s}}.{name}"
        case ast.UnaryOp(operand=operand):
            return f"-{_source(task, operand)}"
        case ast.BinOp(left=left, op=op, right=right):
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}[type(op)]
            text = f"{_source(task, left)} {sign} {_source(task, right)}"
            return f"({text})" if isinstance(op, ast.Add | ast.Sub) else text
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name].replace("{}", ", ".join(_bare(_source(task, arg)) for arg in args))
        case ast.Subscript(value=value, slice=index):
            return f"{_source(task, value)}[..., {ast.unparse(index)}]"
    raise AssertionError(f"unchecked node {ast.dump(node)}")


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.endswith(")") and text.count("(") == 1 else text
