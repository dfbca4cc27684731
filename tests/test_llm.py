"""Asking models: every fault a provider has, through the real SDKs, ends in a retry, a finding or one clear sentence."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from fake_provider import Answer, provider
from hypothesis import given, settings
from hypothesis import strategies as st

from autoreward.core.visible import visible_line
from autoreward.errors import LimitReached, NoAnswer, ProviderError, RunChanged, RunDamaged, UsageError
from autoreward.llm.anthropic_api import AnthropicModel
from autoreward.llm.client import ModelClient, unused
from autoreward.llm.cost import Bill, CostLimit, estimate_cost, price
from autoreward.llm.keys import KEYS, NO_HEADERS, Access
from autoreward.llm.manual import Manual
from autoreward.llm.names import DEFAULTS, default_model, on_server
from autoreward.llm.open import open_model, open_models
from autoreward.llm.openai_api import OpenAIModel
from autoreward.llm.parsing import Unusable, code_blocks, parse_record, usable_text
from autoreward.llm.replay import ReplayModel
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import LLM, Prompt, Reply, TimeLimits, Turn
from autoreward.records import Allowance, Record
from autoreward.settings import Role
from autoreward.store.folder import Folder

KINDS = ("anthropic", "openai")
MODEL = {"anthropic": "claude-sonnet-5-5", "openai": "gpt-6.1-terra"}
WORD_YES = '{"word": "yes"}'
PROMPT = Prompt("k", "designer", "Write something.", {"type": "object"}, 1000)


class Word(Record):
    word: str


def model(kind: str, url: str, limits: TimeLimits | None = None) -> LLM:
    if kind == "anthropic":
        return AnthropicModel(f"anthropic:{MODEL[kind]}", MODEL[kind], access(kind, url), limits)
    return OpenAIModel(f"openai:{MODEL[kind]}", MODEL[kind], access(kind, url + "/v1"), limits)


def access(kind: str, url: str) -> Access:
    return Access("test-key", url, NO_HEADERS, KEYS[kind])


def client(folder: Path, llm: LLM, slept: list[float] | None = None, **limits: Any) -> ModelClient:
    def write(name: str, data: bytes) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    roles: tuple[Role, ...] = ("designer", "critic", "analyzer")
    waits = slept if slept is not None else []
    allowed = Allowance(max_cost=limits.pop("max_cost", 1.0), max_calls=limits.pop("max_calls", 30))
    return ModelClient(dict.fromkeys(roles, llm), folder, write, allowed, waits.append, **limits)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_with_its_tokens(kind: str, tmp_path: Path) -> None:
    with provider(Answer('{"word": "yes"}')) as server:
        reply = client(tmp_path, model(kind, server.url)).ask(PROMPT)
    assert (reply.text, reply.input_tokens, reply.output_tokens, reply.finish) == ('{"word": "yes"}', 1000, 500, "stop")
    assert server.requests[0]["model"] == MODEL[kind]
    assert "temperature" not in server.requests[0]
    assert "test-key" not in "".join(p.read_text() for p in tmp_path.rglob("*") if p.is_file())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "it said: no reason"),
        (401, "is not accepted"),
        (403, "may not use"),
        (404, "no such model"),
        (413, "too long"),
    ],
)
def test_what_asking_again_can_not_mend_is_one_sentence(kind: str, status: int, says: str, tmp_path: Path) -> None:
    with provider(Answer(status=status)) as server, pytest.raises(ProviderError, match=says) as caught:
        client(
            tmp_path,
            AnthropicModel("anthropic:m", "m", access(kind, server.url))
            if kind == "anthropic"
            else OpenAIModel("openai:m", "m", access(kind, server.url)),
            max_cost=None,
        ).ask(PROMPT)
    assert "\n" not in str(caught.value)
    assert str(status) in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
def test_a_busy_provider_is_asked_again(kind: str, status: int, tmp_path: Path) -> None:
    slept: list[float] = []
    with provider(Answer(status=status), Answer("done")) as server:
        reply = client(tmp_path, model(kind, server.url), slept).ask(PROMPT)
    assert reply.text == "done"
    assert (slept, len(server.requests)) == ([1.0], 2)


@pytest.mark.parametrize("kind", KINDS)
def test_retry_after_is_obeyed_and_a_long_one_ends_with_a_sentence(kind: str, tmp_path: Path) -> None:
    slept: list[float] = []
    with provider(Answer(status=429, headers={"retry-after": "7"}), Answer("done")) as server:
        client(tmp_path, model(kind, server.url), slept).ask(PROMPT)
    assert slept == [7.0]
    with provider(Answer(status=429, headers={"retry-after": "9999"})) as server:
        with pytest.raises(NoAnswer, match=r"asked to wait 9999 s\.$"):  # its caller knows how to go on
            client(tmp_path / "other", model(kind, server.url), slept).ask(PROMPT)
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(raw=b"not json"),
        Answer(raw=b'{"choices": []}'),
        Answer("x" * 1000, cut=True),
        Answer(status=500, raw=b"<html>"),
    ],
    ids=["not json", "no choices", "cut", "html"],
)
def test_a_broken_answer_is_retried_and_then_a_sentence(kind: str, answer: Answer, tmp_path: Path) -> None:
    slept: list[float] = []
    with provider(answer) as server, pytest.raises(ProviderError, match="did so 4 times"):
        client(tmp_path, model(kind, server.url), slept).ask(PROMPT)
    assert slept == [1.0, 4.0, 16.0]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_listening_is_a_sentence(kind: str, tmp_path: Path) -> None:
    with provider(Answer("x")) as server:
        url = server.url
    with pytest.raises(ProviderError, match="can't be reached"):
        client(tmp_path, model(kind, url)).ask(PROMPT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (Answer("half", finish="length"), "cut off"),
        (Answer("no", finish="refusal"), "refused"),
        (Answer("  "), "empty"),
        (Answer("no braces"), "no JSON object"),
        (Answer('{"word": 3}'), "word"),
        (Answer('{"word": "a", "more": 1}'), "more"),
        (Answer('{"word": NaN}'), "NaN"),
        (Answer("x" * 1_000_000), "1,000,000 characters"),
        (Answer("[" * 5000), "no JSON object|can't be read|nested"),
    ],
)
def test_an_unusable_reply_is_shown_to_the_model_and_counted(
    kind: str, answer: Answer, finding: str, tmp_path: Path
) -> None:
    request = Request("q", "critic", "One word.", 100)
    with provider(answer, Answer('Here: ```json\n{"word": "yes"}\n```')) as server:
        answer, findings = ask_structured(client(tmp_path, model(kind, server.url)), request, Word)
    assert answer == Word(word="yes")
    assert len(findings) == 1
    assert re.search(finding, findings[0]), findings
    assert "could not be used" in json.dumps(server.requests[1])


def test_after_three_unusable_replies_there_is_no_answer(tmp_path: Path) -> None:
    with provider(Answer("nothing")) as server:
        answer, findings = ask_structured(
            client(tmp_path, model("openai", server.url)), Request("q", "critic", "?", 100), Word
        )
    assert answer is None
    assert len(findings) == len(server.requests) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation_is_sent_as_one_and_counted_whole(kind: str, tmp_path: Path) -> None:
    asked = PROMPT._replace(text="Again.", earlier=(Turn(PROMPT.text, "A draft."),))
    with provider(Answer(WORD_YES)) as server:
        client(tmp_path, model(kind, server.url)).ask(asked)
    (request,) = server.requests
    assert [(m["role"], m["content"]) for m in request["messages"]] == [
        ("user", "Write something."),
        ("assistant", "A draft."),
        ("user", "Again."),
    ]
    assert (tmp_path / "replies" / "k.prompt.md").read_text() == "Write something.\n# You answered\nA draft.\n\nAgain."
    with pytest.raises(RunChanged):
        client(tmp_path, model(kind, server.url)).ask(asked._replace(earlier=()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_for_code_is_held_to_no_schema(kind: str, tmp_path: Path) -> None:
    """A server with JSON mode would answer with JSON where a program in a fence is asked for."""
    with provider(Answer(WORD_YES)) as server:
        asked = client(tmp_path, model(kind, server.url))
        request = Request("k", "designer", "Write something.", 1000)
        assert ask_structured(asked, request, Word)[0] == Word(word="yes")
        assert ask_structured(asked, request._replace(key="free", held=False), Word)[0] == Word(word="yes")
    held, free = ("response_format" in r or "format" in r.get("output_config", {}) for r in server.requests)
    assert (held, free) == (True, False)


def test_a_server_without_structured_output_is_asked_in_words(tmp_path: Path) -> None:
    with provider(Answer("response_format is unknown", status=400), Answer("one"), Answer("two")) as server:
        llm = model("openai", server.url)
        asking = client(tmp_path, llm)
        assert [asking.ask(PROMPT._replace(key=k)).text for k in "ab"] == ["one", "two"]
    assert ["response_format" in r for r in server.requests] == [True, False, False]


def test_replies_are_on_disk_before_they_are_read_and_never_paid_twice(tmp_path: Path) -> None:
    with provider(Answer("not what was asked")) as server:
        llm = model("anthropic", server.url)
        first = client(tmp_path, llm).ask(PROMPT)
        assert (tmp_path / "replies" / "k.prompt.md").read_text() == PROMPT.text
        again = client(tmp_path, llm).ask(PROMPT)
        assert again == first
        assert len(server.requests) == 1
    assert ReplayModel(tmp_path).ask(PROMPT) == first
    assert ReplayModel(tmp_path / "replies").ask(PROMPT) == first
    with pytest.raises(LimitReached, match="no reply to other"):
        ReplayModel(tmp_path).ask(PROMPT._replace(key="other"))
    (tmp_path / "replies" / "k.json").write_text("{")
    with pytest.raises(RunDamaged, match=r"k\.json"):
        client(tmp_path, llm)


def test_a_saved_reply_answers_its_own_question_alone(tmp_path: Path) -> None:
    with provider(Answer("x")) as server:
        llm = model("anthropic", server.url)
        client(tmp_path, llm).ask(PROMPT)
        with pytest.raises(RunChanged, match=r"k\.json answers another question .* Delete it to ask again"):
            client(tmp_path, llm).ask(PROMPT._replace(text="Write something else."))
        assert len(server.requests) == 1


def test_replies_that_no_round_used_are_asked_for_anew_and_stay_paid(tmp_path: Path) -> None:
    with provider(Answer("x")) as server:
        llm = model("anthropic", server.url)
        for key in ("r000-designer", "r001-designer-again-1", "init-0"):
            client(tmp_path, llm).ask(PROMPT._replace(key=key))
        paid = client(tmp_path, llm).bills()
        moves = unused(Folder(tmp_path / "replies").names(), 1, "before-feedback-0")
        assert moves == [
            (f"r001-designer-again-1.{rest}", f"r001-designer-again-1.before-feedback-0.{rest}")
            for rest in ("json", "prompt.md")
        ]
        for old, new in moves:
            (tmp_path / "replies" / old).rename(tmp_path / "replies" / new)
        assert unused(Folder(tmp_path / "replies").names(), 1, "before-feedback-1") == []
        asking = client(tmp_path, llm)
        assert asking.bills() == paid
        asking.ask(PROMPT._replace(key="r001-designer-again-1", text="And that it shakes."))
        assert len(server.requests) == 4


def test_the_cap_counts_what_could_be_spent_and_what_was(tmp_path: Path) -> None:
    with provider(Answer("x")) as server:
        llm = model("anthropic", server.url)
        with pytest.raises(LimitReached, match=r"could cost \$0\.01.*max_cost"):
            client(tmp_path, llm, max_cost=0.005).ask(PROMPT)
        assert server.requests == []
        asking = client(tmp_path, llm, max_calls=2)
        asking.ask(PROMPT)
        asking.ask(PROMPT._replace(key="l"))
        with pytest.raises(LimitReached, match="2 model calls"):
            asking.ask(PROMPT._replace(key="m"))
        # a resumed run knows what it has paid
        with pytest.raises(LimitReached, match="2 model calls"):
            client(tmp_path, llm, max_calls=2).ask(PROMPT._replace(key="m"))
    assert sum(b.dollars or 0 for b in asking.bills()) == pytest.approx(2 * (1000 * 2 + 500 * 10) / 1e6)


def test_failed_calls_count_as_calls_and_cost_nothing(tmp_path: Path) -> None:
    with provider(Answer(status=500), Answer("x")) as server:
        asking = client(tmp_path, model("anthropic", server.url), max_calls=2)
        asking.ask(PROMPT)
        with pytest.raises(LimitReached):
            asking.ask(PROMPT._replace(key="l"))
    assert len(server.requests) == 2


def test_a_price_that_is_not_known_is_not_zero() -> None:
    assert price("openai+http://localhost:1/v1:llama", 10, 10) is None
    assert price("openai:no-such-model", 10, 10) is None
    assert price("replay:x", 10, 10) == 0.0
    assert price(f"anthropic:{DEFAULTS['anthropic']}", 1_000_000, 0) == pytest.approx(2.0)
    unknown = {"designer": "openai:no-such-model", "critic": "manual", "analyzer": "manual"}
    assert estimate_cost(unknown, 1).dollars is None  # type: ignore[arg-type]
    assert estimate_cost(dict.fromkeys(unknown, "manual"), 3).calls == 3 * (3 + 2) + 2, "the last round is not analysed"  # type: ignore[arg-type]
    code = estimate_cost(dict.fromkeys(unknown, "manual"), 3, controller=True)  # type: ignore[arg-type]
    assert code.calls == 3 * (3 + 2) + 2 + 1
    asked = estimate_cost(dict.fromkeys(unknown, "manual"), 3, reads_goal=True)  # type: ignore[arg-type]
    assert asked.calls == 3 * (3 + 2) + 2 + 1, "and the goal is read once"
    limit = CostLimit(1.0, 5, [Bill(role="critic", model="x", input_tokens=1, output_tokens=1, dollars=None)])
    for sold in ("openai:no-such-model", "openai+https://somebody.example/v1:llama"):
        with pytest.raises(UsageError, match=r"price is not known, so max_cost can't hold.*max_cost=None"):
            limit.reserve(sold, PROMPT)
        assert CostLimit(None, 5, []).reserve(sold, PROMPT) == 0.0
    assert limit.reserve("openai+http://localhost:1/v1:llama", PROMPT) == 0.0, "a server of one's own"


def test_the_estimate_expects_a_repair_with_its_whole_conversation() -> None:
    """The designer's question and answer are sent again with it; of 8 programs about one needs it."""
    names: Any = dict.fromkeys(("designer", "critic", "analyzer"), "anthropic:claude-sonnet-5-5")
    designer = [(5_000, 6_000), (5_000 + 1_500, 1_500), (4_000, 3_000)]
    wanted = sum(price(names["designer"], *each) or 0.0 for each in (*designer, (4_000, 1_500), (4_000, 1_500)))
    assert estimate_cost(names, 1).dollars == pytest.approx(wanted)
    more = estimate_cost(names, 1, tools=2)
    assert more.calls == 5 + 2
    assert more.dollars == pytest.approx(wanted + 2 * (price(names["designer"], 7_000, 800) or 0.0))


def test_a_shop_that_is_known_by_its_address_has_a_price() -> None:
    assert price("openai+https://api.deepseek.com/v1:deepseek-chat", 1_000_000, 0)
    assert price("openai+https://api.deepseek.com/v1:no-such-model", 10, 10) is None


def test_without_a_limit_in_dollars_calls_are_counted_still() -> None:
    limit = CostLimit(None, 1, [])
    assert limit.reserve(f"anthropic:{DEFAULTS['anthropic']}", PROMPT._replace(max_tokens=10**9)) > 1000
    with pytest.raises(LimitReached, match="1 model calls"):
        limit.reserve("manual", PROMPT)


def test_the_default_models_have_a_price() -> None:
    for kind, name in DEFAULTS.items():
        assert price(f"{kind}:{name}", 1000, 1000)


def test_the_default_follows_the_keys_that_are_set() -> None:
    assert default_model({}) == "grammar"
    assert default_model({"OPENAI_API_KEY": "k"}) == f"openai:{DEFAULTS['openai']}"
    assert default_model({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}) == f"anthropic:{DEFAULTS['anthropic']}"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("anthropic:x", "ANTHROPIC_API_KEY is not set; export it[.] A new run with model='grammar' needs no key"),
        ("openai", "OPENAI_API_KEY is not set"),
        ("gemini:x", "write anthropic:MODEL"),
        ("openai+http://localhost:8000/v1", "model's name is missing"),
        ("openai+http://localhost:1", "model's name is missing; write openai[+]http://HOST:PORT/v1:MODEL"),
        ("openai+https://shop.example", "model's name is missing; write openai[+]https://HOST:PORT/v1:MODEL"),
        ("replay:nowhere", "holds no model's replies"),
    ],
)
def test_a_model_name_that_can_not_be_used_is_one_sentence(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        open_model(name, tmp_path, {})


@pytest.mark.parametrize(
    ("rest", "address", "model"),
    [
        ("//localhost:11434/v1:llama3:8b", "//localhost:11434/v1", "llama3:8b"),
        ("//shop.example/v1:meta-llama/Llama-4", "//shop.example/v1", "meta-llama/Llama-4"),
        ("//localhost:8000:8b", "//localhost:8000", "8b"),
        ("//shop.example:8b", "//shop.example", "8b"),
        ("//[::1]:80/v1:m", "//[::1]:80/v1", "m"),
        ("//localhost:1", "//localhost:1", ""),
        ("//localhost:1/v1:", "//localhost:1/v1:", ""),
    ],
)
def test_a_server_s_address_and_model_are_told_apart(rest: str, address: str, model: str) -> None:
    assert on_server(rest) == (address, model)


def test_a_provider_s_name_alone_has_the_price_of_its_default_model() -> None:
    for kind, name in DEFAULTS.items():
        assert price(kind, 1000, 1000) == price(f"{kind}:{name}", 1000, 1000)


def test_what_is_wrong_with_a_model_names_the_option_it_was_given_at(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^critic='nope': write"):
        open_models({"designer": "manual", "critic": "nope", "analyzer": "nope"}, tmp_path, 1.0)
    sold = "openai+https://somebody.example/v1:llama"
    with pytest.raises(UsageError, match=r"^analyzer=.*: its price is not known"):
        open_models({"designer": "manual", "critic": "manual", "analyzer": sold}, tmp_path, 1.0)
    with pytest.raises(UsageError, match=r"^critic=.replay:.* holds no model's replies"):
        open_models({"designer": "manual", "critic": f"replay:{tmp_path}"}, tmp_path, 1.0)


def test_the_records_of_a_run_that_no_model_wrote_are_no_replies(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(UsageError, match="holds no model's replies"):
        open_model(f"replay:{tmp_path}", tmp_path, {})


def test_a_compatible_server_needs_no_key(tmp_path: Path) -> None:
    with provider(Answer("hello")) as server:
        llm = open_model(f"openai+{server.url}/v1:llama", tmp_path, {})
        assert llm.ask(PROMPT).text == "hello"
    assert server.requests[0]["model"] == "llama"


def test_a_person_answers_through_files(tmp_path: Path) -> None:
    def person(seconds: float) -> None:
        (tmp_path / "k.answer.md").write_text("my answer")

    manual = Manual(tmp_path, sleep=person)
    lines: list[str] = []
    manual.announce = lines.append
    assert manual.ask(PROMPT).text == "my answer"
    assert "k.answer.md" in lines[0]
    assert (tmp_path / "k.prompt.md").read_text() == PROMPT.text


def test_code_is_found_wherever_it_stands() -> None:
    program = "def compute_reward(state, action, next_state, memory):\n    return {}\n"
    assert code_blocks(program) == [program]
    assert code_blocks(f"Sure!\n```python\n{program}```\nDone.") == [program]
    assert code_blocks(f"```\nX = 1\ndef f(x):\n    return x\n```\nthen\n```py\n{program}```") == [
        "X = 1\ndef f(x):\n    return x\n",
        program,
    ]
    assert code_blocks(f"```python\n{program}") == [program]
    assert code_blocks("I can't.") == []


def test_model_text_is_one_printable_line() -> None:
    assert visible_line("a\x1b[31m\n\tb\u202ec", 100) == "a [31m b c"
    assert len(visible_line("x" * 500, 50)) == 50


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.floats() | st.text() | st.integers(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
        ).map(lambda v: json.dumps(v)),
    )
)
def test_fuzzed_replies_are_a_record_or_unusable(text: str) -> None:
    fuzzed(text)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.text(alphabet=st.sampled_from('{}[]":,`pythonjson \n\\0123eE+-.NaIfword\x00\u202e'), max_size=400))
def test_ten_thousand_fuzzed_replies(text: str) -> None:
    fuzzed(text)


def fuzzed(text: str) -> None:
    reply = Reply(text=text, model="m")
    try:
        record = parse_record(usable_text(reply), Word)
        assert isinstance(record.word, str)
    except Unusable as unusable:
        said_why = str(unusable)
        if not said_why:
            raise AssertionError("an unusable reply must say why") from None
    code_blocks(text)
    assert math.isfinite(len(visible_line(text, 50)))
