#!/usr/bin/env python3
"""Times the search by words beside tantivy, bm25s and SQLite's FTS5, and prints a Markdown table.

    python3 Benchmarks/words.py --texts TEXTS.jsonl[.xz] --queries QUERIES.jsonl [--count 900000] [--only minke,tantivy]

Passages of about 75 words are cut out of the texts, whose lines hold a member "text", or "anchor" and "positive"; the
queries have a member "text". Both files are written to a cached folder, so that a later run starts at once. All sides use
every word of a question, English stems and one thread for the search; tantivy and Minke keep positions and build on
two threads. The peers are installed from PyPI on the first run.
"""
import argparse
import hashlib
import json
import lzma
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import time

import peers

peers.run_with("numpy", "tantivy==0.27.*", "bm25s", "PyStemmer")

import bm25s
import Stemmer
import tantivy

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--texts", required=True)
parser.add_argument("--queries", required=True)
parser.add_argument("--count", type=int, default=900_000, help="how many passages")
parser.add_argument("--limit", type=int, default=1000, help="how many queries")
parser.add_argument("--only", default="minke,tantivy,bm25s,fts5", help="which sides, comma-separated")
options = parser.parse_args()
wanted = options.only.split(",")
WORD = re.compile(r"[^\W_]+")
WORDS = 75

key = hashlib.sha256(f"{os.path.abspath(options.texts)} {options.count}".encode()).hexdigest()[:12]
folder = peers.CACHE / "words" / key
passages = folder / "passages.jsonl"


def write_passages():
    """Cuts the texts, one after the other, into passages of 75 words."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = lzma.open if options.texts.endswith(".xz") else open
    written, words = 0, []
    with opened(options.texts, "rt", encoding="utf-8") as source, open(folder / "draft", "w", encoding="utf-8") as draft:
        for line in source:
            record = json.loads(line)
            words += (record.get("text") or record.get("anchor", "") + " " + record.get("positive", "")).split()
            while len(words) >= WORDS and written < options.count:
                draft.write(json.dumps({"text": " ".join(words[:WORDS])}, ensure_ascii=False) + "\n")
                words = words[WORDS:]
                written += 1
            if written == options.count:
                break
    (folder / "draft").rename(passages)


if not passages.exists():
    write_passages()
all_queries = [json.loads(line)["text"] for line in open(options.queries, encoding="utf-8")]
limit = min(options.limit, len(all_queries))
queries = [all_queries[i * len(all_queries) // limit] for i in range(limit)]
rows = []


def texts():
    for line in open(passages, encoding="utf-8"):
        yield json.loads(line)["text"]


def size(path):
    return sum(file.stat().st_size for file in pathlib.Path(path).rglob("*") if file.is_file())


def report(name, build, bytes_, times):
    milliseconds = {}
    for k, seconds in times.items():
        ordered = sorted(1e3 * second for second in seconds)
        milliseconds[k] = (statistics.median(ordered), ordered[len(ordered) * 9 // 10], ordered[-1])
    add(name, build, bytes_, milliseconds)


def add(name, build, bytes_, milliseconds):
    cells = " | ".join("%.2f / %.2f / %.2f" % milliseconds[k] if k in milliseconds else "" for k in (10, 1000))
    rows.append(f"| {name} | {build:.1f} s | {bytes_ / 1e6:.0f} MB | {cells} |")
    print(rows[-1], flush=True)


def timed(search, some=None):
    """Seconds of each query in the second of two rounds."""
    for _ in range(2):
        seconds = []
        for query in some or queries:
            start = time.perf_counter()
            search(query)
            seconds.append(time.perf_counter() - start)
    return seconds


def minke():
    program = peers.minke()
    result = subprocess.run([program, "bench", "words", str(passages), options.queries, "--limit", str(limit), "--json"],
                            check=True, capture_output=True, text=True, env={**os.environ, "MINKE_THREADS": "2"})
    found = json.loads(result.stdout)
    add("Minke", found["build"], found["index_bytes"],
        {k: (found[f"top_{k}_median"], found[f"top_{k}_p90"], found[f"top_{k}_worst"]) for k in (10, 1000)})


def with_tantivy():
    path = folder / "tantivy"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=False, tokenizer_name="en_stem", index_option="position")
    index = tantivy.Index(builder.build(), path=str(path))
    loaded = list(texts())
    start = time.perf_counter()
    writer = index.writer(heap_size=500_000_000, num_threads=2)
    for text in loaded:
        writer.add_document(tantivy.Document(text=text))
    writer.commit()
    writer.wait_merging_threads()
    build = time.perf_counter() - start
    index.reload()
    searcher = index.searcher()

    def search(query, k):
        return searcher.search(index.parse_query(" ".join(WORD.findall(query)), ["text"]), k).hits

    report(f"tantivy {tantivy.__version__}", build, size(path),
           {k: timed(lambda query: search(query, k)) for k in (10, 1000)})


def with_bm25s():
    loaded = list(texts())
    start = time.perf_counter()
    stemmer = Stemmer.Stemmer("english")
    tokens = bm25s.tokenize(loaded, stopwords=None, stemmer=stemmer, show_progress=False)
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(tokens, show_progress=False)
    build = time.perf_counter() - start
    path = folder / "bm25s"
    index.save(path)
    some = queries[:: max(1, limit // 100)]

    def search(query, k):
        words = bm25s.tokenize([query], stopwords=None, stemmer=stemmer, show_progress=False)
        return index.retrieve(words, k=k, show_progress=False, n_threads=1)

    report(f"bm25s {bm25s.__version__} (no positions)", build, size(path),
           {k: timed(lambda query: search(query, k), some) for k in (10, 1000)})


def with_fts5():
    path = folder / "fts5.db"
    path.unlink(missing_ok=True)
    loaded = list(texts())
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode = OFF")
    start = time.perf_counter()
    base.execute("CREATE VIRTUAL TABLE passages USING fts5(text, content='', tokenize='porter unicode61')")
    base.executemany("INSERT INTO passages(rowid, text) VALUES (?, ?)", enumerate(loaded))
    base.execute("INSERT INTO passages(passages) VALUES ('optimize')")
    base.commit()
    build = time.perf_counter() - start
    some = queries[:: max(1, limit // 20)]

    def search(query, k):
        words = " OR ".join(f'"{word}"' for word in WORD.findall(query))
        return base.execute("SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?", (words, k)).fetchall()

    report(f"SQLite {sqlite3.sqlite_version} FTS5", build, path.stat().st_size,
           {k: timed(lambda query: search(query, k), some) for k in (10, 1000)})


for name, run in {"minke": minke, "tantivy": with_tantivy, "bm25s": with_bm25s, "fts5": with_fts5}.items():
    if name in wanted:
        run()
print(f"\n{peers.machine()}; `python3 Benchmarks/words.py`, {options.count:,} passages, {limit:,} questions; "
      "bm25s and FTS5 a hundredth to a tenth of them\n")
print("| | build | size | top 10: median / p90 / worst ms | top 1000 |\n|---|---|---|---|---|")
print("\n".join(rows))
