"""The frozen sentence encoder: all-MiniLM-L6-v2, a BERT of six layers, in PyTorch alone.

Devlin et al., "BERT" (2019); Reimers & Gurevych, "Sentence-BERT" (2019); Wang et al., "MiniLM" (2020). It is written
out here so that the vector of a text depends only on the weights. The version of another library and other texts in the
same call do not change it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from models.text.frozen import WEIGHTS_FILE, sentence_encoder_folder

_ROWS = 16  # Texts at a time, always: the size of a matrix product can change how it is rounded.
_PIECES = 8  # Texts are padded to a multiple of this many word pieces.
_LONGEST = 128  # A text is read up to this many word pieces.


class SentenceEncoder:
    """Turns texts into unit vectors, after each of its layers."""

    def __init__(self) -> None:
        """Load tokenizer and weights. Nothing is unpickled or downloaded.

        Raises:
            FrozenWeightsError: the package with the weights is not installed.
        """
        folder = sentence_encoder_folder()
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._heads = int(config["num_attention_heads"])
        self._eps = float(config["layer_norm_eps"])
        self.layers, self._width = int(config["num_hidden_layers"]), int(config["hidden_size"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_LONGEST)
        self._weights = load_file(folder / WEIGHTS_FILE)

    @torch.no_grad()
    def means(self, texts: Sequence[str], *, last: int | None = None) -> Tensor:
        """Unit vectors float32 (N, last + 1, 384): the mean state of all word pieces, after layer 0, 1, ..., `last`.

        Args:
            texts: any texts, each read up to 128 word pieces. Its row is the same, bit for bit, beside all other texts.
            last: the last layer to compute, 0 to `layers`. The default is `layers`.
        """
        last = self.layers if last is None else last
        means = torch.zeros(len(texts), last + 1, self._width)
        lengths: dict[int, list[tuple[int, list[int]]]] = {}
        for row, encoding in enumerate(self._tokenizer.encode_batch(list(texts))):
            ids = encoding.ids
            lengths.setdefault(-(-len(ids) // _PIECES) * _PIECES, []).append((row, ids))
        for length, rows in lengths.items():
            for start in range(0, len(rows), _ROWS):
                part = rows[start : start + _ROWS]
                padded = torch.zeros(_ROWS, length, dtype=torch.int64)
                there = torch.zeros(_ROWS, length, dtype=torch.bool)
                there[:, 0] = True  # Also in unused rows, where a softmax over nothing would be NaN.
                for number, (_, ids) in enumerate(part):
                    padded[number, : len(ids)] = torch.tensor(ids)
                    there[number, : len(ids)] = True
                states = self._states(padded, there, last=last)  # (last + 1, N, L, 384)
                weight = there.float().unsqueeze(2)
                found = functional.normalize((states * weight).sum(2) / weight.sum(1), dim=2)
                means[[row for row, _ in part]] = found[:, : len(part)].transpose(0, 1)
        return means

    def _states(self, ids: Tensor, there: Tensor, *, last: int) -> Tensor:
        """States (last + 1, N, L, 384) of word pieces `ids` (N, L); `there` (N, L) is false for padding."""
        weights = self._weights
        words = functional.embedding(ids, weights["embeddings.word_embeddings.weight"])
        positions = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        state = self._norm(words + positions + kind, "embeddings.LayerNorm")
        states = [state]
        for layer in range(last):
            name = f"encoder.layer.{layer}"
            query, key, value = (self._split(self._linear(state, f"{name}.attention.self.{part}")) for part in _PARTS)
            mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=there[:, None, None, :])
            mixed = self._linear(mixed.transpose(1, 2).flatten(2), f"{name}.attention.output.dense")
            state = self._norm(state + mixed, f"{name}.attention.output.LayerNorm")
            inner = functional.gelu(self._linear(state, f"{name}.intermediate.dense"))
            state = self._norm(state + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
            states.append(state)
        return torch.stack(states)

    def _split(self, state: Tensor) -> Tensor:
        return state.view(*state.shape[:2], self._heads, -1).transpose(1, 2)  # (N, heads, L, 384 / heads)

    def _linear(self, state: Tensor, name: str) -> Tensor:
        return functional.linear(state, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, state: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(state, weight.shape, weight, bias, self._eps)


_PARTS = ("query", "key", "value")


@cache
def sentence_encoder() -> SentenceEncoder:
    """The sentence encoder of this process, loaded at the first call.

    Raises:
        FrozenWeightsError: the package with the weights is not installed.
    """
    return SentenceEncoder()
