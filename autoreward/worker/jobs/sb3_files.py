"""Turn saved weights into what SB3 users expect: `policy.zip` and `vecnormalize.pkl`."""

import tempfile
from pathlib import Path

from autoreward.tasks.card import Task
from autoreward.worker import policies


def package(task: Task, weights: bytes) -> dict[str, bytes]:
    """SB3's own files for one checkpoint.

    `policy.zip` loads with the algorithm's `load`; `vecnormalize.pkl` loads with `VecNormalize.load` and normalises
    observations as in training.
    """
    model = policies.blank(task)
    venv = model.get_vec_normalize_env()
    assert venv is not None
    mean, variance = policies.from_bytes(model, weights)
    if venv.norm_obs:
        stats = policies.observation_stats(venv)
        stats.mean, stats.var = mean, variance
    venv.training = False
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "policy.zip")
        venv.save(str(Path(folder) / "vecnormalize.pkl"))
        return {name: (Path(folder) / name).read_bytes() for name in ("policy.zip", "vecnormalize.pkl")}
