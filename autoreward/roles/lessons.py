"""What a search has learned that belongs to no single program: what analyzers said, and starts that nobody gets right."""

from collections import Counter
from collections.abc import Sequence

from autoreward.core.visible import visible_line
from autoreward.records import Analysis, Score

_LONGEST_LESSON = 240
_ALIKE = 0.6
"""Share of the words of two lessons that are the same, from which they are one lesson (Jaccard 1901)."""
_POLICIES = 2
"""Policies that must have failed at a start before it is called one."""


def lessons(analyses: Sequence[Analysis]) -> list[str]:
    """Causes with their suggestions, one line each, in their order; what was said before in nearly the same words is left out."""
    kept: list[tuple[frozenset[str], str]] = []
    for analysis in analyses:
        for cause in analysis.causes:
            words = frozenset(f"{cause.cause} {cause.suggestion}".lower().split())
            if all(_alike(words, known) < _ALIKE for known, _ in kept):
                text = visible_line(f"{cause.cause} Suggestion: {cause.suggestion}", _LONGEST_LESSON)
                kept.append((words, f"{analysis.candidate_id}: {text}"))
    return [line for _, line in kept]


def stubborn_starts(scores: Sequence[Score]) -> str:
    """Held-out starts at which all or nearly all policies fail that succeed elsewhere; empty without such.

    `scores`: one a training, all on the same starts. Only policies with a success count: one that never succeeds fails anywhere.
    """
    able = [s for s in scores if s.ruled and s.outcome.ok and s.success > 0.0 and s.episodes]
    count = min((len(s.episodes) for s in able), default=0)
    if len(able) < _POLICIES or not count:
        return ""
    failures = Counter(i for s in able for i in range(count) if not s.episodes[i].success)
    all_fail = [i for i in range(count) if failures[i] == len(able)]
    nearly = [i for i in range(count) if failures[i] == len(able) - 1 and len(able) > _POLICIES + 1]
    if not all_fail and not nearly:
        return ""
    found = [(len(able), all_fail), (len(able) - 1, nearly)]
    said = [f"{', '.join(map(str, starts))} fail in {times} of {len(able)}" for times, starts in found if starts]
    ended = [s.episodes[i].terminated for s in able for i in (*all_fail, *nearly) if not s.episodes[i].success]
    return (
        f"Of the {len(able)} trained policies that succeed at times, starts {'; '.join(said)} (of {count} starts, counted from 0). "
        f"Of these failures {sum(ended)} ended by themselves, {len(ended) - sum(ended)} ran to the time limit."
    )


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)
