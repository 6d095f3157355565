"""What is handed over: the model file, and a manifest with its digest, written last."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from configuration import Configuration

DATATYPES = {"number": "FP32", "category": "BYTES"}


def write_model(root: Path, serialized: bytes) -> dict:
    folder = root / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(serialized)
    return {"path": "model.onnx", "sha256": hashlib.sha256(serialized).hexdigest(), "bytes": len(serialized)}


def write_manifest(root: Path, file: dict, configuration: Configuration, metrics: dict[str, float]) -> None:
    import lightgbm
    import onnx

    content = {
        "schemaVersion": 1,
        "files": [file],
        "model": file["path"],
        "signature": {
            "inputs": [
                {"name": feature.name, "datatype": DATATYPES[feature.type], "shape": [-1, 1]}
                for feature in configuration.features
            ],
            "outputs": [{"name": "probability", "datatype": "FP32", "shape": [-1, 1]}],
        },
        "metrics": metrics,
        "framework": {"lightgbm": lightgbm.__version__, "onnx": onnx.__version__},
        "environment": f"sha256:{environment_digest()}",
        "seed": configuration.seed,
    }
    write_whole(root / "output" / "manifest.json", json.dumps(content, indent=2) + "\n")


def environment_digest() -> str:
    """Digest of the locked requirements that this trainer was installed from."""
    return hashlib.sha256(Path(__file__).with_name("requirements.lock").read_bytes()).hexdigest()


def write_whole(path: Path, text: str) -> None:
    """A reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
