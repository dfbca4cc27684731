"""A run as notebooks show it: its report, its candidates as a table, its curves."""

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from autoreward.errors import UsageError
from autoreward.records import Candidate, Confirmed
from autoreward.report.charts import MANY, Series, picture
from autoreward.report.html import render
from autoreward.report.phrases import result_sentence
from autoreward.report.reading import RunView
from autoreward.session.handed import HandedOver
from autoreward.session.part_weights import PartWeights, part_weights
from autoreward.session.play import WINNER, Film, cast, cast_both, cast_over_training, filmed_roles
from autoreward.session.preferring import PreferPage
from autoreward.session.viewed import ViewedPage

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LoadedRun:
    """A run, finished or not."""

    reading: RunView

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.reading.folder

    @property
    def best(self) -> Candidate | None:
        """The winner; None while there is none."""
        run = self.reading.run
        view = self.reading.candidate(run.best) if run else None
        return view.candidate if view else None

    @property
    def second(self) -> Candidate | None:
        """The other program that is handed over, where the confirmation contests the search; else None."""
        run = self.reading.run
        view = self.reading.candidate(run.second) if run else None
        return view.candidate if view else None

    def __getitem__(self, candidate_id: str) -> "LoadedCandidate":
        """One candidate, by its id. Raises KeyError."""
        view = self.reading.candidate(candidate_id)
        if view is None:
            raise KeyError(f"{candidate_id}: the run has {', '.join(v.candidate.id for v in self.reading.candidates)}")
        return LoadedCandidate(self.reading, view.candidate)

    @property
    def confirmation(self) -> dict[str, Confirmed]:
        """What fresh training seeds said, by candidate or baseline, the winner first; empty where there is no confirmation.

        run.confirmation["native"].success            # held-out success rate of each training
        run.confirmation[run.best.id].estimate.low    # of the 95 % interval of their interquartile mean
        """
        return {row.who: row for row in self.reading.run.confirmed} if self.reading.run else {}

    @property
    def policy(self) -> Path:
        """The winner's policy for Stable-Baselines3, in a folder with all of best/: `PPO.load(run.policy)`.

        Observations are normalised by `vecnormalize.pkl` beside it; docs/keep.md shows how. It is there as long as `run` is.

        Raises:
            UsageError: there is nothing to keep yet, or nothing at all.
            NotTrusted: it has to be made anew from the run's records, with code of somebody else's that was not let in.
        """
        return self._handed.folder / "policy.zip"

    @cached_property
    def reward(self) -> ModuleType:
        """The winner's reward.py as a module: `AutoReward`, `AutoRewardVec`, `compute_reward`, `combine`, `Rewards`.

        From then on its program runs in this process, as it does wherever an export is used. Raises as `policy` does.
        """
        return self._handed.reward()

    def wrap(self, env: Any) -> Any:
        """The environment with the winner's reward in the place of its own; what each part paid is in `info`.

            env = run.wrap(gymnasium.make("CartPole-v1"))
            envs = run.wrap(gymnasium.make_vec("CartPole-v1", 8))

        Args:
            env: of the task's kind: a Gymnasium environment, or a vector one.

        Raises as `policy` does, and what reward.py says of an environment that is not the task's.
        """
        return (self.reward.AutoRewardVec if hasattr(env, "num_envs") else self.reward.AutoReward)(env)

    def view(self) -> ViewedPage:
        """Its page as `autoreward view` shows it: search curve, race, programs, clips, model calls. Close it by `close()`."""
        return ViewedPage(self.folder)

    def prefer(self, pairs: int | None = None, by: str = "", of: int = 2) -> PreferPage:
        """A page, in the cell, in which you say which of two policies does more of what was meant, as `autoreward prefer` asks.

            run.prefer()
            ar.load(run.folder).reading.strengths    # the ranking by your answers

        Until it is finished there, or by `close()`, nobody else can work in the run.

        Args:
            pairs: how many to ask about; until every policy was compared three times, on average, if not given.
            by: your name, where several people answer.
            of: how many policies are shown at once, 2 to 4: with more of them you say which one is the best.

        Raises:
            UsageError: there are not so many policies to compare, or a name that can't be kept.
            NotTrusted: the run has code of somebody else's that was not let in.
            RunLocked: another process works in it.
        """
        return PreferPage(self.folder, pairs, by, of)

    @cached_property
    def _handed(self) -> HandedOver:
        return HandedOver(self.folder)

    def play(
        self,
        who: str = WINNER,
        seed: int | None = None,
        before: bool = False,
        beside: str = "",
        time_lapse: bool = False,
    ) -> Film:
        """A film of a saved policy, large, with the success rule and the fields as they go, as `autoreward play` makes it.

            run.play()                             # the winner's
            run.play("native", beside="r001c3")    # side by side
            run.play(before=True)                  # beside what it was when it was first saved
            run.play(time_lapse=True)              # as it got better: what was saved while it trained, in turn
            run.play().save("film.webp")

        Args:
            who: a candidate, a training, `native`, `sparse`, or `winner`.
            seed: what the environment is reset with; the confirmation's first start if not given.
            before: show the same policy as it was first saved, too.
            beside: another one to show; each is the middle one of its trainings.
            time_lapse: the policies that were saved while it trained, one after the other, sped up.

        Raises:
            UsageError: there is no policy of that name, or it can't be played here.
            NotTrusted: the run has code of somebody else's that was not let in.
        """
        if (bool(beside), before, time_lapse).count(True) > 1:
            raise UsageError("A film shows one of these: choose before, beside or time_lapse.")
        if time_lapse:
            return filmed_roles(self.reading, cast_over_training(self.reading, who), seed, lapse=True)
        roles = cast_both(self.reading, who, beside) if beside else cast(self.reading, who, before)
        return filmed_roles(self.reading, roles, seed)

    def frame(self) -> "pd.DataFrame":
        """One row per candidate. Raises ImportError without pandas."""
        import pandas as pd

        rows = [
            {
                "candidate": t.candidate.id,
                "how": t.candidate.how,
                "parents": ", ".join(t.candidate.parents),
                "steps": max((trial.steps for trial in t.trials), default=0),
                "seeds": len(t.scores),
                "success": t.success if t.ruled else None,
                "progress": t.progress if t.ruled else None,
                "metric": t.metric,
                **{f"metric {name}": t.metrics.get(name) for name in self.reading.header.task.metrics},
                **{f"stage {r.name}": r.share for r in t.stages},
                **{f"limit {r.name}": r.value for r in t.limits},
                **({"holds limits": not any(r.broken for r in t.limits)} if t.limits else {}),
                "symptom": t.diagnosis.symptoms[0].name if t.diagnosis and t.diagnosis.symptoms else "",
                "thought": t.candidate.thought,
            }
            for t in self.reading.candidates
        ]
        return pd.DataFrame(rows).set_index("candidate")

    def plot(self) -> "Picture":
        """Held-out success over training, a line per candidate: of its first training."""
        scored = [t for t in self.reading.candidates if t.scores]
        lines = [
            Series(t.candidate.id, [(c.step, c.success) for c in t.scores[0].checkpoints], MANY[i % len(MANY)])
            for i, t in enumerate(scored)
        ]
        return Picture(picture(lines, "held-out success", 0.0, 1.0))

    def _repr_html_(self) -> str:
        """The report, in a frame of its own: its style and script stay inside; the result in words where frames are not shown."""
        page = render(self.reading, in_cell=True)
        # within single quotes no other letter acts, and to write more of them otherwise makes notebooks large
        for letter, written in (("&", "&amp;"), ("'", "&#39;"), ("<", "&lt;")):
            page = page.replace(letter, written)
        frame = f'<iframe srcdoc=\'{page}\' width="100%" height="600" style="border:0"></iframe>'
        return f"<p>{escape(self._sentence())}</p>{frame}"

    def __repr__(self) -> str:
        return f"<run {self.folder}: {self._sentence()}>"

    def _sentence(self) -> str:
        return result_sentence(self.reading.run) if self.reading.run else "not finished"


@dataclass(frozen=True)
class LoadedCandidate:
    """One candidate of a run, trained or not."""

    reading: RunView = field(repr=False)
    candidate: Candidate

    @property
    def source(self) -> str:
        """Its program."""
        return self.candidate.source

    def play(self, seed: int | None = None, before: bool = False, time_lapse: bool = False) -> Film:
        """A film of its policy; see `LoadedRun.play`. Raises UsageError if it was not trained."""
        return LoadedRun(self.reading).play(self.candidate.id, seed, before, time_lapse=time_lapse)

    def weights(self) -> PartWeights:
        """Sliders for the weights of its parts, with the ranking of recorded episodes as they change.

            weights = run["r001c3"].weights()      # in a notebook, the sliders
            weights.ranked_right(near=2.0)         # share of pairs of episodes that are ranked as they are good
            Path("mine.py").write_text(weights.source(near=2.0))    # a reward to start a run from

        Raises:
            UsageError: its parts are not added up, it was refused, or it fails on the episodes.
            NotTrusted: the run has code of somebody else's that was not let in.
        """
        return part_weights(self.reading, self.candidate)


@dataclass(frozen=True)
class Picture:
    """An SVG that notebooks show; `svg` is its text."""

    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg
