"""The training-container contract of docs/trainers.md, for models that weigh columns: rows in, an ONNX file and its manifest out."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pyarrow.parquet as parquet
from onnx import helper, numpy_helper

ROOT = Path(os.environ.get("PERENNIAL_ML_ROOT", "/opt/ml"))
DATATYPE = {"number": "FP32", "category": "BYTES"}
TENSOR = {"number": onnx.TensorProto.FLOAT, "category": onnx.TensorProto.STRING}


def tell_failure(kind, error, trace) -> None:
    """One sentence for people; the log keeps the whole story."""
    (ROOT / "output/failure").write_text(f"{kind.__name__}: {error}\n")
    sys.__excepthook__(kind, error, trace)


sys.excepthook = tell_failure


class Rows(NamedTuple):
    names: list[str]  # of the features, in the order of the signature
    kinds: list[str]  # "number" or "category", one a feature
    columns: np.ndarray  # rows by features
    label: np.ndarray  # 0 or 1
    encodings: list  # what turns a feature into its column: the mean that stands for a missing number, or category -> number
    parameters: dict[str, str]
    seed: int


def read_rows() -> Rows:
    """The rows to learn from. A category becomes the log-odds of its label, so every column is a number."""
    asked = json.loads((ROOT / "input/config/perennial.json").read_text())
    parameters = json.loads((ROOT / "input/config/hyperparameters.json").read_text())
    table = parquet.read_table(ROOT / "input/data/train")
    label = table[asked["label"]].to_numpy().astype(float)
    encodings, columns = [], []
    for feature in asked["features"]:
        column = table[feature["name"]]
        if feature["type"] == "number":
            values = column.to_numpy()
            encodings.append(float(np.nan_to_num(np.nanmean(values))))
            columns.append(np.where(np.isnan(values), encodings[-1], values))
        else:
            values = column.fill_null("").to_numpy()
            encodings.append({word: log_odds(label[values == word]) for word in sorted(set(values))})
            columns.append(np.array([encodings[-1][word] for word in values]))
    names, kinds = [each["name"] for each in asked["features"]], [each["type"] for each in asked["features"]]
    return Rows(names, kinds, np.column_stack(columns).astype(float), label, encodings, parameters, asked["seed"])


def log_odds(label: np.ndarray) -> float:
    return float(np.log((label.sum() + 1) / ((1 - label).sum() + 1)))


def log_loss(label: np.ndarray, chance: np.ndarray) -> float:
    return float(-np.mean(np.log(np.clip(np.where(label == 1, chance, 1 - chance), 1e-12, 1))))


def tell(step: int, total: int, metrics: dict[str, float]) -> None:
    """A line of progress: `perennial watch` shows it, and a silent trainer is taken for hung."""
    with (ROOT / "output/progress.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "total": total, "metrics": metrics}) + "\n")


def hand_over(rows: Rows, slope: np.ndarray, intercept: float, metrics: dict[str, float]) -> None:
    """Writes the model as ONNX and, last of all, the manifest."""
    model = build_model(rows, slope, intercept)
    (ROOT / "model").mkdir(parents=True, exist_ok=True)
    (ROOT / "model/model.onnx").write_bytes(model)
    inputs = [{"name": name, "datatype": DATATYPE[kind], "shape": [-1, 1]} for name, kind in zip(rows.names, rows.kinds)]
    manifest = {
        "schemaVersion": 1,
        "files": [{"path": "model.onnx", "sha256": hashlib.sha256(model).hexdigest(), "bytes": len(model)}],
        "model": "model.onnx",
        "signature": {"inputs": inputs, "outputs": [{"name": "probability", "datatype": "FP32", "shape": [-1, 1]}]},
        "metrics": {"train_rows": len(rows.label), **metrics},
        "framework": {"numpy": np.__version__, "onnx": onnx.__version__},
        "environment": "sha256:" + digest_of_this_trainer(),
        "seed": rows.seed,
    }
    (ROOT / "output/manifest.json").write_text(json.dumps(manifest, indent=2))


def build_model(rows: Rows, slope: np.ndarray, intercept: float) -> bytes:
    """One input [N, 1] a feature, encoded inside the file; one output `probability`, the sigmoid of the weighted columns."""
    nodes, constants = [], []
    for name, kind, encoding in zip(rows.names, rows.kinds, rows.encodings):
        if kind == "number":
            constants.append(numpy_helper.from_array(np.array([[encoding]], np.float32), f"{name}/mean"))
            nodes.append(helper.make_node("IsNaN", [name], [f"{name}/missing"]))
            nodes.append(helper.make_node("Where", [f"{name}/missing", f"{name}/mean", name], [f"{name}/column"]))
        else:
            table = {"keys_strings": list(encoding), "values_floats": list(encoding.values()), "default_float": 0.0}
            nodes.append(helper.make_node("LabelEncoder", [name], [f"{name}/column"], domain="ai.onnx.ml", **table))
    constants.append(numpy_helper.from_array(slope.astype(np.float32).reshape(-1, 1), "slope"))
    constants.append(numpy_helper.from_array(np.array([intercept], np.float32), "intercept"))
    nodes.append(helper.make_node("Concat", [f"{name}/column" for name in rows.names], ["columns"], axis=1))
    nodes.append(helper.make_node("Gemm", ["columns", "slope", "intercept"], ["score"]))
    nodes.append(helper.make_node("Sigmoid", ["score"], ["probability"]))
    inputs = [helper.make_tensor_value_info(name, TENSOR[kind], [None, 1]) for name, kind in zip(rows.names, rows.kinds)]
    output = helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph(nodes, "weighted columns", inputs, [output], constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString(deterministic=True)


def digest_of_this_trainer() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
