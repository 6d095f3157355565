"""Prepared rows as Spark sees them, and each feature as the number that trees split on."""

from __future__ import annotations

from contract import DATA_UNUSABLE, ROOT, Feature, Refusal, Task
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

Encoding = float | dict[str, float]
"""The mean that stands for a missing number; or the log-odds of each category, with those of all rows under None."""


def read_channel(spark: SparkSession, channel: str, task: Task) -> DataFrame:
    """The features by their names and `label`, with the types that serving will send: FP32 and strings."""
    rows = spark.read.parquet(str(ROOT / "input" / "data" / channel))
    missing = [name for name in [*(each.name for each in task.features), task.label] if name not in rows.columns]
    if missing:
        raise Refusal(DATA_UNUSABLE, f"Channel {channel} lacks the columns {', '.join(missing)}.")
    features = [typed(feature).alias(feature.name) for feature in task.features]
    return rows.select(*features, named(task.label).cast("double").alias("label"))


def typed(feature: Feature) -> Column:
    if feature.type == "category":
        return F.coalesce(named(feature.name).cast("string"), F.lit(""))
    return F.coalesce(named(feature.name).cast("float"), F.lit(float("nan")).cast("float"))


def learn_encodings(rows: DataFrame, features: list[Feature]) -> dict[str, Encoding]:
    """All that is learnt is rounded to FP32, which is what the ONNX file will hold: both split the same way."""
    overall = rows.agg(log_odds()).first()[0]
    encodings: dict[str, Encoding] = {}
    for feature in features:
        column = named(feature.name)
        if feature.type == "category":
            found = rows.groupBy(column.alias("word")).agg(log_odds().alias("odds")).collect()
            encodings[feature.name] = {None: overall, **{row["word"]: row["odds"] for row in found}}
        else:
            mean = rows.filter(~F.isnan(column)).agg(F.avg(column).cast("float")).first()[0]
            encodings[feature.name] = 0.0 if mean is None else mean
    return encodings


def encode(rows: DataFrame, features: list[Feature], encodings: dict[str, Encoding]) -> DataFrame:
    """Beside the columns that are there `features`, a vector."""
    columns = []
    for position, feature in enumerate(features):
        encoding, column = encodings[feature.name], f"{position}:code"
        columns.append(column)
        if isinstance(encoding, dict):
            words = [(word, odds) for word, odds in encoding.items() if word is not None]
            table = rows.sparkSession.createDataFrame(words, f"`{position}:word` string, `{position}:odds` float")
            same = named(feature.name) == named(f"{position}:word")
            rows = rows.join(F.broadcast(table), same, "left")
            value = F.coalesce(named(f"{position}:odds"), F.lit(encoding[None]).cast("float"))
        else:
            value = F.nanvl(named(feature.name), F.lit(encoding).cast("float"))
        rows = rows.withColumn(column, value)
    return VectorAssembler(inputCols=columns, outputCol="features").transform(rows)


def log_odds() -> Column:
    ones = F.sum("label")
    return F.log((ones + 1) / (F.count("label") - ones + 1)).cast("float")


def named(name: str) -> Column:
    """Also where the name holds a dot."""
    return F.col(f"`{name}`")
