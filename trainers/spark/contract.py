"""What the platform asks for and gets: configuration, progress, model and manifest. Only the standard library."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

ROOT = Path(os.environ.get("PERENNIAL_ML_ROOT", "/opt/ml"))
# BSD's sysexits, as the training-container contract uses them. 65 and 78 are never tried again.
FAILED, DATA_UNUSABLE, CONFIGURATION_WRONG, TERMINATED = 1, 65, 78, 143
DATATYPES = {"number": "FP32", "category": "BYTES"}
DEFAULTS: dict[str, int | float | str] = {
    "trees": 20,
    "depth": 5,
    "learning_rate": 0.1,
    "minimum_leaf_rows": 20,
    "master": "local[1]",
    "memory": "1g",
}


class Refusal(Exception):
    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Feature(NamedTuple):
    name: str
    type: str


class Task(NamedTuple):
    parameters: dict
    features: list[Feature]
    label: str
    seed: int


def read_task() -> Task:
    folder = ROOT / "input" / "config"
    try:
        task = json.loads((folder / "perennial.json").read_text(encoding="utf-8"))
        given = json.loads((folder / "hyperparameters.json").read_text(encoding="utf-8"))
        features = [Feature(each["name"], each["type"]) for each in task["features"]]
        return Task(parse_parameters(given), features, str(task["label"]), int(task["seed"]))
    except (OSError, ValueError, KeyError) as error:
        raise Refusal(CONFIGURATION_WRONG, f"input/config cannot be used: {error}.") from error


def parse_parameters(given: dict[str, str]) -> dict:
    """SageMaker's containers get every value as a string."""
    unknown = [name for name in given if name not in DEFAULTS]
    if unknown:
        known = ", ".join(DEFAULTS)
        raise Refusal(CONFIGURATION_WRONG, f"There is no hyperparameter '{unknown[0]}'. Known ones: {known}.")
    parsed = dict(DEFAULTS)
    for name, value in given.items():
        try:
            parsed[name] = type(DEFAULTS[name])(value)
        except ValueError:
            raise Refusal(CONFIGURATION_WRONG, f"{name} is '{value}'; it must be a number.") from None
    return parsed


class Progress:
    """Lines of output/progress.jsonl, which the supervisor reads while the training runs; the same words go to the log."""

    def __init__(self) -> None:
        self.file = (ROOT / "output" / "progress.jsonl").open("a", encoding="utf-8", buffering=1)
        self.step = 0

    def tell(self, message: str, metrics: dict[str, float] | None = None) -> None:
        self.file.write(json.dumps({"step": self.step, "metrics": metrics or {}, "message": message}) + "\n")
        print(message, metrics or "", flush=True)


def hand_over(task: Task, model: bytes, answers: list[dict], metrics: dict[str, float], framework: dict[str, str]) -> None:
    """Writes the model, what Spark itself answered to some rows of the hold-out, and last of all the manifest."""
    files = {"model.onnx": model, "answers.json": json.dumps(answers).encode()}
    for name, content in files.items():
        (ROOT / "model" / name).write_bytes(content)
    lock = Path(__file__).with_name("requirements.lock").read_bytes()
    manifest = {
        "schemaVersion": 1,
        "files": [
            {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        ],
        "model": "model.onnx",
        "signature": {
            "inputs": [
                {"name": feature.name, "datatype": DATATYPES[feature.type], "shape": [-1, 1]} for feature in task.features
            ],
            "outputs": [{"name": "probability", "datatype": "FP32", "shape": [-1, 1]}],
        },
        "metrics": metrics,
        "framework": framework,
        "environment": f"sha256:{hashlib.sha256(lock).hexdigest()}",
        "seed": task.seed,
    }
    write_whole(ROOT / "output" / "manifest.json", json.dumps(manifest, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """A reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
