"""Shows models that judge what they compare, asks each in both orders, has them debate, and puts together what they said."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from autoreward.config import RunConfig
from autoreward.core.executor import Executor
from autoreward.core.transitions import Transitions
from autoreward.errors import LimitReached
from autoreward.judges.sides import Sides
from autoreward.llm.client import ModelClient
from autoreward.records import (
    REFERENCE_EPISODES,
    Answer,
    Debate,
    Description,
    Judgement,
    Judgements,
    Question,
    ReplyKey,
)
from autoreward.roles.brief import Brief, brief
from autoreward.roles.debate import ArguedCase, Weighed, argued, weighed
from autoreward.roles.judge import Opinion, opinions
from autoreward.roles.shown_pairs import ShownPair, Sight
from autoreward.session.drawn import drawn_frames
from autoreward.session.image_text_judge import ImageTextJudge
from autoreward.settings import Role
from autoreward.store.book import Book, Page
from autoreward.store.keys import DESCRIPTION
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers

_TURNED: Mapping[Answer, Answer] = {"a": "b", "b": "a", "tie": "tie"}


class JudgePanel(NamedTuple):
    """Models that judge, by role, and where they are asked."""

    client: ModelClient | None
    """None where no model is asked in a run."""
    judges: Mapping[Role, str]
    about: Brief
    """Without the rule: what it says must not be what is judged."""


def unruled_brief(task: Task, config: RunConfig, description: Description, recorded: Transitions) -> Brief:
    """What judges are told: all but the rule."""
    return brief(task, config.full(task), config.episodes, description, rule_shown=False, recorded=recorded)


def ask_panel(panel: JudgePanel, key: str, questions: Sequence[Question], pairs: Sequence[ShownPair]) -> Judgements:
    """What every judge says of these questions, whose sides are `pairs`; each is asked twice.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
        ValueError: there is no model.
    """
    if panel.client is None:
        raise ValueError("no model judges here")
    items: list[Judgement] = []
    findings: list[str] = []
    turned = [pair.turned for pair in pairs]
    for role, name in panel.judges.items():
        forwards = opinions(panel.client, f"{key}-{role}-forwards", role, panel.about, pairs)
        backwards = opinions(panel.client, f"{key}-{role}-backwards", role, panel.about, turned)
        findings += (*forwards.findings, *backwards.findings)
        both = zip(questions, forwards.items, backwards.items, strict=True)
        items += [judgement(question, name, *said) for question, *said in both if any(said)]
    return Judgements(items=tuple(items), findings=tuple(findings))


def debate_panel(
    panel: JudgePanel, key: str, contradicted: Sequence[Judgement], pairs: Sequence[ShownPair]
) -> Judgements:
    """What every judge says of the pairs, shown as `pairs`, that it contradicted itself about, after it argued both sides.

    A limit ends it: what was said before stands.

    Raises:
        ProviderError: nobody answers.
        ValueError: there is no model.
    """
    if panel.client is None:
        raise ValueError("no model judges here")
    items: list[Judgement] = []
    findings: list[str] = []
    for role, name in panel.judges.items():
        own = [(said, pair) for said, pair in zip(contradicted, pairs, strict=True) if said.by == name]
        if not own:
            continue
        asked = f"{key}-{role}"
        try:
            cases, told = argued(panel.client, f"{asked}-sides", role, panel.about, [pair for _, pair in own])
            findings += told
            open_cases = [(said, case) for (said, _), case in zip(own, cases, strict=True) if case and case.told]
            if not open_cases:
                continue
            answers, told = weighed(
                panel.client, f"{asked}-weighed", role, panel.about, [case for _, case in open_cases]
            )
        except LimitReached as limit:
            findings.append(f"{asked}: {limit}")
            break
        findings += told
        items += [debated(said, case, *both) for (said, case), both in zip(open_cases, answers, strict=True)]
    return Judgements(items=tuple(items), findings=tuple(findings))


def debated(before: Judgement, case: ArguedCase, forwards: Weighed, backwards: Weighed) -> Judgement:
    """A judgement after its debate."""
    debate = Debate(
        for_a=tuple(f"{fact.of}, {fact.what}" for fact in case.for_a),
        for_b=tuple(f"{fact.of}, {fact.what}" for fact in case.for_b),
        struck=case.struck,
        forwards=forwards.answer,
        backwards=backwards.answer,
        reason=forwards.reason or backwards.reason,
    )
    return before.model_copy(update={"answer": debate.answer, "debate": debate})


def judgement(question: Question, by: str, forwards: Opinion | None, backwards: Opinion | None) -> Judgement:
    """What was said in both orders: a tie where it is not the same, or was said once only."""
    first = forwards.answer if forwards else None
    second = _TURNED[backwards.answer] if backwards else None
    scores: tuple[tuple[float, float], ...] = ()
    if forwards and backwards:
        both = zip(forwards.principles, backwards.principles, strict=True)
        scores = tuple(((a + turned_a) / 2, (b + turned_b) / 2) for (a, b), (turned_b, turned_a) in both)
    said = [opinion for opinion in (forwards, backwards) if opinion]
    return Judgement(
        question=question,
        by=by,
        answer=first if first is not None and first == second else "tie",
        forwards=first,
        backwards=second,
        reason=said[0].reason if said else "",
        cited=sum(opinion.cited for opinion in said),
        struck=sum(opinion.struck for opinion in said),
        principles=scores,
    )


class Judging:
    """Models that judge in a run."""

    def __init__(
        self,
        task: Task,
        config: RunConfig,
        book: Book,
        workers: Workers,
        executor: Executor,
        client: ModelClient | None,
    ) -> None:
        """`client`: None where no model is asked."""
        self._task, self._config, self._book = task, config, book
        self._workers, self._executor, self._client = workers, executor, client

    def compare(self, page: Page, batch: int, questions: Sequence[Question]) -> Judgements:
        """See `search.steps.Steps`. Raises as `ask_panel`, and as `ImageTextJudge.judgements`."""
        key, said = str(ReplyKey(page.round, f"compare-{batch}")), Judgements()
        if self._config.asked_judges:
            said = ask_panel(self._panel, key, questions, self._shown(questions))
        seen = [judge.judgements(Sides(self._book.pages()), questions) for judge in self._watching]
        return said.model_copy(update={"items": (*said.items, *(one for items in seen for one in items))})

    def debate(self, page: Page, contradicted: Sequence[Judgement]) -> Judgements:
        """See `search.steps.Steps`. Raises as `debate_panel`."""
        pairs = self._shown([judgement.question for judgement in contradicted])
        return debate_panel(self._panel, str(ReplyKey(page.round, "debate")), contradicted, pairs)

    @cached_property
    def _watching(self) -> tuple[ImageTextJudge, ...]:
        names = self._config.image_text_judges
        return tuple(ImageTextJudge(name, self._task, self._config, self._workers, self._executor) for name in names)

    @cached_property
    def _panel(self) -> JudgePanel:
        recorded = self._book.transitions(DESCRIPTION, REFERENCE_EPISODES)
        about = unruled_brief(self._task, self._config, self._book.need(DESCRIPTION), recorded)
        return JudgePanel(self._client, self._config.asked_judges, about)

    def _shown(self, questions: Sequence[Question]) -> list[ShownPair]:
        showing = Showing(self._panel.about, self._book, self._workers, self._executor)
        return showing.pairs(Sides(self._book.pages()), questions)


class Showing:
    """Makes what is shown of policies in a run's episodes: tables, and pictures where the environment can be drawn."""

    def __init__(self, about: Brief, book: Book, workers: Workers, executor: Executor) -> None:
        """`book`: the run, where pictures are kept, so that a question stays the same."""
        self._about = about
        self._book = book
        self._workers = workers
        self._executor = executor
        self._seen: dict[str, Sight] = {}

    def pairs(self, sides: Sides, questions: Sequence[Question]) -> list[ShownPair]:
        """The sides of each question."""
        wanted = {side.name: side for question in questions for side in sides.of(question)}
        missing = [side for name, side in wanted.items() if name not in self._seen]
        for side, picture in self._executor.map(partial(drawn_frames, self._book, self._workers), missing):
            self._seen[side.name] = Sight.of(self._about, side.transitions, picture)
        return [ShownPair(*(self._seen[side.name] for side in sides.of(question))) for question in questions]
