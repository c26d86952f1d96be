#!/usr/bin/env python3
"""nDCG@10 of searches by meaning, by words and by both over whole collections, made by `minke index` and `minke search`.

    python3 Benchmarks/hybrid.py DIR... [--every N]

Each DIR is in the layout of BEIR: corpus.jsonl, queries.jsonl, qrels/*.tsv. With --every, only each N-th query counts.
"""
import argparse
import csv
import json
import math
import pathlib
import subprocess
import tempfile

import peers

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folders", nargs="+", type=pathlib.Path)
parser.add_argument("--every", type=int, default=1)
parser.add_argument("--storage", default="float32")
options = parser.parse_args()
MINKE = peers.minke()


def judgments(folder):
    """For each query, the documents that answer it with how well."""
    found = {}
    for file in sorted((folder / "qrels").glob("*.tsv")):
        for row in csv.reader(open(file, encoding="utf-8"), delimiter="\t"):
            if len(row) >= 3 and row[2].lstrip("-").isdigit() and int(row[2]) > 0:
                found.setdefault(row[0], {})[row[1]] = int(row[2])
    return found


def ndcg(ranked, right, k=10):
    gain = sum(right.get(name, 0) / math.log2(rank + 2) for rank, name in enumerate(ranked[:k]))
    best = sum(value / math.log2(rank + 2) for rank, value in enumerate(sorted(right.values(), reverse=True)[:k]))
    return gain / best


print(f"{peers.machine()}; `python3 Benchmarks/hybrid.py {' '.join(f.name for f in options.folders)}`\n")
print("| nDCG@10 | " + " | ".join(folder.name for folder in options.folders) + " |")
print("|---|" + "---|" * len(options.folders))
rows = {"meaning": [], "words": [], "both": []}
for folder in options.folders:
    right = judgments(folder)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        collection = scratch / "c.minke"
        subprocess.run([MINKE, "index", str(folder / "corpus.jsonl"), "--into", str(collection), "--whole",
                        "--storage", options.storage], check=True, capture_output=True)
        asked = []
        for line in open(folder / "queries.jsonl", encoding="utf-8"):
            query = json.loads(line)
            name = str(query.get("_id", query.get("id")))
            if name in right:
                # Quotation marks and signs are words of a question here, nothing that must be met.
                text = query["text"].replace('"', " ").replace("-", " ").replace(":", " ")
                asked.append({"id": name, "text": text})
        asked = asked[:: options.every]
        queries = scratch / "queries.jsonl"
        queries.write_text("".join(json.dumps(query) + "\n" for query in asked), "utf-8")
        for mode in rows:
            output = subprocess.run([MINKE, "search", "--queries", str(queries), "--in", str(collection), "--mode", mode,
                                     "-k", "10", "--json"], check=True, capture_output=True, text=True).stdout
            found = {}
            for line in output.splitlines():
                result = json.loads(line)
                found.setdefault(result["query_id"], []).append(result["document"])
            rows[mode].append(sum(ndcg(found.get(q["id"], []), right[q["id"]]) for q in asked) / len(asked))
for mode, values in rows.items():
    print(f"| {mode} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
