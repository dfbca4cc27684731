"""`autoreward lessons`."""

from pathlib import Path

import typer

from autoreward.cli.options import AS_JSON, RUNS
from autoreward.cli.say import say, say_line


def command(
    runs: Path = RUNS,
    env: str | None = typer.Option(None, "--env", help="Of this environment alone."),
    forget: list[str] = typer.Option([], "--forget", help="Take this one out, by its name; may be repeated."),
    every: bool = typer.Option(False, "--all", help="Also those that say nothing clear (yet, or any more)."),
    as_json: bool = AS_JSON,
) -> None:
    """List what changes of programs came to over your runs, which models that design are told; or forget some of it."""
    from autoreward.evaluation.edits import lesson_said, upshot
    from autoreward.session.lessons import all_lessons, forget_lesson, lesson_name

    for name in forget:
        say(f"forgotten: {lesson_said(forget_lesson(runs, name))}", error=as_json)
    listed = [known for known in all_lessons(runs) if env in (None, known.env)]
    said = 0
    for known in listed:
        found = [(lesson, upshot(lesson)) for lesson in known.items]
        shown = [(lesson, u) for lesson, u in found if every or as_json or u.verdict in ("helps", "harms")]
        if shown and not as_json:
            say(f"{known.env}")
        for lesson, u in sorted(shown, key=lambda pair: -pair[1].gain):
            said += 1
            name = lesson_name(known.env, lesson)
            if as_json:
                say_line("LessonListed", {"env": known.env, "name": name, "verdict": u.verdict, "symptom": lesson.symptom,
                                          "edit": lesson.edit.said, "of": lesson.of, "gain": u.gain, "error": u.error,
                                          "better": u.better, "worse": u.worse, "cases": u.cases})  # fmt: skip
            else:
                say(f"  {name}  {u.verdict:<8}{lesson_said(lesson)}")
    if not said and not as_json:
        say("Nothing clear is known of what changes of programs come to; runs add to it as they end.")
