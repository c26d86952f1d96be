#!/usr/bin/env python3
"""Times a step of training beside the same step in PyTorch in one run, as Markdown tables.

    python3 Benchmarks/training.py [sse] [bne] [lm] [--rounds 3] [--batch 2048]

sse: the mean of token rows, the dynamic tanh, in-batch negatives in both directions at 512, 256, 128, 64 and 32 numbers,
and Adam. PyTorch runs with dense gradients and Adam, whose numbers ours are, and with sparse gradients and SparseAdam,
which leaves the moments of untouched rows as they are; the faster one counts.
bne: BERT-mini (4 layers of 256 numbers, transformers' own), a linear layer and a norm to 1024 bits, in-batch negatives
over their tanh, clipping and AdamW; PyTorch pads to the longest text of each side, which here are all of one length.
lm: SpikeWhale of 10 million parameters with all that it has, its three losses, clipping and AdamW.

Both sides have tokens of the same distribution and lengths and all cores. They take turns, and the best turn of each
counts.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import peers

peers.run_with("numpy", "torch==2.13.*", "transformers==5.*")

import numpy as np
import torch

import training_models

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
torch.set_num_threads(THREADS)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("models", nargs="*", metavar="MODEL", help="sse, bne or lm; all without one")
parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
parser.add_argument("--batch", type=int, default=2048, help="pairs of a batch of sse")
options = parser.parse_args()
if set(options.models) - {"sse", "bne", "lm"}:
    parser.error("models are sse, bne and lm")
MINKE = peers.minke()
RANDOM = np.random.default_rng(1)


def ours(*arguments):
    def turn():
        result = subprocess.run([MINKE, "bench", "train", *map(str, arguments), "--json"], check=True,
                                capture_output=True, text=True)
        return json.loads(result.stdout)["step"] / 1000
    return turn


def tokens(vocabulary, rows, length):
    return torch.from_numpy((vocabulary * RANDOM.random((rows, length)) ** 3).astype(np.int64))


def peer(build, count=7):
    """Times the steps of what `build` gives: a function of the number of the step."""
    def turn():
        torch.manual_seed(1)
        step = build()
        step(0)
        times = []
        for index in range(count):
            start = time.perf_counter()
            step(index)
            times.append(time.perf_counter() - start)
        return statistics.median(times)
    return turn


def compare(title, items, unit, turns):
    rounds = [[turn() for turn in turns.values()] for _ in range(options.rounds)]
    best = {name: min(times) for name, times in zip(turns, zip(*rounds))}
    other = min(seconds for name, seconds in best.items() if name != "Minke")
    print(f"\n{title}, {THREADS} threads, {peers.machine()}\n")
    print(f"| | step, ms | {unit}/s | times PyTorch |\n|---|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds * 1000:.0f} | {items / seconds:.0f} | {other / seconds:.2f}x |", flush=True)


def contrastive(anchors, positives, scale, both):
    logits = scale * torch.nn.functional.normalize(anchors) @ torch.nn.functional.normalize(positives).T
    labels = torch.arange(len(logits))
    loss = torch.nn.functional.cross_entropy(logits, labels)
    return loss + torch.nn.functional.cross_entropy(logits.T, labels) if both else loss


def sse():
    vocabulary, dimension, anchor, positive = 30522, 512, 14, 86
    lengths = (anchor, positive)
    batches = [[tokens(vocabulary, options.batch, length) for length in lengths] for _ in range(4)]

    def build(sparse):
        model = training_models.SSE(vocabulary, dimension, sparse)
        if sparse:
            optimizers = [torch.optim.SparseAdam([model.table.weight], lr=0.01),
                          torch.optim.Adam([model.alpha, model.beta, model.bias], lr=0.01)]
        else:
            optimizers = [torch.optim.Adam(model.parameters(), lr=0.01)]

        def step(index):
            for optimizer in optimizers:
                optimizer.zero_grad()
            anchors, positives = (model(ids) for ids in batches[index % len(batches)])
            sum(contrastive(anchors[:, :size], positives[:, :size], 20.0, True)
                for size in (512, 256, 128, 64, 32)).backward()
            for optimizer in optimizers:
                optimizer.step()
        return step

    compare(f"SSE, batch {options.batch}", options.batch, "pairs", {
        "Minke": ours("sse", "--batch", options.batch, "--anchor", anchor, "--positive", positive),
        "PyTorch, dense Adam": peer(lambda: build(False)), "PyTorch, SparseAdam": peer(lambda: build(True))})


def bne():
    vocabulary, batch, anchor, positive = 30522, 64, 16, 96
    batches = [[tokens(vocabulary, batch, length) for length in (anchor, positive)] for _ in range(4)]

    def build():
        model = training_models.BNE(vocabulary, hidden=256, layers=4, bits=1024)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)

        def step(index):
            optimizer.zero_grad()
            anchors, positives = (torch.tanh(model(ids)) for ids in batches[index % len(batches)])
            contrastive(anchors, positives, 20.0, False).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
        return step

    compare(f"BNE, BERT-mini 4 x 256, batch {batch}", batch * (anchor + positive), "tokens", {
        "Minke": ours("bne", "--batch", batch, "--anchor", anchor, "--positive", positive), "PyTorch": peer(build)})


def lm():
    batch, length = 8, 256
    batches = [tokens(16384, batch, length) for _ in range(4)]

    def build():
        model = training_models.SpikeWhale()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)

        def step(index):
            optimizer.zero_grad()
            model.loss(batches[index % len(batches)]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
        return step

    compare(f"SpikeWhale, 10M parameters, {batch} x {length} tokens", batch * length, "tokens", {
        "Minke": ours("lm", "--batch", batch, "--length", length), "PyTorch": peer(build)})


for name in options.models or ["sse", "bne", "lm"]:
    {"sse": sse, "bne": bne, "lm": lm}[name]()
