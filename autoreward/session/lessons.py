"""What changes of programs came to, over runs: kept in the folder of runs, `.lessons/ENV.json`, and with the person."""

from pathlib import Path
from urllib.parse import quote, unquote

from pydantic import ValidationError

from autoreward.errors import RunDamaged, UsageError
from autoreward.evaluation.edits import TriedProgram, gathered, lessons_of
from autoreward.records import Lesson, Lessons
from autoreward.report.reading import RunView
from autoreward.store.damage import unreadable
from autoreward.store.folder import Folder
from autoreward.store.persons import keep_for_person, persons_folder, writable_folder
from autoreward.store.shared import digest

_OF_RUNS, _OF_PERSON = ".lessons", "lessons"
_WHAT = "lessons"


def known_lessons(runs: Path, env: str) -> Lessons:
    """Those of an environment, of this folder of runs and of the person's other ones. Raises StoreError if a file is damaged."""
    return gathered(env, [_read(folder, env) for folder in _folders(runs)])


def all_lessons(runs: Path) -> tuple[Lessons, ...]:
    """The same of all environments, in alphabetical order."""
    found = sorted({_env(name) for folder in _folders(runs) for name in folder.names(".json")})
    return tuple(known_lessons(runs, env) for env in found)


def keep_lessons(reading: RunView) -> None:
    """Add a finished search's to both. Raises StoreError, UsageError where one can't be written."""
    task, runs = reading.header.task, reading.folder.parent
    tried = [
        TriedProgram(
            view.candidate,
            view.verdict,
            view.diagnosis.symptoms[0].name if view.diagnosis and view.diagnosis.symptoms else "",
        )
        for view in reading.candidates
        if view.verdict
    ]
    scores = [saved.score for saved in reading.search_scores]
    made = lessons_of(task.env, task.name, reading.folder.name, tried, scores)
    if made.items:
        _write(runs, gathered(task.env, [known_lessons(runs, task.env), made]))


def forget_lesson(runs: Path, name: str) -> Lesson:
    """Take a lesson out of both, by the name that it is listed under. Raises UsageError if there is none, StoreError."""
    for known in all_lessons(runs):
        for lesson in known.items:
            if lesson_name(known.env, lesson) == name:
                _write(runs, known.model_copy(update={"items": tuple(one for one in known.items if one != lesson)}))
                return lesson
    raise UsageError(f"There is no lesson {name!r}; the list of them says what each is called.")


def lesson_name(env: str, lesson: Lesson) -> str:
    """A short name for a lesson, always the same."""
    return digest(env, lesson.symptom, lesson.edit.model_dump(mode="json"), lesson.of)[:6]


def _folders(runs: Path) -> list[Folder]:
    person = persons_folder(_OF_PERSON)
    return [Folder(runs).at(_OF_RUNS), *([person] if person else [])]


def _read(folder: Folder, env: str) -> Lessons:
    name = _file(env)
    return _read_file(folder, name) if name in folder.names(".json") else Lessons(env=env)


def _read_file(folder: Folder, name: str) -> Lessons:
    try:
        return Lessons.model_validate_json(folder.read(name))
    except OSError as error:
        raise unreadable(folder.path / name, error) from None
    except ValidationError:
        raise RunDamaged(f"{folder.path / name} holds no lessons; delete it to do without.") from None


def _write(runs: Path, lessons: Lessons) -> None:
    name, data = _file(lessons.env), lessons.model_dump_json(indent=1).encode()
    Folder(runs).write(f"{_OF_RUNS}/{name}", data)
    if persons_folder(_OF_PERSON):
        keep_for_person(writable_folder(_OF_PERSON, _WHAT), name, data, _WHAT)


def _file(env: str) -> str:
    return f"{quote(env, safe='')}.json"


def _env(name: str) -> str:
    """Whose lessons a file has."""
    return unquote(name.removesuffix(".json"))
