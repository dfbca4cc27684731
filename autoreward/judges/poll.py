"""Asking people which of some policies does the most of what was meant: what to show, and where the answers are kept."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from autoreward.core.closing import Closing
from autoreward.core.wording import Command, Phrase, Setting, in_shell
from autoreward.errors import UsageError
from autoreward.evaluation.questions import Policy, answers_about, policies, question_called, questions
from autoreward.judges import judge_called
from autoreward.judges.camera import Camera
from autoreward.judges.sides import Side, Sides
from autoreward.llm.types import storable
from autoreward.records import SHEET_FILE, SIDES, Chosen, Preference, Question
from autoreward.report.html import build_report
from autoreward.report.lineups import Footage, Lineup, question_name, side_names
from autoreward.report.reading import REPORT
from autoreward.store.book import Book, powers_of
from autoreward.store.header import RunHeader
from autoreward.store.keys import PAIR_REELS, PREFERENCES, RESULT
from autoreward.store.trust import demand

TAKEN_BACK = "taken_back"
"""Folder of a run for answers that a person took back."""
_NUMBERS = {str(number): side for number, side in enumerate(SIDES, start=1)}
WORDS: dict[str, Chosen] = {**{side: side for side in SIDES}, **_NUMBERS, "tie": "tie", "t": "tie", "0": "tie"}
QUIT = ("quit", "q")


def with_reason(line: str) -> tuple[str, str]:
    """What is answered on a line, without its remark, and the reason after `because`; empty without one."""
    answer, _, reason = line.partition(" because ")
    told, remark, _ = answer.partition("#")
    return told.strip(), "" if remark else reason.strip()


def answer_meant(word: str, question: Question) -> Chosen | None:
    """What a word says of a question; None where it says nothing of those that are shown."""
    answer = WORDS.get(word.lower())
    return answer if answer in (*question.sides, "tie") else None


def offered_words(count: int) -> str:
    """What can be answered where so many are shown: `a, b, tie`."""
    return ", ".join((*(name.lower() for name in side_names(count)), "tie"))


class Poll(Closing):
    """The questions and answers of one run, locked while open. Use as a context manager."""

    def __init__(self, folder: Path, by: str = "", of: int = 2) -> None:
        """Of the person `by`, where several answer; each question shows policies `of` which one is the best.

        Raises:
            UsageError: no run, too little to compare in it, such a name can't be kept, or so many can't be shown at once.
            RunLocked, RunChanged, RunDamaged: as for any run.
        """
        if of not in range(2, len(SIDES) + 1):
            raise UsageError(Setting("of", of), f": write a whole number from 2 to {len(SIDES)}.")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,40}", by):
            raise UsageError(Setting("as", by), ": write a name of at most 40 letters, digits, _ or -.")
        self._by = by
        self.of = of
        """Policies that a question shows."""
        self._book = Book.open(folder)
        self._sides = Sides(self._book.pages())
        races = [[s for s in scores if s.candidate_id] for _, scores in self._sides.scores]
        self._policies: Sequence[Policy] = policies(races)
        if len(self._policies) < 2:
            self.close()
            raise UsageError(f"{folder} has fewer than two trained candidates to compare", *self._way_out(), ".")
        if len(self._policies) < of:
            self.close()
            raise UsageError(
                Setting("of", of),
                f": {folder} has {len(self._policies)} trained candidates; show at most so many at once.",
            )

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
    def header(self) -> RunHeader:
        """The run's."""
        return self._book.header

    @property
    def folder(self) -> Path:
        """The run's."""
        return self._book.folder

    @property
    def awaited(self) -> bool:
        """Whether the run waits for people's judgement to go on."""
        return judge_called(self._book.header.config.judge).waits and not self._finished

    def waiting(self, count: int | None = None) -> tuple[Question, ...]:
        """What to ask: the `count` most informative questions; None: until every policy has been compared enough."""
        return questions(self._policies, self._own, self._book.header.config.episodes, count, self.of)

    def demand_trust(self) -> None:
        """Raises NotTrusted where filming would run code of somebody else's that was not let in."""
        demand(powers_of(self._book), str(self._book.folder))

    def unfilmed(self, question: Question) -> list[Side]:
        """The sides of a question that there is no film of yet."""
        return [side for side in self._sides.of(question) if not self._book.has(PAIR_REELS.of(side.name))]

    def film(self, side: Side, camera: Camera) -> None:
        """Film a side, unless it was. Raises CannotDraw."""
        self._book.once(PAIR_REELS.of(side.name), lambda: camera.film(side))

    def lineup(self, question: Question) -> Lineup:
        """What is shown of a question."""
        sides = self._sides.of(question)
        return Lineup(question, tuple(side.transitions for side in sides), tuple(map(self._footage, sides)))

    def _footage(self, side: Side) -> Footage | None:
        reel = self._book.lone(PAIR_REELS.of(side.name))
        return Footage(reel, self._book.file(PAIR_REELS.of(side.name), SHEET_FILE)) if reel else None

    def keep(self, question: Question, answer: Chosen, reason: str = "") -> None:
        """Save an answer."""
        preference = self._preference(question, answer, reason)
        self._book.once(PREFERENCES.of(preference.id), lambda: preference)

    def _preference(self, question: Question, answer: Chosen, reason: str) -> Preference:
        return Preference(question=question, answer=answer, reason=storable(reason), by=self._by)

    def take_back(self, question: Question) -> None:
        """Let an answer count no more; what was said is kept in the run's folder `taken_back`."""
        name = self._preference(question, "tie", "").id
        number = len(self._book.files.at(TAKEN_BACK).names())
        self._book.retire([(PREFERENCES.of(name).file, f"{TAKEN_BACK}/{number:04d}-{name}.json")])

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
            if words[-1].lower() not in WORDS or len(words) > 2:
                raise UsageError(f"Answers, line {number}: {line.strip()!r}; {self._how(self.of)}.")
            name = words[0] if len(words) == 2 else next(iter(left), "")
            if name in done:
                raise UsageError(
                    f"Answers, line {number}: {name} is answered; to answer it anew delete "
                    f"{self._book.folder / PREFERENCES.of(done[name]).file}."
                )
            question = left.pop(name, None) or self._question(name)
            if question is None:
                noun = question_name(self.of)
                what = f"{name!r} is no {noun} of this run" if name else f"there is no {noun} left to answer"
                raise UsageError(
                    f"Answers, line {number}: {what}; `autoreward prefer` prints the ids with the {noun}s."
                )
            if (answer := answer_meant(words[-1], question)) is None:
                how = self._how(len(question.trials))
                raise UsageError(
                    f"Answers, line {number}: {words[-1]!r} is none of those that {question.id} shows; {how}."
                )
            preference = self._preference(question, answer, reason)
            done[name] = preference.id
            answers.append(preference)
        return answers

    def _how(self, count: int) -> str:
        """How a question that shows so many is answered."""
        return f"write {' or '.join(offered_words(count).rsplit(', ', 1))}, or a {question_name(count)}'s id and one of them"

    def close(self) -> None:
        """Let others open the folder."""
        self._book.close()

    def report(self) -> None:
        """Write the report anew."""
        self._book.write(REPORT, build_report(self._book, judge_called(self._book.header.config.judge).note).encode())

    def next_step(self) -> str:
        """What a person can do next."""
        folder, noun = self._book.folder, question_name(self.of)
        own = ((Setting("as", self._by),) if self._by else ()) + ((Setting("of", self.of),) if self.of > 2 else ())
        if left := len(self.waiting()):
            return f"{left} {noun}{'s' * (left > 1)} left: {in_shell(Command('prefer', (folder,), own))}"
        if self.awaited:
            return f"next    {in_shell(Command('resume', (folder,)))}"
        if not self.waiting(1):
            if self.of > 2:
                return f"No two policies are shown twice in one episode: of {self.of} there are no more {noun}s."
            return "Every two policies have been compared in every episode; there are no more pairs."
        more = Command("prefer", (folder,), (*own, Setting("pairs", 6)))
        return f"Every policy has been compared; more {noun}s: {in_shell(more)}"

    @property
    def _own(self) -> tuple[Preference, ...]:
        """What this person said: others are asked as if they were alone."""
        return answers_about(self._policies, [p for p in self._book.saved(PREFERENCES) if p.by == self._by])

    def _question(self, name: str) -> Question | None:
        """The question of such an id, whether or not it is among those that were to be asked next."""
        return question_called(self._policies, name, self._book.header.config.episodes)
