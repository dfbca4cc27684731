"""The vocabulary: every frozen record that flows between stages or is kept on disk.

    Task -> Candidate -> Verdict -> TrialJob -> Trial -> Score -> Diagnosis -> Round -> Run

Identity travels in the record (`candidate_id`, `trial_id`), never in a list position. Numbers are finite or None.
No record holds a clock: what depends on the machine's speed is in `seconds` fields that feed no decision and no prompt.
"""

from autoreward.records.base import Record
from autoreward.records.candidates import (
    Candidate,
    Candidates,
    Finding,
    Remark,
    Screen,
    Screened,
    ScreenedCandidate,
    Verdict,
)
from autoreward.records.environments import (
    Audit,
    AuditItem,
    Description,
    Entry,
    FieldStats,
    PoolEpisode,
    Stretch,
    Survey,
)
from autoreward.records.runs import Clip, Confirmed, Doubt, Estimate, Feedback, Feedbacks, Round, Run, Rung, Standings
from autoreward.records.trials import (
    Analyses,
    Analysis,
    Cause,
    CheckpointScore,
    CurvePoint,
    Diagnosis,
    Episode,
    PartStats,
    Score,
    Symptom,
    Trial,
    TrialJob,
)

__all__ = [
    "Analyses",
    "Analysis",
    "Audit",
    "AuditItem",
    "Candidate",
    "Candidates",
    "Cause",
    "CheckpointScore",
    "Clip",
    "Confirmed",
    "CurvePoint",
    "Description",
    "Diagnosis",
    "Doubt",
    "Entry",
    "Episode",
    "Estimate",
    "Feedback",
    "Feedbacks",
    "FieldStats",
    "Finding",
    "PartStats",
    "PoolEpisode",
    "Record",
    "Remark",
    "Round",
    "Run",
    "Rung",
    "Score",
    "Screen",
    "Screened",
    "ScreenedCandidate",
    "Standings",
    "Stretch",
    "Survey",
    "Symptom",
    "Trial",
    "TrialJob",
    "Verdict",
]
