#!/usr/bin/env python3
"""Compares Examples/spark, on two workers of one core each, with one machine's `minke encode` and `minke knn`.

Usage: Tests/spark.py PROGRAM; needs pyspark, pyarrow, pandas and Java.

Vectors, bits, ids and scores must be equal to the bit: from Parquet and from JSON Lines, however many partitions there are,
with hostile texts and equal scores among them, and when a process is killed on the way. What is wrong must be said, with
nothing left behind.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy
import pyarrow
import pyarrow.parquet

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "Examples" / "spark" / "minke_spark.py"
sys.path.append(str(EXAMPLE.parent))
os.environ["PYSPARK_PYTHON"] = sys.executable

import minke_spark
from pyspark import InheritableThread
from pyspark.sql import SparkSession

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
HOSTILE = ["", " ", "a\nb", "a\r\nb\r", "\"quoted\" \\ {}", "nul\0inside", "\u2028\u2029\u0085", "🐋👩‍🚀", "é" * 3000, "\ufeff", "\x1b[31m"]
failures = 0


def check(what, is_so):
    global failures
    failures += not is_so
    print(f"{'ok   ' if is_so else 'WRONG'} {what}", flush=True)


def passages():
    """Ids and texts: passages of the books, hostile ones, some twice so that scores are equal, and one without a text."""
    texts = [part.strip() for book in sorted((REPOSITORY / "Examples" / "books").glob("*.txt"))
             for part in re.split(r"\n\s*\n", book.read_text())][:4000]
    texts += HOSTILE + texts[100:160] + texts[100:130] + [None]
    order = numpy.random.default_rng(1).permutation(len(texts))
    return [f"n{place}" for place in range(len(texts))], [texts[one] for one in order]


def shell(*command):
    return subprocess.run([PROGRAM, *map(str, command)], check=True, capture_output=True)


def one_machine(folder, texts, *options):
    """What `minke encode` makes of the texts."""
    file, output = folder / "texts.jsonl", folder / "vectors.npy"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    shell("encode", "--jsonl", "--input", file, "--output", output, *options)
    return numpy.load(output)


def one_machine_neighbors(folder, ids, vectors, query_ids, queries, k, *options):
    """What `minke knn` finds among vectors in the order of their ids: (query, rank, id, score)."""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    numpy.save(folder / "base.npy", vectors[order])
    numpy.save(folder / "queries.npy", queries)
    shell("knn", "--base", folder / "base.npy", "--queries", folder / "queries.npy", "-k", k, "--output", folder / "ids.npy",
          "--scores", folder / "scores.npy", *options)
    rows, scores = numpy.load(folder / "ids.npy"), numpy.load(folder / "scores.npy")
    return sorted((query, rank + 1, ids[order[rows[place, rank]]], float(scores[place, rank]))
                  for place, query in enumerate(query_ids) for rank in range(k))


def table(folder):
    """The columns of a folder that Spark wrote, in the order of the ids."""
    return pyarrow.parquet.read_table(folder).sort_by("id").to_pydict()


def equals(found, ids, texts, vectors, name):
    """Whether a table has each id once, with the vector of its text, or null without one."""
    wanted = iter(vectors)
    of = {one: None if text is None else next(wanted) for one, text in zip(ids, texts)}
    return found["id"] == sorted(ids) and all(
        (row is None) == (of[one] is None) and (row is None or row == (of[one].tobytes() if name == "bits" else of[one].tolist()))
        for one, row in zip(found["id"], found[name]))


def run(*options):
    """The example's command in this process; gives what it ends with."""
    try:
        minke_spark.main([str(one) for one in options])
    except SystemExit as end:
        return str(end)
    return ""


def script(path, text):
    path.write_text("#!/bin/bash\n" + text)
    path.chmod(0o755)
    return path


def refuses(what, output, words, *options):
    said = run(*options, "--output", output)
    check(f"{what}: {said}", words in said and "\n" not in said and not output.exists())


def main(folder):
    ids, texts = passages()
    real = [text for text in texts if text is not None]
    floats, bits = one_machine(folder, real), one_machine(folder, real, "--binarize")
    parquet, lines = folder / "passages.parquet", folder / "passages.jsonl"
    pyarrow.parquet.write_table(pyarrow.table({"id": ids, "text": texts}), parquet, row_group_size=500)
    lines.write_text("".join(json.dumps({"text": text, "id": one, "more": [1]}) + "\n" for one, text in zip(ids, texts)))

    # As people start it, in a driver of its own.
    submit = pathlib.Path(sys.executable).parent / "spark-submit"
    master, quiet = "local-cluster[2,1,1024]", ["--conf", "spark.ui.enabled=false"]
    ended = subprocess.run(
        [submit, "--master", master, *quiet, EXAMPLE, "encode", "--input", parquet, "--output", folder / "floats", "--minke",
         PROGRAM, "--partitions", "5"], capture_output=True, text=True)
    check("spark-submit encode, from Parquet", ended.returncode == 0)
    print(ended.stderr[-2000:] if ended.returncode else "", end="")
    check(f"{len(ids)} vectors are those of one machine", equals(table(folder / "floats"), ids, texts, floats, "vector"))

    builder = SparkSession.builder.master(master).config("spark.ui.enabled", False).config("spark.task.maxFailures", 3)
    builder = builder.config("spark.sql.shuffle.partitions", 2)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark.sparkContext.addPyFile(str(EXAMPLE))
    minke = ["--minke", PROGRAM]

    said = run("encode", "--input", lines, "--format", "bits", "--output", folder / "bits", *minke)
    check(f"encode, from JSON Lines, into bits {said}", said == "" and equals(table(folder / "bits"), ids, texts, bits, "bits"))
    said = run("encode", "--input", lines, "--format", "int8", "--dimension", "64", "--output", folder / "int8", *minke)
    small = {one: row for one, row in zip([one for one, text in zip(ids, texts) if text is not None],
                                          one_machine(folder, real, "--dimension", "64"))}
    found = table(folder / "int8")
    steps = [abs(numpy.array(row) - small[one] * 127 / max(abs(small[one]).max(), 1e-30)).max()
             for one, row in zip(found["id"], found["vector"]) if row is not None]
    check(f"encode into int8, no number further than half a step {max(steps):.3f} {said}",
          len(steps) == len(real) and max(steps) < 0.5001)

    # Neighbors: the queries are some of the passages, so that many scores are equal.
    kept = [one for one, text in zip(ids, texts) if text is not None]
    of = dict(zip(kept, range(len(kept))))
    asked = kept[::90]
    for name, vectors, metric in (("floats", floats, "cosine"), ("bits", bits, "hamming")):
        column = "bits" if name == "bits" else "vector"
        all_rows = pyarrow.parquet.read_table(folder / name)
        pyarrow.parquet.write_table(
            all_rows.filter(pyarrow.compute.is_in(all_rows["id"], pyarrow.array(asked))), folder / f"{name}-queries")
        wanted = one_machine_neighbors(folder, kept, vectors, asked, vectors[[of[one] for one in asked]], 20)
        for partitions in (1, 4):
            output = folder / f"{name}-{partitions}"
            said = run("neighbors", "--base", folder / name, "--queries", folder / f"{name}-queries", "-k", 20, "--output", output,
                       "--partitions", partitions, *minke)
            rows = pyarrow.parquet.read_table(output).to_pydict() if output.exists() else {}
            found = sorted(zip(rows["query"], rows["rank"], rows["id"], rows["score"])) if rows else []
            check(f"neighbors by {metric}, {partitions} partitions {said}", found == wanted)
    whole = spark.createDataFrame(pyarrow.table({
        "id": range(len(kept)), "vector": pyarrow.array(list(floats[:, :64]), pyarrow.list_(pyarrow.float32()))}))
    some = minke_spark.neighbors(
        whole.repartition(2), whole.where("id % 500 = 0"), 5, storage="int8", minke=PROGRAM, chunk_bytes=100_000).collect()
    places = list(range(0, len(kept), 500))
    wanted = one_machine_neighbors(folder, list(range(len(kept))), numpy.ascontiguousarray(floats[:, :64]), places,
                                   numpy.ascontiguousarray(floats[places, :64]), 5, "--storage", "int8")
    check("neighbors by integers as ids, in 8 bits", sorted((row.query, row.rank, row.id, row.score) for row in some) == wanted)

    # Processes that end too early.
    once = script(folder / "once", f"if [[ $* == *raw* ]] && mkdir {folder}/was-killed 2>/dev/null; then\n"
                  f"  {PROGRAM} \"$@\" | head -c 300000; kill -9 $$\nfi\nexec {PROGRAM} \"$@\"\n")
    said = run("encode", "--input", parquet, "--output", folder / "again", "--partitions", "3", "--minke", once)
    check(f"a process killed once {said}", said == "" and (folder / "was-killed").exists()
          and equals(table(folder / "again"), ids, texts, floats, "vector"))
    never = script(folder / "never", f"if [[ $* == *raw* ]]; then kill -9 $$; fi\nexec {PROGRAM} \"$@\"\n")
    refuses("a process killed always", folder / "no", "signal 9", "encode", "--input", parquet, "--minke", never)
    broken = script(folder / "broken", f"if [[ $* == *raw* ]]; then echo 'minke: model: damaged' >&2; exit 2; fi\nexec {PROGRAM} \"$@\"\n")
    refuses("an error of the command", folder / "no", "minke: model: damaged", "encode", "--input", parquet, "--minke", broken)
    short = script(folder / "short", f"if [[ $* == *raw* ]]; then {PROGRAM} \"$@\" | head -c 2048; exit 0; fi\nexec {PROGRAM} \"$@\"\n")
    refuses("too few vectors", folder / "no", "fewer vectors", "encode", "--input", parquet, "--minke", short)

    # A task that is cancelled leaves no process.
    named = script(folder / "named", f"echo $$ > {folder}/pid-$$; exec {PROGRAM} \"$@\"\n")
    endless = spark.range(10 ** 9).selectExpr("id", "concat('whale ', id) as text").repartition(1)

    def encode_endless():
        try:
            minke_spark.encode(spark.range(0, 10 ** 9, 1, 1).selectExpr("id", "concat('whale ', id) as text"),
                               minke=str(named)).write.format("noop").mode("append").save()
        except Exception:
            pass

    spark.sparkContext.setJobGroup("endless", "endless", True)
    thread = InheritableThread(target=encode_endless)
    thread.start()
    is_running = lambda: [pid for file in folder.glob("pid-*") if pathlib.Path("/proc", pid := file.read_text().strip()).exists()]
    for _ in range(120):
        time.sleep(1)
        if running := is_running():
            break
    time.sleep(5)
    spark.sparkContext.cancelJobGroup("endless")
    thread.join()
    for _ in range(60):
        if not is_running():
            break
        time.sleep(1)
    check(f"a cancelled task ends its process ({len(running)} ran)", running and not is_running())

    # Wrong inputs.
    empty = folder / "no"
    refuses("no such column", empty, "column body: there is none; the columns are id, text", "encode", "--input", parquet, *minke,
            "--text-column", "body")
    refuses("no texts", empty, "expected strings", "encode", "--input", folder / "floats", *minke, "--text-column", "vector")
    refuses("no such command", empty, "/nowhere/minke", "encode", "--input", parquet, "--minke", "/nowhere/minke")
    refuses("no such model", empty, "/nowhere", "encode", "--input", parquet, *minke, "--model", "/nowhere")
    refuses("no such size", empty, "expected one of 512", "encode", "--input", parquet, *minke, "--dimension", "100")
    refuses("no such input", empty, "nowhere", "encode", "--input", "/nowhere", *minke)
    refuses("numbers of a model of bits", empty, "gives bits", "encode", "--input", parquet, *minke, "--format", "float", "--model",
            REPOSITORY / "Tests/Fixtures/bne-tiny/binary_embedder_128.pt")
    (folder / "wrong.jsonl").write_text("".join(f'{{"id": {n}, "text": "a"}}\n' for n in range(2000)) + '{"id": 1, "te\n')
    refuses("a wrong line of JSON", empty, "alformed", "encode", "--input", folder / "wrong.jsonl", *minke)
    pyarrow.parquet.write_table(
        pyarrow.table({"id": ["a"], "vector": pyarrow.array([[1.0] * 64], pyarrow.list_(pyarrow.float32()))}), folder / "small")
    (folder / "null.jsonl").write_text('{"id": "a", "text": "a"}\n{"text": "b"}\n')
    refuses("a row without an id", empty, "without an id", "encode", "--input", folder / "null.jsonl", *minke)
    refuses("vectors of two sizes", empty, "expected", "neighbors", "--base", folder / "floats", "--queries", folder / "small", *minke)
    refuses("vectors of two kinds", empty, "int8", "neighbors", "--base", folder / "floats", "--queries", folder / "int8", *minke)
    said = run("encode", "--input", parquet, "--output", folder / "floats", *minke)
    check(f"an output that is there: {said}", "exists already" in said and len(table(folder / "floats")["id"]) == len(ids))
    spark.stop()

    # No more is taken than the pipes hold.
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield b'{"text":"' + b"whale " * 10_000 + b'"}\n'

    process = minke_spark.Process([PROGRAM, "encode", "--jsonl", "--format", "raw"], 1, endless())
    process.read(2048 * 10)
    time.sleep(5)
    before = taken
    time.sleep(5)
    check(f"{taken} texts of 60 kB wait for 10 vectors to be read", taken == before and taken < 300)
    process.kill()
    process.writer.join(10)
    check("the end of a process ends what feeds it", not process.writer.is_alive())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as parent:
        main(pathlib.Path(parent))
    print(f"{failures} failures")
    sys.exit(1 if failures else 0)
