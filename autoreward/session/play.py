"""Films of a run's saved policies: environment and policy run in a worker alone, and nothing in the run's folder changes."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal, NamedTuple

from autoreward.core.seeds import held_out
from autoreward.core.wording import Command, did_you_mean
from autoreward.errors import JobFailed, UsageError
from autoreward.evaluation.legs import middle, newest
from autoreward.evaluation.ranking import ranked
from autoreward.records import Score, Trial, TrialId, policy_file
from autoreward.report.beside_native import fresh_seeds_sentence
from autoreward.report.reading import RunView, SavedScore
from autoreward.sandbox.jail import Jail
from autoreward.store.book import BASELINES_PAGE, Page, powers_of
from autoreward.store.keys import SCORES, TRIALS
from autoreward.store.trust import demand
from autoreward.training.workers import Workers
from autoreward.worker.jobs.play_record import SCENES, PlayJob, PlayReport

FilmForm = Literal["webp", "mp4"]
WIDTH = 480
"""Pixels of one policy's picture, where nothing else is asked for."""
WINNER = "winner"
"""Who is filmed where nobody is named, and a name for them beside another."""


class FilmedPolicy(NamedTuple):
    """A policy to film."""

    name: str
    """What is written above it."""
    weights: bytes
    who: str = ""
    """Whose it is, as a confirmation names them."""


@dataclass(frozen=True)
class Film:
    """A film as notebooks show it."""

    data: bytes = field(repr=False)
    form: FilmForm
    names: tuple[str, ...]
    report: PlayReport
    on_fresh_seeds: str = ""
    """What fresh seeds say of the two that are filmed; empty if not both were confirmed."""
    lapse: bool = False
    """Whether they are one training's, one after the other."""

    @property
    def sentence(self) -> str:
        """How it went, what fresh seeds say, and why it shows fields alone if it does."""
        both = zip(self.names, self.report.success, self.report.length, strict=True)
        words = {True: "a success", False: "no success", None: "no rule judges it"}
        between = "\n" if self.lapse else "; "
        went = between.join(f"{name}: {length} steps, {words[success]}" for name, success, length in both)
        undrawn = self.report.undrawn
        fresh = f" {self.on_fresh_seeds}" * bool(self.on_fresh_seeds)
        return f"{went}.{fresh}{f' Drawn from its fields, since the environment could not be drawn: {undrawn}' * bool(undrawn)}"

    def save(self, path: str | Path) -> Path:
        """Write it to a file. Raises UsageError."""
        target = Path(path)
        try:
            target.write_bytes(self.data)
        except OSError as error:
            raise UsageError(f"{target} can't be written: {error.strerror}. Choose another file.") from None
        return target

    def __repr__(self) -> str:
        return f"<film of {len(self.data):,} bytes: {self.sentence} .save(PATH) keeps it>"

    def _repr_html_(self) -> str:
        text = base64.b64encode(self.data).decode()
        shown = (
            f'<video controls loop autoplay muted src="data:video/mp4;base64,{text}"></video>'
            if self.form == "mp4"
            else f'<img src="data:image/webp;base64,{text}" alt="{escape(self.sentence)}">'
        )
        return f"{shown}<p>{escape(self.sentence)}</p>"


def filmed_roles(
    reading: RunView,
    roles: Sequence[FilmedPolicy],
    seed: int | None = None,
    form: FilmForm = "webp",
    width: int = WIDTH,
    lapse: bool = False,
) -> Film:
    """One episode of each policy from the same start, side by side, or in turn.

    Args:
        reading: of the run that they are of.
        roles: one or two, see `cast`; for a time-lapse as many as there are, see `cast_over_training`.
        seed: what the environment is reset with; the first start of the confirmation if not given.
        form: of the file.
        width: of each picture, in pixels.
        lapse: one after the other, each in a few seconds.

    Raises:
        UsageError: they can't be played on this machine.
        MissingExtra: what writes MP4 is not installed.
        NotTrusted: the run has code of somebody else's that was not let in.
    """
    demand(powers_of(Page(reading.files)), str(reading.folder))
    start = held_out("confirm", 1)[0] if seed is None else seed
    names = tuple(role.name for role in roles)
    job = PlayJob(task=reading.header.task, seed=start, names=names, lapse=lapse, form=form, width=width)
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program of a candidate is run here
        try:
            report, data = workers.play(job, [role.weights for role in roles])
        except JobFailed as failed:
            words = failed.message.rstrip(".")
            raise UsageError(f"{', '.join(names[:2])} could not be played on this machine: {words}.") from None
    return Film(data, form, names, report, fresh_seeds_sentence(reading.run, [role.who for role in roles]), lapse)


def cast(reading: RunView, who: str = WINNER, before: bool = False) -> tuple[FilmedPolicy, ...]:
    """The policy of a candidate, a baseline or a training; `before`: beside what it was when it was first saved.

    WINNER is the best one so far while there is no winner. Of several trainings it is the one with the highest
    held-out success, on fresh seeds if there were any.

    Raises:
        UsageError: there is none of that name.
        RunDamaged: its weights are gone.
    """
    name, own = _trained(reading, who)
    kept = _filmed(reading, name, own[-1])
    return (_as_saved(reading, name, own[-1].page, *_saved(reading, own[-1])[0]), kept) if before else (kept,)


def cast_over_training(reading: RunView, who: str = WINNER) -> tuple[FilmedPolicy, ...]:
    """Of the training that `cast` takes, the policies that were saved on its way, from the first to the last.

    Where there are more than SCENES, so many of them, evenly spread. Each is named with its success in the episodes that
    checkpoints are chosen by. Raises as `cast` does.
    """
    name, own = _trained(reading, who)
    training = _training(own[-1].score)
    saved = _saved(reading, own[-1])
    shown = sorted({round(i * (len(saved) - 1) / max(SCENES - 1, 1)) for i in range(SCENES)})
    points = {
        point.step: f", success {point.success:.2f}"
        for score in reading.page(own[-1].page).saved(SCORES)
        if _training(score) == training and score.ruled
        for point in score.checkpoints
    }
    policies = [(saved[i][0], _as_saved(reading, name, own[-1].page, *saved[i])) for i in shown]
    return tuple(policy._replace(name=f"{policy.name}{points.get(step, '')}") for step, policy in policies)


def cast_both(reading: RunView, *both: str) -> tuple[FilmedPolicy, ...]:
    """A policy of each, to compare what they come to and not how lucky one was; names, and what is raised, as in `cast`.

    Of several trainings it is the middle one by held-out success, the worse of two in the middle.
    """
    trained = [_trained(reading, who) for who in both]
    return tuple(_filmed(reading, name, _middle(own)) for name, own in trained)


def _middle(own: list[SavedScore]) -> SavedScore:
    """Of trainings, as they were last scored: a leg on the way is none."""
    found = middle(list(newest([saved.score for saved in own]).values()))[0]
    return next(saved for saved in own if saved.score.trial_id == found.trial_id)


def _filmed(reading: RunView, name: str, saved: SavedScore) -> FilmedPolicy:
    page, score = saved
    named = f"{name}, {score.kept:,} steps"
    return FilmedPolicy(named, reading.weights(page, score), TrialId.parse(score.trial_id).candidate)


def _leader(reading: RunView) -> str:
    """The winner; while there is none, who is ahead. Raises UsageError where nothing has been scored."""
    if reading.run and reading.run.best:
        return reading.run.best
    ahead = ranked([s for view in reading.candidates for s in view.scores], reading.header.task)
    if not ahead:
        raise UsageError(
            f"{reading.folder} has no policy yet: nothing was trained and scored; go on with `",
            Command("resume", (reading.folder,)), "`.",
        )  # fmt: skip
    return ahead[0]


def _trained(reading: RunView, who: str) -> tuple[str, list[SavedScore]]:
    """Whose policies they are, and the scores of these from the worst to the best."""
    name = _leader(reading) if who == WINNER else who
    baselines = [SavedScore(BASELINES_PAGE, s) for s in reading.page(BASELINES_PAGE).saved(SCORES)]
    known: list[str] = []
    for scores in (reading.confirm_scores, reading.search_scores, baselines):
        usable = [s for s in scores if s.score.outcome.ok and s.score.kept >= 0]
        own = [s for s in usable if name in _names_of(s.score)]
        if own:
            return name, sorted(
                own, key=lambda s: (s.score.success, s.score.progress, s.score.mean_success, s.score.trial_id)
            )
        known += [_names_of(s.score)[0] for s in usable]
    there = list(dict.fromkeys(known))
    raise UsageError(
        f"{reading.folder} has no policy of {name!r}: it has {', '.join(sorted(there)) or 'none yet'}.{did_you_mean(name, there)}"
    )


def _names_of(score: Score) -> tuple[str, ...]:
    """What a score is asked for by: whose it is, or its training, or its leg."""
    trial = TrialId.parse(score.trial_id)
    return trial.candidate, str(trial.training), score.trial_id


def _training(scored: Score) -> TrialId:
    return TrialId.parse(scored.trial_id).training


def _saved(reading: RunView, of: SavedScore) -> list[tuple[int, Trial]]:
    """The steps of a training at which its policy was saved, in order, with the leg that saved it."""
    steps: dict[int, Trial] = {}
    for leg in sorted(reading.page(of.page).saved(TRIALS), key=lambda trial: (trial.begin, trial.id)):
        if TrialId.parse(leg.id).training == _training(of.score):
            steps = dict.fromkeys(leg.checkpoints, leg) | steps
    return sorted(steps.items(), key=lambda pair: pair[0])


def _as_saved(reading: RunView, name: str, page: str, step: int, leg: Trial) -> FilmedPolicy:
    weights = reading.page(page).file(TRIALS.of(leg.id), policy_file(step))
    return FilmedPolicy(f"{name}, {step:,} steps", weights)
