#!/usr/bin/env python3
"""Makes protocols.json: what NumPy, Python, SciPy, scikit-learn and mteb say of small made-up data.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install mteb==2.26.*
    /tmp/v/bin/python Tests/Fixtures/make_protocol_fixtures.py
"""
import json
import pathlib
import random

import numpy as np
from mteb._evaluators import SummarizationEvaluator
from mteb.abstasks.clustering import _evaluate_clustering_bootstrapped
from mteb.similarity_functions import cos_sim
from mteb.timing import TimingStack
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, adjusted_mutual_info_score, average_precision_score, f1_score
from sklearn.metrics import precision_score, recall_score, v_measure_score
from sklearn.metrics.pairwise import paired_cosine_distances, paired_euclidean_distances, paired_manhattan_distances

rng = np.random.default_rng(9)


def rounded(values, digits=4):
    return np.round(np.asarray(values, np.float64), digits).astype(np.float32)


def listed(array):
    return [float(f"{value:.4f}") for value in np.asarray(array).ravel()]


def scores(truth, said):
    return {"accuracy": accuracy_score(truth, said), "f1": f1_score(truth, said, average="macro"),
            "f1_weighted": f1_score(truth, said, average="weighted"),
            "precision": precision_score(truth, said, average="macro", zero_division=0),
            "recall": recall_score(truth, said, average="macro", zero_division=0)}


fixture = {"origin": "numpy, scipy, scikit-learn, mteb; make_protocol_fixtures.py"}

# Draws.
order = list(range(50))
np.random.RandomState(42).shuffle(order)
numpy_random, python_random = np.random.RandomState(7), random.Random(42)
fixture["draws"] = {
    "shuffle": order, "randint": numpy_random.randint(0, 1000, 20).tolist(), "unit": numpy_random.random_sample(3).tolist(),
    "choice": numpy_random.choice(77, 20, p=np.full(77, 1 / 77)).tolist(),
    "sample_of_many": python_random.sample(range(100000), 20), "sample_of_few": python_random.sample(range(60), 30),
    "choices": python_random.choices(range(300), k=20)}

# Classification: five classes that overlap, and two.
DIMENSION = 16


def classification(classes, name):
    middles = rng.normal(size=(classes, DIMENSION)) * 0.4
    def made(count):
        labels = rng.integers(0, classes, count)
        return labels, rounded(middles[labels] + rng.normal(size=(count, DIMENSION)) * 0.6)
    (train_labels, train), (test_labels, test) = made(120), made(80)
    rows, draws, results = list(range(120)), [], []
    for _ in range(10):
        np.random.RandomState(42).shuffle(rows)
        counts, drawn = {}, []
        for row in rows:
            counts[train_labels[row]] = counts.get(train_labels[row], 0) + 1
            if counts[train_labels[row]] <= 8:
                drawn.append(row)
        said = LogisticRegression(max_iter=100).fit(train[drawn], train_labels[drawn]).predict(test)
        result = scores(test_labels, said)
        if classes == 2:
            result["ap"] = average_precision_score(test_labels, said)
        results.append(result)
        draws.append(drawn)
    fixture[name] = {
        "train": listed(train), "train_labels": train_labels.tolist(), "test": listed(test),
        "test_labels": test_labels.tolist(), "first_draw": draws[0], "last_draw": draws[-1],
        "accuracies": [result["accuracy"] for result in results],
        "scores": {key: float(np.mean([result[key] for result in results])) for key in results[0]}}


classification(5, "classification")
classification(2, "two_classes")

# Clustering: documents drawn with replacement, and sets.
middles = rng.normal(size=(6, DIMENSION)) * 0.7
labels = rng.integers(0, 6, 300)
vectors = rounded(middles[labels] + rng.normal(size=(300, DIMENSION)) * 0.6)
labels_of_clusters, cluster_vectors = labels, vectors
drawing = random.Random(42)
chosen = drawing.sample(range(300), k=200)
values, adjusted = [], []
for _ in range(10):
    draw = [chosen[index] for index in drawing.choices(range(200), k=1000)]
    model = MiniBatchKMeans(n_clusters=len(set(labels[chosen])), batch_size=512, init="k-means++", n_init=1, random_state=42)
    said = model.fit_predict(vectors[draw])
    values.append(v_measure_score(labels[draw], said))
    adjusted.append(adjusted_mutual_info_score(labels[draw], said))
sets = []
for start in range(0, 300, 100):
    part = slice(start, start + 100)
    model = MiniBatchKMeans(n_clusters=len(set(labels[part])), batch_size=50, n_init="auto", random_state=42)
    sets.append(v_measure_score(labels[part], model.fit(vectors[part]).labels_))
fixture["clustering"] = {"vectors": listed(vectors), "labels": labels.tolist(), "v_measures": values, "ami": adjusted,
                         "sets": sets}


# Pairs, by the formulas of mteb 2's AbsTaskPairClassification.
def best_threshold(values, labels):
    order = np.argsort(-values, kind="stable")
    accuracy, best, found = 0.0, (0.0, 0.0, 0.0), 0
    for place in range(len(order) - 1):
        found += labels[order[place]]
        if values[order[place]] == values[order[place + 1]]:
            continue
        others = (labels == 0).sum() - (place + 1 - found)
        accuracy = max(accuracy, (found + others) / len(labels))
        if found:
            precision, recall = found / (place + 1), found / labels.sum()
            best = max(best, (2 * precision * recall / (precision + recall), precision, recall), key=lambda b: b[0])
    return {"accuracy": accuracy, "f1": best[0], "precision": best[1], "recall": best[2],
            "ap": average_precision_score(labels, values)}


first = rounded(rng.normal(size=(90, DIMENSION)))
labels = rng.integers(0, 2, 90)
second = rounded(first * labels[:, None] * 0.4 + rng.normal(size=first.shape))
a, b = first.astype(np.float64), second.astype(np.float64)
measures = {"cosine": 1 - paired_cosine_distances(a, b), "manhattan": -paired_manhattan_distances(a, b),
            "euclidean": -paired_euclidean_distances(a, b), "dot": (a * b).sum(1)}
pairs = {f"{name}_{key}": float(value) for name, values in measures.items()
         for key, value in best_threshold(values, labels).items()}
for key in ("ap", "accuracy", "f1", "precision", "recall"):
    pairs[f"max_{key}"] = max(pairs[f"{name}_{key}"] for name in measures)
fixture["pairs"] = {"first": listed(first), "second": listed(second), "labels": labels.tolist(), "scores": pairs}

# Reranking: of 25 queries, candidates of which the first ones are relevant.
queries = rounded(rng.normal(size=(25, DIMENSION)))
counts = [[int(rng.integers(1, 5)), int(rng.integers(3, 25))] for _ in range(25)]
candidates = [rounded(np.concatenate([queries[i] * 0.3 + rng.normal(size=(p, DIMENSION)), rng.normal(size=(n, DIMENSION))]))
              for i, (p, n) in enumerate(counts)]
precisions, reciprocals = [], []
for query, rows, (positive, negative) in zip(queries, candidates, counts):
    values = rows @ query / np.linalg.norm(rows, axis=1)
    relevant = np.array([1] * positive + [0] * negative)
    precisions.append(average_precision_score(relevant, values))
    ranks = [rank for rank, place in enumerate(np.argsort(-values)[:10]) if relevant[place]]
    reciprocals.append(1 / (ranks[0] + 1) if ranks else 0.0)
fixture["reranking"] = {"queries": listed(queries), "counts": counts, "candidates": listed(np.concatenate(candidates)),
                        "map": float(np.mean(precisions)), "mrr": float(np.mean(reciprocals))}

# Summarization: ten texts with 3 human and 8 machine summaries.
human, machine = rounded(rng.normal(size=(10, 3, DIMENSION))), rounded(rng.normal(size=(10, 8, DIMENSION)))
relevance = rng.integers(1, 6, (10, 8))
relevance[4] = 3


class Table:
    """A model of mteb whose texts are the numbers of rows."""

    def __init__(self, rows):
        self.rows = rows

    def encode(self, inputs, **_):
        return np.stack([self.rows[text] for batch in inputs for text in batch["text"]])

    def similarity(self, first, second):
        return cos_sim(first, second)


names = [[f"{kind}{text}.{summary}" for summary in range(count)] for kind, count in (("human", 3), ("machine", 8))
         for text in range(10)]
evaluator = SummarizationEvaluator(
    human_summaries=names[:10], machine_summaries=names[10:], texts=[""] * 10, gold_scores=relevance.tolist(),
    task_metadata=None, hf_split="", hf_subset="", timer=TimingStack())
table = Table(dict(zip(sum(names, []), np.concatenate([human.reshape(-1, DIMENSION), machine.reshape(-1, DIMENSION)]))))
scores_of_mteb = evaluator._calculate_metrics(evaluator(table, encode_kwargs={}))
fixture["summarization"] = {
    "human": listed(human), "machine": listed(machine), "relevance": relevance.tolist(),
    "scores": {key: scores_of_mteb[key] for key in ("cosine_spearman", "cosine_pearson", "dot_spearman", "dot_pearson")}}

# Clustering of documents on two levels, of which the second is not known of all: as numbers, which leaves these out, and as
# texts, which makes them a class. The vectors are those of clustering.
wide, narrow = labels_of_clusters % 2, labels_of_clusters
fixture["levels"] = {}
for form, label in (("numbers", int), ("texts", "c{}".format)):
    levels = [[label(wide[row])] + ([label(narrow[row])] if row >= 40 else []) for row in range(300)]
    drawing = random.Random(42)
    chosen = drawing.sample(range(300), k=int(0.7 * 300))
    values, _ = _evaluate_clustering_bootstrapped(
        cluster_vectors[chosen], [levels[row] for row in chosen], n_clusters=3, cluster_size=500, kmean_batch_size=512,
        max_depth=None, rng_state=drawing, seed=42)
    fixture["levels"][form] = {"labels": levels} | {
        metric: [by_level[f"Level {level}"] for level in (0, 1)] for metric, by_level in values.items()}

place = pathlib.Path(__file__).resolve().parent / "protocols.json"
place.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
