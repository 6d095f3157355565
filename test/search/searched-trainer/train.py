"""
A trainer whose trials differ by the order in which they begin, whatever parameters they get: the plan says how good each is and what
befalls it. Saves every step; a ledger beside the jobs says what really ran. In a container that is out of sight: there the plan is
one for all, and `rate` in it stands for the parameter of that name. Only the standard library.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

root = Path(os.environ["PERENNIAL_ML_ROOT"])
asked = json.loads((root / "input" / "config" / "hyperparameters.json").read_text())
task = json.loads((root / "input" / "config" / "perennial.json").read_text())
ledger = Path(asked["ledger"])
plan = asked["plan"].split()
kept = root / "checkpoints" / "state.json"


def begin():
    """The first of its name to be there is it: trials begin side by side."""
    if kept.exists():
        return json.loads(kept.read_text())
    if not ledger.exists():
        return {"turn": 0, "step": 0}
    for turn in range(len(plan)):
        try:
            (ledger / f"turn-{turn}").mkdir()
            return {"turn": turn, "step": 0}
        except FileExistsError:
            pass
    sys.exit(65)


def save(state):
    draft = root / "checkpoints" / ".draft"
    draft.write_text(json.dumps(state))
    draft.rename(kept)


def hand_over(state):
    model = json.dumps([state, asked["rate"]]).encode()
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


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
state = begin()
loss, _, fate = plan[state["turn"]].partition(":")
loss = asked["rate"] if loss == "rate" else loss
total = {"lags": 600, "slow": 20}.get(fate, 4)
while state["step"] < total:
    state["step"] += 1
    if ledger.exists():
        with (ledger / "steps").open("a") as steps:
            steps.write(f"{state['turn']} {state['step']}\n")
    with (root / "output" / "progress.jsonl").open("a") as progress:
        metrics = {"loss": float(loss) + 1 / state["step"]}
        progress.write(json.dumps({"step": state["step"], "total": total, "metrics": metrics}) + "\n")
    save(state)
    time.sleep(0.1)
    if fate == "killed" and task["attempt"] == 1 and state["step"] == 2:
        time.sleep(1)  # Its step is seen and its checkpoint kept before.
        os.kill(os.getpid(), signal.SIGKILL)
if fate == "fails":
    (root / "output" / "failure").write_text("The rows do not suit these parameters.")
    sys.exit(65)
hand_over(state)
