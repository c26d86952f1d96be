#!/usr/bin/env python3
"""Makes language-metrics.json with lm-evaluation-harness and bootstrap.json with SciPy, both from PyPI.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install lm-eval scipy
    /tmp/v/bin/python Tests/Fixtures/make_statistics_fixtures.py

The harness runs its own tasks on a model whose log-likelihoods are drawn at random and kept beside the figures.
"""
import json
import pathlib
import random
import tempfile

import lm_eval
import numpy as np
import scipy.stats
from lm_eval.api.metrics import unweighted_mean_stderr
from lm_eval.api.model import LM
from lm_eval.api.task import ConfigurableTask

HERE = pathlib.Path(__file__).resolve().parent
WORDS = "ein naïve words çà et là of many lengths 東京 so that bytes and characters part ways".split()
draw = random.Random(9)


class Drawn(LM):
    """A model that finds each text as likely as chance says, the longer the less."""

    def __init__(self):
        super().__init__()
        self.known = {}

    def loglikelihood(self, requests):
        answers = []
        for request in requests:
            pair = request.args
            if pair not in self.known:
                self.known[pair] = -draw.uniform(0.5, 1.5) * len(pair[1].encode())
            answers.append((self.known[pair], False))
        return answers

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        raise NotImplementedError


def text():
    return " ".join(draw.choices(WORDS, k=draw.randint(1, 6)))


def task(name, rows, folder, **settings):
    file = folder / f"{name}.json"
    file.write_text(json.dumps(rows))
    return ConfigurableTask(config={
        "task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": {"validation": str(file)}},
        "output_type": "multiple_choice", "validation_split": "validation", "num_fewshot": 0,
        "metric_list": [{"metric": m, "aggregation": "mean", "higher_is_better": True} for m in settings.pop("metrics")],
        **settings})


def figures(results):
    return {name.split(",")[0]: value for name, value in results.items() if isinstance(value, float)}


model = Drawn()
choices = [{"context": text(), "choices": [text() for _ in range(4)], "gold": draw.randrange(4)} for _ in range(60)]
contexts = [{"contexts": [text() for _ in range(2)], "continuation": text(), "gold": draw.randrange(2)} for _ in range(25)]
paradigms = [[{"sentence_good": text(), "sentence_bad": text()} for _ in range(count)] for count in (12, 30)]

with tempfile.TemporaryDirectory() as place:
    folder = pathlib.Path(place)
    tasks = [
        task("choices", choices, folder, doc_to_text="context", doc_to_choice="choices", doc_to_target="gold",
             metrics=["acc", "acc_bytes"]),
        task("contexts", contexts, folder, doc_to_text=lambda row: row["gold"], metrics=["acc"],
             doc_to_choice=lambda row: row["contexts"], doc_to_target=lambda row: row["continuation"]),
    ] + [
        task(f"paradigm{i}", rows, folder, doc_to_text="", doc_to_target=0, metrics=["acc"],
             doc_to_choice="{{[sentence_good, sentence_bad]}}") for i, rows in enumerate(paradigms)
    ]
    results = lm_eval.evaluate(model, {t.config.task: t for t in tasks}, bootstrap_iters=100)["results"]


def likelihoods(pairs):
    return [model.known[context, " " + continuation] for context, continuation in pairs]


def mean_of_paradigms():
    parts = [figures(results[f"paradigm{i}"]) for i in range(len(paradigms))]
    return {"acc": float(np.mean([p["acc"] for p in parts])),
            "acc_stderr": float(unweighted_mean_stderr([p["acc_stderr"] for p in parts]))}


golden = {
    "choices": {"items": choices, "figures": figures(results["choices"]),
                "likelihoods": likelihoods((r["context"], c) for r in choices for c in r["choices"])},
    "contexts": {"items": contexts, "figures": figures(results["contexts"]),
                 "likelihoods": likelihoods((c, r["continuation"]) for r in contexts for c in r["contexts"])},
    "paradigms": [{"items": rows, "figures": figures(results[f"paradigm{i}"]),
                   "likelihoods": likelihoods(("", s) for r in rows for s in (r["sentence_good"], r["sentence_bad"]))}
                  for i, rows in enumerate(paradigms)],
    "mean": mean_of_paradigms(),
}
(HERE / "language-metrics.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", "utf-8")

values = np.random.default_rng(9)
first = values.uniform(0, 1, 80)
second = np.clip(first + values.normal(0, 0.2, 80), 0, 1)
found = scipy.stats.bootstrap((second - first,), np.mean, n_resamples=200_000, method="percentile", rng=values)
# The share of resamples as far from the mean as the mean from 0, as the test under the hypothesis of no difference.
difference = float(np.mean(second - first))
p = float(np.mean(np.abs(found.bootstrap_distribution - difference) >= abs(difference)))
(HERE / "bootstrap.json").write_text(json.dumps({
    "first": first.tolist(), "second": second.tolist(), "difference": difference, "p": p,
    "interval": [float(found.confidence_interval.low), float(found.confidence_interval.high)]}) + "\n")
