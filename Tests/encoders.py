#!/usr/bin/env python3
"""Compares the vectors of `minke encode` with those of sentence-transformers, on models that it saves with random weights.

Usage: Tests/encoders.py PROGRAM [FAMILY ...]; needs torch, transformers and sentence-transformers.

Each family of Tests/Fixtures/make_encoder_fixtures.py is built wider and deeper, and with room for 300 tokens, and both
encode easy and hostile texts. The least cosine must be 0.99999 in float32 and 0.99 in int8, both when the folder is
loaded in int8 and when `minke model quantize` has written it so.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy

sys.path.append(str(pathlib.Path(__file__).parent / "Fixtures"))
import make_encoder_fixtures as fixtures

BOUNDS = {"float32": 0.99999, "int8": 0.99, "quantized": 0.99}
SIZES = fixtures.Sizes(hidden=96, heads=6, inner=160, layers=3, length=300, vocabulary=400)


def texts():
    """The fixtures' texts, long ones, and ones of characters from all over Unicode."""
    source = random.Random(1)
    words = " ".join(fixtures.CORPUS).split()
    result = list(fixtures.TEXTS)
    for count in [1, 2, 63, 64, 65, 130, 200, 400, 2000]:
        result.append(" ".join(source.choices(words, k=count)))
    for low, high in [(0x20, 0x7E), (0xA1, 0x24F), (0x370, 0x5FF), (0x900, 0xE7F), (0x3040, 0x9FFF), (0x1F300, 0x1FAFF)]:
        for count in [3, 40]:
            result.append("".join(chr(source.randint(low, high)) + source.choice(["", "", " "]) for _ in range(count)))
    return result


def encode(program, model, inputs, *options):
    """The vectors of `minke encode`, as long as the model makes them."""
    with tempfile.TemporaryDirectory() as folder:
        file, output = pathlib.Path(folder, "texts.jsonl"), pathlib.Path(folder, "vectors.npy")
        file.write_text("".join(json.dumps({"text": text}) + "\n" for text in inputs))
        subprocess.run(
            [program, "encode", "--model", str(model), str(file), "--jsonl", "--no-normalize", "--output",
             str(output), *options], check=True)
        return numpy.load(output)


def least_cosine(found, wanted):
    lengths = numpy.linalg.norm(found, axis=1) * numpy.linalg.norm(wanted, axis=1)
    return float(((found * wanted).sum(axis=1) / lengths).min())


if __name__ == "__main__":
    program, families = sys.argv[1], sys.argv[2:] or list(fixtures.FAMILIES)
    inputs = texts()
    failures = 0
    for family in families:
        with tempfile.TemporaryDirectory() as parent:
            folder, rounded = pathlib.Path(parent, family), pathlib.Path(parent, "int8")
            model = fixtures.build(family, folder, SIZES)
            wanted = numpy.array(fixtures.expected(model, inputs)[1])
            subprocess.run([program, "model", "quantize", str(folder), str(rounded), "--int8"], check=True,
                           stdout=subprocess.DEVNULL)
            found = {
                "float32": encode(program, folder, inputs), "int8": encode(program, folder, inputs, "--precision", "int8"),
                "quantized": encode(program, rounded, inputs),
            }
            for way, vectors in found.items():
                least = least_cosine(vectors, wanted)
                good = vectors.shape == wanted.shape and least >= BOUNDS[way]
                failures += not good
                print(f"{family:18} {way:10} least cosine of {len(inputs)} texts {least:.7f}{'' if good else '  TOO LOW'}", flush=True)
    sys.exit(1 if failures else 0)
