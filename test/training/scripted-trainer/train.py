"""A trainer for tests of what runs trainers: it does what the hyperparameter `script` says, one word after the other."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from probes import probes

root = Path(os.environ["PERENNIAL_ML_ROOT"])
config = root / "input" / "config"
script = json.loads((config / "hyperparameters.json").read_text())["script"].split()
task = json.loads((config / "perennial.json").read_text())


def progress(step):
    with (root / "output" / "progress.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "total": 9, "metrics": {"loss": 1 / (step + 1)}, "message": f"step {step}"}) + "\n")


def succeed():
    model = b"not really ONNX, but somebody's bytes"
    (root / "model" / "model.onnx").write_bytes(model)
    manifest = {
        "schemaVersion": 1,
        "files": [{"path": "model.onnx", "sha256": hashlib.sha256(model).hexdigest(), "bytes": len(model)}],
        "model": "model.onnx",
        "signature": {
            "inputs": [
                {"name": each["name"], "datatype": {"number": "FP32", "category": "BYTES"}[each["type"]], "shape": [-1, 1]}
                for each in task["features"]
            ],
            "outputs": [{"name": "probability", "datatype": "FP32", "shape": [-1, 1]}],
        },
        "metrics": {"loss": 0.5},
        "framework": {"scripted": "1"},
        "environment": "sha256:none",
        "seed": task["seed"],
    }
    (root / "output" / "manifest.json").write_text(json.dumps(manifest))


def train(last):
    """Counts to the last step from the newest checkpoint and saves each; asked to stop, it ends between two of them."""
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    done = max((int(each.name) for each in (root / "checkpoints").glob("[0-9]*")), default=0)
    for step in range(done + 1, last + 1):
        print(f"step {step}", flush=True)
        progress(step)
        draft = root / "checkpoints" / f".{step}"
        draft.mkdir()
        (draft / "weights").write_text(str(step))
        draft.rename(root / "checkpoints" / str(step))
        if asked:
            sys.exit(143)
        time.sleep(0.1)


for word in script:
    verb, _, value = word.partition("=")
    if verb == "say":
        print(value, flush=True)
    elif verb == "step":
        progress(int(value))
    elif verb == "environment":
        print(json.dumps(dict(os.environ)), flush=True)
    elif verb == "flood":
        line = "x" * 99 + "\n"
        sys.stdout.write(line * (int(value) // len(line)))
        sys.stdout.flush()
    elif verb == "fail":
        (root / "output" / "failure").write_text(value.replace("_", " "))
    elif verb == "orphan":
        # A child in the same group that holds the output open.
        child = subprocess.Popen(["sleep", value])
        print(f"orphan {child.pid}", flush=True)
    elif verb == "escape":
        # A grandchild in a session of its own, as a daemon makes itself.
        shell = f"setsid sleep {value} > /dev/null 2>&1 & echo escaped $!"
        subprocess.run(["sh", "-c", shell], start_new_session=True)
    elif verb == "obey":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    elif verb == "refuse":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif verb == "checkpoint":
        (root / "checkpoints" / "state").write_text(value)
    elif verb == "save":
        # Aside first: a name with a dot is a draft until it is renamed.
        name, _, content = value.partition(":")
        draft = root / "checkpoints" / f".{name}"
        draft.mkdir()
        (draft / "weights").write_text(content)
        (draft / "shared").write_text("the same in all of them")
        if not (root / "checkpoints" / name).exists():
            draft.rename(root / "checkpoints" / name)
    elif verb == "train":
        train(int(value))
    elif verb == "saved":
        for each in sorted((root / "checkpoints").glob("*/weights")):
            print(f"{each.parent.name} {each.read_text()}", flush=True)
    elif verb == "chatter":
        while True:
            print("still here", flush=True)
            time.sleep(0.05)
    elif verb == "resume":
        print("resumed " + (root / "checkpoints" / "state").read_text(), flush=True)
    elif verb == "resume-or-stop":
        state = root / "checkpoints" / "state"
        if not state.exists():
            state.write_text("halfway")
            sys.exit(75)
        print("resumed " + state.read_text(), flush=True)
    elif verb == "walk":
        # On from its checkpoint to that step, a checkpoint after each.
        walked, draft = root / "checkpoints" / "walked", root / "checkpoints" / ".walked"
        for step in range(int(walked.read_text()) + 1 if walked.exists() else 1, int(value) + 1):
            print(f"step {step}", flush=True)
            progress(step)
            draft.write_text(str(step))
            draft.rename(walked)
    elif verb == "await":
        while not (root / value).exists():
            time.sleep(0.02)
    elif verb == "forever":
        while True:
            time.sleep(0.05)
    elif verb == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "succeed":
        succeed()
    elif verb == "exit":
        sys.exit(int(value))
    elif verb in probes:
        probes[verb](value)
    else:
        sys.exit(f"unknown word {word}")
