"""The successes of a run, taken from its folder, and held against its reference episodes."""

from collections.abc import Sequence

from autoreward.errors import LimitReached
from autoreward.evaluation.success_audit import Successes, audit_successes
from autoreward.llm.client import ModelClient
from autoreward.records import EPISODES, REFERENCE_EPISODES, ReplyKey, Score, SuccessAudit, TrialId
from autoreward.roles.auditor import Evidence, find_forgotten
from autoreward.roles.brief import brief
from autoreward.store.book import Book, Page
from autoreward.store.keys import DESCRIPTION, SCORES


def audit_scores(
    book: Book, scored: Sequence[tuple[Page, Score]], candidate_id: str, client: ModelClient | None
) -> SuccessAudit:
    """What the numbers say of these scores' successes, and a model, where there is a `client` to ask.

    Raises:
        RunDamaged: a recording can't be read.
        ProviderError: the model does not answer.
    """
    task, described = book.header.task, book.need(DESCRIPTION)
    if not task.ruled:
        return SuccessAudit(candidate_id=candidate_id, silent="no rule says what a success is")
    policies = [successes_of(page, score) for page, score in most_successful(scored)]
    if not policies:
        return SuccessAudit(candidate_id=candidate_id, silent="there is no success")
    reference = book.transitions(DESCRIPTION, REFERENCE_EPISODES)
    audit = audit_successes(task, reference, described.reference_episodes, policies, candidate_id)
    if client is None:
        return audit
    key = ReplyKey(len(book.pages()) - 1, "auditor-winner" if candidate_id else "auditor")
    try:
        steps = max(score.steps for _, score in scored)
        about = brief(task, steps, book.header.config.episodes, described, recorded=reference)
        missing, findings = find_forgotten(client, str(key), about, Evidence(audit, policies, reference))
    except LimitReached as limit:
        return audit.model_copy(update={"findings": (str(limit),)})
    return audit.model_copy(update={"missing": missing, "findings": findings})


def successes_of(page: Page, score: Score) -> Successes:
    """A score's recorded episodes. Raises RunDamaged."""
    return Successes(page.transitions(SCORES.of(score.trial_id), EPISODES), tuple(e.success for e in score.episodes))


def most_successful(scored: Sequence[tuple[Page, Score]]) -> list[tuple[Page, Score]]:
    """Of each training that ever succeeded, the leg with most successes; the longer one on a tie."""
    best: dict[TrialId, tuple[Page, Score]] = {}
    for page, score in scored:
        training = TrialId.parse(score.trial_id).training
        before = best.get(training)
        if any(e.success for e in score.episodes) and (
            before is None or (score.success, score.steps) > (before[1].success, before[1].steps)
        ):
            best[training] = (page, score)
    return list(best.values())
