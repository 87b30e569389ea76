"""A small encoder that tells which title a text has. One of its two towers reads titles, the other texts.

Each tower embeds characters, reads each with its neighbours, and pools them by attention into one vector. A text
belongs to the title whose vector points in the same direction. The encoder is trained on real poems alone, with the
other titles of a batch as negatives (van den Oord et al. 2018, InfoNCE).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional

PAD, UNKNOWN = 0, 1
LONGEST = 128
"""How many characters of a text or title are read."""

READ_AT_ONCE = 256


class Tower(nn.Module):
    """Maps the characters [rows, places] of texts or titles to unit vectors [rows, width]; PAD is ignored."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Conv1d(width, width, kernel_size=3, padding=1)
        self.weight = nn.Linear(width, 1)
        self.out = nn.Linear(width, width)

    def forward(self, embedded: Tensor, is_there: Tensor) -> Tensor:
        """The vector of each row of `embedded` [rows, places, width], where `is_there` [rows, places]."""
        embedded = embedded * is_there[:, :, None]
        seen = embedded + functional.gelu(self.around(embedded.transpose(1, 2)).transpose(1, 2))
        weights = self.weight(seen).squeeze(-1).masked_fill(~is_there, -1e9).softmax(-1)
        return functional.normalize(self.out((weights[:, :, None] * seen).sum(1)), dim=-1)


class Towers(nn.Module):
    """Both towers over one embedding of characters, and the scale of the cosines in the loss."""

    def __init__(self, characters: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters + 2, width, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=0.1)  # with torch's 1 it learns at half the pace
        self.title, self.text = Tower(width), Tower(width)
        self.dropout = nn.Dropout(dropout)
        self.sharpness = nn.Parameter(torch.tensor(2.5))

    def read_titles(self, rows: Tensor) -> Tensor:
        """A unit vector [rows, width] for each title [rows, places]."""
        return self.title(self.dropout(self.embedding(rows)), rows != PAD)  # type: ignore[no-any-return]

    def read_texts(self, rows: Tensor) -> Tensor:
        """A unit vector [rows, width] for each text [rows, places]."""
        return self.text(self.dropout(self.embedding(rows)), rows != PAD)  # type: ignore[no-any-return]

    def loss(self, titles: Tensor, texts: Tensor, numbers: Tensor) -> Tensor:
        """The loss, in nats, of matching the titles and texts of a batch; rows with equal numbers share one title."""
        scores = self.read_titles(titles) @ self.read_texts(texts).T * self.sharpness.exp()
        twins = (numbers[:, None] == numbers[None]) & ~torch.eye(len(numbers), dtype=torch.bool)
        scores = scores.masked_fill(twins, -1e9)
        right = torch.arange(len(numbers))
        return (functional.cross_entropy(scores, right) + functional.cross_entropy(scores.T, right)) / 2


@dataclass(frozen=True, eq=False)
class Encoder:
    """Trained towers and the characters that they know, in the order of their numbers."""

    towers: Towers = field(repr=False)
    characters: str = field(repr=False)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {char: number for number, char in enumerate(self.characters, 2)}

    def rows(self, texts: Sequence[str]) -> Tensor:
        """The ids of the characters of each text [texts, places] without spaces, padded with PAD.

        A text without characters becomes one UNKNOWN.
        """
        bare = ("".join(text.split())[:LONGEST] for text in texts)
        rows = [[self._number.get(char, UNKNOWN) for char in text] or [UNKNOWN] for text in bare]
        return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)

    @torch.inference_mode()
    def scores(self, text: str, titles: Sequence[str]) -> list[float]:
        """How well each title fits the text: the cosine of their vectors."""
        one, several = self.towers.read_texts(self.rows([text])), self.towers.read_titles(self.rows(titles))
        return (several @ one[0]).tolist()
