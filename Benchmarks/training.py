#!/usr/bin/env python3
"""Times a step of training beside the same step in PyTorch in one run, as a Markdown table.

    python3 Benchmarks/training.py [--rounds 3] [--batch 2048]

SSE: the mean of token rows, the dynamic tanh, in-batch negatives in both directions at 512, 256, 128, 64 and 32 numbers,
and Adam. Both sides have tokens of the same distribution and lengths. PyTorch runs with dense gradients and Adam, whose
numbers ours are, and with sparse gradients and SparseAdam, which leaves the moments of untouched rows as they are; the
faster one counts. All sides take turns, and the best turn of each counts.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import peers

peers.run_with("numpy", "torch==2.13.*")

import numpy as np
import torch

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
torch.set_num_threads(THREADS)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
parser.add_argument("--batch", type=int, default=2048, help="pairs of a batch")
options = parser.parse_args()

MINKE = peers.minke()
VOCABULARY, DIMENSION, ANCHOR, POSITIVE, SCALE = 30522, 512, 14, 86, 20.0
SIZES = (512, 256, 128, 64, 32)


def ours():
    result = subprocess.run([MINKE, "bench", "train", "sse", "--batch", str(options.batch), "--anchor", str(ANCHOR),
                             "--positive", str(POSITIVE), "--json"], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)["step"] / 1000


class SSE(torch.nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.table = torch.nn.EmbeddingBag(VOCABULARY, DIMENSION, mode="mean", sparse=sparse)
        self.alpha = torch.nn.Parameter(torch.full((DIMENSION,), 0.5))
        self.beta = torch.nn.Parameter(torch.ones(DIMENSION))
        self.bias = torch.nn.Parameter(torch.zeros(DIMENSION))

    def forward(self, ids, offsets):
        return self.beta * torch.tanh(self.alpha * self.table(ids, offsets) + self.bias)


def torch_step(sparse):
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    model = SSE(sparse)
    if sparse:
        optimizers = [torch.optim.SparseAdam([model.table.weight], lr=0.01),
                      torch.optim.Adam([model.alpha, model.beta, model.bias], lr=0.01)]
    else:
        optimizers = [torch.optim.Adam(model.parameters(), lr=0.01)]

    def texts(tokens):
        ids = (VOCABULARY * random.random(options.batch * tokens) ** 3).astype(np.int64)
        return torch.from_numpy(ids), torch.arange(options.batch) * tokens

    batches = [(texts(ANCHOR), texts(POSITIVE)) for _ in range(4)]
    labels = torch.arange(options.batch)

    def step(index):
        for optimizer in optimizers:
            optimizer.zero_grad()
        anchors, positives = (model(*part) for part in batches[index % len(batches)])
        loss = 0
        for size in SIZES:
            a = torch.nn.functional.normalize(anchors[:, :size])
            p = torch.nn.functional.normalize(positives[:, :size])
            logits = SCALE * a @ p.T
            loss = loss + torch.nn.functional.cross_entropy(logits, labels)
            loss = loss + torch.nn.functional.cross_entropy(logits.T, labels)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    step(0)
    times = []
    for index in range(7):
        start = time.perf_counter()
        step(index)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


turns = {"Minke": ours, "PyTorch, dense Adam": lambda: torch_step(False),
         "PyTorch, SparseAdam": lambda: torch_step(True)}
best = {name: min(times) for name, times in
        zip(turns, zip(*[[turn() for turn in turns.values()] for _ in range(options.rounds)]))}
peer = min(best[name] for name in turns if name != "Minke")
print(f"SSE, batch {options.batch}, {THREADS} threads\n")
print("| | step, ms | pairs/s | times PyTorch |\n|---|---|---|---|")
for name, seconds in best.items():
    print(f"| {name} | {seconds * 1000:.0f} | {options.batch / seconds:.0f} | {peer / seconds:.2f}x |")
