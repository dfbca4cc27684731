"""The names a reward program may use: the numpy, math and builtin functions that honest rewards need, and no others."""

import math
import types

import numpy as np

NUMPY = frozenset(
    """abs absolute add all allclose amax amin any append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin
    argsort array asarray array_equal atleast_1d atleast_2d average bool bool_ broadcast_to cbrt ceil clip column_stack
    concatenate copysign cos cosh count_nonzero cross cumsum cumprod deg2rad degrees diag diff digitize divide dot e
    einsum equal exp exp2 expand_dims expm1 eye fabs finfo flip float32 float64 floating floor floor_divide fmax fmin fmod full
    full_like gradient greater greater_equal heaviside hstack hypot inf inner int_ int32 int64 integer interp isclose
    isfinite isinf isnan less less_equal linspace log log10 log1p log2 logaddexp logical_and logical_not logical_or
    logical_xor matmul max maximum mean median min minimum mod multiply nan nan_to_num nanmax nanmean nanmin nansum
    ndarray ndim negative newaxis not_equal ones ones_like outer percentile pi power prod ptp quantile rad2deg
    radians ravel reciprocal remainder repeat reshape rint roll round searchsorted select shape sign signbit sin
    sinc sinh size sort sqrt square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh tile trace
    transpose trunc var vdot vstack where zeros zeros_like""".split()
)
TYPES_ONLY = frozenset(("ndarray", "floating", "integer"))
"""For isinstance and annotations: calling np.ndarray can forge object pointers."""
REDUCTIONS = frozenset("reduce sum mean std var min max amin amax any all prod nanmax nanmin nansum".split())
"""Functions for which `where=` alone leaves nothing undefined."""
UFUNCS = frozenset(n for n in NUMPY if isinstance(getattr(np, n, None), np.ufunc))
"""`np.maximum.reduce` and the like."""
DTYPES = frozenset("float float64 float32 int int64 int32 bool f8 f4 i8 i4 d f i ?".split())
"""Texts that name a type of plain numbers."""
DTYPE_OF_FUNCTIONS = {
    "array": 1, "asarray": 1, "zeros": 1, "ones": 1, "zeros_like": 1, "ones_like": 1, "full": 2, "full_like": 2, "sum": 2,
    "mean": 2, "prod": 2, "cumsum": 2, "cumprod": 2, "std": 2, "var": 2, "nansum": 2, "nanmean": 2, "arange": 3, "eye": 3,
    "trace": 4, "linspace": 5,
}  # fmt: skip
"""Where NumPy's functions take a type when it is given without its name."""
DTYPE_OF_METHODS = {
    "astype": 0, "sum": 1, "mean": 1, "prod": 1, "cumsum": 1, "cumprod": 1, "std": 1, "var": 1, "reduce": 2, "trace": 3,
}  # fmt: skip
"""Where methods of arrays and ufuncs do."""
MAKERS = frozenset(
    """array asarray full full_like where select stack vstack hstack column_stack concatenate append atleast_1d atleast_2d
    broadcast_to repeat tile ravel reshape take""".split()
)
"""Functions that make an array of whatever they are given: what comes out is looked at, too."""
LINALG = frozenset(("norm", "det", "inv", "solve"))
MATH = frozenset(n for n in dir(math) if not n.startswith("_")) - {"factorial", "comb", "perm", "prod", "lcm"}
METHODS = (
    NUMPY
    | LINALG
    | frozenset(
        """T astype copy flat fill flatten item keys values items get append extend pop insert index count update setdefault
    add union intersection difference lower upper startswith endswith strip join nonzero tolist dtype real eps tiny""".split()
    )
)
OF_OBJECTS = (
    frozenset(
        attribute
        for kind in (
            np.ndarray, np.generic, np.dtype, np.flatiter, np.nditer, np.ufunc, types.ModuleType, types.FunctionType,
            types.CodeType, types.FrameType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType,
            types.TracebackType, types.MethodType, types.BuiltinFunctionType, types.MappingProxyType, type, object, str,
            bytes, int, float, complex, bool, list, tuple, dict, set, frozenset, range, slice, memoryview, property,
            BaseException, OSError, ImportError, SyntaxError, UnicodeDecodeError, StopIteration, AttributeError, NameError,
        )
        for attribute in dir(kind)
    )
    - METHODS
)  # fmt: skip
"""What some object in reach has and no program needs: refused wherever it stands, except as a field of state or action."""
BUILTINS = frozenset(
    """abs all any bool dict enumerate filter float frozenset int isinstance len list map max min range reversed round set
    slice sorted str sum tuple zip print True False None Exception ValueError TypeError KeyError IndexError
    ZeroDivisionError ArithmeticError OverflowError FloatingPointError AssertionError RuntimeError""".split()
)

TYPING = frozenset(("typing", "numpy.typing", "collections.abc"))
"""Modules whose names mean nothing at run time: importing from them is accepted."""

INSTEAD = {
    "ClassDef": "use functions and module constants instead of classes",
    "Global": "use memory[...] for anything that must survive a call",
    "Nonlocal": "use memory[...] for anything that must survive a call",
    "AsyncFunctionDef": "define compute_reward with plain def",
    "Delete": "just stop using the name",
    "With": "nothing needs opening, and NumPy's warnings are off; compute from the arrays",
    "Yield": "return the dict of parts",
    "YieldFrom": "return the dict of parts",
    "Await": "compute_reward is plain arithmetic",
    "Match": "use np.where or if",
    "LShift": "use * and // with powers of two",
    "RShift": "use * and // with powers of two",
}
"""What to do instead of syntax that has no place in a reward."""
ELSEWHERE = {
    "random": "rewards must be repeatable",
    "empty": "its numbers are undefined: use np.zeros",
    "empty_like": "its numbers are undefined: use np.zeros_like",
    "vectorize": "all rows come at once: use whole arrays and np.where",
    "apply_along_axis": "use functions with axis=-1",
}
"""Why some of NumPy is not available, and what to use."""
PYTHON = {
    "getattr": "read fields by name, such as next_state.position",
    "hasattr": "the fields are those of the task: read them by name",
    "pow": "use **",
    "object": "use numbers and arrays",
    "complex": "rewards are real numbers",
    "globals": "use memory[...] for what must survive a call",
}
"""What to use instead of some of Python's builtins."""
