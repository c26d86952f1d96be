#!/usr/bin/env python3
"""Holds the figures and times of `minke eval classification`, `clustering`, `pairs`, `reranking` and `summarization` against
those of the library mteb on the same vectors.

    python3 Benchmarks/protocols.py DIR [--model minke-sse-en] [--samples-per-label 8,16]

DIR has train.jsonl and test.jsonl with "text" and "label", such as banking77. Out of its classes the data of the other
protocols is made: sets of texts, pairs of one class or two, candidates of the query's class and of others, and summaries that are
better the more of them is of the text's class. Times are of scoring alone; the vectors are made before.
"""
import argparse
import json
import logging
import pathlib
import random
import subprocess
import tempfile
import time

import peers

peers.run_with("mteb==2.*", "torch==2.13.*")

import mteb
import numpy as np
from datasets import Dataset, DatasetDict, disable_progress_bars
from mteb.abstasks import AbsTaskClassification, AbsTaskClustering, AbsTaskPairClassification, AbsTaskRetrieval
from mteb.abstasks.clustering_legacy import AbsTaskClusteringLegacy
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.abstasks.text.summarization import AbsTaskSummarization
from mteb.similarity_functions import cos_sim, pairwise_cos_sim

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--model", default="minke-sse-en")
parser.add_argument("--samples-per-label", default="8,16")
options = parser.parse_args()
logging.disable(logging.WARNING)
disable_progress_bars()
MINKE = peers.minke()
SCRATCH = tempfile.TemporaryDirectory()
PLACE = pathlib.Path(SCRATCH.name)


def rows(name):
    lines = [json.loads(line) for line in open(options.folder / name, encoding="utf-8")]
    # Without spaces that one side might leave out.
    return [{"text": " ".join(line["text"].split()), "label": line["label"]} for line in lines]


train, test = rows("train.jsonl"), rows("test.jsonl")
texts = list(dict.fromkeys(row["text"] for row in train + test))
(PLACE / "texts.txt").write_text("".join(text + "\n" for text in texts), "utf-8")
subprocess.run([MINKE, "encode", "--model", options.model, "--no-normalize", "--input", PLACE / "texts.txt", "--output",
                PLACE / "texts.npy"], check=True)
VECTORS = dict(zip(texts, np.load(PLACE / "texts.npy")))


class Table:
    """A model of mteb that looks its vectors up."""
    mteb_model_meta = mteb.models.ModelMeta.create_empty({"name": "minke/table", "revision": "1"})

    def encode(self, inputs, **_):
        return np.stack([VECTORS[text] for batch in inputs for text in batch["text"]])

    def similarity(self, first, second):
        return cos_sim(first, second)

    def similarity_pairwise(self, first, second):
        return pairwise_cos_sim(first, second)


def task(base, kind, dataset, main, **attributes):
    metadata = TaskMetadata(
        name="Measured", description="Made by Benchmarks/protocols.py.", reference=None, type=kind, category="t2t",
        dataset={"path": "none", "revision": "none"}, eval_splits=["test"], eval_langs=["eng-Latn"], main_score=main,
        date=("2020-01-01", "2020-01-01"), domains=[], task_subtypes=[], license="cc-by-4.0", dialect=[],
        annotations_creators="derived", modalities=["text"], sample_creation="found", bibtex_citation="")
    made = type("Measured", (base,), {"metadata": metadata, **attributes})()
    made.dataset, made.data_loaded = dataset, True
    return made


def theirs(made):
    start = time.perf_counter()
    scores = made.evaluate(Table(), split="test", encode_kwargs={"batch_size": 1024})
    return scores["default"], time.perf_counter() - start


def ours(command, files, groups, *arguments):
    """What our command says of a folder with `files`, given the vectors of each of `groups` of texts."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=PLACE))
    for name, lines in files.items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    names = []
    for index, group in enumerate(groups):
        names.append(folder / f"{index}.npy")
        np.save(names[-1], np.stack([VECTORS[text] for text in group]))
    start = time.perf_counter()
    output = subprocess.run([MINKE, "eval", command, folder, "--json", *arguments, "--vectors", *names], check=True,
                            capture_output=True, text=True).stdout
    return json.loads(output)["tasks"][0]["metrics"], time.perf_counter() - start


def compare(name, pairs, mine, peer):
    for own, other in pairs:
        a, b = mine[0][own], peer[0][other]
        print(f"| {name} | {own} | {100 * a:.4f} | {100 * b:.4f} | {100 * (a - b):+.4f} | {mine[1]:.2f} | {peer[1]:.2f} |")
        name = ""


def columns(lines, *names):
    return Dataset.from_dict({name: [line[name] for line in lines] for name in names})


chance = random.Random(1)
by_class = {}
for row in test:
    by_class.setdefault(row["label"], []).append(row["text"])
classes = sorted(by_class)
codes = {label: code for code, label in enumerate(classes)}


def others(label, count):
    return [chance.choice(by_class[chance.choice([c for c in classes if c != label])]) for _ in range(count)]


print(f"{peers.machine()}; mteb {mteb.__version__}; `python3 Benchmarks/protocols.py {options.folder.name}`\n")
print("| task | figure | minke | mteb | difference | minke, s | mteb, s |\n|---|---|---|---|---|---|---|")

for samples in options.samples_per_label.split(","):
    data = DatasetDict({"train": columns(train, "text", "label"), "test": columns(test, "text", "label")})
    peer = theirs(task(AbsTaskClassification, "Classification", data, "accuracy", samples_per_label=int(samples)))
    mine = ours("classification", {"train.jsonl": train, "test.jsonl": test},
                [[row["text"] for row in train], [row["text"] for row in test]], "--samples-per-label", samples)
    compare(f"classification, {samples} a class", [(m, m) for m in ("accuracy", "f1", "f1_weighted")], mine, peer)

data = {"test": Dataset.from_dict({"sentences": [r["text"] for r in test], "labels": [codes[r["label"]] for r in test]})}
peer = theirs(task(AbsTaskClustering, "Clustering", DatasetDict(data), "v_measure", max_document_to_embed=2048,
                   max_fraction_of_documents_to_embed=None))
mine = ours("clustering", {"test.jsonl": [{"text": r["text"], "label": codes[r["label"]]} for r in test]},
            [[row["text"] for row in test]])
compare("clustering of documents", [("v_measure", "v_measure"), ("v_measure_std", "v_measure_std")], mine, peer)

sets = []
for _ in range(10):
    part = [row for label in chance.sample(classes, min(20, len(classes))) for row in test if row["label"] == label]
    chance.shuffle(part)
    sets.append({"sentences": [row["text"] for row in part], "labels": [row["label"] for row in part]})
peer = theirs(task(AbsTaskClusteringLegacy, "Clustering", DatasetDict({"test": Dataset.from_list(sets)}), "v_measure"))
mine = ours("clustering", {"test.jsonl": sets}, [[text for one in sets for text in one["sentences"]]])
compare("clustering of sets", [("v_measure", "v_measure"), ("v_measure_std", "v_measure_std")], mine, peer)

pairs = []
for index, row in enumerate(test):
    same = index % 3 == 0
    second = chance.choice(by_class[row["label"]]) if same else others(row["label"], 1)[0]
    pairs.append({"sentence1": row["text"], "sentence2": second, "labels": int(same)})
peer = theirs(task(AbsTaskPairClassification, "PairClassification",
                   DatasetDict({"test": columns(pairs, "sentence1", "sentence2", "labels")}), "max_ap"))
mine = ours("pairs", {"test.jsonl": pairs}, [[p["sentence1"] for p in pairs], [p["sentence2"] for p in pairs]])
names = ["max_ap", "max_accuracy", "max_f1", "cosine_ap", "manhattan_ap", "euclidean_ap", "dot_ap"]
compare("pairs", [(name, name) for name in names], mine, peer)

lists = []
for row in chance.sample(test, 500):
    right = [text for text in chance.sample(by_class[row["label"]], 6) if text != row["text"]]
    wrong = [text for text in dict.fromkeys(others(row["label"], 30)) if text not in right]
    lists.append({"query": row["text"], "positive": right, "negative": wrong})
corpus, relevant, ranked = [], {}, {}
for index, line in enumerate(lists):
    relevant[f"q{index}"], ranked[f"q{index}"] = {}, []
    for name, documents in (("apositive", line["positive"]), ("negative", line["negative"])):
        for place, text in enumerate(documents):
            corpus.append({"id": f"{name}_{index}_{place:05}", "title": "", "text": text})
            relevant[f"q{index}"][corpus[-1]["id"]] = int(name == "apositive")
            ranked[f"q{index}"].append(corpus[-1]["id"])
data = RetrievalSplitData(
    corpus=Dataset.from_list(corpus), relevant_docs=relevant, top_ranked=ranked,
    queries=Dataset.from_list([{"id": f"q{index}", "text": line["query"]} for index, line in enumerate(lists)]))
peer = theirs(task(AbsTaskRetrieval, "Reranking", {"default": {"test": data}}, "map_at_1000"))
mine = ours("reranking", {"test.jsonl": lists},
            [[line["query"] for line in lists], [text for line in lists for text in line["positive"] + line["negative"]]])
compare("reranking", [("map", "map_at_1000"), ("mrr@10", "mrr_at_10"), ("ndcg@10", "ndcg_at_10")], mine, peer)

judged = []
for row in chance.sample(test, 100):
    right = chance.sample(by_class[row["label"]], 8)
    marks = [chance.randint(1, 5) for _ in range(12)]
    machine = [chance.choice(by_class[row["label"]]) if chance.randint(1, 5) <= mark else others(row["label"], 1)[0]
               for mark in marks]
    judged.append({"text": row["text"], "human_summaries": right, "machine_summaries": machine, "relevance": marks})
peer = theirs(task(AbsTaskSummarization, "Summarization", DatasetDict({"test": Dataset.from_list(judged)}), "cosine_spearman",
                   min_score=1, max_score=5))
mine = ours("summarization", {"test.jsonl": judged},
            [[text for line in judged for text in line[name]] for name in ("human_summaries", "machine_summaries")])
names = ["cosine_spearman", "cosine_pearson", "dot_spearman", "dot_pearson"]
compare("summarization", [(name, name) for name in names], mine, peer)
