"""What is right for each environment of the zoo, stage by stage."""

from typing import NamedTuple

from zoo.kit import LIMIT


class Outcome(NamedTuple):
    """How a stage ends."""

    kind: str
    """`works`; `refused`: it can't be, and one sentence says so; `fault`: the environment's own, in its words."""
    says: str = ""
    """What the sentence has in it."""


class Expected(NamedTuple):
    """What each stage comes to; the stages after one that does not work are not reached."""

    init: Outcome
    check: Outcome
    train: Outcome | None
    """In a worker; None leaves that out."""
    card: tuple[str, ...] = ()
    """What the drafted card has in it."""


WORKS = Outcome("works")


def refused(says: str) -> Expected:
    """`init` says that it can't be."""
    return Expected(Outcome("refused", says), WORKS, None)


def fault(says: str) -> Expected:
    """`init` says that the environment fails, and how."""
    return Expected(Outcome("fault", says), WORKS, None)


def warned(says: str) -> Expected:
    """`--check` says what is wrong with it; it trains."""
    return Expected(WORKS, Outcome("refused", says), WORKS)


DRAFTED = Expected(WORKS, WORKS, None)
TRAINED = Expected(WORKS, WORKS, WORKS)


def with_card(*card: str) -> Expected:
    """It trains, by a card that says so."""
    return TRAINED._replace(card=card)


IMAGE = refused("put a state.py beside task.toml")

_ACTIONS = {
    "Lever": TRAINED,
    "LeverFromZero": TRAINED,
    "OneChoice": TRAINED,
    "ManyChoices": DRAFTED,
    "Several": TRAINED,
    "SeveralFrom": TRAINED,
    "SeveralInRows": Expected(WORKS, Outcome("refused", "PPO can't be built with these settings"), None),
    "Switches": TRAINED,
    "SwitchesInRows": Expected(WORKS, Outcome("refused", "You can flatten it instead"), None),
    "Unit": with_card("range = [-1, 1]"),
    "HalfAStep": TRAINED,
    "Watts": with_card("range = [0, 1000]"),
    "WattsFromZero": TRAINED,
    "Lopsided": with_card("range = [-3, 0.5]"),
    "NoFreedom": TRAINED,
    "Exact": TRAINED,
    "Half": TRAINED,
    "Notches": TRAINED,
    "Bytes": TRAINED,
    "Boundless": refused("bounds"),
    "HalfBoundless": refused("bounds"),
    "Grid": refused("with shape (2, 2)"),
    "Scalar": refused("with shape ()"),
    "Named": refused("takes actions of Dict"),
    "Pair": refused("takes actions of Tuple"),
    "Spoken": refused("takes actions of Text"),
    "AnyLength": refused("takes actions of Sequence"),
    "OneOfTwo": refused("takes actions of OneOf"),
    "Wired": refused("takes actions of Graph"),
}
_OBSERVATIONS = {
    "SameArray": TRAINED,
    "SameDict": DRAFTED,
    "Fresh": with_card(f"max_steps = {LIMIT}", 'source = "obs[0]"', "range = [-10, 10]"),
    "FreshDict": with_card('source = "obs.x[0]"'),
    "Float64": TRAINED,
    "Float64Dict": TRAINED,
    "Float16": TRAINED,
    "Whole": DRAFTED,
    "FewBytes": DRAFTED,
    "Unbounded": with_card("# GUESS: random actions gave"),
    "HalfBounded": DRAFTED,
    "Matrix": DRAFTED,
    "SingleNumber": TRAINED,
    "Nothing": refused("observes nothing that is a number"),
    "Image": IMAGE,
    "Long": IMAGE,
    "Wide": with_card("split it into named fields"),
    "Number": with_card('source = "obs.value"'),
    "NumberFrom": with_card("range = [-10, 9]"),
    "NumberOfNumPy": DRAFTED,
    "ManyPlaces": refused("4,096"),
    "Numbers": TRAINED,
    "NumbersInRows": DRAFTED,
    "Bits": DRAFTED,
    "Nested": with_card('source = "obs.arm_at[0]"', 'source = "obs.arm_hand"'),
    "OtherOrder": with_card("[state.a]", "[state.b]"),
    "MoreKeys": TRAINED,
    "LackingKey": fault("'b'"),
    "Colliding": TRAINED,
    "Umlauts": TRAINED,
    "NumberedKeys": TRAINED,
    "EmptyKey": DRAFTED,
    "Couple": with_card('source = "obs.item0[0]"', 'source = "obs.item1"'),
    "CoupleAsList": TRAINED,
    "WithText": TRAINED,
    "OnlyText": IMAGE,
    "Sequenced": IMAGE,
    "EitherOr": IMAGE,
    "Network": IMAGE,
    "AsList": TRAINED,
    "Finer": TRAINED,
    "FinerFar": refused("is declared as float32"),
    "FinerFarDict": refused("obs['north'][0] is declared as float32"),
    "FinerLarge": DRAFTED,
    "WholeFar": refused("declare dtype=np.float64"),
    "OutOfBounds": with_card("# GUESS: random actions gave", "no finite bounds are stated that hold"),
    "ZeroBounds": with_card("# GUESS: random actions gave"),
    "NothingSeen": refused("reaches 1e+30, and beside such numbers a policy sees no others"),
    "ReadOnly": TRAINED,
    "Growing": fault("an observation of shape (2,), where its space has (1,)"),
    "WrongShape": fault("an observation of shape (3,), where its space has (2,)"),
    "Upright": fault("an observation of shape (3, 1), where its space has (3,)"),
    "Redrawn": fault("where its space has (1,)"),
    "AsTensor": TRAINED,
    "SameBuffer": TRAINED,
    "SameFrames": DRAFTED,
    "Fractions": fault("uint8, makes 0; declare dtype=np.float32 in observation_space"),
    "FractionsDict": fault("int32, makes"),
    "Wraps": fault("int8, makes"),
    "Overflows": fault("float16, makes inf; declare dtype=np.float64 in observation_space"),
    "HalfBits": fault("obs = [0.7, 1.0], which is none of MultiBinary(2)"),
    "Masked": fault("obs[1] = nan"),
    "Imaginary": fault("an observation that is no array of numbers"),
    "Decimals": TRAINED,
    "LongDouble": TRAINED,
    "AsMapping": DRAFTED,
    "NoGoal": fault("obs['goal'] that is no array of numbers (None)"),
    "CoupleForDict": fault("an observation without obs['a']"),
    "LockBeside": DRAFTED,
    "AsTexts": fault("an observation that is no array of numbers"),
    "Loose": fault("an observation of shape (), where its space has (1,)"),
    "BelowFirst": fault("obs = -1, which is none of Discrete(3)"),
    "BeyondLast": fault("obs = [3, 1], which is none of MultiDiscrete([3 3])"),
    "Swapped": fault("obs['a'] of shape (1,), where its space has (2,)"),
    "NoSpace": refused("observes nothing that is a number"),
    "NotANumber": fault("obs[0] = nan"),
    "Infinite": fault("obs[0] = inf"),
}
_ANSWERS = {
    "RewardInt": TRAINED,
    "RewardBool": DRAFTED,
    "RewardFloat64": DRAFTED,
    "RewardScalar": TRAINED,
    "RewardArray": TRAINED,
    "RewardTensor": TRAINED,
    "RewardHuge": TRAINED,
    "RewardList": fault("a reward of ["),
    "RewardTwo": fault("a reward of an array of shape (2,)"),
    "RewardNone": fault("a reward of None"),
    "RewardText": fault("a reward of '1.0'"),
    "RewardTextOfWords": fault("a reward of 'good'"),
    "RewardNaN": fault("a reward of nan"),
    "FlagInt": TRAINED,
    "FlagBool": DRAFTED,
    "FlagArray": TRAINED,
    "FlagTensor": TRAINED,
    "InfoObjects": TRAINED,
    "InfoArrays": DRAFTED,
    "InfoHuge": TRAINED,
    "InfoChanging": DRAFTED,
    "InfoNested": DRAFTED,
    "InfoLikeSB3": TRAINED,
    "InfoNone": fault("None as info"),
    "InfoItself": DRAFTED,
    "InfoRecord": DRAFTED,
    "RewardMasked": fault("a reward of nan"),
    "FlagNaN": fault("terminated = nan"),
    "FlagReward": fault("it is True or False"),
    "StepSix": fault("step returns observation, reward, terminated, truncated, info"),
    "ResetNothing": fault("reset returns observation, info"),
}
_EPISODES = {
    "OwnLimit": with_card("max_steps = 37"),
    "LimitBeyond": DRAFTED._replace(
        card=("max_steps = 64", "FOUND: the environment cuts every episode after 64 steps")
    ),
    "Attribute": with_card("max_steps = 9"),
    "NoEnd": with_card("# GUESS: the environment states no time limit"),
    "Unlimited": with_card("# GUESS: the environment states no time limit")._replace(train=None),
    "ActionsLater": fault("with Discrete(2) as action_space, which was Discrete(1) before"),
    "Both": TRAINED,
    "OneStep": with_card("max_steps = 1\n"),
    "EndsAtOnce": TRAINED,
    "Strict": TRAINED,
    "Autoreset": TRAINED,
    "Unseeded": warned("determinism: the same seeds give different episodes"),
    "DrawsAnew": DRAFTED,
    "LastDigits": DRAFTED,
    "GlobalSeed": TRAINED,
    "Remembering": DRAFTED,
    "OldSeed": TRAINED,
    "SeedNumber": DRAFTED,
    "NoSeedWord": TRAINED,
    "OldReset": fault("reset"),
    "OldStep": TRAINED,
}
_MAKING = {
    "Modes": TRAINED,
    "BrokenDrawing": TRAINED,
    "NoSuper": DRAFTED,
    "Undocumented": DRAFTED,
    "Registered": TRAINED,
    "Function": TRAINED,
    "Closure": DRAFTED,
    "Text": DRAFTED,
    "Zoo/Named": DRAFTED,
    "Unordered": DRAFTED,
    "Checked": DRAFTED,
    "NoMetadata": refused("Expect the environment metadata to be dict"),
    "Spaceless": refused("observes nothing that is a number"),
    "Unclosable": TRAINED,
    "Unconnected": TRAINED,
    "Unseedable": DRAFTED,
    "Agents": refused("observation_space of zoo.making:Agents-v0 is a dict and no space of Gymnasium's"),
    "Variable": fault("Workers inherit no variables of your shell: set ZOO_SCENE in the environment's code"),
    "Who": TRAINED,
    "Normalised": refused("register it without NormalizeObservation"),
    "Team": refused("action_space of zoo.making:Team-v0 is a method and no space of Gymnasium's"),
    "Cautious": fault("the licence file is missing"),
    "Needs": refused("pip install the package that has 'a_package_that_nobody_has'"),
    "NeedsPart": refused("there is a 'numpy' without such a module"),
    "NeedsBehind": refused("pip install the package that has 'a_package_that_nobody_has'"),
    "NeedsOlder": refused("pip install the package that has 'mujoco_py'"),
    "Asking": refused("missing 1 required positional argument: 'by'"),
    "BadText": fault("NoSuch"),
    "BadModule": refused("zoo.nowhere"),
    "NoEnv": refused("Shape is no environment"),
    "Together": refused("entry_point is not specified"),
}
_FAULTS = {
    "FailsAtStep": fault("KeyError: 'far'"),
    "FailsAtReset": fault("OSError: scene.xml: no such file"),
    "FailsInLines": fault("ValueError: line one line two xxx"),
    "Exits": fault("SystemExit: bye"),
    "Interrupts": fault("raised KeyboardInterrupt"),
    "ClosesFiles": fault("closed files of its process that it had not opened"),
    "Recursive": fault("RecursionError"),
    "Asserts": fault("AssertionError"),
    "Hoards": fault("found no memory"),
    "MovesOn": TRAINED,
    "Prints": TRAINED,
    "Logs": TRAINED,
    "Warns": TRAINED,
    "Moves": TRAINED,
    "Seterr": TRAINED,
    "Reseeds": TRAINED,
    "Handles": TRAINED,
    "Threads": TRAINED,
    "Caches": TRAINED,
    "Mutates": TRAINED,
}
_BY_MODULE = {
    "actions": _ACTIONS,
    "observations": _OBSERVATIONS,
    "answers": _ANSWERS,
    "episodes": _EPISODES,
    "making": _MAKING,
    "faults": _FAULTS,
}
CASES = {f"zoo.{module}:{name}-v0": case for module, cases in _BY_MODULE.items() for name, case in cases.items()} | {
    "zoo.making:NoVersion": DRAFTED,
    "zoo.making:Scaled": refused(
        'a Scaled that is registered under no id: write gymnasium.register("Scaled-v0", Scaled,'
    ),
    "zoo.making:Nobody": refused("zoo.making does not register it"),
    "zoo.making:Numbered-v17": DRAFTED,
}
"""By the id that a person would write."""
WILD = frozenset(env for env in CASES if env.startswith("zoo.faults:"))
"""Disturb the process that they run in: tried in workers alone."""
TWINS = {
    "zoo.observations:SameArray-v0": "zoo.observations:Fresh-v0",
    "zoo.observations:SameDict-v0": "zoo.observations:FreshDict-v0",
    "zoo.observations:SameBuffer-v0": "zoo.observations:Fresh-v0",
    "zoo.observations:SameFrames-v0": "zoo.observations:Fresh-v0",
    "zoo.observations:AsMapping-v0": "zoo.observations:FreshDict-v0",
    "zoo.observations:LongDouble-v0": "zoo.observations:Fresh-v0",
    "zoo.observations:Float64Dict-v0": "zoo.observations:Float64-v0",
    "zoo.observations:Couple-v0": "zoo.observations:CoupleAsList-v0",
    "zoo.observations:AsList-v0": "zoo.observations:Fresh-v0",
    "zoo.observations:AsTensor-v0": "zoo.observations:Fresh-v0",
}
"""Ways to say the same: what is recorded of one is recorded of the other."""
TRAINED_TWINS = {
    "zoo.actions:Lever-v0": "zoo.actions:LeverFromZero-v0",
    "zoo.actions:Watts-v0": "zoo.actions:WattsFromZero-v0",
    "zoo.faults:Mutates-v0": "zoo.actions:HalfAStep-v0",
}
"""Ways to say the same: both learn the same by the environment's own reward."""
_ALL_THE_WAY = {
    "actions": "Lever LeverFromZero OneChoice SeveralFrom Switches Watts Lopsided NoFreedom Half Bytes",
    "observations": "SameArray Float64Dict Unbounded Matrix SingleNumber Number NumberFrom Numbers Nested Colliding Umlauts Couple "
    "WithText AsList ZeroBounds ReadOnly",
    "answers": "RewardInt RewardArray FlagArray InfoObjects InfoLikeSB3",
    "episodes": "OwnLimit NoEnd OneStep EndsAtOnce Strict OldStep NoSeedWord",
    "making": "Modes BrokenDrawing Function Unclosable",
    "faults": "Prints MovesOn Seterr Reseeds Mutates",
}
WHOLE = {f"zoo.{kind}:{name}-v0": WORKS for kind, names in _ALL_THE_WAY.items() for name in names.split()} | {
    "zoo.faults:FailsAtReset-v0": Outcome("refused", "scene.xml: no such file"),
    "zoo.observations:FinerFar-v0": Outcome("refused", "is declared as float32"),
    "zoo.observations:Long-v0": Outcome("refused", "more than the 2,000 that a policy is given"),
    "zoo.making:NeedsBehind-v0": Outcome("refused", "a_package_that_nobody_has"),
}
"""Gone through by commands: `init`, `tasks --check`, `train`, a search of two candidates, `export`."""
ON_EVERY_CHANGE = frozenset(
    f"zoo.{name}-v0"
    for name in (
        "faults:FailsAtReset", "observations:Nested",
    )
)  # fmt: skip
"""Those that go all the way whenever something changes; the others do so at night."""
