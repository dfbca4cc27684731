"""Asking people which of two policies does more of what was meant: what to show, and where the answers are kept."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from autoreward.core import seeds
from autoreward.core.closing import Closing
from autoreward.core.executor import ThreadExecutor
from autoreward.core.wording import Command, Phrase, Setting
from autoreward.errors import CannotDraw, UsageError
from autoreward.evaluation.questions import Policy, answers_about, every_question, policies, questions
from autoreward.judges import judge_called
from autoreward.judges.sides import Side, Sides
from autoreward.llm.types import storable
from autoreward.records import Answer, Preference, Question
from autoreward.report.html import build_report
from autoreward.report.pairs import Pair, pairs_page
from autoreward.report.reading import REPORT
from autoreward.sandbox.jail import Jail
from autoreward.store.book import Book, powers_of
from autoreward.store.keys import PREFERENCES, RESULT
from autoreward.store.trust import demand
from autoreward.training.workers import Workers

PAGE = "pairs.html"
WORDS: dict[str, Answer] = {"a": "a", "b": "b", "tie": "tie", "t": "tie"}
QUIT = ("quit", "q")


def with_reason(line: str) -> tuple[str, str]:
    """What is answered on a line, without its remark, and the reason after `because`; empty without one."""
    answer, _, reason = line.partition(" because ")
    told, remark, _ = answer.partition("#")
    return told.strip(), "" if remark else reason.strip()


class Poll(Closing):
    """The questions and answers of one run, locked while open. Use as a context manager."""

    def __init__(self, folder: Path, by: str = "") -> None:
        """Of the person `by`, where several answer.

        Raises:
            UsageError: no run, nothing to compare in it, or such a name can't be kept.
            RunLocked, RunChanged, RunDamaged: as for any run.
        """
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,40}", by):
            raise UsageError(Setting("as", by), ": write a name of at most 40 letters, digits, _ or -.")
        self._by = by
        self._book = Book.open(folder)
        self._sides = Sides(self._book.pages())
        races = [[s for s in scores if s.candidate_id] for _, scores in self._sides.scores]
        self._policies: Sequence[Policy] = policies(races)
        if len(self._policies) < 2:
            self.close()
            raise UsageError(f"{folder} has fewer than two trained candidates to compare", *self._way_out(), ".")

    def _way_out(self) -> tuple[Phrase, ...]:
        if self._book.header.config.given is not None:
            return (": it trains one reward, and searches for none",)
        if self._finished:
            return (", and is finished",)
        return "; go on with it first: ", Command("resume", (self._book.folder,))

    @property
    def _finished(self) -> bool:
        return self._book.has(RESULT)

    @property
    def page(self) -> Path:
        """Where `show` puts the pairs."""
        return self._book.folder / PAGE

    @property
    def awaited(self) -> bool:
        """Whether the run waits for people's judgement to go on."""
        return judge_called(self._book.header.config.judge).waits and not self._finished

    def waiting(self, count: int | None = None) -> tuple[Question, ...]:
        """What to ask: the `count` most informative questions; None: until every policy has been compared enough."""
        return questions(self._policies, self._own, self._book.header.config.episodes, count)

    def show(self, chosen: Sequence[Question]) -> None:
        """Make a clip of each side where the environment can be drawn, and one page with all pairs."""
        sides = {side.clip: side for q in chosen for side in self._sides.of(q)}
        missing = [side for side in sides.values() if not self._book.files.has(side.clip)]
        reasons = sorted(set(filter(None, self._film(missing))))
        page = pairs_page(self._book.header.task, self._book.folder, [self.pair(q) for q in chosen], reasons)
        self._book.write(PAGE, page.encode())

    def _film(self, sides: Sequence[Side]) -> list[str]:
        """Save a clip of each; why there is none of those that can't be drawn, else empty."""
        if not sides:
            return []
        config, task = self._book.header.config, self._book.header.task
        starts = seeds.held_out("search", config.episodes)

        def film(side: Side) -> tuple[dict[str, bytes], str]:
            try:
                return workers.film(task, side.weights, starts[side.episode]), ""
            except CannotDraw as error:
                return {}, str(error)

        demand(powers_of(self._book), str(self._book.folder))
        reasons = []
        # no program of a candidate is run here
        with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
            for side, (clip, why) in ThreadExecutor(config.workers or workers.cores).map(film, sides):
                reasons.append(why)
                for data in clip.values():
                    self._book.write(side.clip, data)
        return reasons

    def pair(self, question: Question) -> Pair:
        """What is shown of a question."""
        a, b = self._sides.of(question)
        clips = (self._book.read(side.clip) for side in (a, b))
        return Pair(question, a.transitions, b.transitions, *clips)

    def keep(self, question: Question, answer: Answer, reason: str = "") -> None:
        """Save an answer."""
        preference = self._preference(question, answer, reason)
        self._book.once(PREFERENCES.of(preference.id), lambda: preference)

    def _preference(self, question: Question, answer: Answer, reason: str) -> Preference:
        return Preference(question=question, answer=answer, reason=storable(reason), by=self._by)

    def read(self, lines: Iterable[str], chosen: Sequence[Question]) -> list[Preference]:
        """Answers as text: `ID ANSWER` a line, or `ANSWER` alone for the first question that is left; `#` is a remark.

        After `because` there may be a reason. `quit` ends them.

        Raises:
            UsageError: a line is neither, names no question of this run, or one that is answered.
        """
        left = {q.id: q for q in chosen}
        done = {p.question.id: p.id for p in self._own}
        answers: list[Preference] = []
        for number, line in enumerate(lines, start=1):
            told, reason = with_reason(line)
            words = told.split()
            if not words:
                continue
            if line.strip().lower() in QUIT:
                break
            answer = WORDS.get(words[-1].lower())
            if answer is None or len(words) > 2:
                raise UsageError(
                    f"Answers, line {number}: {line.strip()!r}; write a, b or tie, or a pair's id and one of them."
                )
            name = words[0] if len(words) == 2 else next(iter(left), "")
            if name in done:
                raise UsageError(
                    f"Answers, line {number}: {name} is answered; to answer it anew delete "
                    f"{self._book.folder / PREFERENCES.of(done[name]).file}."
                )
            question = left.pop(name, None) or self._question(name)
            if question is None:
                what = f"{name!r} is no pair of this run" if name else "there is no pair left to answer"
                raise UsageError(f"Answers, line {number}: {what}; `autoreward prefer` writes the ids to {self.page}.")
            preference = self._preference(question, answer, reason)
            done[name] = preference.id
            answers.append(preference)
        return answers

    def close(self) -> None:
        """Let others open the folder."""
        self._book.close()

    def report(self) -> None:
        """Write the report anew."""
        self._book.write(REPORT, build_report(self._book, judge_called(self._book.header.config.judge).note).encode())

    @property
    def _own(self) -> tuple[Preference, ...]:
        """What this person said: others are asked as if they were alone."""
        return answers_about(self._policies, [p for p in self._book.saved(PREFERENCES) if p.by == self._by])

    def _question(self, name: str) -> Question | None:
        """The question of such an id, whether or not it is among those that were to be asked next."""
        episodes = self._book.header.config.episodes
        return next((q for q in every_question(self._policies, episodes) if q.id == name), None)
