"""Everything that a run saves as a record: under which name, and what it holds.

A name that ends in `/` or `-` is the beginning of several: one for each item, which `Key.of` gives. Files that belong to a record
are in the folder of its name; what they are called stands beside the record's class.
"""

from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

from autoreward.records import (
    AgentCall,
    Allowance,
    Analyses,
    AnsweredWeights,
    Aspect,
    Board,
    Candidates,
    Clip,
    Controllers,
    CriticStanding,
    Description,
    Diagnosis,
    Doubt,
    Exploration,
    Feedbacks,
    Hunt,
    Judgements,
    Lessons,
    Longer,
    Preference,
    Record,
    Reel,
    Remembered,
    Robustness,
    Run,
    Score,
    Screened,
    Snapshots,
    Standings,
    Strengths,
    SuccessAudit,
    TakenOver,
    Tightened,
    TrainingLength,
    Traits,
    Trial,
    VariedEpisodes,
    Verdict,
)
from autoreward.tasks.readings import Clarification, GoalAnswers, Readings

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True)
class Key(Generic[RecordT]):
    """Where a record is, within a run or within a round."""

    name: str
    record: type[RecordT]
    by_people: bool = False
    """People said it: nothing makes it again."""

    def of(self, item: str) -> Self:
        """The key of one item's record."""
        return replace(self, name=f"{self.name}{item}")

    @property
    def file(self) -> str:
        """The record's file."""
        return f"{self.name}.json"

    @property
    def folder(self) -> str:
        """The folder of the files that belong to it, or of all items' records."""
        return self.name.rstrip("/")


ASKED_OF = Key("asking/description", Description)
"""Of a run that asks what its goal means: its environment under the card's own rule; with SAMPLES and REFERENCE_EPISODES."""
READINGS = Key("asking/readings", Readings)
"""Of such a run: what its goal may mean, and what is asked to find out."""
GOAL_ANSWERS = Key("asking/answers", GoalAnswers, by_people=True)
"""Of such a run: what was answered so far."""
CLARIFIED = Key("clarified", Clarification)
"""Of such a run: what its goal means; its header is read with it."""
DESCRIPTION = Key("description", Description)
"""Of a run: its environment, as it was sampled; with SAMPLES and REFERENCE_EPISODES."""
EARLIER_EXPLOITS = Key("remembered", Remembered)
"""Of a run: exploits that earlier runs found; with EXPLOITS."""
CONTROLLERS = Key("controllers", Controllers)
"""Of a run: policies written as code, and how they did; with CONTROLLER_EPISODES where a designer wrote one."""
CRITIC = Key("critic", CriticStanding)
"""Of a run that a model designs: what its critic's remarks may do."""
EARLIER_LESSONS = Key("lessons", Lessons)
"""Of a run that a model designs: what changes came to in earlier runs, as it was known at its start."""
EXPLORATION = Key("exploration", Exploration)
"""Of a run: what was explored before its first round; with EXPLORED."""
SNAPSHOTS = Key("snapshots", Snapshots)
"""Of a run: what episodes of its trainings may begin at; with SNAPSHOTS_FILE."""
AGENT_CALLS = Key("calls/", AgentCall)
"""Of a run that an agent designs: all that it asked, one a call."""
FEEDBACK = Key("feedback", Feedbacks, by_people=True)
"""Of a run: what people said of its results."""
ALLOWANCE = Key("allowance", Allowance, by_people=True)
"""Of a run: what its model calls may take, if a person has said so since its start."""
BOARD = Key("tensorboard", Board)
"""Of a run: where this machine shows its curves."""
ASPECTS = Key("aspects/", Aspect, by_people=True)
"""Of a run: what people said of some steps of its episodes, one a saying; with EPISODES, the one that it is of."""
TRAITS = Key("traits", Traits)
"""Of a run: what is measured of people's words by now."""
PREFERENCES = Key("preferences/", Preference, by_people=True)
"""Of a run: answers, one a question."""
ANSWERED_WEIGHTS = Key("answered_weights", AnsweredWeights)
"""Of a run: weights of a program's parts by what people and judges said."""
CLIPS = Key("clips/", Clip)
"""Of a run: policies worth a look; with CLIP_FILE."""
PAIR_REELS = Key("pair_reels/", Reel)
"""Of a run: policies in the episodes in which people compare them, by `Side.name`; with SHEET_FILE."""
TIGHTENED = Key("tightened", Tightened, by_people=True)
"""Of a run: which run it goes on from, by a stricter rule."""
ROBUSTNESS = Key("robustness/", Robustness)
"""Of a run: whether its winner holds where the environment varies, one for each set of ranges."""
VARIED = Key("varied/", VariedEpisodes)
"""Of a run: the episodes behind each of these, in the folder of its id, one record a policy."""
RESULT = Key("result", Run)
"""Of a run: its end."""

CANDIDATES = Key("candidates", Candidates)
"""Of a round: its programs."""
TAKEN = Key("taken", TakenOver)
"""Of a round: that another run trained it, and how it stood there."""
VERDICTS = Key("verdicts/", Verdict)
"""Of a round or the confirmation: whether a candidate may train, one a candidate."""
SCREENS = Key("screens", Screened)
"""Of a round: what recorded episodes said of its candidates."""
HUNTS = Key("hunts/", Hunt)
"""Of a round: what was looked for in a program before it trained, one a program; with HUNTED where it was found."""
TRIALS = Key("trials/", Trial)
"""Of a round, the baselines or the confirmation: legs of trainings; with `policy_file(step)`, STATE and LOGGED."""
SCORES = Key("scores/", Score)
"""Of the same: what the scorer measured of each; with EPISODES."""
STANDINGS = Key("rung-", Standings)
"""Of a round: its race, one a rung."""
JUDGED = Key("judged", Strengths)
"""Of a round: what people, or models that judge, prefer by the end of it."""
JUDGEMENTS = Key("judgements/", Judgements)
"""Of a round: what models that judge said, so many questions at a time."""
DEBATED = Key("debated", Judgements)
"""Of a round: what they say after debates; stands for what they said of the same questions before."""
DIAGNOSES = Key("diagnoses/", Diagnosis)
"""Of a round: why a candidate did as it did, one a candidate."""
ANALYSES = Key("analyses", Analyses)
"""Of a round: what a model makes of its episodes."""
LONGER = Key("longer", Longer)
"""Of a round: what its best training gave beyond its full length; the legs are on a page of the run."""
LENGTH = Key("length", TrainingLength)
"""Of a round: how long its trainings are, where the search finds it."""
AUDIT = Key("audit", SuccessAudit)
"""Of a round or the confirmation: whether its successes, or the winner's, do what the goal says."""
DOUBT = Key("doubt", Doubt)
"""Of a round: whether it is the reward at all."""
