"""What the platform asks for: hyperparameters, features, label and seed, read from input/config/."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path

from failure import CONFIGURATION_WRONG, TrainingFailure


@dataclass(frozen=True)
class Hyperparameters:
    trees: int = 200
    leaves: int = 31
    learning_rate: float = 0.1
    minimum_leaf_rows: int = 20
    feature_fraction: float = 1.0
    l2: float = 0.0
    maximum_categories: int = 256
    unseen_categories: str = "other"
    threads: int = 1
    checkpoint_seconds: float = 30.0
    validation_share: float = 0.0


RANGES: dict[str, tuple[float, float]] = {
    "trees": (1, 10_000),
    "leaves": (2, 4_096),
    "learning_rate": (1e-6, 1.0),
    "minimum_leaf_rows": (1, 10_000_000),
    "feature_fraction": (0.01, 1.0),
    "l2": (0.0, 1e6),
    "maximum_categories": (1, 100_000),
    "threads": (1, 256),
    "checkpoint_seconds": (0.0, 86_400.0),
    "validation_share": (0.0, 0.9),
}
CHOICES: dict[str, tuple[str, ...]] = {"unseen_categories": ("other", "error")}


@dataclass(frozen=True)
class Feature:
    name: str
    type: str


@dataclass(frozen=True)
class Configuration:
    hyperparameters: Hyperparameters
    features: list[Feature]
    label: str
    seed: int


def read_configuration(root: Path) -> Configuration:
    folder = root / "input" / "config"
    task = read_json(folder / "perennial.json")
    try:
        features = [Feature(each["name"], each["type"]) for each in task["features"]]
        label, seed = str(task["label"]), int(task["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingFailure(
            CONFIGURATION_WRONG, f"perennial.json needs features, label and seed; wrong or missing: {error}."
        ) from error
    for feature in features:
        if feature.type not in ("number", "category"):
            raise TrainingFailure(
                CONFIGURATION_WRONG,
                f"Feature {feature.name} has type '{feature.type}'; number and category are understood.",
            )
    given = read_json(folder / "hyperparameters.json")
    return Configuration(parse_hyperparameters(given), features, label, seed)


def parse_hyperparameters(given: dict[str, object]) -> Hyperparameters:
    """Values may come as strings, as SageMaker writes them."""
    types = {field.name: type(field.default) for field in fields(Hyperparameters)}
    parsed = {}
    for name, value in given.items():
        if name not in types:
            near = get_close_matches(name, types, 1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            raise TrainingFailure(
                CONFIGURATION_WRONG,
                f"There is no hyperparameter '{name}'.{meant} Known ones: {', '.join(types)}.",
            )
        parsed[name] = parse_hyperparameter(name, value, types[name])
    return Hyperparameters(**parsed)


def parse_hyperparameter(name: str, value: object, kind: type) -> int | float | str:
    if name in CHOICES:
        if str(value) not in CHOICES[name]:
            raise TrainingFailure(
                CONFIGURATION_WRONG, f"{name} is '{value}'; allowed are {' and '.join(CHOICES[name])}."
            )
        return str(value)
    low, high = RANGES[name]
    try:
        number = float(str(value))
        if not low <= number <= high or (kind is int and number != int(number)):
            raise ValueError
    except (ValueError, OverflowError):
        what = "a whole number" if kind is int else "a number"
        raise TrainingFailure(
            CONFIGURATION_WRONG, f"{name} is '{value}'; it must be {what} from {low:g} to {high:g}."
        ) from None
    return kind(number)


def read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingFailure(CONFIGURATION_WRONG, f"There is no input/config/{path.name}.") from None
    except ValueError as error:
        raise TrainingFailure(CONFIGURATION_WRONG, f"input/config/{path.name} is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise TrainingFailure(CONFIGURATION_WRONG, f"input/config/{path.name} is not a JSON object.")
    return content
