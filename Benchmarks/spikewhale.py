#!/usr/bin/env python3
"""Times Byrne-Embed in Minke beside the same network in PyTorch, in one run, on random weights of the published size.

    python3 Benchmarks/spikewhale.py [--rounds 3]

Sentences have 27 tokens, as 20 English words have. The PyTorch side is spikewhale_reference.py, in batches of 32 of equal
length, so that it pads nothing. `minke bench generate` measures the language model by itself, beside what reading its
weights allows.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import peers

peers.run_with("numpy", "torch==2.13.*", "safetensors")

import torch

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
rounds = parser.parse_args().rounds
MINKE = peers.minke()
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
TOKENS = 27


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    model = folder / "byrne"
    run(MINKE, "bench", "generate", "--keep", model, "--prompt", 8, "--tokens", 1)
    torch.manual_seed(1)
    head = torch.nn.Sequential(torch.nn.Linear(640, 768), torch.nn.GELU(), torch.nn.Linear(768, 768))
    torch.save(head.state_dict(), model / "embed_head.pt")

    # Whole tokens of the books, TOKENS of them a text. Lines are short, for tokenize cuts them where the model does.
    book = folder / "book.txt"
    words = (peers.REPOSITORY / "Examples/books/time-machine.txt").read_text("utf-8").split()
    book.write_text("".join(" " + " ".join(words[i : i + 20]) + "\n" for i in range(0, 12000, 20)))
    lines = run(MINKE, "tokenize", "--model", model, book).splitlines()
    tokens = [token for line in lines for token in json.loads(line)["tokens"]]
    assert len(tokens) >= 256 * TOKENS
    pieces = ["".join(tokens[i * TOKENS : (i + 1) * TOKENS]) for i in range(256)]
    texts = folder / "texts.txt"
    texts.write_text("\n".join(pieces) + "\n")

    def minke(precision):
        arguments = ["bench", "encode", "--model", model, texts, "--precision", precision, "--json"]
        return json.loads(run(MINKE, *arguments))

    def pytorch():
        script = pathlib.Path(__file__).with_name("spikewhale_reference.py")
        return json.loads(run(sys.executable, script, "embed", model, "--batch", 32, "--tokens", TOKENS, "--threads", THREADS))

    turns = [(pytorch(), minke("float32"), minke("int8")) for _ in range(rounds)]
    theirs = statistics.median(turn[0]["sentences_per_second"] for turn in turns)
    print(f"{peers.machine()}; `python3 Benchmarks/spikewhale.py`\n")
    print(f"| Byrne-Embed, {TOKENS} tokens a text | texts/s | beside PyTorch |\n|---|---|---|")
    print(f"| PyTorch {torch.__version__}, float32, batches of 32 | {theirs:.1f} | 1.0x |")
    for name, index in (("float32", 1), ("int8", 2)):
        mine = statistics.median(turn[index]["encode"] for turn in turns)
        length = turns[0][index]["tokens"] / turns[0][index]["texts"]
        print(f"| Minke, {name} ({length:.1f} tokens) | {mine:.1f} | {mine / theirs:.1f}x |")
