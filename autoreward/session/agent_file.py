"""What a coding agent reads in a project before it connects to a session."""

from autoreward.session.agent_tools import AGENT_TOOLS, MOST_CALLS

_HEAD = """\
# Writing reward programs with autoreward

The server `autoreward` (`autoreward mcp`) trains and scores reward programs for one task, within a budget that a person has set.
Use its tools; do not train, score or edit tasks by any other way, and do not start the server yourself.

1. `task` says what is wanted, which fields a program may read, and the contract that it must keep.
2. Write a program. `check` it; look with `parts` and `rank` at what it pays in recorded episodes; mend it. This costs nothing.
3. `train` it. Read `results`: success on held-out seeds, what went wrong, what is left of the budget.
4. `keep` it if it is better than its parent by more than chance, else `revert`. Change one thing at a time.
5. `audit` successes before you trust them. `finish` at the end, and report both numbers that `results` then has: success in the
   search, and success on seeds that you never saw. The second one is the result.

Looking often at held-out scores makes them flatter: choose by a reason, not by the largest of many numbers.

| tool | what it does |
|---|---|
"""


def agent_instructions() -> str:
    """The file's text."""
    rows = [f"| `{tool.name}` | {tool.about} |" for tool in AGENT_TOOLS]
    return (
        _HEAD
        + "\n".join(rows)
        + f"\n\nA session has {MOST_CALLS:,} calls. No tool takes steps, seeds, a rule or a path.\n"
    )
