#!/usr/bin/env python3
"""Two builds of minke beside each other, in turns: is anything slower than before?

Usage: python3 Benchmarks/versus.py OLD NEW [--runs 7] [--only encode,search] [--bert FOLDER] [--text FILE]

OLD and NEW are programs, each with its resource folder beside it. Every figure is the median over the runs; the ratio is
above 1 where NEW is faster. Figures move by some percent on a quiet machine and by more on a busy one.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

# Figures of `minke bench` and whether larger is better.
FIGURES = {
    "tokenize": True, "encode": True, "encode_one": False, "batch": False, "one_query": False, "prompt": True,
    "decode": True, "load": False,
}


def cases(arguments, folder):
    yield "encode", "static encoder", ["bench", "encode", "--json"], ["tokenize", "encode", "encode_one"]
    yield "encode", "512 to 128 numbers", ["bench", "encode", "--json", "--dimension", "128"], ["encode"]
    if arguments.bert:
        lines = os.path.join(folder, "lines.txt")
        with open(arguments.text) as source, open(lines, "w") as target:
            target.writelines([line for line in source if line.strip()][:400])
        for precision in ["float32", "int8"]:
            yield "bert", f"BERT {precision}", [
                "bench", "encode", "--json", "--model", arguments.bert, "--precision", precision, "--input", lines
            ], ["encode"]
    for storage in ["float32", "int8", "binary", "two-stage"]:
        yield "search", f"search {storage}", [
            "bench", "search", "--json", "--count", "300000", "--storage", storage,
            *(["--metric", "hamming", "--dimension", "1024"] if storage == "binary" else [])
        ], ["batch", "one_query"]
    plain = os.path.join(folder, "float32")
    for precision, options in [("float32", None), ("int8", ["--int8"]), ("4bit", [])]:
        model = os.path.join(folder, precision)
        if "generate" not in arguments.only:
            pass
        elif options is None:
            run(arguments.old, ["bench", "generate", "--json", "--prompt", "1", "--tokens", "1", "--keep", model])
        else:
            subprocess.run([arguments.old, "model", "quantize", plain, model, *options], check=True, capture_output=True)
        yield "generate", f"SpikeWhale {precision}", [
            "bench", "generate", "--json", "--model", model, "--prompt", "256", "--tokens", "48"
        ], ["prompt", "decode", "load"]


def run(program, command):
    answer = subprocess.run([program, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    return json.loads(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", default="encode,bert,search,generate", type=lambda names: names.split(","))
    parser.add_argument("--text", default=os.path.join(os.path.dirname(__file__), "../Examples/books/time-machine.txt"),
                        help="whose first lines the BERT encodes")
    parser.add_argument("--bert", help="a folder of all-MiniLM-L6-v2: MINKE_MINILM of the tests")
    arguments = parser.parse_args()
    print("| what | figure | old | new | new against old |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for group, name, command, figures in cases(arguments, folder):
            if group not in arguments.only:
                continue
            programs = (arguments.old, arguments.new)
            seen = [{figure: [] for figure in figures} for _ in programs]
            for _ in range(arguments.runs):
                for program, found in zip(programs, seen):
                    answer = run(program, command)
                    for figure in figures:
                        found[figure].append(answer[figure])
            for figure in figures:
                old, new = (statistics.median(found[figure]) for found in seen)
                ratio = new / old if FIGURES[figure] else old / new
                print(f"| {name} | {figure} | {old:.4g} | {new:.4g} | {ratio:.2f}x |", flush=True)


if __name__ == "__main__":
    main()
