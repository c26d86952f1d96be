#!/usr/bin/env python3
"""Times Examples/spark beside one process of the command, and prints Markdown tables.

    python3 Benchmarks/spark.py [--texts 100000] [--program MINKE]

The texts are passages of Examples/books, about 390 characters each, over and over. One process has one thread, and so has each
of Spark's; Spark runs on one core and on two, after a job to warm up. Needs Java 17 or later.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import peers

peers.run_with("pyspark[sql]>=4.0", "pandas<3")

import numpy
import pyarrow
import pyarrow.parquet
from pyspark.sql import SparkSession

os.environ["PYSPARK_PYTHON"] = sys.executable
sys.path.append(str(peers.REPOSITORY / "Examples" / "spark"))
import minke_spark

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--texts", type=int, default=100_000)
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--program", help="a minke that is built already")
options = parser.parse_args()
program = options.program or peers.minke()
folder = peers.CACHE / "spark"
folder.mkdir(parents=True, exist_ok=True)
parquet, lines = folder / "texts", folder / "texts.jsonl"


def seconds(work):
    """The median of some runs."""
    taken = []
    for _ in range(options.runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def one_process(*command):
    subprocess.run([program, *map(str, command)], check=True, env={**os.environ, "MINKE_THREADS": "1"}, stdout=subprocess.DEVNULL)


def add(what, name, cores, partitions, work, alone):
    """A row for work that one process does in `alone` seconds."""
    taken = seconds(work)
    rows.append(f"| {what} | {name} | {cores} | {partitions} | {len(texts) / taken:,.0f} | {alone / taken / cores:.2f} |")
    print(rows[-1], file=sys.stderr, flush=True)


passages = [part.strip() for book in sorted((peers.REPOSITORY / "Examples" / "books").glob("*.txt"))
            for part in re.split(r"\n\s*\n", book.read_text()) if part.strip()]
texts = [passages[one % len(passages)] for one in range(options.texts)]
pyarrow.parquet.write_table(pyarrow.table({"id": range(len(texts)), "text": texts}), parquet, row_group_size=len(texts) // 16)
lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
rows, alone = [], {}
for name, flags in (("float", []), ("bits", ["--binarize"])):
    for command, more in (("raw", []), ("npy", ["--output", folder / f"{name}.npy"])):
        taken = seconds(lambda: one_process("encode", "--jsonl", "--input", lines, "--format", command, *flags, *more))
    alone[name] = len(texts) / taken
    rows.append(f"| one process, to .npy | {name} | 1 | | {alone[name]:,.0f} | 1 |")
queries = numpy.load(folder / "float.npy", mmap_mode="r")[:100]
numpy.save(folder / "queries.npy", queries)
numpy.save(folder / "bit-queries.npy", numpy.load(folder / "bits.npy", mmap_mode="r")[:100])
search = {}
for name, some in (("float", "queries.npy"), ("bits", "bit-queries.npy")):
    search[name] = seconds(lambda: one_process("knn", "--base", folder / f"{name}.npy", "--queries", folder / some, "-k", 10))
    rows.append(f"| one process, 100 queries | {name} | 1 | | {len(texts) / search[name]:,.0f} | 1 |")

for cores in (1, 2):
    spark = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", False).config(
        "spark.sql.shuffle.partitions", 2).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark.sparkContext.addPyFile(minke_spark.__file__)
    table = spark.read.parquet(str(parquet))

    def encoded(name, partitions):
        return minke_spark.encode(table.repartition(partitions), format=name, minke=program)

    encoded("bits", cores).write.format("noop").mode("append").save()
    for partitions in ([1] if cores == 1 else [1, 2, 4, 8]):
        for name in ("float", "bits"):
            if cores == 1 or partitions == 2:
                add("Spark, written nowhere", name, cores, partitions,
                    lambda: encoded(name, partitions).write.format("noop").mode("append").save(), len(texts) / alone[name])
            place = str(folder / f"vectors-{name}")
            add("Spark, to Parquet", name, cores, partitions,
                lambda: encoded(name, partitions).write.mode("overwrite").parquet(place), len(texts) / alone[name])
            base = spark.read.parquet(place)
            base.where("id < 100").write.mode("overwrite").parquet(place + "-queries")
            some = spark.read.parquet(place + "-queries")
            add("Spark, 100 queries", name, cores, partitions,
                lambda: minke_spark.neighbors(base.repartition(partitions), some, 10, minke=program).collect(), search[name])
    spark.stop()
print(f"\n{peers.machine()}; `python3 Benchmarks/spark.py`, {len(texts):,} passages\n")
print("| | vectors | cores | partitions | rows a second | a core, against one process |\n|---|---|---|---|---|---|")
print("\n".join(rows))
