"""Does the ONNX file answer as the trees do? Asked before anything is handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from configuration import Feature
from encoding import Encoding
from failure import FAILED, TrainingFailure
from rows import to_matrix

if TYPE_CHECKING:
    import lightgbm
    import numpy
    import pyarrow

SAMPLE = 2_000
TOLERANCE = 1e-5


def verify_model(
    serialized: bytes,
    booster: lightgbm.Booster,
    table: pyarrow.Table,
    features: list[Feature],
    encodings: dict[str, Encoding],
) -> float:
    """Largest difference over a spread-out sample of rows and the same rows with every number missing."""
    import numpy as np
    import onnxruntime as ort

    step = max(1, table.num_rows // SAMPLE)
    sample = table.take(list(range(0, table.num_rows, step)))
    expected = to_matrix(sample, features, encodings)
    hollow = expected.copy()
    numbers = [position for position, feature in enumerate(features) if feature.type == "number"]
    hollow[:, numbers] = np.nan

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])

    def ask(matrix: numpy.ndarray) -> numpy.ndarray:
        inputs = {
            feature.name: (
                sample[feature.name].to_numpy().astype(object)
                if feature.type == "category"
                else matrix[:, position]
            ).reshape(-1, 1)
            for position, feature in enumerate(features)
        }
        return session.run(["probability"], inputs)[0].ravel()

    difference = max(float(np.abs(ask(each) - booster.predict(each, num_threads=1)).max()) for each in (expected, hollow))
    if not difference < TOLERANCE:
        raise TrainingFailure(
            FAILED, f"The ONNX model differs from the trained trees by {difference:.2g}; {TOLERANCE:g} is allowed."
        )
    return difference
