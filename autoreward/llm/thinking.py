"""What thinking takes: it counts toward the longest answer, with every provider, and may leave nothing for the answer itself."""

import re

from autoreward.llm.types import Reply
from autoreward.settings import Effort

_ROOM: dict[Effort | None, int] = {
    None: 0, "none": 0, "low": 4_000, "medium": 12_000, "high": 32_000, "xhigh": 48_000, "max": 64_000,
}  # fmt: skip
_THOUGHT = re.compile(r"\s*<(think(?:ing)?)>.*?(?:</\1>|\Z)", re.DOTALL)


def thinking_room(effort: Effort | None) -> int:
    """Tokens that an answer is given for thinking, beside its own; None: nobody chose, and it is given more when it runs out."""
    return _ROOM[effort]


def cut_while_thinking(reply: Reply) -> bool:
    """Whether an answer reached its limit before it had begun, or had spent most of it on thinking."""
    if reply.finish != "length":
        return False
    return not _THOUGHT.sub("", reply.text, count=1).strip() or 2 * reply.thinking_tokens > reply.output_tokens
