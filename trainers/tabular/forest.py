"""Gradient-boosted trees by LightGBM, grown so that the same rows and seed give the same trees."""

from __future__ import annotations

import hashlib
import time
from types import ModuleType
from typing import TYPE_CHECKING, Callable

from checkpoint import Checkpoint, Checkpoints
from configuration import Configuration
from failure import CONFIGURATION_WRONG, TrainingFailure
from measure import log_loss

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
    checkpoints: Checkpoints,
    on_progress: Callable[[int, dict[str, float]], None],
    validation: tuple[numpy.ndarray, numpy.ndarray] | None = None,
) -> tuple[lightgbm.Booster, dict[str, float]]:
    """
    The trees and their log-losses: on the rows they learnt from, and on those of `validation` where there are some. Grown on from the newest
    checkpoint they are the same, to the last bit. Calls `on_progress(trees so far, losses)` every ten trees or five seconds and at the last.
    """
    lgb = load_lightgbm()
    asked = configuration.hyperparameters
    names = [feature.name for feature in configuration.features]
    parameters = describe_parameters(configuration)
    data = lgb.Dataset(matrix, label, feature_name=names, params=parameters)
    begun = checkpoints.begun
    booster = go_on(begun, parameters, data, configuration) if begun else lgb.Booster(parameters, data)
    tree, told = booster.current_iteration(), time.monotonic()
    is_last = tree == asked.trees
    try:
        while not is_last:
            tree += 1
            if asked.feature_fraction < 1:
                booster.reset_parameter(draw_features(configuration.seed, tree))
            cannot_split = booster.update()
            is_last = cannot_split or tree == asked.trees
            if not is_last and (tree % EVERY_TREES == 0 or time.monotonic() - told > EVERY_SECONDS):
                on_progress(tree, measure_losses(booster, validation, asked.threads))
                told = time.monotonic()
            checkpoints.save_when_due(booster)
    except SystemExit:
        # Asked to stop, by SIGTERM: nothing of the work so far is lost.
        checkpoints.save(booster)
        raise
    losses = measure_losses(booster, validation, asked.threads)
    on_progress(tree, losses)
    return booster, losses


def go_on(
    checkpoint: Checkpoint, parameters: dict, data: lightgbm.Dataset, configuration: Configuration
) -> lightgbm.Booster:
    """The trees of the checkpoint and, where it can be split, the next one: LightGBM goes on only by training."""
    lgb = load_lightgbm()
    return lgb.train(
        {**parameters, **draw_features(configuration.seed, checkpoint.trees + 1)},
        data,
        num_boost_round=1,
        init_model=lgb.Booster(model_str=checkpoint.model),
        keep_training_booster=True,
    )


def load_lightgbm() -> ModuleType:
    try:
        import lightgbm

        return lightgbm
    except OSError as error:
        raise TrainingFailure(
            CONFIGURATION_WRONG, f"LightGBM needs the system's OpenMP library (libgomp1 on Debian): {error}."
        ) from error


def describe_parameters(configuration: Configuration) -> dict:
    asked = configuration.hyperparameters
    return {
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


def draw_features(seed: int, tree: int) -> dict:
    """Which features a tree sees hangs on its number alone, not on what was drawn before it: a killed training draws the same again."""
    return {"feature_fraction_seed": int(hashlib.sha256(f"{seed}/{tree}".encode()).hexdigest()[:7], 16)}


def measure_losses(
    booster: lightgbm.Booster, validation: tuple[numpy.ndarray, numpy.ndarray] | None, threads: int
) -> dict[str, float]:
    (_, _, loss, _), *_ = booster.eval_train()
    if validation is None:
        return {"train_log_loss": float(loss)}
    matrix, label = validation
    unseen = log_loss(label, booster.predict(matrix, num_threads=threads))
    return {"train_log_loss": float(loss), "validation_log_loss": unseen}
