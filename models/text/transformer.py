"""A small trained transformer over the words of a prompt. Unlike the other encoders, it knows the order of the words.

"red circle ... and blue square ..." and "blue circle ... and red square ..." differ only in that order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from data.captions import PromptError, UnknownWords, tokenize
from data.subject import MOST_READ, CaptionedSubject, Subject
from data.worlds.prompts import clauses

LAYERS, HEADS = 2, 4
READING_WIDTH = 64
"""Width of the output of the discriminators' transformers."""


class WordTransformer(nn.Module):
    """Word ids (N, L), where 0 is padding, to embeddings (N, C). The output is read at an extra first token.

    Layers as in Vaswani et al., "Attention Is All You Need" (2017), with normalisation first, learned positions and no
    dropout.
    """

    def __init__(self, words: int, *, length: int, width: int) -> None:
        super().__init__()
        inner = max(HEADS, width // HEADS * HEADS)
        self.first = nn.Parameter(torch.randn(inner) * 0.5)
        self.vectors = nn.Embedding(words + 1, inner, padding_idx=0)
        self.positions = nn.Parameter(torch.randn(length, inner) * 0.5)
        nn.init.normal_(self.vectors.weight, std=0.5)
        layer = nn.TransformerEncoderLayer(
            inner, HEADS, dim_feedforward=4 * inner, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(inner), enable_nested_tensor=False)
        self.out = nn.Linear(inner, width)

    def forward(self, ids: Tensor) -> Tensor:
        words = ids.long()  # (N, L)
        states = self.vectors(words) + self.positions  # (N, L, I)
        states = torch.cat([self.first.expand(len(words), 1, -1), states], dim=1)  # (N, 1 + L, I)
        missing = torch.cat([torch.zeros_like(words[:, :1], dtype=torch.bool), words == 0], dim=1)
        read: Tensor = self.layers(states, src_key_padding_mask=missing)
        return torch.as_tensor(self.out(read[:, 0]))


class WordIds:
    """The ids of a prompt's words in order, as text features for a transformer. See `TextFeatures`."""

    frozen, ordered = None, True
    reading_width = READING_WIDTH

    def __init__(self, subject: Subject, *, objects: int = 1) -> None:
        """Ids for prompts of `subject`; for their clauses if there are several objects."""
        self._vocabulary = subject.vocabulary
        if isinstance(subject, CaptionedSubject):
            self.width = subject.longest
            return
        if subject.varied_captions:
            self.width = MOST_READ
            return
        texts = (
            clause for tier in subject.tiers.values() for prompt in tier for clause in clauses(prompt, at_most=objects)
        )
        self.width = max(len(tokenize(text)) for text in texts)

    def check(self, prompts: Sequence[str]) -> None:
        self.features(prompts)

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        ids = torch.from_numpy(self._vocabulary.encode(prompts, unknown_words=unknown_words))
        if unknown_words == "ignore":
            ids = ids[:, : self.width]
        if ids.shape[1] > self.width:
            longest = prompts[int((ids > 0).sum(1).argmax())]
            raise PromptError(
                f"The prompt {longest!r} is too long: this model reads up to {self.width} words. Write a shorter one."
            )
        return torch.nn.functional.pad(ids, (0, self.width - ids.shape[1])).float()

    def encoder(self, width: int) -> nn.Module:
        return WordTransformer(len(self._vocabulary.words), length=self.width, width=width)

    def reader(self) -> nn.Module:
        return WordTransformer(len(self._vocabulary.words), length=self.width, width=READING_WIDTH)
