"""
A small training on a GPU: a linear model by gradient descent, all of it CuPy. It looks itself for the GPUs it was promised, keeps a
checkpoint every few steps and goes on from the one it finds. Rehearsed it does the same with NumPy, which proves the check and no GPU.
"""

import json
import os
import sys
from pathlib import Path

root = Path(os.environ["PERENNIAL_ML_ROOT"])
config = root / "input" / "config"
asked = json.loads((config / "hyperparameters.json").read_text())
seed = json.loads((config / "perennial.json").read_text())["seed"]
steps, every, rounds = int(asked["steps"]), int(asked["every"]), int(asked["rounds"])
rows, columns, outputs = int(asked["rows"]), int(asked["columns"]), int(asked["outputs"])
checkpoints = root / "checkpoints"


def refuse(sentence):
    (root / "output" / "failure").write_text(sentence)
    sys.exit(78)


def choose_arrays():
    if asked["rehearse"] == "true":
        import numpy

        return numpy
    import cupy

    promised = int(asked["gpus"])
    try:
        seen = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        refuse(f"{promised} GPUs were promised, and CUDA finds none: {error}")
    if seen < promised:
        refuse(f"{promised} GPUs were promised, and CUDA sees {seen}.")
    return cupy


def save(step, weights):
    draft, whole = checkpoints / ".draft.npz", checkpoints / f"step-{step:04}.npz"
    with draft.open("wb") as file:
        arrays.savez(file, step=step, weights=weights)
    draft.rename(whole)
    for old in sorted(checkpoints.glob("step-*.npz"))[:-2]:
        old.unlink()


def resume():
    found = sorted(checkpoints.glob("step-*.npz"))
    if not found:
        return 0, arrays.zeros((columns, outputs), dtype=arrays.float32)
    kept = arrays.load(found[-1])
    return int(kept["step"]), arrays.asarray(kept["weights"])


def report(step, loss):
    line = {"step": step, "total": steps, "metrics": {"loss": loss}, "message": f"step {step} of {steps}"}
    with (root / "output" / "progress.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


arrays = choose_arrays()
chance = arrays.random.RandomState(seed)
inputs = chance.standard_normal((rows, columns)).astype(arrays.float32)
truth = chance.standard_normal((columns, outputs)).astype(arrays.float32)
wanted = inputs @ truth

begun, weights = resume()
print(f"process {os.getpid()} begins after step {begun}", flush=True)
for step in range(begun + 1, steps + 1):
    for _ in range(rounds):
        weights -= 0.1 / rows * (inputs.T @ (inputs @ weights - wanted))
    loss = float(arrays.mean((inputs @ weights - wanted) ** 2))
    report(step, loss)
    if step % every == 0:
        save(step, weights)
