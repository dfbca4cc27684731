"""Finds out how well a model reviews programs: by good ones with faults planted in some, which recorded episodes show."""

from collections.abc import Callable, Sequence

from autoreward.core.wording import Setting
from autoreward.design.refine import objections
from autoreward.errors import UsageError
from autoreward.evaluation.critic_exam import standing_by
from autoreward.events import Listener, ModelSaid
from autoreward.llm.client import ModelClient
from autoreward.llm.cost import price, tokens
from autoreward.llm.names import full_name
from autoreward.llm.open import open_client, open_models
from autoreward.records import Allowance, CriticExam, CriticStanding, ExamPaper, ReadProgram, Remark
from autoreward.roles.critic import criticise
from autoreward.roles.designer import revise
from autoreward.sandbox.jail import Jail
from autoreward.session.exam_sheets import Sheet, exam_papers, sheets_of
from autoreward.store.book import Book
from autoreward.store.keys import CRITIC
from autoreward.store.persons import keep_for_person, persons_record, writable_folder
from autoreward.store.shared import digest
from autoreward.training.workers import Workers

_ANSWERED, _REWRITTEN = 1_500, 3_000
"""Tokens that an answer of the critic usually has, and one of who rewrites."""
_AGAIN = 6
"""Calls for answers that can't be read."""
_EXAMS = "exams"
_WHAT = "the exam"


def examine_critic(
    name: str, max_cost: float | None, tell: Callable[[str], None], papers: Sequence[ExamPaper] | None = None
) -> CriticExam:
    """Have a model review the programs of the exam and rewrite those that it objects to; keep how it did for this person.

    Args:
        name: the model's.
        max_cost: dollars, at most; None: no limit.
        tell: told what it may cost before anything is asked, and what happens.
        papers: what it is asked about; None: all that are shipped.

    Raises:
        UsageError: no such model, or it may cost more; or there is no place to keep the result in.
        LimitReached, NoAnswer, ProviderError: nobody may be asked, or nobody answers; what was answered is kept.
    """
    folder = writable_folder(_EXAMS, _WHAT)
    open_models({"critic": name}, folder.path, max_cost)  # what is wrong with its name is said at once
    with Jail() as jail, Workers(jail) as workers:
        jail.demand()
        asked = [sheet for paper in papers or exam_papers() for sheet in sheets_of(paper, jail, workers)]
        prompts = [sheet.prompt for sheet in asked]
        tell(demand_affordable(name, prompts, max_cost))
        place = folder.at(digest("critic", name, prompts))
        allowed = Allowance(max_cost=max_cost, max_calls=2 * len(asked) + _AGAIN)
        client = open_client({"critic": name, "designer": name}, place.path, place.write, allowed, tell)
        read: list[ReadProgram] = []
        findings: tuple[str, ...] = ()
        for sheet in asked:
            items, wrong = read_sheet(client, sheet)
            read += items
            findings += wrong
            faulty = [item for item in items if item.fault]
            tell(f"{sheet.key}: objects to {sum(item.objected for item in faulty)} of {len(faulty)} faulty programs and to "
                 f"{sum(item.objected for item in items if not item.fault)} of {len(items) - len(faulty)} good ones")  # fmt: skip
    exam = CriticExam(by=name, items=tuple(read), findings=findings, dollars=_paid(client))
    keep_for_person(folder, exam_file(name), exam.model_dump_json().encode(), _WHAT)
    return exam


def critic_standing(name: str) -> CriticStanding:
    """What a critic's remarks may do in a run of this person's. Raises StoreError if what is kept of its exam can't be read."""
    return standing_by(name, persons_record(_EXAMS, exam_file(name), CriticExam))


def critic_in_run(book: Book, tell: Listener) -> CriticStanding:
    """The same for one run, whose critic is a model: as it was when its first programs were asked for, told then."""
    if known := book.lone(CRITIC):
        return known
    found = book.once(CRITIC, lambda: critic_standing(book.header.config.models["critic"]))
    if not found.acts:
        tell(ModelSaid(found.said))
    return found


def read_sheet(client: ModelClient, sheet: Sheet) -> tuple[tuple[ReadProgram, ...], tuple[str, ...]]:
    """What a model makes of one question, and what was wrong with its answers."""
    remarks, findings = criticise(client, f"{sheet.key}-critic", sheet.room.about, sheet.candidates, sheet.pays)
    serious = {name: found for name, every in remarks.items() if (found := _serious(every))}
    sources: dict[str, str] = {}
    if serious:
        problems = {name: objections(found) for name, found in serious.items()}
        sources, wrong = revise(client, f"{sheet.key}-rework", sheet.room.about, sheet.candidates, problems)
        findings += wrong
    items = []
    for shown in sheet.shown:
        said, new = serious.get(shown.candidate.id, ()), sources.get(shown.candidate.id, "")
        lines = shown.fault.lines if shown.fault else ()
        items.append(
            ReadProgram(
                task=sheet.room.task.name,
                program=shown.program.name,
                fault=shown.fault.kind if shown.fault else "",
                objected=bool(said),
                right_line=any(remark.line in lines for remark in said),
                repaired=bool(shown.fault and new and sheet.room.sound(shown.program.source, new)),
            )
        )
    return tuple(items), findings


def _serious(remarks: Sequence[Remark]) -> tuple[Remark, ...]:
    return tuple(remark for remark in remarks if remark.severity == "serious")


def demand_affordable(name: str, prompts: Sequence[str], max_cost: float | None) -> str:
    """What the exam takes, in words. Raises UsageError if that is more than it may."""
    each = [(price(name, tokens(p), _ANSWERED), price(name, tokens(p), _REWRITTEN)) for p in prompts]
    known = [review + rework for review, rework in each if review is not None and rework is not None]
    calls = f"{len(prompts)} questions, and as many rewrites at most"
    if len(known) < len(each):
        return f"{calls}; what {name} costs is not known"
    if max_cost is not None and sum(known) > max_cost:
        raise UsageError(
            f"The exam has {calls}, about ${sum(known):.2f} with {name}, and may cost ${max_cost:g}: allow more with ",
            Setting("max_cost"), ".",
        )  # fmt: skip
    return f"{calls}: about ${sum(known):.2f} if all is rewritten"


def _paid(client: ModelClient) -> float | None:
    costs = [bill.dollars for bill in client.bills()]
    return None if None in costs else sum(cost or 0.0 for cost in costs)


def exam_file(name: str) -> str:
    """What the exam of a model is called in the person's folder."""
    return f"critic-{digest('critic', full_name(name))}.json"
