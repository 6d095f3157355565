"""Categories as numbers: the most frequent one is 0, the next 1, and so on; all the rest share one code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    import pyarrow


@dataclass(frozen=True)
class Encoding:
    """`kept` have codes of their own, in this order; `rare` were seen too but share the code `other`."""

    kept: list[str]
    rare: list[str]

    @property
    def other(self) -> int:
        return len(self.kept)


def learn_encoding(column: pyarrow.ChunkedArray, maximum: int) -> Encoding:
    """Frequency decides, then the name: the same rows always give the same codes."""
    counts = [(each["values"], each["counts"]) for each in column.value_counts().to_pylist()]
    by_frequency = [value for value, _ in sorted(counts, key=lambda each: (-each[1], each[0]))]
    return Encoding(by_frequency[:maximum], by_frequency[maximum:])


def encode(column: pyarrow.ChunkedArray, encoding: Encoding) -> numpy.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    codes = pc.index_in(column, value_set=pa.array(encoding.kept, pa.string()))
    return pc.fill_null(codes, encoding.other).cast(pa.float32()).to_numpy()
