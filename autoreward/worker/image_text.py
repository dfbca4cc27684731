"""How much a picture looks like what a text says, for a card's `state.py`.

With x, g and b the unit vectors that a CLIP model makes of the picture, of the goal and of a baseline (what is seen in any case),
and P the projection on the direction g - b, the similarity is

    1 - |(s P + (1 - s) I) (x - g)|^2 / 2

With strength s = 0 it is the cosine of x and g; with s = 1 only what tells the goal from the baseline counts. Source: Rocamonde,
Montesinos, Nava, Perez and Lindner 2023, "Vision-Language Models are Zero-Shot Reward Models for Reinforcement Learning",
arXiv 2310.12921, goal-baseline regularisation.

The weights are a folder on this machine, of safetensors alone: nothing is downloaded, and nothing in it is run.
"""

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError

from autoreward.errors import MissingExtra, TaskError, how_to_get

Array = NDArray[np.float64]
NEEDED = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")
"""Files of a folder of weights, as Hugging Face's CLIP models have them."""


class ImageTextEncoder(Protocol):
    """Puts pictures and texts into one space of d dimensions."""

    def pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> Array:
        """Unit vectors (n, d) of n pictures, each (height, width, 3)."""
        ...

    def texts(self, texts: Sequence[str]) -> Array:
        """Unit vectors (n, d)."""
        ...


class ImageText:
    """The similarity of pictures with a goal."""

    def __init__(self, encoder: ImageTextEncoder, goal: str, baseline: str = "", strength: float = 0.0) -> None:
        """Raises TaskError where the strength is not in [0, 1], or there is no direction to project on.

        Args:
            encoder: such as `clip_encoder(FOLDER)`.
            goal: what is seen when it is reached: "a pole that stands upright on a cart", no order.
            baseline: what is seen anyway: "a pole and a cart".
            strength: s, how much of what is not between the two is left out.
        """
        if not goal or not 0.0 <= strength <= 1.0 or (strength > 0.0 and not baseline):
            raise TaskError(
                f"Image-text similarity of {goal!r} with strength {strength:g}: give a goal, a strength from 0 to 1, and a "
                "baseline where it is more than 0."
            )
        self._encoder, self._strength = encoder, strength
        self._goal, other = encoder.texts((goal, baseline or goal))
        self._direction = self._goal - other
        if strength > 0.0 and np.linalg.norm(self._direction) < 1e-6:
            raise TaskError(f"Image-text similarity: the model sees no difference between {goal!r} and {baseline!r}.")

    def __call__(self, picture: NDArray[np.uint8]) -> float:
        """Of one picture, (height, width, 3), as `env.render()` gives it. Raises TaskError if it is none."""
        return float(self.of((picture,))[0])

    def of(self, pictures: Sequence[NDArray[np.uint8]]) -> Array:
        """Of n pictures, shape (n,). Raises TaskError if one is none."""
        for picture in pictures:
            given: tuple[int, ...] = getattr(picture, "shape", ())
            if len(given) != 3 or given[2] != 3 or picture.dtype != np.uint8:
                raise TaskError(
                    f"Image-text similarity needs pictures of shape (height, width, 3) in bytes, not {type(picture).__name__} of "
                    f'shape {given}: write render_mode = "rgb_array" into the [kwargs] of the card.'
                )
        return projected_similarity(self._encoder.pictures(pictures), self._goal, self._direction, self._strength)


def projected_similarity(pictures: Array, goal: Array, direction: Array, strength: float) -> Array:
    """The formula above: unit vectors (n, d), g and g - b of shape (d,), s -> shape (n,)."""
    gap = pictures - goal
    if strength > 0.0:
        along = (gap @ direction / (direction @ direction))[:, None] * direction
        gap = strength * along + (1.0 - strength) * gap
    return np.asarray(1.0 - 0.5 * np.square(gap).sum(axis=1))


def demand_clip(folder: str) -> None:
    """Find out, without torch, what would keep a CLIP model from being opened.

    Raises:
        MissingExtra: what reads it is not installed.
        TaskError: there is no such model.
    """
    if missing := [name for name in NEEDED if not (Path(folder) / name).is_file()]:
        raise TaskError(
            f"{folder} has no {missing[0]}: put a CLIP model there with {', '.join(NEEDED)}; nothing is downloaded."
        )
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtra(f"A CLIP model needs a package that is not installed: {how_to_get('image-text')}")


def clip_places(folder: str) -> tuple[str, ...]:
    """What has to be readable to open the model in a folder: this, and where links in it lead, as in Hugging Face's cache."""
    files = [path.resolve() for path in sorted(Path(folder).glob("*")) if path.is_file()]
    return (folder, *map(str, files))


@cache
def clip_encoder(folder: str) -> ImageTextEncoder:
    """The CLIP model in a folder; loaded once a process.

    Raises:
        MissingExtra: what reads it is not installed.
        TaskError: there is no such model.
    """
    demand_clip(folder)
    try:
        return _Clip(folder)
    except (ImportError, OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        said = " ".join(str(error).split())[:200].rstrip(".")
        raise TaskError(
            f"{folder} can't be read as a CLIP model ({said}); for a state.py it must be in `read` of the card's [process]."
        ) from None


class _Clip:
    """Implements `ImageTextEncoder`."""

    def __init__(self, folder: str) -> None:
        import torch
        from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

        here: dict[str, Any] = {"local_files_only": True}
        self._inference = torch.inference_mode
        self._model = CLIPModel.from_pretrained(folder, use_safetensors=True, **here).eval()
        self._fit = CLIPImageProcessorPil.from_pretrained(folder, **here)
        self._tokens = CLIPTokenizer.from_pretrained(folder, **here)

    def pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> Array:
        """See `ImageTextEncoder`."""
        fitted = self._fit(images=[Image.fromarray(picture) for picture in pictures], return_tensors="pt")
        with self._inference():
            return _unit(self._model.get_image_features(**fitted).pooler_output)

    def texts(self, texts: Sequence[str]) -> Array:
        """See `ImageTextEncoder`."""
        tokens = self._tokens(list(texts), padding=True, truncation=True, return_tensors="pt")
        with self._inference():
            return _unit(self._model.get_text_features(**tokens).pooler_output)


def _unit(vectors: Any) -> Array:
    found = np.asarray(vectors.double().numpy())
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))
