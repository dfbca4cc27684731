"""Which function does which job: a new job is a record, a file beside this one, and a line here.

The fork server imports this, and so all that jobs need, before it forks.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from autoreward.records import Record
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.check_env import check_in_worker
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.explore import explore
from autoreward.worker.jobs.film import film
from autoreward.worker.jobs.hunt import hunt
from autoreward.worker.jobs.hunting_records import ExploreJob, HuntJob, SnapshotsJob
from autoreward.worker.jobs.job import Job
from autoreward.worker.jobs.onnx_graph import graph
from autoreward.worker.jobs.play import film_large
from autoreward.worker.jobs.play_record import PlayJob
from autoreward.worker.jobs.play_script import play_script
from autoreward.worker.jobs.protection import try_walls
from autoreward.worker.jobs.records import (
    AuditJob,
    CheckEnvJob,
    DescribeJob,
    FilmJob,
    GraphJob,
    PackageJob,
    ProtectionJob,
    ScoreJob,
    SurveyJob,
    TrainJob,
)
from autoreward.worker.jobs.reel import reel
from autoreward.worker.jobs.reel_record import ReelJob
from autoreward.worker.jobs.sb3_files import package
from autoreward.worker.jobs.score import score
from autoreward.worker.jobs.script_record import ScriptJob
from autoreward.worker.jobs.similarity import similarity
from autoreward.worker.jobs.similarity_record import SimilarityJob
from autoreward.worker.jobs.snapshots import find_snapshots
from autoreward.worker.jobs.survey import survey
from autoreward.worker.jobs.train import train
from autoreward.worker.jobs.vary import vary
from autoreward.worker.jobs.vary_record import VaryJob

J = TypeVar("J", bound=Job[Any])


class JobEntry(NamedTuple):
    """A kind of job."""

    record: type[Job[Any]]
    do: Callable[[Any, Mapping[str, bytes], JobContext], tuple[Record, dict[str, bytes]]]
    """The job, the files that it takes, its process -> its report and the files that it makes."""


def _entry(
    record: type[J], do: Callable[[J, Mapping[str, bytes], JobContext], tuple[Record, dict[str, bytes]]]
) -> JobEntry:
    return JobEntry(record, do)


_ENTRIES = (
    _entry(TrainJob, train),
    _entry(ScoreJob, score),
    _entry(DescribeJob, describe),
    _entry(ScriptJob, play_script),
    _entry(ExploreJob, explore),
    _entry(SnapshotsJob, find_snapshots),
    _entry(HuntJob, hunt),
    _entry(SurveyJob, survey),
    _entry(CheckEnvJob, check_in_worker),
    _entry(AuditJob, audit),
    _entry(ProtectionJob, try_walls),
    _entry(PackageJob, package),
    _entry(GraphJob, graph),
    _entry(FilmJob, film),
    _entry(PlayJob, film_large),
    _entry(VaryJob, vary),
    _entry(ReelJob, reel),
    _entry(SimilarityJob, similarity),
)
JOB_TABLE = {entry.record.kind: entry for entry in _ENTRIES}
"""By kind."""
