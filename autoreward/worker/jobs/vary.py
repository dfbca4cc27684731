"""Play a trained policy where its environment varies. No reward program is anywhere near, and nothing is trained."""

from collections.abc import Mapping

from autoreward.records import Episode, VariedEpisodes
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.varied import demand_variable, value_within, varied_envs
from autoreward.worker.envs.vector import VectorEnv
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import WEIGHTS_FILE
from autoreward.worker.jobs.vary_record import VaryJob
from autoreward.worker.rollout.episodes import evaluated_episodes


def vary(job: VaryJob, files: Mapping[str, bytes], context: JobContext) -> tuple[VariedEpisodes, dict[str, bytes]]:
    """One deterministic episode per start and environment.

    Raises:
        TaskError: something that is to be varied can't be.
        EnvironmentFault: the environment raises with a value of a range.
    """
    task = job.task
    env = make.make_env(task)
    context.closing.callback(env.close)
    known = demand_variable(task, env, job.variations)
    values = tuple(
        {
            v.name: value_within(v, share, bool(known[v.name].whole))
            for v, share in zip(job.variations, own, strict=True)
        }
        for own in job.shares
    )
    plain, varied = make.vectorised(task, len(job.seeds), seed=0), varied_envs(task, known, values)
    for venv in (plain, varied):
        context.closing.callback(venv.close)
    model = policies.blank(task, context.closing)
    mean, variance = policies.from_bytes(model, files[WEIGHTS_FILE])

    def played(venv: VectorEnv) -> tuple[Episode, ...]:
        view, actions = PolicyView(task, venv.layout), PolicyActions(venv.action_space, task.train)
        episodes = venv.play(policies.policy_function(model, view, actions, mean, variance), job.seeds)
        return tuple(evaluated_episodes(task, venv, episodes, policies.newest_spread(view, variance), job.grading))

    whole = tuple(name for name, variable in known.items() if variable.whole)
    report = VariedEpisodes(
        trial_id=job.trial_id, values=values, whole=whole, plain=played(plain), varied=played(varied)
    )
    return report, {}
