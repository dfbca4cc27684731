"""Questions with pictures: sent as each provider wants them, saved by what is in them, priced, and found again."""

import base64
import hashlib
import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from fake_provider import Answer, provider
from test_llm import KINDS, PROMPT, Word, client, model

from autoreward.errors import LimitReached, RunChanged
from autoreward.llm.cost import tokens
from autoreward.llm.manual import Manual
from autoreward.llm.pictures import PICTURES, png_size, sent_tokens
from autoreward.llm.replay import ReplayModel
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import RequestRefused
from autoreward.store.folder import Folder

WORD = '{"word": "yes"}'


def png(width: int, height: int, shade: int = 0) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([shade]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


ONE, TWO = png(640, 480), png(64, 48, 200)
SEEN = PROMPT._replace(pictures=(ONE, TWO))


def pictures_of(sent: dict[str, Any]) -> list[bytes]:
    first, *others = sent["messages"][0]["content"]
    assert first["text"] == PROMPT.text
    data = [
        part["image_url"]["url"].removeprefix("data:image/png;base64,")
        if part["type"] == "image_url"
        else part["source"]["data"]
        for part in others
    ]
    return [base64.b64decode(each, validate=True) for each in data]


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_go_after_the_text_and_are_saved_by_digest(kind: str, tmp_path: Path) -> None:
    with provider(Answer(WORD)) as server:
        first = client(tmp_path, model(kind, server.url)).ask(SEEN)
        assert client(tmp_path, model(kind, server.url)).ask(SEEN) == first
        with pytest.raises(RunChanged, match="answers another question"):
            client(tmp_path, model(kind, server.url)).ask(SEEN._replace(pictures=(TWO, ONE)))
    assert len(server.requests) == 1
    assert pictures_of(server.requests[0]) == [ONE, TWO]
    kept = {path.name: path.read_bytes() for path in (tmp_path / "replies" / PICTURES).iterdir()}
    assert kept == {f"{hashlib.sha256(each).hexdigest()}.png": each for each in (ONE, TWO)}
    text = (tmp_path / "replies" / "k.prompt.md").read_text()
    assert text.startswith(PROMPT.text)
    assert re.findall(rf"{PICTURES}/(.*)\)", text) == [f"{hashlib.sha256(each).hexdigest()}.png" for each in (ONE, TWO)]
    assert ReplayModel(tmp_path).ask(SEEN) == first


def test_a_question_without_pictures_is_what_it_was(tmp_path: Path) -> None:
    with provider(Answer(WORD)) as server:
        client(tmp_path, model("openai", server.url)).ask(PROMPT)
    saved = json.loads((tmp_path / "replies" / "k.json").read_text())
    assert saved["prompt_sha256"] == hashlib.sha256(PROMPT.text.encode()).hexdigest()
    assert server.requests[0]["messages"][0]["content"] == PROMPT.text


def test_pictures_have_a_price_before_they_are_sent(tmp_path: Path) -> None:
    assert sent_tokens(PROMPT) == tokens(PROMPT.text)
    for size, least in (((640, 480), 640 * 480 / 750), ((64, 48), 85), ((1024, 1024), 765 + 85), ((4000, 4000), 4_784)):
        assert sent_tokens(PROMPT._replace(pictures=(png(*size),))) - tokens(PROMPT.text) >= least
    large = PROMPT._replace(pictures=(png(2000, 2000),) * 20, max_tokens=10)
    with provider(Answer(WORD)) as server, pytest.raises(LimitReached, match=r"could cost \$0\.2"):
        client(tmp_path, model("anthropic", server.url), max_cost=0.1).ask(large)
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_can_not_see_says_so(kind: str, tmp_path: Path) -> None:
    with provider(Answer("this model has no image input", status=400)) as server:
        with pytest.raises(
            RequestRefused, match=r"refused \(400\) the pictures.*no image input.*Choose a model that sees"
        ):
            client(tmp_path, model(kind, server.url)).ask(SEEN)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("pictures", "says"),
    [
        ((b"GIF89a" + b"\0" * 30,), "must be a PNG"),
        ((ONE[:20],), "must be a PNG"),
        ((png(0, 5),), "must have pixels"),
        ((TWO,) * 21, "21 pictures; 20 at most"),
        ((TWO + b"\0" * (6 << 20),), "bytes; 5,242,880 at most"),
    ],
)
def test_what_is_no_picture_is_not_sent(pictures: tuple[bytes, ...], says: str, tmp_path: Path) -> None:
    with provider(Answer(WORD)) as server, pytest.raises(ValueError, match=says):
        client(tmp_path, model("openai", server.url)).ask(PROMPT._replace(pictures=pictures))
    assert server.requests == []


def test_a_structured_question_has_its_pictures_every_time(tmp_path: Path) -> None:
    assert png_size(ONE) == (640, 480)
    with provider(Answer("no"), Answer(WORD)) as server:
        asked = client(tmp_path, model("openai", server.url))
        answer, _ = ask_structured(asked, Request("q", "analyzer", PROMPT.text, 100, (ONE,)), Word)
    assert answer == Word(word="yes")
    assert [sent["messages"][0]["content"][-1]["type"] for sent in server.requests] == ["image_url", "image_url"]


def test_a_person_is_told_which_pictures_to_paste(tmp_path: Path) -> None:
    def person(seconds: float) -> None:
        (tmp_path / "k.answer.md").write_text("my answer")

    manual = Manual(tmp_path, sleep=person)
    lines: list[str] = []
    manual.announce = lines.append
    assert manual.ask(SEEN).text == "my answer"
    assert "with the pictures that it names" in lines[0]
    assert len(Folder(tmp_path / PICTURES).names()) == 2
