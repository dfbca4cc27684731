"""All that is wrong with a program, in few words: faults of one kind are said once, and all of it has a bound."""

import re
from collections.abc import Iterable, Sequence

from autoreward.rewards.gate.rules import Problem

MOST_SAID = 300
"""Characters of all messages together: a program can't fill a prompt or a screen by being wrong in many ways."""
_NAMED = re.compile(r"([^']*)'([^']{1,40})'(.*)", re.DOTALL)
_ADVICE = re.compile(r"[:;.] ")
"""What stands between a fault and what to do about it."""
_MOST_NAMES = 5
"""Names that one message has."""


def together(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems in the order of their lines, those that differ in a name alone as one; at most MOST_SAID characters."""
    groups: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in sorted(problems, key=lambda p: p.line or 0):
        named = _NAMED.fullmatch(problem.message)
        key = (problem.rule, named[1], named[3]) if named else (problem.rule, problem.message, "")
        groups.setdefault(key, []).append(problem)
    return bounded([_one(group) for group in groups.values()])


def _one(group: Sequence[Problem]) -> Problem:
    first = group[0]
    names = list(dict.fromkeys(named[2] for p in group if (named := _NAMED.fullmatch(p.message))))
    if len(names) < 2:
        return first
    listed = "', '".join(names[:_MOST_NAMES])
    return first._replace(message=_NAMED.sub(lambda named: f"{named[1]}'{listed}'{named[3]}", first.message))


def bounded(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """As many as fit, the last ones without their advice where they don't, and how many there are more."""
    problems = list(problems)
    for i in reversed(range(len(problems) if len(problems) > 1 else 0)):
        if sum(len(p.message) + 1 for p in problems) > MOST_SAID:
            problems[i] = problems[i]._replace(message=_ADVICE.split(problems[i].message, 1)[0])
    said = 0
    for i, problem in enumerate(problems):
        rest = len(problems) - i
        more = Problem("more", f"and {rest} more", None)
        said += len(problem.message) + 1
        if i and said + (len(more.message) if rest > 1 else 0) > MOST_SAID:
            return (*problems[:i], more)
    return tuple(problems)
