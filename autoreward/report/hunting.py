"""What is known before anything is trained, in words: what trainings step, what controllers reach, what was explored and hunted."""

from collections import Counter
from collections.abc import Sequence

from autoreward import events
from autoreward.records import Exploration, Hunt, Snapshots
from autoreward.report.controllers import controller_sentences

BeforeTraining = (
    events.SimulatorChosen
    | events.ExploitsRemembered
    | events.Explored
    | events.SnapshotsFound
    | events.HuntsDone
    | events.ControllersPlayed
)


def before_training(event: BeforeTraining) -> str:
    """What is known before anything is trained, for people."""
    match event:
        case events.SimulatorChosen(simulator=simulator):
            return f"  {simulator.sentence}" if simulator.sentence else ""
        case events.ExploitsRemembered(remembered=known):
            count = len(known.episodes)
            return f"  remembers {count} episode{'s' * (count != 1)} that exploited a reward in {', '.join(known.runs)}"
        case events.Explored(exploration=exploration):
            return f"  {exploration_line(exploration)}"
        case events.SnapshotsFound(snapshots=found):
            return f"  {snapshots_line(found)}"
        case events.HuntsDone(hunts=hunts):
            return hunt_lines(hunts)
        case events.ControllersPlayed(controllers=played):
            return "\n".join(f"  {line}" for line in (*controller_sentences(played.items), *played.findings))


def facts_before_training(event: BeforeTraining) -> dict[str, object]:
    """The same for programs."""
    match event:
        case events.SimulatorChosen(simulator=simulator):
            return {"simulator": simulator.name, "version": simulator.version, "reason": simulator.reason}
        case events.ExploitsRemembered(remembered=known):
            return {"runs": list(known.runs), "episodes": len(known.episodes)}
        case events.Explored(exploration=exploration):
            return {"steps": exploration.steps, "cells": exploration.cells, "successes": exploration.successes}
        case events.SnapshotsFound(snapshots=found):
            return {
                "teachers": [one.model_dump(mode="json") for one in found.teachers],
                "count": found.count,
                "steps": found.steps,
            }
        case events.HuntsDone(hunts=hunts):
            return {"found": [h.candidate_id for h in hunts if h.found], "steps": sum(h.steps for h in hunts)}
        case events.ControllersPlayed(controllers=played):
            return {"controllers": [one.model_dump(mode="json") for one in played.items]}


def exploration_line(exploration: Exploration) -> str:
    """How well the environment is known before anything is designed."""
    if not exploration.episodes:
        return "not explored"
    taken = f", taken over from {exploration.taken_from}" if exploration.taken_from else ""
    alone = "" if exploration.replayable else ", never back to where it was, since episodes can't be replayed"
    return (
        f"explored without a reward: {exploration.steps:,} steps, {exploration.cells:,} cells of the state (random episodes "
        f"reached {exploration.by_chance:,}), {exploration.successes} of {exploration.played:,} episodes a success, "
        f"progress {exploration.mean:.2f} on average and {exploration.best:.2f} at best{alone}{taken}"
    )


def snapshots_line(found: Snapshots) -> str:
    """What episodes of trainings may begin at."""
    kinds = Counter(one.kind for one in found.teachers)
    ways = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    won = sum(one.success for one in found.teachers)
    taken = f", taken over from {found.taken_from}" if found.taken_from else ""
    if found.differing:
        taken = f"; {found.differing} demonstrations left out, which their seeds and actions do not give again{taken}"
    return (
        f"found {found.count:,} snapshots to begin episodes at, on the ways of {len(found.teachers)} episodes ({ways}), {won} of "
        f"them a success: {found.steps:,} steps{taken}"
    )


def hunt_lines(hunts: Sequence[Hunt]) -> str:
    """What was found in which program, and what it cost."""
    steps, found = sum(h.steps for h in hunts), [h for h in hunts if h.found]
    tried = f"  hunted for exploits in {len(hunts)} program{'s' * (len(hunts) != 1)}: {steps:,} environment steps"
    if not found:
        return f"{tried}, found nothing"
    return "\n".join([f"{tried}; {len(found)} of them train last", *(f"    {h.candidate_id}: {h.said}" for h in found)])
