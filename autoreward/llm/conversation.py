"""A conversation in which a model may call tools before it answers: every turn is a call, saved under a key of its own.

Results are saved beside the reply that asked for them, and read back by whoever resumes: an earlier turn is never asked, run or
paid again. A replay finds the same calls and runs them on its own recordings.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.types import Exchange, Prompt, PromptTooLong, Reply, Tool, ToolCall

CALLS_OF_A_TURN = 4
"""That are run; a model may write any number side by side."""
_MOST_TURNS = 100
_LONGEST_RESULT = 6_000
"""Characters of a result that are shown to the model."""
_NO_MORE = "Nothing can be called any more. Now answer the question, in the form that it asks for."


class Tools(NamedTuple):
    """What may be called in one conversation."""

    offered: tuple[Tool, ...]
    run: Callable[[str, Mapping[str, Any]], str]
    """What the tool of that name answers to such arguments; it raises nothing for what a model may write."""
    turns: int
    """In which tools are offered; 0: only calls that an earlier run has recorded are run."""


def converse(
    client: ModelClient, prompt: Prompt, tools: Tools, before: tuple[Exchange, ...] = ()
) -> tuple[Reply, tuple[Exchange, ...]]:
    """The model's answer, and what it called before. Raises as `ModelClient.ask`.

    `before`: what it called before an answer that could not be used; it may call nothing then, and is asked again.
    """
    if before:
        return client.ask(prompt._replace(tools=tools.offered, exchanges=before)), before
    exchanges: tuple[Exchange, ...] = ()
    for turn in range(_MOST_TURNS):
        closing = turn >= tools.turns
        asked = prompt._replace(
            key=turn_key(prompt.key, turn),
            tools=tools.offered if tools.turns else (),
            exchanges=exchanges,
            close=_NO_MORE if closing else "",
        )
        try:
            reply = client.ask(asked)
        except PromptTooLong:
            if not exchanges:
                raise
            # what it found out does not fit beside the question
            return client.ask(prompt._replace(key=f"{prompt.key}-alone")), ()
        if not reply.calls or (closing and tools.turns):
            return reply, exchanges
        results = client.results(asked.key, reply.calls, lambda calls: _run(tools, calls))
        exchanges = (*exchanges, Exchange(reply.text, reply.calls, results, reply.own))
    return reply, exchanges


def turn_key(key: str, turn: int) -> str:
    """What the reply of a turn is saved under; the first one has the question's own key."""
    return f"{key}-turn-{turn}" if turn else key


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The arguments of a call; none if what the model wrote is no JSON object."""
    try:
        arguments = json.loads(call.arguments or "{}", parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _run(tools: Tools, calls: tuple[ToolCall, ...]) -> tuple[str, ...]:
    names = {tool.name for tool in tools.offered}
    results: list[str] = []
    for number, call in enumerate(calls):
        if number >= CALLS_OF_A_TURN:
            results.append(f"Not run: {CALLS_OF_A_TURN} calls are run in one turn.")
        elif call.name not in names:
            results.append(f"There is no tool {visible_line(call.name, 40)!r}: there are {', '.join(sorted(names))}.")
        else:
            result = tools.run(call.name, arguments_of(call))
            cut = "\n(cut here: ask for less)" if len(result) > _LONGEST_RESULT else ""
            results.append(result[:_LONGEST_RESULT] + cut)
    return tuple(results)
