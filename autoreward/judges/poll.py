"""Asking people which of two policies does more of what was meant: what to show, and where the answers are kept."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from autoreward.core.closing import Closing
from autoreward.core.wording import Command, Phrase, Setting, in_shell
from autoreward.errors import UsageError
from autoreward.evaluation.questions import Policy, answers_about, every_question, policies, questions
from autoreward.judges import judge_called
from autoreward.judges.camera import Camera
from autoreward.judges.sides import Side, Sides
from autoreward.llm.types import storable
from autoreward.records import SHEET_FILE, Answer, Preference, Question
from autoreward.report.html import build_report
from autoreward.report.pairs import Footage, Pair
from autoreward.report.reading import REPORT
from autoreward.store.book import Book, powers_of
from autoreward.store.header import RunHeader
from autoreward.store.keys import PAIR_REELS, PREFERENCES, RESULT
from autoreward.store.trust import demand

TAKEN_BACK = "taken_back"
"""Folder of a run for answers that a person took back."""
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
        return questions(self._policies, self._own, self._book.header.config.episodes, count)

    def demand_trust(self) -> None:
        """Raises NotTrusted where filming would run code of somebody else's that was not let in."""
        demand(powers_of(self._book), str(self._book.folder))

    def unfilmed(self, question: Question) -> list[Side]:
        """The sides of a question that there is no film of yet."""
        return [side for side in self._sides.of(question) if not self._book.has(PAIR_REELS.of(side.name))]

    def film(self, side: Side, camera: Camera) -> None:
        """Film a side, unless it was. Raises CannotDraw."""
        self._book.once(PAIR_REELS.of(side.name), lambda: camera.film(side))

    def pair(self, question: Question) -> Pair:
        """What is shown of a question."""
        a, b = self._sides.of(question)
        return Pair(question, a.transitions, b.transitions, self._footage(a), self._footage(b))

    def _footage(self, side: Side) -> Footage | None:
        reel = self._book.lone(PAIR_REELS.of(side.name))
        return Footage(reel, self._book.file(PAIR_REELS.of(side.name), SHEET_FILE)) if reel else None

    def keep(self, question: Question, answer: Answer, reason: str = "") -> None:
        """Save an answer."""
        preference = self._preference(question, answer, reason)
        self._book.once(PREFERENCES.of(preference.id), lambda: preference)

    def _preference(self, question: Question, answer: Answer, reason: str) -> Preference:
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
                raise UsageError(f"Answers, line {number}: {what}; `autoreward prefer` prints the ids with the pairs.")
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

    def next_step(self) -> str:
        """What a person can do next."""
        folder, own = self._book.folder, (Setting("as", self._by),) if self._by else ()
        if left := len(self.waiting()):
            return f"{left} pair{'s' * (left > 1)} left: {in_shell(Command('prefer', (folder,), own))}"
        if self.awaited:
            return f"next    {in_shell(Command('resume', (folder,)))}"
        if not self.waiting(1):
            return "Every two policies have been compared in every episode; there are no more pairs."
        more = Command("prefer", (folder,), (*own, Setting("pairs", 6)))
        return f"Every policy has been compared; more pairs: {in_shell(more)}"

    @property
    def _own(self) -> tuple[Preference, ...]:
        """What this person said: others are asked as if they were alone."""
        return answers_about(self._policies, [p for p in self._book.saved(PREFERENCES) if p.by == self._by])

    def _question(self, name: str) -> Question | None:
        """The question of such an id, whether or not it is among those that were to be asked next."""
        episodes = self._book.header.config.episodes
        return next((q for q in every_question(self._policies, episodes) if q.id == name), None)
