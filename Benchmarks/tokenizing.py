#!/usr/bin/env python3
"""Times `minke bench tokenize` beside Hugging Face's tokenizers, and prints a Markdown table.

    python3 Benchmarks/tokenizing.py [--runs 5] [--program MINKE]

The texts are the lines of Examples/books, of which the tokenizers are made too: byte-level BPE and WordPiece are trained, and
a Unigram of 250,000 pieces, as large as XLM-RoBERTa's, has words and parts of words with their frequencies, and random
pieces of other scripts. Both sides give the same ids, and the faster call of the peer's is taken, which leaves offsets out.
"""
import argparse
import base64
import collections
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

import peers

peers.run_with("tokenizers==0.23.3", "sentencepiece==0.2.3")

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

sys.path.append(str(peers.REPOSITORY / "Tests" / "Fixtures"))
import make_tokenizer_fixtures as fixtures

FOLDER = peers.CACHE / "tokenizing"
FAMILIES = {
    "byte-level BPE, 50,000 (RoBERTa)": "roberta", "WordPiece, 30,000 (BERT)": "bert",
    "Unigram, 250,000 (XLM-RoBERTa)": "xlm-roberta",
}


def lines():
    return [line for book in sorted((peers.REPOSITORY / "Examples" / "books").glob("*.txt"))
            for line in book.read_text().splitlines() if line.strip()]


def surrounded(tokenizer, start, end):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=f"{start} $A {end} $B {end}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)])
    return tokenizer


def bpe(texts):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=50_000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"]))
    return surrounded(t, "<s>", "</s>")


def wordpiece(texts):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=30_000, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    return surrounded(t, "[CLS]", "[SEP]")


def unigram(texts):
    counts = collections.Counter("▁" + word for text in texts for word in text.split())
    parts = collections.Counter()
    for word, count in counts.items():
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + 8) + 1):
                parts[word[start:end]] += count * 0.01
    parts.update(counts)
    draw = random.Random(1)
    pieces = dict(parts.most_common(150_000))
    while len(pieces) < 250_000 - 4:
        low, high = draw.choice([(0x400, 0x500), (0x4E00, 0x9000), (0xAC00, 0xD000), (0x620, 0x650), (0x905, 0x940)])
        pieces.setdefault("".join(chr(draw.randrange(low, high)) for _ in range(draw.randrange(1, 5))), 1)
    total = sum(pieces.values())
    _, charsmap = fixtures.sentencepiece_model(
        300, texts[:2000], character_coverage=0.98, normalization_rule_name="nmt_nfkc")
    t = Tokenizer(models.Unigram(
        [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
        + [(piece, math.log(count / total)) for piece, count in pieces.items()], unk_id=3, byte_fallback=False))
    t.normalizer = normalizers.Precompiled(base64.b64decode(charsmap))
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)])
    return surrounded(t, "<s>", "</s>")


def prepare():
    """Writes a model folder for each tokenizer, which `minke` reads only the tokenizer of."""
    texts = lines()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for family, make in {"roberta": bpe, "bert": wordpiece, "xlm-roberta": unigram}.items():
        folder = FOLDER / family
        if (folder / "tokenizer.json").exists():
            continue
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({
            "model_type": "roberta", "vocab_size": 1 << 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
            "intermediate_size": 8, "max_position_embeddings": 1 << 22, "type_vocab_size": 1, "pad_token_id": 1}))
        (folder / "tokenizer_config.json").write_text(json.dumps({
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1 << 40}))
        (folder / "model.safetensors").write_bytes(b"\2" + bytes(7) + b"{}")
        make(texts).save(str(folder / "tokenizer.json"))


def peer(family):
    """What this script measures in a process of its own, whose environment sets the threads."""
    path = str(FOLDER / family / "tokenizer.json")
    texts = [json.loads(line)["text"] for line in open(FOLDER / "texts.jsonl")]

    def median(work, count):
        seconds = []
        for _ in range(count + 1):
            start = time.perf_counter()
            result = work()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds[1:]), result

    load, tokenizer = median(lambda: Tokenizer.from_file(path), 3)
    seconds, found = median(lambda: tokenizer.encode_batch_fast(texts), 3)
    print(json.dumps({"load": load * 1e3, "tokenize": len(texts) / seconds, "ids": sum(len(one.ids) for one in found)}))


def run(command, **environment):
    return json.loads(subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--program", help="a minke that is built already")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(options.peer)
    prepare()
    program = options.program or peers.minke()
    rows = []
    for name, family in FAMILIES.items():
        ours = [program, "bench", "tokenize", "--json", "--jsonl", str(FOLDER / "texts.jsonl"),
                "--model", str(FOLDER / family)]
        theirs = [sys.executable, __file__, "--peer", family]
        seen = collections.defaultdict(list)
        for _ in range(options.runs):
            for threads in "12":
                found = {
                    "minke": run(ours, MINKE_THREADS=threads),
                    "peer": run(theirs, RAYON_NUM_THREADS=threads, TOKENIZERS_PARALLELISM="true" if threads == "2" else "false")}
                if found["minke"]["ids"] != found["peer"]["ids"]:
                    sys.exit(f"{name}: {found['minke']['ids']} ids beside {found['peer']['ids']}")
                for side, figures in found.items():
                    seen[side, threads].append(figures["tokenize"])
                    seen[side, "load"].append(figures["load"])
        middle = {key: statistics.median(values) for key, values in seen.items()}
        cells = [f"{middle['minke', one]:,.0f} | {middle['peer', one]:,.0f} | {middle['minke', one] / middle['peer', one]:.1f}x"
                 for one in "12"]
        cells.append(f"{middle['minke', 'load']:.0f} ms | {middle['peer', 'load']:.0f} ms | "
                     f"{middle['peer', 'load'] / middle['minke', 'load']:.1f}x")
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
        print(rows[-1], file=sys.stderr, flush=True)
    print(f"\n{peers.machine()}; lines of books a second, on one thread and on two; the last three columns: loading\n")
    print("| tokenizer | Minke, 1 | tokenizers, 1 | | Minke, 2 | tokenizers, 2 | | Minke | tokenizers | |\n" + "|---" * 10 + "|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
