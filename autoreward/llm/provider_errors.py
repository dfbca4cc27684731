"""What an SDK's error means for the person: ask again, or one sentence that says what to do."""

import math
import time
from email.utils import parsedate_to_datetime
from typing import Any

from autoreward.core.visible import visible_line
from autoreward.core.wording import Phrase, Setting
from autoreward.llm.types import RequestRefused, RetryLater

_AGAIN = (408, 409, 429)


def provider_fault(error: Exception, name: str, variable: str) -> RetryLater | RequestRefused:
    """The fault behind an error of the openai or the anthropic SDK (their hierarchies have the same names).

    `variable` is where the model's key comes from.
    """
    if isinstance(error.__cause__, RetryLater | RequestRefused):
        return error.__cause__  # our own client's, which the SDK takes for a broken connection
    kind = type(error).__name__
    status = getattr(error, "status_code", None)
    if status is None:
        if "Timeout" in kind:
            return RetryLater(f"{name} did not answer in time")
        if "Connection" in kind:
            return RetryLater(f"{name} can't be reached ({_said(error)})")
        return RetryLater(f"{name} answered something unreadable ({kind})")
    if status in _AGAIN or status >= 500:
        return RetryLater(f"{name} is busy ({status}: {_said(error)})", _wait(error))
    another: tuple[Phrase, ...] = ("; choose another with ", Setting("model"))
    advice: dict[int, tuple[Phrase, ...]] = {
        401: (f"the key in {variable} is not accepted, or none is set; set another one",),
        403: (f"the key in {variable} may not use this model", *another),
        404: ("there is no such model", *another),
        413: ("the prompt is too long for it; choose a model with a longer context",),
    }
    reason = advice.get(status, (f"it said: {_said(error)}",))
    return RequestRefused(f"{name} refused ({status}): ", *reason, ".", status=int(status))


def unreadable_answer(name: str, why: Exception, came: str) -> RetryLater:
    """The fault of an answer that can't be read; what came of it may have been paid for."""
    return RetryLater(f"{name} answered something that is not its protocol ({why})", came=came)


def _said(error: Exception) -> str:
    """The provider's own words, printable and short."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    words = inner.get("message") if isinstance(inner, dict) else None
    text = words if isinstance(words, str) and words else str(getattr(error, "message", error))
    return visible_line(text, 200)


def _wait(error: Any) -> float | None:
    """Seconds of a Retry-After header, at least 0; None where there is none that says so."""
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if (value := headers.get(name)) is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = _until(value)
        if not math.isnan(seconds):
            return max(seconds, 0.0)
    return None


def _until(date: str) -> float:
    """Seconds until a date as HTTP writes it; NaN if it is none."""
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError, OSError):
        return math.nan
