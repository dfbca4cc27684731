"""Where the trainings of a run go."""

from autoreward.config import RunConfig
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes.restarting import Notice, unheard
from autoreward.training.ray_cluster import Cluster
from autoreward.training.workers import Workers


def open_workers(config: RunConfig, jail: Jail, trust: bool, notice: Notice = unheard) -> Workers:
    """Workers of this machine, or of a cluster. Raises UsageError if there is none."""
    if config.pool == "local":
        return Workers(jail, notice=notice)
    return Workers(jail, Cluster(trust), notice)
