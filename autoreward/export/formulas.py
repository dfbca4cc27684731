"""Formulas of a task card as NumPy source."""

import ast

from autoreward.expressions import Expression

_CALLS = {"norm": "np.linalg.norm({0}, axis=-1)", "stack": "np.stack([{0}], axis=-1)"}


def numpy_source(formula: Expression) -> str:
    """The same formula over rows: `obs[4:6]` becomes `obs[..., 4:6]`, `obs.key` becomes `obs_key`."""
    return _source(ast.parse(formula.text.strip(), mode="eval").body)


def _source(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=key):
            return f"obs_{key}"
        case ast.Subscript(value=base, slice=index):
            return f"{_source(base)}[..., {ast.unparse(index)}]"
        case ast.Call(func=ast.Name(id=name), args=args):
            inner = ", ".join(map(_source, args))
            return _CALLS.get(name, f"np.{name}({{0}})").format(inner)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-({_source(operand)})"
        case ast.BinOp(left=left, op=op, right=right):
            sign = ast.unparse(ast.BinOp(ast.Name("a"), op, ast.Name("b"))).strip("ab ")
            return f"({_source(left)} {sign} {_source(right)})"
    return ast.unparse(node)
