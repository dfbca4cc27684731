"""Turn saved weights into what SB3 users expect: `policy.zip` and `vecnormalize.pkl`."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from autoreward.worker import policies
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import SB3_FILES, WEIGHTS_FILE, EmptyReport, PackageJob


def package(job: PackageJob, files: Mapping[str, bytes], context: JobContext) -> tuple[EmptyReport, dict[str, bytes]]:
    """SB3's own files for one checkpoint.

    `policy.zip` loads with the algorithm's `load`; `vecnormalize.pkl` loads with `VecNormalize.load` and normalises
    observations as in training.
    """
    model = policies.blank(job.task, context.closing)
    venv = model.get_vec_normalize_env()
    assert venv is not None
    mean, variance = policies.from_bytes(model, files[WEIGHTS_FILE])
    if venv.norm_obs:
        stats = policies.observation_stats(venv)
        stats.mean, stats.var = mean, variance
    venv.training = False
    with tempfile.TemporaryDirectory() as folder:
        policy, statistics = (Path(folder) / name for name in SB3_FILES)
        model.save(policy)
        venv.save(str(statistics))
        return EmptyReport(), {path.name: path.read_bytes() for path in (policy, statistics)}
