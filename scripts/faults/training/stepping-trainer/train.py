"""
A trainer whose every step can be counted: a chain of digests, a checkpoint every few steps, and a ledger beside the job that says what
really ran. The same seed gives the same last digest, however often it was killed on the way. Asked to stop, it saves the step that it is
at and goes. Only the standard library.
"""

import time

began = int(time.time() * 1_000)  # Before everything else: the first line of user code.

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

root = Path(os.environ["PERENNIAL_ML_ROOT"])
config = root / "input" / "config"
asked = json.loads((config / "hyperparameters.json").read_text())
task = json.loads((config / "perennial.json").read_text())
steps, every, pause = int(asked["steps"]), int(asked["every"]), float(asked["pause"])
checkpoints = root / "checkpoints"


def write_down(*words):
    """One write a line: a line is there or it is not, whenever we are killed."""
    at = int(time.time() * 1_000)
    line = " ".join(str(word) for word in (words[0], task["attempt"], at, *words[1:])) + "\n"
    with open(asked["ledger"], "ab", buffering=0) as ledger:
        ledger.write(line.encode())


def latest():
    """The newest checkpoint: number of the step, and the digest after it."""
    found = sorted(checkpoints.glob("step-*"))
    if not found:
        return 0, hashlib.sha256(str(task["seed"]).encode()).hexdigest()
    kept = json.loads(found[-1].read_text())
    return kept["step"], kept["state"]


def devices():
    """The GPUs that it was given, as its backend says it."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES") or os.environ.get("NVIDIA_VISIBLE_DEVICES") or "none"
    return given.replace(" ", "")


def stop(*_):
    global stopping
    stopping = True


def save(step, state):
    draft, whole = checkpoints / ".draft", checkpoints / f"step-{step:06}"
    draft.write_text(json.dumps({"step": step, "state": state}))
    draft.rename(whole)
    write_down("saved", step)
    for old in sorted(checkpoints.glob("step-*"))[:-2]:
        old.unlink()


def hand_over(state):
    model = state.encode()
    (root / "model" / "model.onnx").write_bytes(model)
    kinds = {"number": "FP32", "category": "BYTES"}
    inputs = [{"name": each["name"], "datatype": kinds[each["type"]], "shape": [-1, 1]} for each in task["features"]]
    manifest = {
        "schemaVersion": 1,
        "files": [{"path": "model.onnx", "sha256": hashlib.sha256(model).hexdigest(), "bytes": len(model)}],
        "model": "model.onnx",
        "signature": {"inputs": inputs, "outputs": [{"name": "probability", "datatype": "FP32", "shape": [-1, 1]}]},
        "metrics": {},
        "framework": {"python": sys.version.split()[0]},
        "environment": "sha256:none",
        "seed": task["seed"],
    }
    (root / "output" / "manifest.json").write_text(json.dumps(manifest))


stopping = False
signal.signal(signal.SIGTERM, stop)
step, state = latest()
print(f"begins after step {step} at {began}", flush=True)
write_down("began", step, os.getpid(), devices())
while step < steps:
    if stopping:
        if step > 0:
            save(step, state)
        write_down("stopped", step)
        sys.exit(143)
    step += 1
    state = hashlib.sha256(f"{state} {step}".encode()).hexdigest()
    write_down("step", step)
    with (root / "output" / "progress.jsonl").open("a") as progress:
        progress.write(json.dumps({"step": step, "total": steps}) + "\n")
    time.sleep(pause)
    if step % every == 0:
        save(step, state)
hand_over(state)
write_down("ended", step)
