"""A saved conversation as a model: the same questions get the same answers, at no cost."""

from pathlib import Path

from pydantic import ValidationError

from autoreward.core.wording import Setting
from autoreward.errors import LimitReached, UsageError
from autoreward.llm.client import LONGEST_REPLY, REPLIES, SavedReply
from autoreward.llm.names import SETTINGS
from autoreward.llm.types import Prompt, Reply, RequestRefused
from autoreward.store.files import HEADER
from autoreward.store.folder import Folder


class ReplayModel:
    """Answers with what a run's `replies/` folder holds, by key."""

    def __init__(self, folder: Path, setting: str = SETTINGS["designer"]) -> None:
        """Take a run's folder, or a folder of replies, named by `setting`. Raises UsageError if there are none."""
        self.name = f"replay:{folder}"
        files = Folder(folder)
        self._files = files.at(REPLIES) if files.has(REPLIES) or files.has(HEADER) else files
        if not self._files.stems():
            raise UsageError(
                Setting(setting, self.name),
                f": {folder} holds no model's replies; give the path of the folder of a run that a model designed.",
            )

    def ask(self, prompt: Prompt) -> Reply:
        """The saved reply. Raises LimitReached if this question was never asked, so that a search ends with what it has."""
        path = self._files.path / f"{prompt.key}.json"
        try:
            return SavedReply.model_validate_json(self._files.read(path.name, LONGEST_REPLY)).reply
        except FileNotFoundError:
            raise LimitReached(f"{self.name} ends here: it has no reply to {prompt.key}") from None
        except (ValidationError, OSError) as error:
            raise RequestRefused(f"{path} can't be used as a reply ({type(error).__name__}).") from None
