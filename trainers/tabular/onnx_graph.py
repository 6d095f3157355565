"""The ONNX file: raw features in, probability out; encoding and trees both live inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from configuration import Feature
from encoding import Encoding

if TYPE_CHECKING:
    import lightgbm
    import onnx

OPSET, ML_OPSET, IR_VERSION = 15, 3, 8


def build_model(
    booster: lightgbm.Booster, features: list[Feature], encodings: dict[str, Encoding], unseen: str
) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    nodes, tables, columns = [], [], []
    for feature in features:
        if feature.name in encodings:
            nodes += encoding_nodes(feature.name, encodings[feature.name], unseen, tables)
            columns.append(f"{feature.name}:code")
        else:
            columns.append(feature.name)
    nodes.append(helper.make_node("Concat", columns, ["features"], axis=1))
    nodes.append(
        helper.make_node(
            "TreeEnsembleRegressor", ["features"], ["score"], domain="ai.onnx.ml", **tree_attributes(booster)
        )
    )
    nodes.append(helper.make_node("Sigmoid", ["score"], ["probability"]))
    inputs = [
        helper.make_tensor_value_info(
            feature.name, TensorProto.STRING if feature.type == "category" else TensorProto.FLOAT, ["N", 1]
        )
        for feature in features
    ]
    output = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", 1])
    graph = helper.make_graph(nodes, "tabular", inputs, [output], tables)
    return helper.make_model(
        graph,
        ir_version=IR_VERSION,
        producer_name="perennial-tabular",
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
    )


def encoding_nodes(name: str, encoding: Encoding, unseen: str, tables: list[onnx.TensorProto]) -> list[onnx.NodeProto]:
    """
    A dictionary from strings to codes. With `other` an unseen string gets the shared code. With `error` it gets an index past
    the end of a table, so that the runtime refuses the whole request instead of answering for something never learnt.
    """
    from onnx import TensorProto, helper

    code = f"{name}:code"
    if unseen == "other":
        return [
            helper.make_node(
                "LabelEncoder",
                [name],
                [code],
                domain="ai.onnx.ml",
                keys_strings=encoding.kept,
                values_floats=[float(each) for each in range(len(encoding.kept))],
                default_float=float(encoding.other),
            )
        ]
    known = encoding.kept + encoding.rare
    codes = [float(min(position, encoding.other)) for position in range(len(known))]
    tables.append(helper.make_tensor(f"{name}:codes", TensorProto.FLOAT, [len(codes)], codes))
    return [
        helper.make_node(
            "LabelEncoder",
            [name],
            [f"{name}:position"],
            domain="ai.onnx.ml",
            keys_strings=known,
            values_int64s=list(range(len(known))),
            default_int64=len(known),
        ),
        helper.make_node("Gather", [f"{name}:codes", f"{name}:position"], [code], axis=0),
    ]


def tree_attributes(booster: lightgbm.Booster) -> dict[str, list]:
    """LightGBM's trees as the flat arrays of ai.onnx.ml's TreeEnsembleRegressor."""
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
    missing: list[int] = []
    leaves: dict[str, list] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}

    def add(tree: int, node: dict, number: int, next_number: int) -> int:
        """Writes `node` under `number` and its children from `next_number` on; gives the next free number."""
        leaf = "leaf_value" in node
        nodes["treeids"].append(tree)
        nodes["nodeids"].append(number)
        nodes["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
        nodes["featureids"].append(0 if leaf else node["split_feature"])
        nodes["values"].append(0.0 if leaf else float32_floor(node["threshold"]))
        nodes["truenodeids"].append(0 if leaf else next_number)
        nodes["falsenodeids"].append(0 if leaf else next_number + 1)
        missing.append(0 if leaf else int(missing_goes_left(node)))
        if leaf:
            leaves["treeids"].append(tree)
            leaves["nodeids"].append(number)
            leaves["ids"].append(0)
            leaves["weights"].append(node["leaf_value"])
            return next_number
        after_left = add(tree, node["left_child"], next_number, next_number + 2)
        return add(tree, node["right_child"], next_number + 1, after_left)

    for tree, content in enumerate(booster.dump_model()["tree_info"]):
        add(tree, content["tree_structure"], 0, 1)
    return {
        **{f"nodes_{key}": values for key, values in nodes.items()},
        "nodes_missing_value_tracks_true": missing,
        **{f"target_{key}": values for key, values in leaves.items()},
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
    }


def float32_floor(threshold: float) -> float:
    """The largest FP32 not above the threshold: for an FP32 x, `x <= threshold` then says the same in both precisions."""
    import numpy as np

    rounded = np.float32(threshold)
    if float(rounded) > threshold:
        rounded = np.nextafter(rounded, np.float32(-np.inf))
    return float(rounded)


def missing_goes_left(node: dict) -> bool:
    """Where a split met no missing values in training LightGBM reads a later one as zero."""
    if node["missing_type"] == "None":
        return node["threshold"] >= 0.0
    return node["default_left"]
