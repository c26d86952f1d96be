#!/usr/bin/env python3
"""Times Minke beside Hugging Face tokenizers, PyTorch and FAISS in one run and prints a Markdown table.

    python3 Benchmarks/compare.py [--vectors 1000000] [--rounds 3] [--only tokenize,encode,hamming,dot,int8,process]

The peers are installed from PyPI on the first run. Each row is measured in turns (Minke, peer, Minke, ...), each turn
is itself a median, and the median turn counts. What both sides answer is compared before anything is timed.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import peers

peers.run_with("numpy", "tokenizers", "torch==2.13.*", "faiss-cpu==1.15.*")

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
os.environ["TOKENIZERS_PARALLELISM"] = "true"
os.environ["RAYON_NUM_THREADS"] = str(THREADS)

import faiss
import numpy as np
import tokenizers
import torch

torch.set_num_threads(THREADS)
faiss.omp_set_num_threads(THREADS)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--vectors", type=int, default=1_000_000, help="how many vectors the searches scan")
parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
parser.add_argument("--only", default="tokenize,encode,hamming,dot,int8,process", help="which rows, comma-separated")
options = parser.parse_args()
wanted = set(options.only.split(","))

MINKE = peers.minke()
MODEL = peers.REPOSITORY / "Sources/MinkeBuiltInModels/Resources/minke-sse-en"
BOOKS = peers.REPOSITORY / "Examples/books"
rows = []


def timed(work, least=5):
    """Seconds of the median run of `work`, after one to warm up."""
    work()
    seconds = []
    while len(seconds) < least or (sum(seconds) < 1 and len(seconds) < 100):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def bench(*arguments):
    result = subprocess.run([MINKE, "bench", *arguments, "--json"], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def report(work, peer, peer_value, minke_value, unit, lower_is_better, note=""):
    ratio = peer_value / minke_value if lower_is_better else minke_value / peer_value
    form = (lambda v: f"{v:.2f}" if v < 100 else f"{v:,.0f}")
    rows.append(f"| {work} | {peer} | {form(peer_value)} {unit} | {form(minke_value)} {unit} | **{ratio:.1f}x** | {note} |")
    print(rows[-1], flush=True)


def alternate(mine, theirs):
    """Both sides in turn; the list of what `mine` gave and the median of `theirs`."""
    a, b = [], []
    for _ in range(options.rounds):
        a.append(mine())
        b.append(theirs())
    return a, statistics.median(b)


def median_of(results, key):
    return statistics.median(result[key] for result in results)


def sentences(count):
    """Sentences of 20 words out of the books."""
    words = []
    for book in sorted(BOOKS.glob("*.txt")):
        words += re.findall(r"\S+", book.read_text("utf-8"))
    return [" ".join(words[i * 20 : i * 20 + 20]) for i in range(min(count, len(words) // 20))]


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    if wanted & {"tokenize", "encode"}:
        texts = sentences(20_000)
        size = sum(len(text.encode()) for text in texts)
        (folder / "texts.txt").write_text("\n".join(texts) + "\n")
        tokenizer = tokenizers.Tokenizer.from_file(str(MODEL / "tokenizer.json"))

        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
        shown = subprocess.run([MINKE, "tokenize", folder / "texts.txt"], check=True, capture_output=True, text=True)
        assert [json.loads(line)["ids"] for line in shown.stdout.splitlines()] == ids, "ids differ"

        packed = np.fromfile(MODEL / "embedding.q4_k_m.bin", np.uint8)
        count = packed.size // 260
        scales = packed[count * 256 :].view(np.float32)
        nibbles = np.stack([packed[: count * 256] >> 4, packed[: count * 256] & 15], -1).reshape(count, 512)
        table = (nibbles.astype(np.float32) / np.float32(7.5) - 1) * scales[:, None]
        header = np.fromfile(MODEL / "model_rest.safetensors", np.uint8)
        start = 8 + int(header[:8].view(np.uint64)[0])
        alpha, beta, bias = torch.from_numpy(header[start:].view(np.float32).reshape(3, 512).copy())
        bag = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(table), mode="mean")

        def reference(batch):
            vectors = []
            with torch.inference_mode():
                for first in range(0, len(batch), 1024):
                    some = tokenizer.encode_batch(batch[first : first + 1024], add_special_tokens=False)
                    lengths = [0] + [len(encoding.ids) for encoding in some[:-1]]
                    flat = torch.tensor([id for encoding in some for id in encoding.ids])
                    x = bag(flat, torch.cumsum(torch.tensor(lengths), 0))
                    vectors.append(torch.nn.functional.normalize(beta * torch.tanh(alpha * x + bias)))
            return torch.cat(vectors).numpy()

        subprocess.run([MINKE, "encode", folder / "texts.txt", "--output", folder / "texts.npy"], check=True)
        difference = np.abs(np.load(folder / "texts.npy") - reference(texts)).max()
        assert difference < 1e-5, f"vectors differ by {difference}"

        mine = lambda: bench("encode", str(folder / "texts.txt"))
        if "tokenize" in wanted:
            a, b = alternate(mine, lambda: timed(lambda: tokenizer.encode_batch(texts, add_special_tokens=False)))
            note = f"{median_of(a, 'tokenize_bytes'):.0f} MB/s against {size / b / 1e6:.1f}"
            report("WordPiece, 20-word sentences", f"tokenizers {tokenizers.__version__}", len(texts) / b / 1e3,
                   median_of(a, "tokenize") / 1e3, "thousand/s", False, note)
        if "encode" in wanted:
            a, b = alternate(mine, lambda: timed(lambda: reference(texts)))
            note = f"vectors equal within {difference:.0e}"
            report("text to SSE vector, 20-word sentences", f"tokenizers + PyTorch {torch.__version__}", len(texts) / b / 1e3,
                   median_of(a, "encode") / 1e3, "thousand/s", False, note)

    def search(name, metric, storage, dimension, make, base, queries, exact):
        np.save(folder / "base.npy", base)
        np.save(folder / "queries.npy", queries)
        index = make()
        index.add(base)
        arguments = ["--base", folder / "base.npy", "--queries", folder / "queries.npy", "--metric", metric,
                     "--storage", storage]
        subprocess.run([MINKE, "knn", *arguments, "-k", "10", "--output", folder / "ids.npy", "--scores",
                        folder / "scores.npy"], check=True)
        scores, theirs = index.search(queries, 10)
        found = np.load(folder / "ids.npy")
        if exact:
            assert np.allclose(np.load(folder / "scores.npy"), scores, rtol=1e-4, atol=1e-3), "scores differ"
        overlap = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, theirs)])
        a, b = alternate(lambda: bench("search", *arguments), lambda: timed(lambda: index.search(queries, 10)))
        one = timed(lambda: index.search(queries[:1], 10))
        millions = f"{len(base) / 1e6:g}M x {dimension}"
        peer = f"FAISS {faiss.__version__} {type(index).__name__}"
        report(f"{name}, {millions}, 16 queries", peer, b * 1e3, median_of(a, "batch"), "ms", True,
               f"plain read {median_of(a, 'plain_read'):.1f} ms; top 10 agree {overlap:.1%}")
        report(f"{name}, {millions}, 1 query", peer, one * 1e3, median_of(a, "one_query"), "ms", True,
               f"{median_of(a, 'one_query_over_read'):.2f}x a plain read")

    random = np.random.default_rng(1)
    if "hamming" in wanted:
        base = random.integers(0, 256, (options.vectors, 128), np.uint8)
        search("Hamming", "hamming", "binary", "1024 bits", lambda: faiss.IndexBinaryFlat(1024), base,
               random.integers(0, 256, (16, 128), np.uint8), True)
    if wanted & {"dot", "int8"}:
        base = random.standard_normal((options.vectors, 384), np.float32)
        queries = random.standard_normal((16, 384), np.float32)
        if "dot" in wanted:
            search("dot", "dot", "float32", "384 float32", lambda: faiss.IndexFlatIP(384), base, queries, True)
        if "int8" in wanted:

            def quantized():
                index = faiss.IndexScalarQuantizer(384, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
                index.train(base[:100_000])
                return index

            search("int8", "dot", "int8", "384", quantized, base, queries, False)

    if "process" in wanted:
        def process(*arguments, text=None):
            return timed(lambda: subprocess.run([MINKE, *arguments], input=text, check=True, capture_output=True))

        one = process("encode", text=b"a line of text\n") * 1e3
        books = process("search", "what does the captain want from the white whale", str(BOOKS)) * 1e3
        rows.append(f"| load minke-sse-en, encode one line, whole process | | | {one:.0f} ms | | wanted: under 40 ms |")
        rows.append(f"| `minke search` over Examples/books, whole process | | | {books:.0f} ms | | wanted: under 1000 ms |")

print(f"\n{peers.machine()}; `python3 Benchmarks/compare.py`\n")
print("| work | peer | peer's | Minke's | ratio | |\n|---|---|---|---|---|---|")
print("\n".join(rows))
