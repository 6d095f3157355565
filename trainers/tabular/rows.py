"""Prepared rows: Parquet files of a channel as columns with the types that serving will send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from configuration import Configuration, Feature
from encoding import Encoding, encode
from failure import DATA_UNUSABLE, TrainingFailure

if TYPE_CHECKING:
    import numpy
    import pyarrow


def read_channel(root: Path, channel: str, configuration: Configuration) -> pyarrow.Table:
    """Numbers become FP32, a missing one NaN; categories become strings, a missing one the empty string."""
    import pyarrow as pa
    import pyarrow.compute as pc

    files = sorted((root / "input" / "data" / channel).glob("*.parquet"))
    if not files:
        raise TrainingFailure(DATA_UNUSABLE, f"Channel {channel} holds no Parquet file.")
    wanted = [feature.name for feature in configuration.features] + [configuration.label]
    try:
        table = pa.concat_tables([read_file(file, wanted) for file in files])
    except (pa.ArrowException, OSError) as error:
        raise TrainingFailure(DATA_UNUSABLE, f"Channel {channel} cannot be read: {error}.") from error
    if table.num_rows == 0:
        raise TrainingFailure(DATA_UNUSABLE, f"Channel {channel} holds no rows.")
    columns = {feature.name: typed(table[feature.name], feature, channel) for feature in configuration.features}
    label = table[configuration.label].cast(pa.float32())
    if label.null_count > 0 or not pc.all(pc.is_in(label, pa.array([0, 1], pa.float32()))).as_py():
        raise TrainingFailure(DATA_UNUSABLE, f"Label {configuration.label} of channel {channel} must be 0 or 1 in every row.")
    return pa.table({**columns, configuration.label: label})


def read_file(file: Path, wanted: list[str]) -> pyarrow.Table:
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(file)
    found = parquet.schema_arrow.names
    missing = [name for name in wanted if name not in found]
    if missing:
        raise TrainingFailure(
            DATA_UNUSABLE, f"{file.parent.name}/{file.name} lacks the columns {', '.join(missing)}; it has {', '.join(found)}."
        )
    return parquet.read(columns=wanted, use_threads=False)


def typed(column: pyarrow.ChunkedArray, feature: Feature, channel: str) -> pyarrow.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if feature.type == "category":
            return pc.fill_null(column.cast(pa.string()), "")
        return pc.fill_null(column.cast(pa.float32(), safe=False), float("nan"))
    except pa.ArrowException as error:
        raise TrainingFailure(
            DATA_UNUSABLE,
            f"Feature {feature.name} of channel {channel} is {column.type}, which is not a {feature.type}: {error}.",
        ) from error


def to_matrix(table: pyarrow.Table, features: list[Feature], encodings: dict[str, Encoding]) -> numpy.ndarray:
    """Rows by features, FP32: what the trees see."""
    import numpy as np

    matrix = np.empty((table.num_rows, len(features)), dtype=np.float32)
    for position, feature in enumerate(features):
        column = table[feature.name]
        matrix[:, position] = encode(column, encodings[feature.name]) if feature.name in encodings else column.to_numpy()
    return matrix
