"""What environments change for their whole process is kept apart from what training goes by.

Environments seed NumPy's generator in `reset`, draw from torch's, have NumPy raise where it would warn. All that is theirs, and
stays as they leave it between their calls; ours is as we left it. Two bit generators take turns behind `np.random`, two states
in torch's generator, and NumPy's error state is in a context of theirs. `random` needs no turns: nothing of ours draws from it.
"""

import contextvars
import random
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from numpy.random import MT19937, BitGenerator
from numpy.random.mtrand import get_bit_generator, set_bit_generator

P = ParamSpec("P")
T = TypeVar("T")


class Apart:
    """The side of the environments. Its functions may not call each other."""

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._numpy: BitGenerator = MT19937()
        self._torch = torch.Generator().get_state()

    def seed(self, seed: int) -> None:
        """Seed what environments draw from without asking for a generator of their own."""
        self._numpy = MT19937(seed)
        self._torch = torch.Generator().manual_seed(seed).get_state()
        random.seed(seed)

    def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A call of environments, with what is theirs."""
        numpy, generator = get_bit_generator(), torch.default_generator
        ours, grad, dtype = generator.get_state(), torch.is_grad_enabled(), torch.get_default_dtype()
        threads = torch.get_num_threads()
        set_bit_generator(self._numpy)
        generator.set_state(self._torch)
        try:
            return self._context.run(call, *args, **kwargs)
        finally:
            self._numpy, self._torch = get_bit_generator(), generator.get_state()
            set_bit_generator(numpy)
            generator.set_state(ours)
            if torch.is_grad_enabled() is not grad:
                torch.set_grad_enabled(grad)
            if torch.get_default_dtype() is not dtype:
                torch.set_default_dtype(dtype)
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
