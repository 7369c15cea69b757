"""Values of all connections side by side, as numpy columns: what the stream sorts and compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.store.arrived import Arrived, Values


@dataclass(frozen=True)
class Block:
    """One place a value; ``origin`` is the place of its connection among those that arrived."""

    signals: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    received: npt.NDArray[np.int64]
    origin: npt.NDArray[np.int32]
    text: pa.Array | None

    @classmethod
    def of(cls, arrived: Sequence[Arrived]) -> Block:
        """All values that arrived, in the order in which they came."""
        chunks = [(n, part) for n, one in enumerate(arrived) for part in one.values]
        return cls(
            np.concatenate([part.signals for _, part in chunks]),
            np.concatenate([part.at for _, part in chunks]),
            np.concatenate([part.value for _, part in chunks]),
            np.concatenate(
                [part.quality if part.quality is not None else np.zeros(len(part), np.uint8) for _, part in chunks]
            ),
            np.concatenate([np.full(len(part), part.received) for _, part in chunks]),
            np.concatenate([np.full(len(part), n, np.int32) for n, part in chunks]),
            _texts([part for _, part in chunks]),
        )

    def __len__(self) -> int:
        return len(self.signals)

    def take(self, places: npt.NDArray[np.int64]) -> Block:
        """The values at some places, in that order."""
        if len(places) == len(self) and (places[1:] > places[:-1]).all():
            return self
        text = self.text.take(pa.array(places)) if self.text is not None else None
        return Block(self.signals[places], self.at[places], self.value[places], self.quality[places],
                      self.received[places], self.origin[places], text)  # fmt: skip

    def content(self, place: int) -> tuple[str | None, float | None, int]:
        """Text, number and quality of one value."""
        value = float(self.value[place])
        text = self.text[place].as_py() if self.text is not None else None
        return text, None if np.isnan(value) else value, int(self.quality[place])


def _texts(chunks: Sequence[Values]) -> pa.Array | None:
    if all(part.text is None for part in chunks):
        return None
    return pa.concat_arrays(
        [part.text if part.text is not None else pa.nulls(len(part), pa.string()) for part in chunks]
    )
