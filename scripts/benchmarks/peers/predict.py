"""The peer of `predict`: the same protocol as a FastAPI application over onnxruntime, written as its documentation teaches."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
TYPES = {each.name: np.float32 if each.type == "tensor(float)" else np.object_ for each in session.get_inputs()}


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float | str]


class InferRequest(BaseModel):
    id: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: list[Tensor]


class Output(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    data: list[float]


class InferAnswer(BaseModel):
    model_name: str
    id: str | None
    outputs: list[Output]


app = FastAPI()


@app.get("/v2/health/ready")
async def ready() -> dict[str, bool]:
    return {"ready": True}


@app.post("/v2/models/{model}/infer")
async def infer(model: str, request: InferRequest) -> InferAnswer:
    feeds = {each.name: np.array(each.data, dtype=TYPES[each.name]).reshape(each.shape) for each in request.inputs}
    (scores,) = session.run(["probability"], feeds)
    output = Output(name="probability", datatype="FP32", shape=list(scores.shape), data=scores.ravel().tolist())
    return InferAnswer(model_name=model, id=request.id, outputs=[output])
