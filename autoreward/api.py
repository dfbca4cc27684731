"""What notebooks and scripts call: `import autoreward as ar`. docs/api.md is made of the docstrings here."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from autoreward import events
from autoreward.core.resources import envs_folder
from autoreward.llm.keys import variables
from autoreward.llm.names import default_model
from autoreward.records import EnvCheck, EnvRow, Verdict
from autoreward.report.live.lines import PlainView
from autoreward.report.reading import read_run
from autoreward.report.scalars import Log
from autoreward.session.asked import AskedRun, shown_run, watched_run
from autoreward.session.clarifying import clarified, spoken
from autoreward.session.env_check import check_env
from autoreward.session.loaded import LoadedCandidate, LoadedRun, Picture
from autoreward.session.new_task import DRAFT_COST, CardWishes, Initiated, Wanted, take_proposal, task_for
from autoreward.session.reward_file import check_file, given_settings
from autoreward.session.starts import read_starts
from autoreward.session.tighten import stricter_rule, tightened_run
from autoreward.settings import TRAINING_SEEDS, Settings
from autoreward.store.book import Page, powers_of
from autoreward.store.folder import Folder
from autoreward.store.trust import keep, of_card
from autoreward.tasks.card import Task
from autoreward.tasks.draft.questions import CardQuestion
from autoreward.tasks.files import find_task, place_of
from autoreward.tasks.readings import GoalQuestion


def improve(
    task: str | Path | Task,
    goal: str = "",
    runs: str | Path = "runs",
    name: str | None = None,
    tell: events.Listener | None = None,
    log: Log | str | Path | None = None,
    trust: bool = False,
    start: Sequence[str | Path] = (),
    **settings: Unpack[Settings],
) -> LoadedRun:
    """Search for a reward program, as `autoreward run` does; stopped (Ctrl-C, "interrupt"), it goes on under the same name.

        run = ar.improve("cartpole-hold", model="grammar", rounds=2)
        run = ar.improve("Pendulum-v1", goal="Swing up and stay up.", model="grammar")
        run                    # the report, in the cell
        run.best.source        # the winner's program
        run.frame()            # every candidate as a pandas table (needs pandas)
        run.plot()             # held-out success over training, as an SVG in the cell

    Args:
        task: a task's name, the path of a card, a `Task`, or, with a goal, an environment's id: then a card is drafted as by
            `autoreward init` and written to `envs/`, to be read and mended, and used the next time.
        goal: what the agent should do, in one sentence; for an environment's id alone.
        runs: folder of run folders.
        name: of this run's folder; a run of that name and these settings is gone on with, or loaded if it is finished.
        tell: told what happens; if not given, a live view in the cell, or lines outside of notebooks.
        log: called with every training's numbers, once they are saved: `log("r000c1-s0", 20_480, {"held_out/success": 0.85})`.
            See docs/curves.md for what there is, and for W&B and MLflow. What it raises stops the run.
            A path is a folder for TensorBoard's event files.
        trust: let in the code, addresses and places that the card, or the run to go on with, has.
        start: files of rewards of your own: they train in the first round, models are shown them with their results, and they
            are confirmed beside what the search finds.
        settings: `model`, `rounds`, `candidates`, `steps`, `seed`, ...: those of `autoreward run`, see docs/commands.md.

    Raises:
        ConfigError: a setting that does not exist or can't be.
        UsageError: a reward to start from can't be read, or may not train.
        RunChanged: a run of that name has another task or other settings.
        AutorewardError: see errors.py.
    """
    asked_for = init(str(task), goal, model=settings.get("model")) if goal else card(task)
    if trust:
        keep(of_card(asked_for))
    starts = read_starts(start, asked_for, settings.get("trust_the_model", False))
    chosen, place = {**settings, **starts}, "" if goal else _place(task)
    return watched_run(AskedRun(asked_for, Path(runs), name, chosen, log, place), tell, trust)


def train(
    task: str | Path | Task,
    reward: str | Path,
    seeds: int = TRAINING_SEEDS,
    runs: str | Path = "runs",
    name: str | None = None,
    trust: bool = False,
    **settings: Unpack[Settings],
) -> LoadedRun:
    """Train one reward on fresh seeds and score it as candidates are, as `autoreward train` does.

        run = ar.train("reacher", "my_reward.py", seeds=3)
        run.reading.run.confirmed[0].success    # held-out success rate of each seed

    Args:
        task: a task's name, the path of a card, or a `Task`.
        reward: a file with `compute_reward` or `reward(obs, action, next_obs)`, or `native`, `sparse`, `none`.
        seeds: trainings, at least one.
        runs: folder of run folders.
        name: of this run's folder; a run of that name and these settings is gone on with, or loaded if it is finished.
        trust: let in the code, addresses and places that the card has.
        settings: `steps` (environment steps of one training), `episodes` (held-out ones per score), `seed`, ...

    Raises:
        ConfigError: a setting that does not exist or can't be.
        UsageError: the reward can't be read, or may not train.
        AutorewardError: see errors.py.
    """
    asked_for = card(task)
    if trust:
        keep(of_card(asked_for))
    given = given_settings(str(reward), seeds, asked_for, trust=settings.get("trust_the_model", False))
    return watched_run(AskedRun(asked_for, Path(runs), name, {**settings, **given}, None, _place(task)), None, trust)


def check(reward: str | Path, task: str | Path | Task, trust: bool = False) -> Verdict:
    """Check a reward file as candidates are checked, as `autoreward check` does; nothing is trained.

        verdict = ar.check("my_reward.py", "reacher")
        verdict.accepted, verdict.parts    # whether it may train, and the names of its parts
        verdict.findings                   # else why not: each with line, rule and message

    Args:
        reward: a file with `compute_reward` or `reward(obs, action, next_obs)`.
        task: a task's name, the path of a card, or a `Task`.
        trust: let in the code, addresses and places that the card has.

    Raises:
        UsageError: the file can't be read.
        JailError: nothing on this machine can lock a process.
        AutorewardError: see errors.py.
    """
    asked_for = card(task)
    if trust:
        keep(of_card(asked_for))
    return check_file(Path(reward), asked_for)


def init(
    env: str,
    goal: str,
    answer: Callable[[CardQuestion], str] = take_proposal,
    ask: Callable[[GoalQuestion], str] | None = None,
    model: str | None = None,
    **wishes: Unpack[CardWishes],
) -> Task:
    """A task card for any Gymnasium environment, drafted and written as `autoreward init` does; one that is there is read.

        task = ar.init("LunarLander-v3", "Hover above the pad.", answer=lambda q: input(f"{q.text} [{q.proposal}] "))
        ar.improve(task)

    Args:
        env: any id that gymnasium.make accepts; `module:ID` imports a package first.
        goal: what the agent should do, in one sentence.
        answer: called with each question that the model has about the card: its `text`, the `place` that it concerns, what an
            answer `changes` (a constant, a condition of the rule, max_steps, nothing) and the model's `proposal`. An empty answer
            takes the proposal, `no` leaves the card as it is; what can't be used is asked again. By default proposals are taken.
        ask: called with each of at most 3 questions about what the goal means, its `text` and its `options`, each with a `text`; it
            gives an option's words, or its number from 1, `none` (none of these is meant) or `skip`. The rule that is meant is
            then the card's. By default nothing is asked.
        model: who names fields and writes the rule; as for `improve`.
        wishes: `kwargs` (arguments for gymnasium.make), `name` (the task's; made from the id if not given), `to` (folder in
            which the task's folder is made, `envs`), `allow` (what the environment may do beyond computing: `programs`, `network`,
            `read=PATH`, `write=PATH`; the card then says so), `algorithm` (what the card trains with, `PPO`, `SAC` for actions
            that are real numbers, or one whose settings are published for the environment).

    Raises:
        UsageError: the card that is there is for something else, or an answer can't be used however often it is asked for.
        TaskError: the environment can't be made or trained in.
        ProviderError: the model does not answer, or refuses.
    """
    kwargs, to = dict(wishes.get("kwargs", {})), Path(wishes.get("to", "envs"))
    allow, algorithm = wishes.get("allow", ()), wishes.get("algorithm", "PPO")
    wanted = Wanted.of(env, kwargs, goal.strip(), wishes.get("name"), to, allow, algorithm)
    lines = PlainView(sys.stdout)
    reader = model or default_model(variables())

    def say(line: str) -> None:
        lines(events.ModelSaid(line))

    def meant(drafted: Initiated) -> Initiated:
        return drafted if ask is None else clarified(drafted, reader, DRAFT_COST, say, spoken(ask))

    return task_for(wanted, reader, say, answer, meant)


def tighten(
    folder: str | Path,
    add: str = "",
    rounds: int | None = None,
    name: str | None = None,
    tell: events.Listener | None = None,
    trust: bool = False,
) -> LoadedRun:
    """Go on by a stricter success rule, as `autoreward tighten` does without asking, in a new run beside the old one.

        run.reading.run.audit.sentences    # what successes do that the rule does not speak of
        run.reading.run.audit.proposal     # "abs(pitch) < 0.56 and height > -0.28"
        stricter = ar.tighten(run.folder)
        stricter = ar.tighten(run.folder, add="abs(pitch) < 0.5")

    What was trained is judged again and not trained again; the old run stays as it is.

    Args:
        folder: the run's.
        add: what a success must meet besides, in the language of task cards; what the audit proposes, if not given.
        rounds: more rounds at most, as many as the run had if not given; 0 only judges again and confirms.
        name: of the new run's folder; NAME-tightened if not given.
        tell: told what happens; as in `improve`.
        trust: let in the code, addresses and places that the run has.

    Raises:
        UsageError: nothing is given and the audit found nothing; the formula says nothing of the task; the name is taken.
        AutorewardError: see errors.py.
    """
    earlier = Path(folder)
    if trust:
        keep(powers_of(Page(Folder(earlier))))
    proposal = stricter_rule(earlier, add)
    return shown_run(lambda told: tightened_run(earlier, proposal, told, name, rounds), tell)


def load(folder: str | Path) -> LoadedRun:
    """A run from its folder. Raises UsageError, RunDamaged, RunChanged."""
    return LoadedRun(read_run(Path(folder)))


def card(task: str | Path | Task, envs: str | Path | None = None) -> Task:
    """A task's card, to look at or to change: `ar.card("reacher").model_copy(update={"goal": "..."})`.

    Args:
        task: a task's name, or the path of a card or of its folder.
        envs: a folder of your own tasks, looked into before those that come with autoreward.

    Raises:
        TaskError: there is none, or it makes no sense; the message says what to do.
    """
    if isinstance(task, Task):
        return task
    return find_task(str(task), (*((Path(envs),) if envs else ()), envs_folder()))


def _place(task: str | Path | Task) -> str:
    return "" if isinstance(task, Task) else place_of(str(task), (envs_folder(),), envs_folder())


__all__ = [
    "CardQuestion",
    "EnvCheck",
    "EnvRow",
    "LoadedCandidate",
    "LoadedRun",
    "Picture",
    "Task",
    "Verdict",
    "card",
    "check",
    "check_env",
    "improve",
    "init",
    "load",
    "tighten",
    "train",
]
