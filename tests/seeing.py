"""Image-text encoders without weights of anybody: one that sees colours, and a tiny CLIP model of random weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pictures = Sequence[NDArray[np.uint8]]
RED, GREEN, BLUE = (np.full((4, 6, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
SEEN = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0)}


class Colours:
    """Sees the mean colour of a picture; texts are names of colours."""

    def pictures(self, pictures: Pictures) -> NDArray[np.float64]:
        means = np.array([picture.reshape(-1, 3).mean(axis=0) for picture in pictures])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True))

    def texts(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([SEEN[text] for text in texts])


def tiny_clip(folder: Path, seed: int = 0) -> Path:
    """Write a CLIP model of one layer with random weights."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    letters = [chr(c) for c in range(33, 127)]
    words = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    last = len(words) - 1
    tower = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    marks = {"vocab_size": len(words), "bos_token_id": last - 1, "eos_token_id": last, "pad_token_id": last}
    eyes = {"image_size": 32, "patch_size": 8}
    torch.manual_seed(seed)
    model = CLIPModel(CLIPConfig(text_config=tower | marks, vision_config=tower | eyes, projection_dim=16))
    model.save_pretrained(folder)
    CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[]).save_pretrained(folder)
    square = {"height": 32, "width": 32}
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=square).save_pretrained(folder)
    return folder
