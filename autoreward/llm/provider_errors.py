"""What an SDK's error means for the person: ask again, or one sentence that says what to do."""

import json
import math
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

from autoreward.core.visible import visible_line
from autoreward.core.wording import Phrase, Setting
from autoreward.llm.forms import without_echo
from autoreward.llm.types import RequestRefused, RetryLater

_AGAIN = (408, 409, 429)
_NOT_THERE = ("ConnectError", "ConnectTimeout")
"""Of httpx2: nobody listens there, or the name is not known."""
_LOADING = re.compile(r"load|warm|start|initiali[sz]|not (?:yet )?ready|unavailable_error", re.IGNORECASE)


def provider_fault(error: Exception, name: str, variable: str) -> RetryLater | RequestRefused:
    """The fault behind an error of the openai or the anthropic SDK (their hierarchies have the same names).

    `variable` is where the model's key comes from.
    """
    if isinstance(error.__cause__, RetryLater | RequestRefused):
        return error.__cause__  # our own client's, which the SDK takes for a broken connection
    kind, cause = type(error).__name__, type(error.__cause__).__name__
    status = getattr(error, "status_code", None)
    if status is None:
        if cause in _NOT_THERE:
            return RetryLater(f"{name} can't be reached ({_said(error.__cause__ or error)})", trouble="away")
        if "Timeout" in kind:
            return RetryLater(f"{name} did not answer in time", trouble="slow")
        if "Connection" in kind:
            return RetryLater(f"{name} can't be reached ({_said(error)})")
        return RetryLater(f"{name} answered something unreadable ({kind})")
    said = _whole(error)
    if status == 503 and _LOADING.search(said):
        return RetryLater(f"{name} is not ready yet ({status}: {_said(error)})", _wait(error), trouble="loading")
    if status in _AGAIN or (status >= 500 and status != 501):
        return RetryLater(f"{name} is busy ({status}: {_said(error)})", _wait(error), status=status, said=said)
    another: tuple[Phrase, ...] = ("; choose another with ", Setting("model"))
    advice: dict[int, tuple[Phrase, ...]] = {
        401: (f"the key in {variable} is not accepted, or none is set; set another one",),
        403: (f"the key in {variable} may not use this model", *another),
        404: ("there is no such model", *another),
    }
    reason = advice.get(status, (f"it said: {_said(error)}",))
    return RequestRefused(f"{name} refused ({status}): ", *reason, ".", status=int(status), said=said)


def unreadable_answer(name: str, why: Exception, came: str) -> RetryLater:
    """The fault of an answer that can't be read; what came of it may have been paid for."""
    return RetryLater(f"{name} answered something that is not its protocol ({why})", came=came)


def _said(error: BaseException) -> str:
    """The provider's own words, printable and short."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    words = inner.get("message") if isinstance(inner, dict) else None
    text = words if isinstance(words, str) and words else str(getattr(error, "message", error))
    return visible_line(text, 200)


def _whole(error: Exception) -> str:
    """All that the provider said, without what it repeats of the question."""
    body = getattr(error, "body", None)
    try:
        return json.dumps(without_echo(body), ensure_ascii=False) if isinstance(body, dict | list) else str(body)
    except RecursionError:
        return ""


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
