"""The one declaration of what a person may choose for a run.

`RunConfig` takes these fields with their bounds, `run` and `train` make options of them, `improve` and `train` of the API keywords.
Nothing heavy is imported here: help must not wait for it.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypedDict, get_args, get_origin, get_type_hints

from annotated_types import Ge, Interval, Lt

TRAINING_SEEDS = 3
"""Trainings of a given reward, where nobody chooses."""
MOST_SEEDS = 100
SimulatorSetting = Literal["gymnasium", "envpool", "auto"]
"""What trainings step: the person's own environment, EnvPool's in its place, or EnvPool's where both were found to be the same."""
Effort = Literal["none", "low", "medium", "high", "xhigh", "max"]
"""How much a model thinks, from not at all on; not every model knows every step."""

Role = Literal["designer", "critic", "analyzer", "judge", "judge-2", "judge-3"]
"""What a model is asked as; several may judge."""
JUDGE_ROLES: tuple[Role, ...] = ("judge", "judge-2", "judge-3")

CompositionSetting = Literal[
    "own", "auto", "sum", "bounded", "sign", "product", "potential", "standardised", "conjunction", "krc", "gated", "capped",
    "staged", "lagrange",
]  # fmt: skip
"""How parts of a run's programs add up: as each says, in other ways too, or all in one."""


@dataclass(frozen=True)
class Help:
    """A setting's line in help and docs."""

    text: str
    default_shown: bool = True
    """Not where the text says what holds if nobody chooses, since that depends on task or machine."""


class RunSettings:
    """In the order of help. What depends on task or keys has its last resort as its default: see `session.run.config_for`."""

    seed: Annotated[int, Ge(0), Lt(2**31), Help("What all seeds of the run are derived from.")] = 0
    rounds: Annotated[int, Interval(ge=1, le=100), Help("Rounds at most.")] = 3
    candidates: Annotated[int, Interval(ge=1, le=100), Help("Reward programs per round.")] = 8
    search: Annotated[
        Literal["rounds", "agent"],
        Help("rounds, or agent: one program at a time, kept or reverted, as many as the budget trains."),
    ] = "rounds"
    finalists: Annotated[
        int, Interval(ge=1, le=100), Help("Best candidates of a round that train again on more seeds.")
    ] = 2  # one seed's luck wins nothing
    finalist_seeds: Annotated[int, Interval(ge=0, le=100), Help("More training seeds for each finalist, at most.")] = 2
    steps: Annotated[
        Annotated[int, Interval(gt=0, le=10**12)] | Literal["auto"] | None,
        Help(
            "Environment steps of one training; the task's own if not given; auto: longer where the search finds that it helps.",
            default_shown=False,
        ),
    ] = None
    target: Annotated[
        float, Interval(gt=0.0, le=1.0), Help("Stop searching at this held-out success rate, averaged over seeds.")
    ] = 0.9
    budget: Annotated[
        float, Interval(gt=0.0, le=1e6), Help("Environment steps that the search may take, in full trainings.")
    ] = 16.0
    confirm_seeds: Annotated[
        int,
        Interval(ge=0, le=100),
        Help("Fresh training seeds for the finalists and the baselines; 0: no confirmation."),
    ] = 5
    judge: Annotated[
        str,
        Help(
            "Who ranks those that trained to the end: rule (the task's, if it has one), human, or a model as for `model` or "
            "image-text:FOLDER (a CLIP model), up to three with commas between them (autoreward help preferences).",
            default_shown=False,
        ),
    ] = "rule"
    trust_the_judge: Annotated[
        bool, Help("Let a model judge of which `autoreward doctor` has not found that it judges well.")
    ] = False
    ask: Annotated[
        int,
        Interval(ge=0, le=3),
        Help("Questions about what the goal means, before anything is trained, at most; 0: none."),
    ] = 0
    explore_steps: Annotated[
        int,
        Interval(ge=0, le=10**9),
        Help(
            "Environment steps in which the environment is explored before the first round, with no reward, such as 20,000."
        ),
    ] = 0  # what it does to whole searches is not measured yet
    hunt_steps: Annotated[
        int,
        Interval(ge=0, le=10**9),
        Help("Most environment steps in which each program is hunted for an exploit before it trains, such as 10,000."),
    ] = 0
    lessons: Annotated[
        bool,
        Help("Tell a model that designs what changes came to in earlier runs of the environment (autoreward lessons)."),
    ] = True
    composition: Annotated[
        CompositionSetting,
        Help(
            "How parts of programs add up: own (as each designer says), auto (also the best two in other ways), or one of those of "
            "`autoreward help compositions` for all."
        ),
    ] = "own"
    propose_controller: Annotated[
        bool,
        Help("Also ask the designer, once, for a policy written as code, and play it beside those that are trained."),
    ] = False
    tune_weights: Annotated[bool, Help("Also tune the best program's weights on recorded episodes.")] = False
    tune_settings: Annotated[
        bool, Help("Also train the best program with other training settings, and baselines with the winner's.")
    ] = False
    episodes: Annotated[int, Interval(ge=1, le=1000), Help("Held-out episodes per score.")] = 20
    pool: Annotated[
        Literal["local", "ray"], Help("Where trainings run: local, or ray (a cluster; see autoreward help clusters).")
    ] = "local"
    simulator: Annotated[
        SimulatorSetting,
        Help(
            "What trainings step: gymnasium (the task's own environment), envpool (faster), or auto (envpool where it is there "
            "and behaves the same; autoreward help environments). Scores are always of the task's own."
        ),
    ] = "auto"
    workers: Annotated[
        int | None,
        Interval(ge=1, le=4096),
        Help("Trainings side by side; one per core if not given.", default_shown=False),
    ] = None
    minutes_per_trial: Annotated[
        float, Interval(gt=0.0, le=1e6), Help("Longest that one training or scoring may take, in minutes.")
    ] = 20.0
    memory_mb: Annotated[
        int, Interval(ge=512, le=2**30), Help("Most memory of a training or a scoring, in MiB; not on a GPU.")
    ] = 4096  # beyond what its process starts with
    model: Annotated[
        str,
        Help(
            "Who designs: anthropic:MODEL, openai:MODEL, openai+http://HOST:PORT/v1:MODEL, replay:DIR, manual, or grammar.",
            default_shown=False,
        ),
    ] = "grammar"
    critic: Annotated[
        str, Help("Who reviews programs before training; the designer's model if not given.", default_shown=False)
    ] = ""
    analyzer: Annotated[str, Help("Who explains failures; the designer's model if not given.", default_shown=False)] = (
        ""
    )
    effort: Annotated[
        Effort | None,
        Help(
            "How much the designer thinks before it answers; the model's own choice if not given.", default_shown=False
        ),
    ] = None
    critic_effort: Annotated[
        Effort | None, Help("The same for the critic; the designer's if not given.", default_shown=False)
    ] = None
    analyzer_effort: Annotated[
        Effort | None, Help("The same for the analyzer; the designer's if not given.", default_shown=False)
    ] = None
    tools: Annotated[
        int,
        Interval(ge=0, le=50),
        Help("Turns in which designer and analyzer may try programs on recorded episodes before they answer; 0: none."),
    ] = 0
    hide_rule: Annotated[
        bool, Help("Keep the success rule and the metric from the models, too; programs never see them.")
    ] = False
    max_cost: Annotated[
        float | None, Interval(ge=0.0, le=1e6), Help("Most that model calls may cost, in dollars; none: no limit.")
    ] = 1.0
    max_calls: Annotated[int, Interval(ge=1, le=10**9), Help("Most model calls, counting those that failed.")] = 30
    model_silence: Annotated[
        float | None,
        Interval(gt=0.0, le=1e6),
        Help(
            "Longest that a model may say nothing, in seconds; if not given, 600, and 1800 for a server of your own.",
            default_shown=False,
        ),
    ] = None
    model_timeout: Annotated[
        float | None,
        Interval(gt=0.0, le=1e6),
        Help(
            "Longest that one answer may take, in seconds; if not given, 3600, and 7200 for a server of your own.",
            default_shown=False,
        ),
    ] = None
    trust_the_model: Annotated[bool, Help("Run reward programs even where nothing locks them in.")] = False


class Settings(TypedDict, total=False):
    """The same as keywords, for those who check types: names and types of `RunSettings`."""

    seed: int
    rounds: int
    candidates: int
    search: Literal["rounds", "agent"]
    finalists: int
    finalist_seeds: int
    steps: int | Literal["auto"] | None
    target: float
    budget: float
    confirm_seeds: int
    judge: str
    trust_the_judge: bool
    ask: int
    explore_steps: int
    hunt_steps: int
    lessons: bool
    composition: CompositionSetting
    propose_controller: bool
    tune_weights: bool
    tune_settings: bool
    episodes: int
    pool: Literal["local", "ray"]
    simulator: SimulatorSetting
    workers: int | None
    minutes_per_trial: float
    memory_mb: int
    model: str
    critic: str
    analyzer: str
    effort: Effort | None
    critic_effort: Effort | None
    analyzer_effort: Effort | None
    tools: int
    hide_rule: bool
    max_cost: float | None
    max_calls: int
    model_silence: float | None
    model_timeout: float | None
    trust_the_model: bool


class DeclaredSetting(NamedTuple):
    """A setting, taken apart for a door."""

    type: Any
    default: Any
    help: Help


def declared_settings() -> dict[str, DeclaredSetting]:
    """All settings by name, in their order."""
    types, noted = get_type_hints(RunSettings), get_type_hints(RunSettings, include_extras=True)
    return {name: DeclaredSetting(types[name], getattr(RunSettings, name), _help(noted[name])) for name in types}


def _help(hint: Any) -> Help:
    assert get_origin(hint) is Annotated
    return next(note for note in get_args(hint) if isinstance(note, Help))
