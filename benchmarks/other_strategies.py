"""Strategies to hold against the product's own (`search.truncation`), which `benchmarks/strategies.py` does.

Each is a `search.strategy.Strategy` of the grammar's programs: a function of the rounds alone.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import NamedTuple

from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.evaluation.ranking import latest, standing
from autoreward.records import Candidate, Round, Score
from autoreward.search.strategy import FIRST_IDEA, Variation
from autoreward.tasks.card import Task

FRESH = Variation("fresh")


class Trained(NamedTuple):
    """A program of the grammar's and what its trainings came to."""

    candidate: Candidate
    scores: Sequence[Score]


def trained(rounds: Sequence[Round]) -> dict[str, Trained]:
    """All of the search that were scored, in the order they were written."""
    known = latest([s for r in rounds for s in r.scores])
    return {c.id: Trained(c, known[c.id]) for r in rounds for c in r.candidates if c.id in known and c.genome}


def best_first(programs: Mapping[str, Trained], names: Iterable[str], task: Task) -> list[str]:
    return sorted(names, key=lambda name: standing(programs[name].scores, task), reverse=True)


def value(program: Trained) -> float:
    """In [0, 1]: success, and below every success how near to one."""
    return fmean(max(s.mean_success, 0.2 * s.mean_progress) for s in program.scores)


class FromTrained:
    """What starts from programs that were scored, and asks for first ideas while there is none."""

    def __init__(self, task: Task, config: RunConfig) -> None:
        self._task, self._config = task, config

    def ask(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        """Implements `search.strategy.Strategy`."""
        programs = trained(rounds)
        return self.after(rounds, programs) if programs else (FIRST_IDEA,) * self._config.candidates

    def after(self, rounds: Sequence[Round], programs: Mapping[str, Trained]) -> tuple[Variation, ...]:
        """What to make of these, at least one."""
        raise NotImplementedError


class Archive(FromTrained):
    """MAP-Elites (Mouret and Clune 2015): the best program of each cell of behaviour is a parent, every cell as often as any other.

    A cell is a third of how fast the state moved and a third of how long episodes lasted, among all trained policies.
    """

    def after(self, rounds: Sequence[Round], programs: Mapping[str, Trained]) -> tuple[Variation, ...]:
        elites = self.elites(programs)
        if not elites:
            return (FIRST_IDEA,) * self._config.candidates
        rng = random.Random(seeds.derive(self._config.seed, "archive", len(rounds)))
        drawn = [elites[i % len(elites)] for i in range(self._config.candidates)]
        rng.shuffle(drawn)
        crossed = len(elites) > 1 and rng.random() < 0.25 * self._config.candidates
        made = [Variation("mutation", (name,)) for name in drawn]
        return (Variation("crossover", tuple(elites)), *made[1:]) if crossed else tuple(made)

    def elites(self, programs: Mapping[str, Trained]) -> list[str]:
        moved = {n: fmean(e.movement for s in p.scores for e in s.episodes) for n, p in programs.items() if episodes(p)}
        lasted = {n: fmean(e.length for s in p.scores for e in s.episodes) for n, p in programs.items() if episodes(p)}
        cells: dict[tuple[int, int], list[str]] = defaultdict(list)
        for name in moved:
            cells[third(moved, name), third(lasted, name)].append(name)
        return best_first(
            programs, (best_first(programs, names, self._task)[0] for names in cells.values()), self._task
        )


def episodes(program: Trained) -> bool:
    return any(s.episodes for s in program.scores)


def third(values: Mapping[str, float], name: str) -> int:
    below = sum(v < values[name] for v in values.values())
    return 3 * below // len(values)


class Tree(FromTrained):
    """UCT over edits, with backed-up values (SWE-Search, Antoniades et al. 2024; RF-Agent for rewards): an edge is one mutation.

    From the root, whose children are ideas, down to a program with fewer than 2 sqrt(n) children, n the programs made below it;
    else to the child with the most of `value + W sqrt(ln N / n)`, value the best of its branch.
    """

    W = 0.3

    def after(self, rounds: Sequence[Round], programs: Mapping[str, Trained]) -> tuple[Variation, ...]:
        children: dict[str, list[str]] = defaultdict(list)
        for name, program in programs.items():
            parents = [p for p in program.candidate.parents if p in programs]
            children[parents[0] if parents else ""].append(name)
        pending: dict[str, int] = defaultdict(int)
        return tuple(self._descend(programs, children, pending) for _ in range(self._config.candidates))

    def _descend(
        self, programs: Mapping[str, Trained], children: Mapping[str, Sequence[str]], pending: dict[str, int]
    ) -> Variation:
        def made(name: str) -> int:
            return bool(name) + pending[name] + sum(made(child) for child in children.get(name, ()))

        def worth(name: str) -> float:
            return max([value(programs[name]), *(worth(child) for child in children.get(name, ()))])

        at = ""
        while True:
            below = children.get(at, ())
            # ideas are drawn anew half as readily as programs are changed: the first round had the likeliest
            room = (1.0 if at == "" else 2.0) * math.sqrt(max(made(at), 1))
            if not below or len(below) + pending[at] < room:
                break
            total = math.log(max(made(at), 2))
            at = max(below, key=lambda name: worth(name) + self.W * math.sqrt(total / max(made(name), 1)))
        pending[at] += 1
        return Variation("mutation", (at,)) if at else FRESH


class Islands(FromTrained):
    """Populations that do not know of each other (after FunSearch, Romera-Paredes et al. 2024); every second round the best program
    of each is also a parent in the next one. A program belongs to the island of its place in the round."""

    COUNT, EVERY = 2, 2

    def after(self, rounds: Sequence[Round], programs: Mapping[str, Trained]) -> tuple[Variation, ...]:
        lived = [
            best_first(programs, [n for n in programs if self._island(n) == i], self._task) for i in range(self.COUNT)
        ]
        if len(rounds) % self.EVERY == 0:
            lived = [own[:2] + other[:1] for own, other in zip(lived, [lived[-1], *lived[:-1]], strict=True)]
        made = []
        for slot in range(self._config.candidates):
            parents, turn = lived[slot % self.COUNT], slot // self.COUNT + len(rounds)
            made.append(Variation("mutation", (parents[turn % min(len(parents), 3)],)) if parents else FRESH)
        return tuple(made)

    def _island(self, name: str) -> int:
        return int(name.partition("c")[2]) % self.COUNT


class Operators(FromTrained):
    """Thompson sampling of how each program is made (Thompson 1933): a beta distribution of how often an operator's programs were
    better than what they were made from; of a fresh one, than half of all."""

    ARMS = ("fresh", "best", "other", "crossover")

    def after(self, rounds: Sequence[Round], programs: Mapping[str, Trained]) -> tuple[Variation, ...]:
        order = best_first(programs, programs, self._task)
        rng = random.Random(seeds.derive(self._config.seed, "operators", len(rounds)))
        won, lost = self._outcomes(rounds, programs)
        arms = [a for a in self.ARMS if len(order) > 1 or a in ("fresh", "best")]
        made = []
        for _ in range(self._config.candidates):
            arm = max(arms, key=lambda a: rng.betavariate(1 + won[a], 1 + lost[a]))
            match arm:
                case "fresh":
                    made.append(FRESH)
                case "best":
                    made.append(Variation("mutation", (order[0],)))
                case "other":
                    made.append(Variation("mutation", (rng.choice(order[1:4]),)))
                case _:
                    made.append(Variation("crossover", tuple(order[:3])))
        return tuple(made)

    def _outcomes(
        self, rounds: Sequence[Round], programs: Mapping[str, Trained]
    ) -> tuple[dict[str, int], dict[str, int]]:
        won: dict[str, int] = defaultdict(int)
        lost: dict[str, int] = defaultdict(int)
        for number in range(1, len(rounds)):
            known = {n: p for n, p in programs.items() if n in {c.id for r in rounds[:number] for c in r.candidates}}
            if not known:
                continue
            best = best_first(known, known, self._task)[0]
            for child in (programs[c.id] for c in rounds[number].candidates if c.id in programs):
                parents = [value(known[p]) for p in child.candidate.parents if p in known]
                arm = {"fresh": "fresh", "crossover": "crossover"}.get(
                    child.candidate.how, "best" if child.candidate.parents[:1] == (best,) else "other"
                )
                bar = max(parents) if parents else median(value(p) for p in known.values())
                (won if value(child) > bar else lost)[arm] += 1
        return won, lost
