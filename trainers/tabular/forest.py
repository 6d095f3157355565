"""Gradient-boosted trees by LightGBM, grown so that the same rows and seed give the same trees."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable

from configuration import Configuration
from failure import CONFIGURATION_WRONG, TrainingFailure

if TYPE_CHECKING:
    import lightgbm
    import numpy

EVERY_TREES = 10
# On many rows ten trees take long: the supervisor must not take the silence for a hang.
EVERY_SECONDS = 5


def grow(
    matrix: numpy.ndarray,
    label: numpy.ndarray,
    configuration: Configuration,
    on_progress: Callable[[int, float], None],
) -> tuple[lightgbm.Booster, float]:
    """
    The trees and their log-loss on the rows they learnt from. Calls `on_progress(trees so far, training log-loss)` every ten trees
    or five seconds and at the last.
    """
    try:
        import lightgbm as lgb
    except OSError as error:
        raise TrainingFailure(
            CONFIGURATION_WRONG, f"LightGBM needs the system's OpenMP library (libgomp1 on Debian): {error}."
        ) from error

    asked = configuration.hyperparameters
    parameters = {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": asked.leaves,
        "learning_rate": asked.learning_rate,
        "min_data_in_leaf": asked.minimum_leaf_rows,
        "feature_fraction": asked.feature_fraction,
        "lambda_l2": asked.l2,
        "seed": configuration.seed,
        "num_threads": asked.threads,
        # Together these make the result independent of timing and of the machine's cores.
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    names = [feature.name for feature in configuration.features]
    data = lgb.Dataset(matrix, label, feature_name=names, params=parameters)
    booster = lgb.Booster(parameters, data)
    told = time.monotonic()
    for tree in range(1, asked.trees + 1):
        cannot_split = booster.update()
        is_last = cannot_split or tree == asked.trees
        if is_last or tree % EVERY_TREES == 0 or time.monotonic() - told > EVERY_SECONDS:
            (_, _, loss, _), *_ = booster.eval_train()
            on_progress(tree, float(loss))
            told = time.monotonic()
        if is_last:
            return booster, float(loss)
    raise AssertionError("the last tree returns")
