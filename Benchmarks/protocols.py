#!/usr/bin/env python3
"""Holds the figures and times of `minke eval classification`, `clustering`, `pairs`, `reranking` and `summarization` against
those of the library mteb on the same vectors, and of `minke eval lm` against lm-evaluation-harness on the same
log-likelihoods.

    python3 Benchmarks/protocols.py DIR [--model minke-sse-en] [--samples-per-label 8,16]

DIR has train.jsonl and test.jsonl with "text" and "label", such as banking77. Out of its classes the data of the other
protocols is made: sets of texts, pairs of one class or two, candidates of the query's class and of others, and summaries that are
better the more of them is of the text's class. Times are of scoring alone, with the start of the process on our side; the
vectors are made before. Where a summary is also a human one, or stands twice, mteb tells equal cosines apart by how single
precision rounds them, which the order of a vector's numbers changes: for these its least and greatest figure over 20 orders
are shown.
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

peers.run_with("mteb==2.*", "torch==2.13.*", "lm-eval==0.4.*")

import lm_eval
import mteb
import numpy as np
from datasets import Dataset, DatasetDict, disable_progress_bars
from lm_eval.api.model import LM
from lm_eval.api.task import ConfigurableTask
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
subprocess.run([MINKE, "encode", "--model", options.model, "--no-normalize", PLACE / "texts.txt", "--output",
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
names = ["v_measure", "v_measure_std", "ami", "ami_std"]
compare("clustering of documents", [(name, name) for name in names], mine, peer)

# The group of a class, by the word that its name begins with, above the class; the first tenth has no class.
levels = [[str(r["label"]).split("_")[0]] + ([str(r["label"])] if i >= len(test) // 10 else []) for i, r in enumerate(test)]
data = {"test": Dataset.from_dict({"sentences": [r["text"] for r in test], "labels": levels})}
peer = theirs(task(AbsTaskClustering, "Clustering", DatasetDict(data), "v_measure",
                   max_fraction_of_documents_to_embed=0.5))
for level in (0, 1):
    peer[0][f"v_measure_level_{level}"] = np.mean(peer[0]["v_measures"][f"Level {level}"])
    peer[0][f"ami_level_{level}"] = np.mean(peer[0]["ami_scores"][f"Level {level}"])
mine = ours("clustering", {"test.jsonl": [{"text": r["text"], "label": l} for r, l in zip(test, levels)],
                           "task.json": [{"document_fraction": 0.5}]}, [[row["text"] for row in test]])
names += ["v_measure_level_0", "v_measure_level_1", "ami_level_0", "ami_level_1"]
compare("clustering on two levels", [(name, name) for name in names], mine, peer)

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

def summaries(repeats):
    judged = []
    for row in chance.sample(test, 100):
        right = chance.sample(by_class[row["label"]], 8)
        marks = [chance.randint(1, 5) for _ in range(12)]
        machine = []
        for mark in marks:
            of_class = chance.randint(1, 5) <= mark
            while True:
                text = chance.choice(by_class[row["label"]]) if of_class else others(row["label"], 1)[0]
                if repeats or text not in right + machine:
                    break
            machine.append(text)
        judged.append({"text": row["text"], "human_summaries": right, "machine_summaries": machine, "relevance": marks})
    return judged


def summarization(name, judged):
    made = task(AbsTaskSummarization, "Summarization", DatasetDict({"test": Dataset.from_list(judged)}), "cosine_spearman",
                min_score=1, max_score=5)
    peer = theirs(made)
    mine = ours("summarization", {"test.jsonl": judged},
                [[text for line in judged for text in line[name]] for name in ("human_summaries", "machine_summaries")])
    names = ["cosine_spearman", "cosine_pearson", "dot_spearman", "dot_pearson"]
    compare(name, [(name, name) for name in names], mine, peer)
    return made


summarization("summarization", summaries(repeats=False))
made = summarization("summarization, texts repeated", summaries(repeats=True))
straight, figures = dict(VECTORS), []
for _ in range(20):
    order = np.random.default_rng(len(figures)).permutation(len(straight[texts[0]]))
    VECTORS.update((text, vector[order]) for text, vector in straight.items())
    figures.append(theirs(made)[0]["cosine_spearman"])
VECTORS.update(straight)


class Scored(LM):
    """A model whose log-likelihoods are drawn at random, and kept in the order of the requests."""

    def __init__(self):
        super().__init__()
        self.known = []

    def loglikelihood(self, requests):
        self.known = [-chance.uniform(0.5, 1.5) * len(request.args[1].encode()) for request in requests]
        return [(value, False) for value in self.known]

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        raise NotImplementedError


items = [{"context": f"Question: {row['text']}\nAnswer:", "gold": chance.randrange(4),
          "choices": [" " + label.replace("_", " ") for label in chance.sample([str(c) for c in classes], 4)]}
         for row in test]
(PLACE / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
scored = ConfigurableTask(config={
    "task": "items", "dataset_path": "json", "dataset_kwargs": {"data_files": {"validation": str(PLACE / "items.jsonl")}},
    "output_type": "multiple_choice", "validation_split": "validation", "num_fewshot": 0, "target_delimiter": "",
    "doc_to_text": "context", "doc_to_choice": "choices", "doc_to_target": "gold",
    "metric_list": [{"metric": m, "aggregation": "mean", "higher_is_better": True} for m in ("acc", "acc_bytes")]})
model = Scored()
start = time.perf_counter()
found = lm_eval.evaluate(model, {"items": scored}, bootstrap_iters=0)["results"]["items"]
peer = ({name.split(",")[0]: value for name, value in found.items()}, time.perf_counter() - start)
(PLACE / "scores.txt").write_text("".join(f"{value!r}\n" for value in model.known))
start = time.perf_counter()
output = subprocess.run([MINKE, "eval", "lm", PLACE / "items.jsonl", "--log-likelihoods", PLACE / "scores.txt", "--json"],
                        check=True, capture_output=True, text=True).stdout
mine = (json.loads(output)["tasks"][0]["metrics"], time.perf_counter() - start)
compare("multiple choice (lm-eval)", [("acc", "acc"), ("acc_norm", "acc_bytes")], mine, peer)
print(f"\nSummarization with texts repeated: mteb's cosine_spearman is {100 * min(figures):.4f} to {100 * max(figures):.4f} over "
      f"{len(figures)} orders of the same numbers; lm-eval {lm_eval.__version__}.")
