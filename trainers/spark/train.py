"""The Spark trainer: prepared rows in, trees that Spark grew as ONNX out. docs/trainers.md holds the contract it keeps."""

from __future__ import annotations

import signal
import sys
import traceback

from contract import DATA_UNUSABLE, FAILED, ROOT, TERMINATED, Progress, Refusal, Task, hand_over, read_task, write_whole

TOLERANCE = 1e-5
"""What the ONNX file may answer otherwise than Spark."""
CHECKED_ROWS = 1_000


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        train(read_task())
        return 0
    except Refusal as refusal:
        code, sentence = refusal.code, str(refusal)
    except Exception as error:  # The platform reads one sentence; the log keeps the whole story.
        traceback.print_exc()
        code, sentence = FAILED, f"The trainer broke: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    print(sentence, file=sys.stderr, flush=True)
    write_whole(ROOT / "output" / "failure", sentence + "\n")
    return code


def train(task: Task) -> None:
    # Heavy, and of no use to a task that is refused.
    import onnx
    import pyspark
    from pyspark.ml.classification import GBTClassifier

    from export import build_model, largest_difference
    from rows import encode, learn_encodings, read_channel
    from session import open_session, signs_of_life

    asked, progress = task.parameters, Progress()
    progress.tell("Starting Spark")
    with open_session(asked) as spark, signs_of_life(spark, progress):
        rows = read_channel(spark, "train", task).cache()
        total, positive = rows.count(), rows.filter("label = 1").count()
        if positive in (0, total):
            raise Refusal(DATA_UNUSABLE, f"All {total} training rows have the same label: there is nothing to learn.")
        encodings = learn_encodings(rows, task.features)
        progress.tell(f"Growing {asked['trees']} trees on {total} rows", {"train_rows": total})
        model = GBTClassifier(
            maxIter=asked["trees"],
            maxDepth=asked["depth"],
            stepSize=asked["learning_rate"],
            minInstancesPerNode=asked["minimum_leaf_rows"],
            seed=task.seed,
        ).fit(encode(rows, task.features, encodings))
        serialized = build_model(model, task.features, encodings)

        # Only measured, never learnt from: the gates judge on these rows.
        holdout = read_channel(spark, "holdout", task)
        metrics = {
            "train_rows": total,
            "trees": model.getNumTrees,
            "train_log_loss": log_loss(model.transform(encode(rows, task.features, encodings))),
            "holdout_log_loss": log_loss(model.transform(encode(holdout, task.features, encodings))),
        }
        sample = model.transform(encode(holdout.limit(CHECKED_ROWS), task.features, encodings)).collect()
        difference = largest_difference(serialized, sample, task.features)
    if not difference < TOLERANCE:
        raise Refusal(FAILED, f"The ONNX model differs from Spark's by {difference:.2g}; {TOLERANCE:g} is allowed.")
    answers = [
        {**{feature.name: tell(row[feature.name]) for feature in task.features}, "probability": float(row["probability"][1])}
        for row in sample[:100]
    ]
    framework = {"pyspark": pyspark.__version__, "onnx": onnx.__version__}
    hand_over(task, serialized, answers, {**metrics, "onnx_largest_difference": difference}, framework)
    progress.tell("Model written", {"holdout_log_loss": metrics["holdout_log_loss"]})


def log_loss(predicted) -> float:
    """Computed where the rows are."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    chance = vector_to_array("probability")[1]
    right = F.when(F.col("label") == 1, chance).otherwise(1 - chance)
    return predicted.agg(F.avg(-F.log(F.greatest(right, F.lit(1e-15))))).first()[0]


def tell(value: float | str) -> float | str | None:
    """JSON knows no NaN."""
    return None if value != value else value


if __name__ == "__main__":
    sys.exit(main())
