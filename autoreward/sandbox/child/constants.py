"""Module constants that can't change, and `list` without the methods that would change them."""

from typing import Any, NoReturn


class Changed(TypeError):
    """A program tried to change a module constant."""


class FixedList(list[Any]):
    """A list that reads, prints, adds and indexes as a list does, and can't be changed."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise Changed(
            "a module constant can't be changed: copy it first, or use memory[...] for what must survive a call"
        )

    append = extend = insert = pop = remove = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse


class ListType:
    """`list` for programs: makes lists and tells them, but has no `list.append`, which would change a fixed one."""

    __slots__ = ()

    def __call__(self, *items: Any) -> list[Any]:
        """A new list."""
        return list(*items)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, list)

    def __getitem__(self, kind: object) -> "ListType":
        return self
