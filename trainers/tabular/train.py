"""The tabular trainer: prepared rows in, a binary classifier as ONNX out. docs/trainers.md holds the contract it keeps."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from configuration import read_configuration
from encoding import learn_encoding
from failure import DATA_UNUSABLE, FAILED, TERMINATED, TrainingFailure
from manifest import write_manifest, write_model, write_whole
from rows import read_channel, to_matrix


def main() -> int:
    root = Path(os.environ.get("PERENNIAL_ML_ROOT", "/opt/ml"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        train(root)
        return 0
    except TrainingFailure as failure:
        code, sentence = failure.code, str(failure)
    except MemoryError:
        code, sentence = FAILED, "The trainer ran out of memory."
    except Exception as error:  # The platform reads one sentence; the log keeps the whole story.
        import traceback

        traceback.print_exc()
        code, sentence = FAILED, f"The trainer broke: {type(error).__name__}: {error}"
    print(sentence, file=sys.stderr, flush=True)
    write_whole(root / "output" / "failure", sentence + "\n")
    return code


def train(root: Path) -> None:
    configuration = read_configuration(root)
    asked, features = configuration.hyperparameters, configuration.features
    progress = Progress(root, asked.trees)

    progress.tell(0, {}, "Reading rows")
    known = read_channel(root, "train", configuration)
    # The newest are kept from the trees, where a search is to choose by rows that nobody has learnt from and no gate judges on.
    kept = int(known.num_rows * asked.validation_share)
    rows, unseen = known.slice(0, known.num_rows - kept), known.slice(known.num_rows - kept)
    encodings = {
        feature.name: learn_encoding(rows[feature.name], asked.maximum_categories)
        for feature in features
        if feature.type == "category"
    }
    matrix, label = to_matrix(rows, features, encodings), rows[configuration.label].to_numpy()
    if label.min() == label.max():
        raise TrainingFailure(
            DATA_UNUSABLE, f"All {rows.num_rows} training rows have the label {label[0]:g}: there is nothing to learn."
        )

    # From here on the libraries are heavy: wrong input was told before they load.
    from checkpoint import Checkpoints
    from forest import grow
    from measure import log_loss
    from onnx_graph import build_model
    from verification import verify_model

    checkpoints = Checkpoints(root, configuration)
    begun = checkpoints.begun
    story = f"Going on after {begun.trees} of" if begun else "Growing"
    progress.tell(
        begun.trees if begun else 0,
        {"train_rows": float(rows.num_rows)},
        f"{story} {asked.trees} trees on {rows.num_rows} rows",
    )
    validation = (to_matrix(unseen, features, encodings), unseen[configuration.label].to_numpy()) if kept else None
    booster, losses = grow(
        matrix,
        label,
        configuration,
        checkpoints,
        lambda tree, so_far: progress.tell(tree, so_far, f"Tree {tree} of {asked.trees}"),
        validation,
    )
    serialized = build_model(booster, features, encodings, asked.unseen_categories).SerializeToString(deterministic=True)
    difference = verify_model(serialized, booster, rows, features, encodings)

    # Only measured, never learnt from: the gates judge on these rows.
    holdout = read_channel(root, "holdout", configuration)
    predicted = booster.predict(to_matrix(holdout, features, encodings), num_threads=asked.threads)
    metrics = {
        "train_rows": float(rows.num_rows),
        "trees": float(booster.current_iteration()),
        **losses,
        "holdout_log_loss": log_loss(holdout[configuration.label].to_numpy(), predicted),
        "onnx_largest_difference": difference,
    }
    file = write_model(root, serialized)
    progress.tell(booster.current_iteration(), {"holdout_log_loss": metrics["holdout_log_loss"]}, "Model written")
    write_manifest(root, file, configuration, metrics)


class Progress:
    """Lines of output/progress.jsonl, which the supervisor reads while the training runs; the same words go to the log."""

    def __init__(self, root: Path, total: int) -> None:
        path = root / "output" / "progress.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a", encoding="utf-8", buffering=1)
        self.total = total
        self.start = time.monotonic()

    def tell(self, step: int, metrics: dict[str, float], message: str) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = {"step": step, "total": self.total, "metrics": metrics, "message": message, "time": now}
        self.file.write(json.dumps(line) + "\n")
        numbers = "".join(f", {name} {value:.6g}" for name, value in metrics.items())
        print(f"{time.monotonic() - self.start:7.2f} s  {message}{numbers}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
