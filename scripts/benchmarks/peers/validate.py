"""
The peer of `validate`: the flight contract as a pandera schema on polars. Reads one Parquet file, judges every row by every rule, writes the
bad rows with their reasons, and prints what it found and what that cost. Imports are not counted.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

AIRPORT = r"^[A-Z]{3}$"

schema = pa.DataFrameSchema(
    {
        # `unique=True` would put the first of two equal rows into quarantine as well.
        "id": pa.Column(
            pl.String, pa.Check(lambda data: data.lazyframe.select(pl.col(data.key).is_first_distinct()), name="unique"), nullable=False
        ),
        "date": pa.Column(nullable=False),
        "origin": pa.Column(pl.String, pa.Check.str_matches(AIRPORT), nullable=False),
        "destination": pa.Column(pl.String, pa.Check.str_matches(AIRPORT), nullable=False),
        "distance": pa.Column(checks=[pa.Check.ge(1), pa.Check.le(6_000)], nullable=False),
        "delay": pa.Column(
            checks=[pa.Check.ge(-180), pa.Check.le(2_880), pa.Check.le(600, raise_warning=True)], nullable=False
        ),
    },
    checks=[pa.Check(lambda data: data.lazyframe.select(pl.col("origin") != pl.col("destination")), name="somewhere else")],
)


def main(source: str, target: str) -> None:
    before, began = spent(), time.perf_counter()
    rows = pl.read_parquet(source)
    try:
        schema.validate(rows, lazy=True)
        quarantined = 0
    except SchemaErrors as errors:
        cases = errors.failure_cases
        reasons = cases.filter(pl.col("index").is_not_null()).select(
            pl.col("index").cast(pl.UInt32),
            (pl.col("column").fill_null("row") + ": " + pl.col("check")).alias("reason"),
        )
        bad = rows.with_row_index("index").join(
            reasons.group_by("index").agg(pl.col("reason").alias("reasons")), on="index", how="inner"
        )
        bad.sort("index").write_parquet(target, compression="zstd")
        quarantined = bad.height
    wall, cpu = time.perf_counter() - began, spent() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(json.dumps({"cpu": cpu, "wall": wall, "rows": rows.height, "quarantined": quarantined, "megabytes": memory}))


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


main(*sys.argv[1:])
