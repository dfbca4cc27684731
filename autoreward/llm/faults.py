"""What an SDK's error means for the person: ask again, or one sentence that says what to do."""

from typing import Any

from autoreward.llm.asking import Busy, Refused
from autoreward.words import plain

_AGAIN = (408, 409, 429)


def sorted_out(error: Exception, name: str, key: str) -> Busy | Refused:
    """The fault behind an error of the openai or the anthropic SDK (their hierarchies have the same names)."""
    kind = type(error).__name__
    status = getattr(error, "status_code", None)
    if status is None:
        if "Timeout" in kind:
            return Busy(f"{name} did not answer in time")
        if "Connection" in kind:
            return Busy(f"{name} can't be reached ({_said(error)})")
        return Busy(f"{name} answered something unreadable ({kind})")
    if status in _AGAIN or status >= 500:
        return Busy(f"{name} is busy ({status}: {_said(error)})", _wait(error))
    advice = {
        401: f"the key in {key} is not accepted; set another one",
        403: f"the key in {key} may not use this model; choose another with --model",
        404: "there is no such model; choose another with --model",
        413: "the prompt is too long for it; choose a model with a longer context",
    }.get(status, f"it said: {_said(error)}")
    return Refused(f"{name} refused ({status}): {advice}.", int(status))


def _said(error: Exception) -> str:
    """The provider's own words, printable and short."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    words = inner.get("message") if isinstance(inner, dict) else None
    text = str(words or getattr(error, "message", error))
    return plain(text, 200)


def _wait(error: Any) -> float | None:
    """Seconds of a Retry-After header."""
    try:
        headers = error.response.headers
        if (thousandths := headers.get("retry-after-ms")) is not None:
            return float(thousandths) / 1000
        after = headers.get("retry-after")
        return float(after) if after is not None else None
    except (AttributeError, ValueError):
        return None
