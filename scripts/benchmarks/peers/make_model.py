"""Grows the model of `predict` on drawn flights and writes it with the tabular trainer's own code: 120 trees of 31 leaves, five features."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "trainers/tabular"))

import lightgbm
import numpy as np
from configuration import Feature
from encoding import Encoding
from onnx_graph import build_model

AIRPORTS = [f"A{number:02}" for number in range(40)]
FEATURES = [
    Feature("hour", "number"),
    Feature("weekday", "number"),
    Feature("distance", "number"),
    Feature("origin", "category"),
    Feature("destination", "category"),
]


def main(target: str) -> None:
    random = np.random.default_rng(7)
    rows = 20_000
    matrix = np.column_stack(
        [
            random.integers(0, 24, rows),
            random.integers(1, 8, rows),
            random.integers(80, 2_600, rows),
            random.integers(0, len(AIRPORTS), rows),
            random.integers(0, len(AIRPORTS), rows),
        ]
    ).astype(np.float32)
    chance = 1 / (1 + np.exp(2 - matrix[:, 0] / 12 - (matrix[:, 3] % 5) / 5))
    label = (random.random(rows) < chance).astype(np.float32)
    parameters = {"objective": "binary", "num_leaves": 31, "num_threads": 1, "seed": 7, "deterministic": True, "verbosity": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(matrix, label), num_boost_round=120)
    encodings = {name: Encoding(AIRPORTS, []) for name in ("origin", "destination")}
    Path(target).write_bytes(build_model(booster, FEATURES, encodings, "other").SerializeToString(deterministic=True))


main(sys.argv[1])
