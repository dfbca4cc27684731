"""Films of policies that a run keeps."""

from typing import Self

from pydantic import Field, model_validator

from autoreward.records.base import Line, Part, Record, Said
from autoreward.records.ids import TrialName

CLIP_FILE = "clip.webp"
"""File of a clip: the animation."""
SHEET_FILE = "sheet.webp"
"""The frames of a clip in one picture, REEL_ACROSS in a row."""
STILL_FILE = "still.webp"
"""One of its frames, small."""
REEL_EPISODE = "episode.npz"
"""What was filmed: the transitions of one episode, shape (L, 1)."""
FRAMES_FILE = "frames.png"
"""The same episode as a few frames in one picture, each with its step."""
REEL_ACROSS = 10


class Reel(Record):
    """What can be gone through of a clip, frame by frame: n frames, the first of the start."""

    at: tuple[int, ...] = Field(min_length=1)
    """The step after which each frame was taken; the last one's is the length of the episode."""
    width: int = Field(gt=0)
    """Of a frame, in pixels."""
    height: int = Field(gt=0)
    holds: tuple[bool, ...] = ()
    """Whether the condition of the success rule holds after each of these steps but the first; empty without a rule."""
    parts: dict[Part, tuple[float, ...]] = Field(default_factory=dict)
    """What each part of the policy's own reward pays for each of these steps but the first; empty where no program trained it."""

    first_error: Line = ""
    """Where the episode goes wrong, in words; empty where it does not."""

    @model_validator(mode="after")
    def _of_the_same_frames(self) -> Self:
        later = len(self.at) - 1
        if any(len(values) != later for values in ((self.holds,) if self.holds else ()) + (*self.parts.values(),)):
            raise ValueError("holds and parts are of every frame but the first")
        return self


class Clip(Record):
    """A policy worth a look; its episode is filmed in `clips/<id>/`, or there is a reason why not."""

    id: str = Field(pattern=r"^(winner|second|failure|native|of-[A-Za-z0-9_-]{1,200})$")
    """Why it is worth one; `of-ID`: the best policy of that candidate."""
    trial_id: TrialName
    page: str = Field(pattern=r"^(confirm|baselines|rounds/[0-9]{3,9})$")
    """Folder of its score within the run's: `confirm`, or `rounds/000`."""
    why_not: Said = ""
    """Why it could not be filmed; empty if it was."""
    reel: Reel | None = None
    """Its frames; None where it could not be filmed, or was by a version that kept none."""
