#!/usr/bin/env python3
"""Prints how many bits a byte of a text costs: by compressors, by n-grams of bytes, and by language models.

    python3 Benchmarks/language.py TEXT --train PAIRS.jsonl BOOK.txt ... [--models minke-tiny-lm] [--order 7] [--megabytes N]

The n-grams have learnt the text of the files behind --train: of rows of JSON Lines those members that --columns names, of the
sources that --sources names, all of other files; of all that --megabytes from its beginning, the rows evenly spread. They are
interpolated down to single bytes with modified absolute discounting (Chen and Goodman 1999), and what they know of
contexts that the measured text does not have is left out, which changes nothing. What a model costs `minke eval lm` says.
"""
import argparse
import bz2
import gzip
import json
import lzma
import math
import pathlib
import subprocess

import peers

peers.run_with("numpy")

import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("text", type=pathlib.Path)
parser.add_argument("--train", nargs="+", default=[], help="files that the n-grams learn")
parser.add_argument("--columns", nargs="+", default=["positive"])
parser.add_argument("--sources", nargs="+", default=["wiki_section", "wiki_title", "medquad"])
parser.add_argument("--order", type=int, default=7, help="bytes of the longest n-gram, 2 to 8")
parser.add_argument("--megabytes", type=float, nargs="+", default=[], help="learn so much only; a row for each")
parser.add_argument("--models", default="minke-tiny-lm", help="names or folders, with commas between")
options = parser.parse_args()
if not 2 <= options.order <= 8:
    parser.error("--order is 2 to 8")
TEXT = options.text.read_bytes()
CHUNK = 1 << 22


def lines(path):
    if path.endswith((".xz", ".gz")):
        opener = lzma.open if path.endswith(".xz") else gzip.open
        with opener(path, "rb") as file:
            yield from file
    else:
        with open(path, "rb") as file:
            yield from file


def texts(paths):
    """The texts of all files, each as bytes."""
    for path in paths:
        if not path.removesuffix(".xz").removesuffix(".gz").endswith(".jsonl"):
            yield b"".join(lines(path))
            continue
        for line in lines(path):
            row = json.loads(line)
            if row.get("source") in options.sources:
                for column in options.columns:
                    yield row[column].encode()


def windows(data, length):
    """The number that each `length` bytes in a row make, the last byte lowest."""
    keys = np.zeros(len(data) - length + 1, np.uint64)
    for place in range(length):
        keys = (keys << np.uint64(8)) | data[place:len(data) - length + 1 + place].astype(np.uint64)
    return keys


def counted(data, length, contexts):
    """The different runs of `length` bytes whose beginning is one of `contexts`, and how often each occurs."""
    keys, counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for start in range(0, len(data), CHUNK):
        part = data[start:start + CHUNK + length - 1]
        if len(part) < length:
            break
        found, times = np.unique(windows(part, length), return_counts=True)
        heads = found >> np.uint64(8)
        places = np.minimum(np.searchsorted(contexts, heads), len(contexts) - 1)
        isKnown = contexts[places] == heads
        keys, inverse = np.unique(np.concatenate([keys, found[isKnown]]), return_inverse=True)
        summed = np.zeros(len(keys), np.int64)
        np.add.at(summed, inverse, np.concatenate([counts, times[isKnown]]))
        counts = summed
    return keys, counts


def discounts(counts):
    """What is taken from runs that occur once, twice, and more often."""
    n = [np.count_nonzero(counts == times) for times in range(1, 5)]
    if min(n) == 0:
        return np.array([0.0, 0.5, 0.5, 0.5])
    y = n[0] / (n[0] + 2 * n[1])
    return np.array([0.0] + [min(max(t - (t + 1) * y * n[t] / n[t - 1], 0.1), t) for t in range(1, 4)])


def ngrams(data):
    """The bits a byte of the text, with n-grams of the bytes `data`."""
    data, text = np.frombuffer(data, np.uint8), np.frombuffer(TEXT, np.uint8)
    # Every byte is as likely as another before anything is known.
    probabilities = np.full(len(text), 1 / 256)
    for length in range(1, options.order + 1):
        # The first bytes of the text have shorter contexts.
        targets = windows(text, length)
        heads = targets >> np.uint64(8)
        contexts = np.unique(heads)
        keys, counts = counted(data, length, contexts)
        discount = discounts(counts)[np.minimum(counts, 3)]
        rows = np.searchsorted(contexts, keys >> np.uint64(8))
        totals = np.bincount(rows, counts, len(contexts))
        spared = np.bincount(rows, discount, len(contexts))
        row = np.searchsorted(contexts, heads)
        own = np.zeros(len(targets))
        if len(keys):
            place = np.minimum(np.searchsorted(keys, targets), len(keys) - 1)
            own = np.where(keys[place] == targets, counts[place] - discount[place], 0)
        total, rest = totals[row], spared[row]
        lower = probabilities[length - 1:]
        seen = total > 0
        lower[seen] = (own[seen] + rest[seen] * lower[seen]) / total[seen]
    return -np.log2(probabilities).sum() / len(text)


def measured(model):
    result = subprocess.run([peers.minke(), "eval", "lm", str(options.text), "--model", model, "--json"], check=True,
                            capture_output=True, text=True)
    return json.loads(result.stdout)["tasks"][0]["metrics"]["bits_per_byte"]


def row(name, bits):
    print(f"| {name} | {bits:.3f} | {2 ** bits:.3f} |", flush=True)


print(f"{options.text.name}, {len(TEXT)} bytes, {peers.machine()}\n\n| | bits a byte | byte perplexity |\n|---|---|---|")
row("gzip -9", 8 * len(gzip.compress(TEXT, 9)) / len(TEXT))
row("bzip2 -9", 8 * len(bz2.compress(TEXT, 9)) / len(TEXT))
row("xz -9e", 8 * len(lzma.compress(TEXT, preset=9 | lzma.PRESET_EXTREME)) / len(TEXT))
if options.train:
    learnt = list(texts(options.train))
    size = sum(len(text) + 1 for text in learnt)
    for megabytes in sorted(options.megabytes) + [math.inf]:
        step = max(1, round(size / (megabytes * 1e6)))
        data = b"\n".join(learnt[::step])
        row(f"n-grams of {options.order} bytes, out of {len(data) / 1e6:.0f} MB", ngrams(data))
for model in filter(None, options.models.split(",")):
    row(model, measured(model))
