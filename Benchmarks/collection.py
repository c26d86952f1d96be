#!/usr/bin/env python3
"""Times collections beside what people glue together for the same: SQLite's FTS5, sqlite-vec, chromadb and lancedb.

    python3 Benchmarks/collection.py --passages PASSAGES.jsonl --queries QUERIES.jsonl [--count 100000] [--only minke,...]

PASSAGES has a member "text" a line, QUERIES too. All get the same passages, and all but Minke, which encodes by itself, get
the vectors that `minke encode` makes. Figures of Minke are of whole processes where they say so. The peers are installed
from PyPI on the first run.
"""
import argparse
import itertools
import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time

import peers

# Python's own sqlite3 may be built without extensions.
peers.run_with("numpy", "apsw", "sqlite-vec", "chromadb", "lancedb")

import numpy

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--passages", required=True)
parser.add_argument("--queries", required=True)
parser.add_argument("--count", type=int, default=100_000)
parser.add_argument("--limit", type=int, default=100, help="how many queries")
parser.add_argument("--storage", default="int8")
parser.add_argument("--only", default="minke,fts5,sqlite-vec,chromadb,lancedb")
options = parser.parse_args()
wanted = options.only.split(",")
MINKE = peers.minke()
scratch = pathlib.Path(tempfile.mkdtemp())
rows = []


def row(side, what, figure):
    rows.append((side, what, figure))
    print(f"| {side} | {what} | {figure} |", flush=True)


def milliseconds(times):
    return f"{statistics.median(times) * 1000:.1f} / {max(times) * 1000:.1f} ms"


def timed(work, *arguments):
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


print(f"{peers.machine()}; `python3 Benchmarks/collection.py --count {options.count}`\n")
print("| side | what | figure |\n|---|---|---|")
passages = scratch / "passages.jsonl"
with open(options.passages, encoding="utf-8") as source, open(passages, "w", encoding="utf-8") as target:
    texts = []
    for number, line in enumerate(itertools.islice(source, options.count)):
        texts.append(json.loads(line)["text"])
        target.write(json.dumps({"id": f"p{number}", "text": texts[-1]}, ensure_ascii=False) + "\n")
asked = [json.loads(line)["text"] for line in itertools.islice(open(options.queries, encoding="utf-8"), 10 * options.limit)]
asked = asked[::10]
queries = scratch / "queries.txt"
queries.write_text("\n".join(q.replace('"', " ").replace("-", " ").replace(":", " ") for q in asked) + "\n", "utf-8")

if "minke" in wanted:
    collection = scratch / "c.minke"
    seconds = timed(lambda: subprocess.run(
        [MINKE, "index", str(passages), "--into", str(collection), "--whole", "--storage", options.storage], check=True,
        capture_output=True))
    row("minke", "read, encode, index words and vectors, durable", f"{len(texts) / seconds:.0f} passages/s")
    info = subprocess.run([MINKE, "collection", "info", str(collection), "--json"], capture_output=True, text=True).stdout
    row("minke", "the file", f"{collection.stat().st_size / 1e6:.0f} MB, {sum(len(t.encode()) for t in texts) / 1e6:.0f} MB of it text; {info.strip()}")
    for mode in ["both", "meaning", "words"]:
        times = [timed(lambda: subprocess.run(
            [MINKE, "search", text.lstrip("-"), "--in", str(collection), "--mode", mode], capture_output=True))
            for text in asked[:20]]
        row("minke", f"cold search, {mode}, the whole process (median / worst of {len(times)})", milliseconds(times))
    bench = subprocess.run([MINKE, "bench", "collection", str(collection), "--queries", str(queries), "--json"],
                           capture_output=True, text=True, check=True).stdout
    for mode in ["both", "meaning", "words"]:
        figures = json.loads(bench)
        row("minke", f"warm search, {mode} (median / worst)",
            f"{figures[mode + '_median']:.2f} / {figures[mode + '_worst']:.2f} ms")
    folder = scratch / "files"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"{number}.txt").write_text(texts[number % len(texts)], "utf-8")
    files = scratch / "files.minke"
    subprocess.run([MINKE, "index", str(folder), "--into", str(files)], check=True, capture_output=True)
    times = [timed(lambda: subprocess.run([MINKE, "index", str(folder), "--into", str(files)], check=True, capture_output=True))
             for _ in range(5)]
    row("minke", "10,000 unchanged files again, the whole process", milliseconds(times))

vectors = question_vectors = None
if set(wanted) & {"sqlite-vec", "chromadb", "lancedb"}:
    lines = scratch / "lines.txt"
    lines.write_text("\n".join(" ".join(t.split()) for t in texts) + "\n", "utf-8")
    for source, target in [(lines, "v.npy"), (queries, "q.npy")]:
        subprocess.run([MINKE, "encode", str(source), "--output", str(scratch / target)], check=True)
    vectors, question_vectors = numpy.load(scratch / "v.npy"), numpy.load(scratch / "q.npy")

if "fts5" in wanted:
    base = sqlite3.connect(scratch / "fts.db")
    base.execute("create virtual table t using fts5(text, content='', tokenize='porter')")
    seconds = timed(lambda: (base.executemany("insert into t(rowid, text) values (?, ?)", enumerate(texts)), base.commit()))
    row("FTS5", "index words alone", f"{len(texts) / seconds:.0f} passages/s, {os.path.getsize(scratch / 'fts.db') / 1e6:.0f} MB")
    times = []
    for text in asked:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", text))
        times.append(timed(lambda: base.execute("select rowid from t where t match ? order by rank limit 10", (words,)).fetchall()))
    row("FTS5", "words (median / worst)", milliseconds(times))

if "sqlite-vec" in wanted:
    import apsw
    import sqlite_vec
    base = apsw.Connection(str(scratch / "vec.db"))
    base.enable_load_extension(True)
    base.load_extension(sqlite_vec.loadable_path())
    for name, kind, form in [("float32", "float", lambda v: v.tobytes()),
                             ("bit", "bit", lambda v: numpy.packbits(v > 0, bitorder="little").tobytes())]:
        base.execute(f"create virtual table {name}_vectors using vec0(v {kind}[{vectors.shape[1]}])")
        seconds = timed(lambda: (base.execute("begin"), base.executemany(
            f"insert into {name}_vectors(rowid, v) values (?, {'vec_bit(?)' if kind == 'bit' else '?'})",
            ((i, form(v)) for i, v in enumerate(vectors))), base.execute("commit")))
        row("sqlite-vec", f"{name}: index vectors alone", f"{len(texts) / seconds:.0f} passages/s")
        wrap = "vec_bit(?)" if kind == "bit" else "?"
        times = [timed(lambda: base.execute(
            f"select rowid, distance from {name}_vectors where v match {wrap} and k = 10", (form(v),)).fetchall())
            for v in question_vectors]
        row("sqlite-vec", f"{name} (median / worst)", milliseconds(times))

if "chromadb" in wanted:
    import chromadb
    client = chromadb.PersistentClient(str(scratch / "chroma"))
    store = client.create_collection("passages", metadata={"hnsw:space": "cosine"})
    def fill():
        for start in range(0, len(texts), 5000):
            end = min(len(texts), start + 5000)
            store.add(ids=[str(i) for i in range(start, end)], embeddings=vectors[start:end], documents=texts[start:end])
    row("chromadb", "index vectors and texts (approximate)", f"{len(texts) / timed(fill):.0f} passages/s")
    times = [timed(lambda: store.query(query_embeddings=[v], n_results=10)) for v in question_vectors]
    row("chromadb", "meaning, approximate (median / worst)", milliseconds(times))

if "lancedb" in wanted:
    import lancedb
    import pyarrow
    base = lancedb.connect(str(scratch / "lance"))
    def fill():
        table = pyarrow.table({"id": list(range(len(texts))), "text": texts, "vector": pyarrow.FixedSizeListArray.from_arrays(
            pyarrow.array(vectors.reshape(-1)), vectors.shape[1])})
        base.create_table("c", table)
    row("lancedb", "write vectors and texts, no index", f"{len(texts) / timed(fill):.0f} passages/s")
    table = base.open_table("c")
    times = [timed(lambda: table.search(v).distance_type("cosine").limit(10).to_list()) for v in question_vectors]
    row("lancedb", "meaning, exact (median / worst)", milliseconds(times))

shutil.rmtree(scratch)
