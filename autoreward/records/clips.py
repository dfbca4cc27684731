"""Films of policies that a run keeps."""

from typing import Literal

from pydantic import Field

from autoreward.records.base import Record, Said
from autoreward.records.ids import TrialName

CLIP_FILE = "clip.webp"
"""File of a clip: the animation."""
FRAMES_FILE = "frames.png"
"""The same episode as a few frames in one picture, each with its step."""


class Clip(Record):
    """A policy worth a look; its episode is filmed in `clips/<id>/clip.webp`, or there is a reason why not."""

    id: Literal["winner", "second", "failure", "native"]
    trial_id: TrialName
    page: str = Field(pattern=r"^(confirm|baselines|rounds/[0-9]{3,9})$")
    """Folder of its score within the run's: `confirm`, or `rounds/000`."""
    why_not: Said = ""
    """Why it could not be filmed; empty if it was."""
