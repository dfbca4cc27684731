"""Shapes in which models give two reward programs, or one, each with how many whole ones there are in it.

The first block are those that a study of real models and servers found, the others are of the same kinds.
"""

import json
from typing import Any, NamedTuple

HEAD = "def compute_reward(state, action, next_state, memory):\n"
FIRST = (
    HEAD
    + '    """Close to zero."""\n    gap = np.abs(next_state.x)\n    return {"near": np.exp(-gap), "calm": -0.1 * gap}\n'
)
SECOND = "HOLD = 1.0  # m\n\n\n" + HEAD + '    return {"slow": -np.abs(next_state.v).sum(axis=-1) / HOLD}\n'


class Shape(NamedTuple):
    """One reply."""

    name: str
    text: str
    whole: int = 2
    """Programs to be read, FIRST and then SECOND."""
    finish: str = "stop"


def idea(source: Any = FIRST, **more: Any) -> dict[str, Any]:
    return {"thought": "stay close", "parent": "", "composition": "sum", "source": source} | more


IDEAS = {"ideas": [idea(), idea(SECOND)]}
JSON = json.dumps(IDEAS)
INDENTED = json.dumps(IDEAS, indent=2)
ONE = json.dumps({"ideas": [idea()]})
PYTHON = f"```python\n{FIRST}```\n"
BOTH = f"{PYTHON}\nand the second:\n\n```python\n{SECOND}```\n"
CUT_SECOND = JSON[: JSON.index("HOLD") + 90]


def bare(item: dict[str, Any], without: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != without}


def raw(sources: tuple[str, ...] = (FIRST, SECOND), open_: str = '"""', close: str = '"""', prefix: str = "") -> str:
    """JSON by hand, with the sources as they are between marks of another language."""
    items = [
        f'{{"thought": "stay close", "parent": "", "composition": "sum", "source": {prefix}{open_}{s}{close}}}'
        for s in sources
    ]
    return '{"ideas": [' + ",\n".join(items) + "]}"


STUDY = [
    Shape("plain", JSON),
    Shape("indented", INDENTED),
    Shape("a json fence", f"```json\n{INDENTED}\n```"),
    Shape("a nameless fence", f"```\n{JSON}\n```"),
    Shape("a fence of tildes", f"~~~json\n{JSON}\n~~~"),
    Shape("prose before and after", f"Here are two ideas.\n\n{JSON}\n\nLet me know what you think."),
    Shape("braces in the prose before", f"The parts are {{near, calm}}, a dict.\n\n{INDENTED}"),
    Shape("braces in the prose after", f"{INDENTED}\n\nThe parts {{near, calm}} are bounded."),
    Shape("thinking, then json", f"<think>\nFirst, the goal. Perhaps {{'a': 1}}.\n</think>\n{JSON}"),
    Shape("thinking with a draft in json", f"<think>{json.dumps({'ideas': [idea(SECOND)]})} no, better:</think>{JSON}"),
    Shape("thinking with a draft in code", f"<think>\n```python\n{SECOND}```\nHm.</think>\n{PYTHON}", 1),
    Shape("thinking without its beginning", f"Let me see, {{x}}.\n</think>\n\n{JSON}"),
    Shape("a trailing comma", JSON.replace("}]}", "},]}")),
    Shape("trailing commas everywhere", INDENTED.replace('"\n    }', '",\n    },').replace("},,", "},")),
    Shape("single quotes", str(IDEAS)),
    Shape("a raw newline in a string", JSON.replace("\\n", "\n")),
    Shape("triple quotes", raw()),
    Shape("triple single quotes", raw(open_="'''", close="'''")),
    Shape("comments", INDENTED.replace('"parent"', '// none yet\n      "parent"')),
    Shape(
        "json twice, the better last", json.dumps({"ideas": [idea(SECOND), idea(SECOND)]}) + f"\nOn reflection:\n{JSON}"
    ),
    Shape("an object a line", f"{json.dumps(idea())}\n{json.dumps(idea(SECOND))}\n"),
    Shape("a bare list", json.dumps(IDEAS["ideas"])),
    Shape("one idea alone", json.dumps(idea()), 1),
    Shape("sources as lines", json.dumps({"ideas": [idea(FIRST.splitlines()), idea(SECOND.splitlines())]})),
    Shape("no parent", json.dumps({"ideas": [bare(i, "parent") for i in IDEAS["ideas"]]})),
    Shape("parent is null", json.dumps({"ideas": [i | {"parent": None} for i in IDEAS["ideas"]]})),
    Shape("no composition", json.dumps({"ideas": [bare(i, "composition") for i in IDEAS["ideas"]]})),
    Shape("a key more", json.dumps({"ideas": [i | {"confidence": 0.9} for i in IDEAS["ideas"]]})),
    Shape("a key more outside", json.dumps(IDEAS | {"notes": "none"})),
    Shape("one bad idea of two", json.dumps({"ideas": [idea(), {"thought": "no source"}]}), 1),
    Shape("cut after the first idea", CUT_SECOND, 1, "length"),
    Shape("cut, and the server says it ended", CUT_SECOND, 1),
    Shape("smart quotes", JSON.replace('\\"', "'").replace('"', "\u201d").replace("\u201dideas", "\u201cideas")),
    Shape(
        "escaped twice", json.dumps({"ideas": [idea(FIRST.replace("\n", "\\n")), idea(SECOND.replace("\n", "\\n"))]})
    ),
    Shape("code in fences", BOTH),
    Shape("code in a nameless fence", f"```\n{FIRST}```\n", 1),
    Shape("code alone", FIRST, 1),
    Shape("cut in the chatter after the code", f"{PYTHON}\nThis program rewards being close to ze", 1, "length"),
    Shape("cut in the second program", f"{PYTHON}\n```python\n{SECOND[:90]}", 1, "length"),
    Shape("a fence inside the source", json.dumps({"ideas": [idea(PYTHON), idea(f"```\n{SECOND}```")]})),
    Shape("None and True of Python", JSON.replace('"parent": ""', '"parent": None, "new": True')),
]

OWN = [
    # thinking
    Shape("tags of another name", f"<thinking>{{x}}</thinking>{JSON}"),
    Shape("reasoning tags in capitals", f"<REASONING>{{x}}</REASONING>\n{JSON}"),
    Shape("thinking twice", f"<think>a {{b}}</think>Sure.<think>c {{d}}</think>\n{JSON}"),
    Shape("empty thinking", f"<think>\n\n</think>\n\n{JSON}"),
    Shape("thinking that never ends", f"<think>\nI answer at once: {JSON}"),
    Shape("thinking in brackets", f"[THINK]a {{b}}[/THINK]{JSON}"),
    Shape(
        "channels",
        f"<|channel|>analysis<|message|>{json.dumps({'ideas': [idea(SECOND)]})}<|end|><|start|>assistant"
        f"<|channel|>final<|message|>{JSON}<|return|>",
    ),
    Shape(
        "a channel of a tool",
        f"<|channel|>analysis<|message|>Hm {{x}}.<|end|><|start|>assistant<|channel|>commentary "
        f"to=functions.answer <|constrain|>json<|message|>{JSON}<|call|>",
    ),
    Shape("tokens of a template", f"{JSON}<|im_end|>"),
    # around the answer
    Shape("a byte order mark", f"\ufeff{JSON}"),
    Shape("an answer tag", f"<answer>\n{JSON}\n</answer>"),
    Shape("a boxed answer", f"\\boxed{{{JSON}}}"),
    Shape("a tool's call", json.dumps({"name": "answer", "arguments": IDEAS})),
    Shape("a tool's call with a text", json.dumps({"name": "answer", "arguments": JSON})),
    Shape("a tag of a tool's call", f"<tool_call>\n{json.dumps({'name': 'answer', 'arguments': IDEAS})}\n</tool_call>"),
    Shape("the word json before", f"json\n{JSON}"),
    Shape(
        "a schema repeated first",
        json.dumps({"ideas": [idea("the whole program", thought="the idea in one line")]}) + f"\n{JSON}",
    ),
    Shape(
        "the schema itself first",
        json.dumps({"type": "object", "properties": {"ideas": {"type": "array"}}}) + f"\n{JSON}",
    ),
    Shape("windows' lines", INDENTED.replace("\n", "\r\n")),
    Shape("a fence of four", f"````json\n{JSON}\n````"),
    Shape("a fence with attributes", f"```json {{.line-numbers}}\n{JSON}\n```"),
    Shape("an indented fence", f"  ```json\n  {JSON}\n  ```"),
    Shape("an unclosed json fence", f"```json\n{JSON}"),
    Shape("a fence an idea", f"```json\n{json.dumps(idea())}\n```\nand\n```json\n{json.dumps(idea(SECOND))}\n```"),
    # the table
    Shape("another name of the list", json.dumps({"programs": IDEAS["ideas"]})),
    Shape("another name of the source", json.dumps({"ideas": [{"thought": "x", "code": s} for s in (FIRST, SECOND)]})),
    Shape("names in capitals", json.dumps({"Ideas": [{k.title(): v for k, v in i.items()} for i in IDEAS["ideas"]]})),
    Shape("a table of ideas", json.dumps({"ideas": {"first": idea(), "second": idea(SECOND)}})),
    Shape("numbered ideas", json.dumps({"idea_1": idea(), "idea_2": idea(SECOND)})),
    Shape("wrapped once more", json.dumps({"response": IDEAS})),
    Shape("a list of one table", json.dumps([IDEAS])),
    Shape("an object an idea", json.dumps({"ideas": [idea()]}) + "\n" + json.dumps({"ideas": [idea(SECOND)]})),
    Shape("sources alone", json.dumps({"ideas": [FIRST, SECOND]})),
    Shape("ideas as texts of json", json.dumps({"ideas": [json.dumps(i) for i in IDEAS["ideas"]]})),
    Shape("parents in a list", json.dumps({"ideas": [i | {"parent": []} for i in IDEAS["ideas"]]})),
    Shape("the composition in capitals", json.dumps({"ideas": [i | {"composition": "Sum"} for i in IDEAS["ideas"]]})),
    Shape("no thought", json.dumps({"ideas": [bare(i, "thought") for i in IDEAS["ideas"]]})),
    Shape("a null idea", json.dumps({"ideas": [None, *IDEAS["ideas"]]})),
    Shape("an empty table first", "{}\n" + JSON),
    # the signs
    Shape(
        "names without quotes",
        INDENTED.replace('"ideas"', "ideas").replace('"source"', "source").replace('"thought"', "thought"),
    ),
    Shape("a missing comma", JSON.replace('"sum", "source"', '"sum" "source"')),
    Shape("a missing last bracket", JSON[:-1]),
    Shape("two missing brackets", JSON[:-2]),
    Shape("a bracket too many", JSON + "}"),
    Shape("block comments", INDENTED.replace('"parent"', '/* none yet */ "parent"')),
    Shape("comments of Python", INDENTED.replace('      "parent"', '      # none yet\n      "parent"')),
    Shape("backticks around sources", raw(open_="`", close="`")),
    Shape("raw strings of Python", raw(prefix="r")),
    Shape("raw newlines in a fence", "```json\n" + JSON.replace("\\n", "\n") + "\n```"),
    Shape("a triple quoted source in a fence", f"```json\n{raw()}\n```"),
    Shape("triple quotes, then prose", f"{raw()}\n\nBoth are bounded."),
    Shape("an escape that JSON has not", JSON.replace("stay close", "stay\\_close")),
    Shape("half a character", JSON.replace("stay close", "stay \\ud800 close")),
    Shape("a tab in a string", JSON.replace("stay close", "stay\tclose")),
    Shape("a number that is not one", JSON.replace('"parent": ""', '"parent": "", "score": NaN')),
    Shape("an ellipsis after the ideas", JSON.replace("}]}", "}, ...]}")),
    # cut
    Shape("cut in the first idea", ONE[:150], 0, "length"),
    Shape("cut between two ideas", JSON[: JSON.index("}, {") + 3], 1, "length"),
    Shape("cut within a fence", f"```json\n{CUT_SECOND}", 1, "length"),
    Shape("cut with raw newlines", CUT_SECOND.replace("\\n", "\n"), 1, "length"),
    Shape("cut with triple quotes", raw()[:-60], 1, "length"),
    Shape("cut while thinking", "<think>\nFirst, the goal. Perhaps {'near': x}", 0, "length"),
    Shape("cut after thinking", f"<think>Hm.</think>{CUT_SECOND}", 1, "length"),
    Shape("cut after a bare idea", json.dumps(idea()) + '\n{"thought": "slow', 1, "length"),
    # code
    Shape("a fence of another language", f"```py3\n{FIRST}```\n```Python 3\n{SECOND}```\n"),
    Shape("a fence of tildes around code", f"~~~python\n{FIRST}~~~\n", 1),
    Shape("a fence with a file's name", f'```python title="reward.py"\n{FIRST}```\n', 1),
    Shape("code between paragraphs", f"I would reward closeness.\n\n{FIRST}\nThis keeps it calm as well.\n", 1),
    Shape("an import before bare code", f"Here it is:\n\nimport numpy as np\n\n{FIRST}", 1),
    Shape("prose in braces, then code", f"Parts: {{near, calm}}.\n\n{PYTHON}", 1),
    Shape("a table beside the code", f"{json.dumps({'thought': 'stay close', 'composition': 'sum'})}\n\n{PYTHON}", 1),
    Shape("code in a quoted list", f"1. The first:\n   ```python\n{FIRST}   ```\n", 1),
    # sources
    Shape(
        "an indented source", json.dumps({"ideas": [idea("".join(f"    {line}\n" for line in FIRST.splitlines()))]}), 1
    ),
    Shape(
        "an interpreter's source",
        json.dumps({"ideas": [idea("".join(f">>> {line}\n" for line in FIRST.splitlines()))]}),
        1,
    ),
    Shape(
        "numbered lines",
        json.dumps({"ideas": [idea("".join(f"{i:2d}  {x}\n" for i, x in enumerate(FIRST.splitlines(), 1)))]}),
        1,
    ),
    Shape("a source for the web", json.dumps({"ideas": [idea(FIRST.replace('"', "&quot;"))]}), 1),
    Shape("printed quotes in a source", json.dumps({"ideas": [idea(FIRST.replace('"near"', "\u201cnear\u201d"))]}), 1),
    Shape("a printed minus", json.dumps({"ideas": [idea(FIRST.replace("-0.1", "\u22120.1"))]}), 1),
    Shape("hard spaces", json.dumps({"ideas": [idea(FIRST.replace("    gap", "\u00a0\u00a0\u00a0\u00a0gap"))]}), 1),
    # nothing to read
    Shape("prose alone", "I would reward being close to zero.", 0),
    Shape("a placeholder", json.dumps({"ideas": [idea("the whole program")]}), 0),
    Shape("an ellipsis", json.dumps({"ideas": [idea("...")]}), 0),
    Shape("an apology in json", json.dumps({"error": "I can't do that"}), 0),
    Shape("nothing but brackets", "[{}]", 0),
]
SHAPES = [*STUDY, *OWN]
