"""Pictures in questions: PNG frames, saved once by what is in them, and counted in tokens before they are sent."""

import base64
import hashlib
import json
import struct
from collections.abc import Sequence

from autoreward.llm.cost import tokens
from autoreward.llm.types import Prompt

PICTURES = "pictures"
"""Folder of them, beside the replies."""
_LARGEST = 5 * 2**20
"""Bytes of one: what Anthropic takes."""
_MOST = 20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS_PER_TOKEN = 500
_MOST_TOKENS = 5_000
_TOKENS_AROUND = 100


def demand_pictures(prompt: Prompt) -> None:
    """Raises ValueError if one of the question's pictures is no PNG, or they are too many or too large to be sent."""
    if len(prompt.pictures) > _MOST:
        raise ValueError(f"{prompt.key} has {len(prompt.pictures)} pictures; {_MOST} at most can be sent.")
    for picture in prompt.pictures:
        png_size(picture)
        if len(picture) > _LARGEST:
            raise ValueError(f"{prompt.key} has a picture of {len(picture):,} bytes; {_LARGEST:,} at most can be sent.")


def png_size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG, in pixels, by its first chunk. Raises ValueError if it is none."""
    if len(picture) < 24 or not picture.startswith(_SIGNATURE) or picture[12:16] != b"IHDR":
        raise ValueError("A picture for a model must be a PNG.")
    width, height = struct.unpack(">II", picture[16:24])
    if not width or not height:
        raise ValueError("A picture for a model must have pixels.")
    return width, height


def sent_tokens(prompt: Prompt) -> int:
    """About how many tokens a question has with its pictures and tools, rather too many.

    Anthropic counts a token for 750 pixels, OpenAI one for a square of 32 or 170 for one of 512; all make large pictures smaller.
    """
    offered = tokens(json.dumps([tool.parameters for tool in prompt.tools])) if prompt.tools else 0
    offered += sum(tokens(tool.name + tool.about) for tool in prompt.tools)
    return tokens(prompt.whole) + offered + picture_tokens(prompt.pictures)


def picture_tokens(pictures: Sequence[bytes]) -> int:
    """About how many tokens pictures have, rather too many. Raises ValueError if one is no PNG."""
    sizes = (png_size(picture) for picture in pictures)
    return sum(min(w * h // _PIXELS_PER_TOKEN, _MOST_TOKENS) + _TOKENS_AROUND for w, h in sizes)


def picture_name(picture: bytes) -> str:
    """The name of a picture's file."""
    return f"{hashlib.sha256(picture).hexdigest()}.png"


def encoded(picture: bytes) -> str:
    """The picture as text, for JSON."""
    return base64.b64encode(picture).decode("ascii")


def question_digest(prompt: Prompt) -> str:
    """What a reply is an answer to: SHA-256 of the text, and of the pictures where there are any."""
    names = "".join(f"\n{picture_name(picture)}" for picture in prompt.pictures)
    return hashlib.sha256((prompt.whole + names).encode()).hexdigest()


def question_text(prompt: Prompt) -> str:
    """The question as a file, with its pictures by name, in their order."""
    shown = "".join(f"\n![picture {n}]({PICTURES}/{picture_name(p)})\n" for n, p in enumerate(prompt.pictures, start=1))
    return prompt.whole + shown
