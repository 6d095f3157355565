"""A Spark of one's own for one training, and the signs of life that the platform waits for."""

from __future__ import annotations

import os
import pwd
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from contract import CONFIGURATION_WRONG, ROOT, Progress, Refusal
from pyspark.sql import SparkSession

LOOK_SECONDS = 2


@contextmanager
def open_session(asked: dict) -> Iterator[SparkSession]:
    """Needs no network and no name for its machine; what does not fit into memory goes beside the job's data."""
    require_name()
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    scratch = ROOT / ".spark"
    spark = (
        SparkSession.builder.master(asked["master"])
        .appName("perennial")
        .config("spark.driver.memory", asked["memory"])
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.local.dir", str(scratch))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def require_name() -> None:
    """Spark's Java asks who runs it, and breaks off where the system knows a number alone."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        sentence = f"Spark needs a name for the account {os.getuid()}: /etc/passwd of the image has none."
        raise Refusal(CONFIGURATION_WRONG, sentence) from None


@contextmanager
def signs_of_life(spark: SparkSession, progress: Progress) -> Iterator[None]:
    """
    `fit` is one call. Meanwhile each look that finds Spark further than the last one tells its newest job as the step: a Spark that
    stands still says nothing, and is found.
    """
    over = threading.Event()
    tracker = spark.sparkContext.statusTracker()

    def look() -> None:
        last = None
        while not over.wait(LOOK_SECONDS):
            stages = {stage: tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()}
            now = {stage: info.numCompletedTasks for stage, info in stages.items() if info}
            if now and now != last:
                last = now
                progress.step = max([progress.step, *tracker.getActiveJobsIds()])
                progress.tell(f"Spark is at job {progress.step}")

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
