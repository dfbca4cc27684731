"""`autoreward play RUN`."""

from pathlib import Path

import typer

from autoreward.cli.completion import complete_candidates
from autoreward.cli.options import AS_JSON, NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say, say_line
from autoreward.cli.trust import TRUST, settle_run


def command(
    run: str = NAMED_RUN,
    candidate: str | None = typer.Option(
        None,
        "--candidate",
        help="Whose policy: a candidate, a training, native, sparse or winner; the winner's if not given.",
        autocompletion=complete_candidates,
    ),
    both: tuple[str, str] = typer.Option(
        ("", ""),
        "--side-by-side",
        help="Two of these beside each other, each the middle one of its trainings.",
        show_default=False,
        metavar="<A B>",
    ),
    before: bool = typer.Option(False, "--before", help="Beside what the policy was when it was first saved."),
    lapse: bool = typer.Option(
        False, "--time-lapse", help="The policies that were saved while it trained, one after the other, sped up."
    ),
    seed: int | None = typer.Option(
        None, min=0, help="What the environment is reset with; the confirmation's first start if not given."
    ),
    mp4: Path | None = typer.Option(None, "--mp4", help="Write an MP4 to this file instead of a WebP."),
    to: Path | None = typer.Option(None, "--to", help="Where the WebP goes; TASK-NAME.webp here if not given."),
    width: int = typer.Option(480, min=160, max=1280, help="Of one policy's picture, in pixels."),
    runs: Path = RUNS,
    trust: bool = TRUST,
    as_json: bool = AS_JSON,
) -> None:
    """Film a saved policy, large, with the success rule and the fields as they go; it needs no screen."""
    from autoreward.errors import UsageError
    from autoreward.report.reading import read_run
    from autoreward.session.play import WINNER, cast, cast_both, cast_over_training, filmed_roles

    if any(both) and (candidate or before or lapse):
        raise UsageError("--side-by-side names both policies: leave --candidate, --before and --time-lapse out.")
    if before and lapse:
        raise UsageError("--time-lapse begins with what the policy was before: leave --before out.")
    if mp4 and to:
        raise UsageError("--mp4 writes an MP4 and --to says where a WebP goes: choose one of them.")
    folder = find_run(run, runs)
    reading = read_run(folder)
    if any(both):
        roles = cast_both(reading, *both)
    elif lapse:
        roles = cast_over_training(reading, candidate or WINNER)
    else:
        roles = cast(reading, candidate or WINNER, before)
    stem = "-".join([reading.header.task.name, *dict.fromkeys(role.name.partition(",")[0] for role in roles)])
    target = mp4 or to or Path(f"{stem}.webp")
    if target.exists():
        raise UsageError(f"{target} is there already; choose another file with {'--mp4' if mp4 else '--to'}.")
    if not target.parent.is_dir():
        raise UsageError(f"{target} can't be written: there is no folder {target.parent}.")
    settle_run(folder, trust)
    film = filmed_roles(reading, roles, seed, "mp4" if mp4 else "webp", width, lapse)
    film.save(target)
    if as_json:
        made = film.report
        say_line("Filmed", {"film": str(target), "policies": film.names, "success": made.success, "length": made.length,
                            "undrawn": made.undrawn})  # fmt: skip
        return
    say(film.sentence)
    say(f"film     {target}")
