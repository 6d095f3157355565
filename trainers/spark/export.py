"""The ONNX file: raw features in, probability out; encodings and trees both live inside."""

from __future__ import annotations

import numpy as np
import onnx
from contract import Feature
from onnx import TensorProto, helper, numpy_helper
from pyspark.ml.classification import GBTClassificationModel
from rows import Encoding

OPSET, ML_OPSET, IR_VERSION = 17, 3, 9
TENSORS = {"number": TensorProto.FLOAT, "category": TensorProto.STRING}


def build_model(model: GBTClassificationModel, features: list[Feature], encodings: dict[str, Encoding]) -> bytes:
    nodes, constants = [], []
    for name, _ in features:
        encoding = encodings[name]
        if isinstance(encoding, dict):
            words = [word for word in encoding if word is not None]
            table = {"keys_strings": words, "values_floats": [encoding[word] for word in words], "default_float": encoding[None]}
            nodes.append(helper.make_node("LabelEncoder", [name], [f"{name}:code"], domain="ai.onnx.ml", **table))
        else:
            constants.append(numpy_helper.from_array(np.array([[encoding]], np.float32), f"{name}:mean"))
            nodes.append(helper.make_node("IsNaN", [name], [f"{name}:missing"]))
            nodes.append(helper.make_node("Where", [f"{name}:missing", f"{name}:mean", name], [f"{name}:code"]))
    nodes.append(helper.make_node("Concat", [f"{name}:code" for name, _ in features], ["features"], axis=1))
    trees = tree_attributes(model)
    nodes.append(helper.make_node("TreeEnsembleRegressor", ["features"], ["score"], domain="ai.onnx.ml", **trees))
    nodes.append(helper.make_node("Sigmoid", ["score"], ["probability"]))
    inputs = [helper.make_tensor_value_info(name, TENSORS[kind], ["N", 1]) for name, kind in features]
    output = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", 1])
    graph = helper.make_graph(nodes, "spark", inputs, [output], constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    whole = helper.make_model(graph, ir_version=IR_VERSION, producer_name="perennial-spark", opset_imports=opsets)
    return whole.SerializeToString(deterministic=True)


def tree_attributes(model: GBTClassificationModel) -> dict[str, list]:
    """Spark's trees as the flat arrays of ai.onnx.ml's TreeEnsembleRegressor. Spark's probability is the sigmoid of twice their sum."""
    nodes: dict[str, list] = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
    leaves: dict[str, list] = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}

    def add(number: int, at: int, node, weight: float, free: int) -> int:
        """Writes `node` as `at` and its children from `free` on; gives the next free number."""
        leaf = node.subtreeDepth() == 0
        split = None if leaf else node.split()
        row = (number, at, 0 if leaf else split.featureIndex(), 0.0 if leaf else float32_floor(split.threshold()),
               "LEAF" if leaf else "BRANCH_LEQ", 0 if leaf else free, 0 if leaf else free + 1)
        for key, value in zip(nodes, row):
            nodes[key].append(value)
        if leaf:
            for key, value in zip(leaves, (number, at, 0, 2 * weight * node.prediction())):
                leaves[key].append(value)
            return free
        after_left = add(number, free, node.leftChild(), weight, free + 2)
        return add(number, free + 1, node.rightChild(), weight, after_left)

    for number, (tree, weight) in enumerate(zip(model.trees, model.treeWeights)):
        add(number, 0, tree._call_java("rootNode"), weight, 1)
    return {
        **{f"nodes_{key}": values for key, values in nodes.items()},
        **{f"target_{key}": values for key, values in leaves.items()},
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
    }


def float32_floor(threshold: float) -> float:
    """The largest FP32 not above the threshold: for an FP32 x, `x <= threshold` then says the same in both precisions."""
    rounded = np.float32(threshold)
    return float(rounded if float(rounded) <= threshold else np.nextafter(rounded, np.float32(-np.inf)))


def largest_difference(serialized: bytes, sample: list, features: list[Feature]) -> float:
    """Between what the ONNX runtime and what Spark answered to the same rows."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])
    kinds = {"number": np.float32, "category": object}
    inputs = {name: np.array([[row[name]] for row in sample], kinds[kind]) for name, kind in features}
    answered = session.run(["probability"], inputs)[0].ravel()
    return float(np.abs(answered - np.array([row["probability"][1] for row in sample])).max())
