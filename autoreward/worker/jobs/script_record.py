"""The play of a task's script, as a worker is asked for it."""

from autoreward.records import CONTROLLER_EPISODES, UNGRADED, ControllerEpisodes, Grading
from autoreward.worker.jobs.job import WithScript


class ScriptJob(WithScript[ControllerEpisodes]):
    """Play the task's script: on held-out seeds for a score, and on others to record it."""

    kind = "script"
    grading: Grading = UNGRADED
    scoring: tuple[int, ...]
    recording: tuple[int, ...]

    @property
    def report_type(self) -> type[ControllerEpisodes]:
        """What it came to."""
        return ControllerEpisodes

    def makes(self, report: ControllerEpisodes) -> tuple[str, ...]:
        """The recorded episodes, if any were asked for."""
        return (CONTROLLER_EPISODES,) if self.recording else ()
