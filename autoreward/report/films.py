"""Clips that a reader goes through frame by frame, with what the reward pays and whether the rule holds at each."""

import base64
import json
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from autoreward.records import CLIP_FILE, REEL_ACROSS, SHEET_FILE, STILL_FILE, Clip, Reel, TrialId
from autoreward.report.behaviour import CAPTIONS, follows, worth_seeing
from autoreward.report.candidates import CandidateView
from autoreward.report.charts import MANY, Series, chart, plot_area
from autoreward.report.reading import RunView
from autoreward.store.book import Page
from autoreward.store.keys import CLIPS

MOST_BYTES = 3_000_000
"""Of the clips of candidates in one page; those that come after have theirs on their own pages in `autoreward view`."""


class Filmed(NamedTuple):
    """A clip, as the pages show it."""

    caption: str
    data: str
    """Its frames in one picture, or, without them, the animation."""
    reel: Reel | None
    told: str
    """What the page's script needs to know of each frame, as JSON."""
    rows: int
    """Of the picture."""
    parts: Sequence[tuple[str, str]]
    """Names and colors of the reward's parts."""
    tracks: Markup
    """The parts over the episode; empty without any."""

    @property
    def size(self) -> int:
        """Bytes that it takes in a page, or nearly so."""
        return len(self.data)


def films(reading: RunView) -> list[Filmed]:
    """The clips of the policies worth a look; all start from the same held-out seed. Raises RunDamaged if one is gone."""
    return [_film(reading, clip, CAPTIONS[clip.id]) for clip in worth_seeing(reading) if not clip.why_not]


def films_of(reading: RunView, view: CandidateView) -> list[Filmed]:
    """Every clip of a candidate's policies."""
    own = [clip for clip in reading.clips if _whose(clip) == view.candidate.id and not clip.why_not]
    return [_film(reading, clip, f"{clip.trial_id}, {CAPTIONS.get(clip.id, 'its best policy')}") for clip in own]


def films_within(reading: RunView, order: Sequence[CandidateView]) -> dict[str, list[Filmed]]:
    """By candidate: the clip that shows nothing but its own policy, for as many as one page can hold, the first ones."""
    own = {_whose(clip): clip for clip in reading.clips if clip.id not in CAPTIONS and not clip.why_not}
    found: dict[str, list[Filmed]] = {}
    room = MOST_BYTES
    for view in order:
        if clip := own.get(view.candidate.id):
            film = _film(reading, clip, f"{clip.trial_id}, its best policy")
            room -= film.size
            if room < 0:
                break
            found[view.candidate.id] = [film]
    return found


def stills(reading: RunView) -> dict[str, str]:
    """By candidate: a small picture of what its policy does, as data; those that have none are left out."""
    page = Page(reading.files)
    return {
        _whose(clip): _webp(page.file(CLIPS.of(clip.id), STILL_FILE))
        for clip in sorted(
            reading.clips, key=lambda clip: clip.id == "winner"
        )  # the winner's own comes last, and stays
        if clip.reel
    }


def _film(reading: RunView, clip: Clip, caption: str) -> Filmed:
    page = Page(reading.files)
    reel = clip.reel
    if reel is None:
        return Filmed(caption, _webp(page.file(CLIPS.of(clip.id), CLIP_FILE)), None, "", 1, (), Markup(""))
    caption += follows(reel.first_error)
    rows = -(-len(reel.at) // REEL_ACROSS)
    named = [(name, MANY[i % len(MANY)]) for i, name in enumerate(reel.parts)]
    lines = [Series(name, list(zip(reel.at[1:], reel.parts[name], strict=True)), color) for name, color in named]
    left, right, top, bottom = plot_area()
    told = {
        "at": reel.at,
        "across": min(REEL_ACROSS, len(reel.at)),
        "rows": rows,
        "holds": reel.holds,
        "parts": [[float(f"{value:.4g}") for value in values] for values in reel.parts.values()],
        "area": [left, right, top, bottom],
    }
    return Filmed(
        caption,
        _webp(page.file(CLIPS.of(clip.id), SHEET_FILE)),
        reel,
        json.dumps(told),
        rows,
        named,
        Markup(chart(lines, "what each part pays", dots=False)),  # noqa: S704 - chart escapes what it is given
    )


def _whose(clip: Clip) -> str:
    return TrialId.parse(clip.trial_id).candidate


def _webp(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
