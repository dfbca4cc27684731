"""What a coding agent asked of a session (`session/agent_session.py`), as it asked it."""

from autoreward.records.base import Id, Record, Said


class AgentCall(Record):
    """One call of a tool."""

    id: Id
    """Its number in the session."""
    tool: Said
    arguments: Said
    """As JSON; the beginning alone where they are longer than any that are taken."""
    refused: Said = ""
    """The name of what it was refused for; empty where it was done."""
    answer: Said
    """The beginning of what was answered."""
    looked: bool = False
    """Whether the answer was made from held-out episodes: of scores, or of what is recorded of them."""
