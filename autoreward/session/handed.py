"""What a run hands over, used from Python as it is exported: a folder of its own, and reward.py in it as a module."""

import importlib.util
import shutil
import tempfile
import weakref
from pathlib import Path
from types import ModuleType

from autoreward.errors import UsageError
from autoreward.session.export import take


class HandedOver:
    """The files of a finished run's best/, written to a folder that is there as long as this object is."""

    def __init__(self, run: Path) -> None:
        """Raises as `take`: UsageError where there is nothing yet, NotTrusted, StoreError."""
        files = take(run).files
        self._run, self._names = run, frozenset(files)
        self.folder = Path(tempfile.mkdtemp(prefix="autoreward-best-"))
        """Where they are."""
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        for name, data in files.items():
            (self.folder / name).write_bytes(data)

    def reward(self) -> ModuleType:
        """`reward.py`, loaded anew. The program is run in this process from now on, as it is where an export is used.

        Raises UsageError if the winner is no program.
        """
        if "reward.py" not in self._names:
            raise UsageError(f"{self._run} has no reward.py: what did best there is no program.")
        spec = importlib.util.spec_from_file_location("reward", self.folder / "reward.py")
        assert spec is not None  # a file's name ends in .py
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
