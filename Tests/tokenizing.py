#!/usr/bin/env python3
"""Compares the ids of `minke tokenize` with those of Hugging Face's `tokenizers` on texts that are hard to read.

Usage: Tests/tokenizing.py PROGRAM [--texts 100000] [--seed 1] [NAME ...]; needs tokenizers and sentencepiece.

The tokenizers are those of Tests/Fixtures/make_tokenizer_fixtures.py, the charsmaps of real models among them, and BERT's
own. Every text must have the same ids. Of those that differ the first are shown, each cut down to what makes it differ.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "Fixtures"))
import make_tokenizer_fixtures as fixtures
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

BATCH = 2000
CONFIGURATION = {
    "model_type": "roberta", "vocab_size": 1 << 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
    "intermediate_size": 8, "max_position_embeddings": 1 << 22, "type_vocab_size": 1, "pad_token_id": 1,
}
SETTINGS = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1 << 40}


# Texts.

def scalar(draw, low, high):
    while True:
        found = draw.randrange(low, high)
        if not 0xD800 <= found < 0xE000:
            return chr(found)


MARKS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.combining(chr(c))]
CHANGING = [chr(c) for c in range(0x80, 0x30000) if not 0xD800 <= c < 0xE000 and any(
    unicodedata.normalize(form, chr(c)) != chr(c) for form in ("NFC", "NFKC", "NFKD"))]
EDGES = [0, 1, 8, 9, 0xA, 0xB, 0xC, 0xD, 0x1C, 0x1F, 0x20, 0x7E, 0x7F, 0x80, 0x84, 0x85, 0x9F, 0xA0, 0xAD, 0x7FF, 0x800, 0x115F,
         0x1160, 0x1680, 0x17B4, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x2028, 0x2029, 0x202E, 0x202F, 0x205F, 0x2060, 0x2066,
         0x3164, 0xD7A3, 0xD7A4, 0xD7FF, 0xE000, 0xF8FF, 0xFDD0, 0xFDEF, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFC, 0xFFFD,
         0xFFFE, 0xFFFF, 0x10000, 0x1D173, 0x1F1E6, 0x1FFFE, 0x2FFFF, 0xE0001, 0xE0020, 0xE007F, 0xE0100, 0xE01EF, 0xF0000,
         0xFFFFD, 0x100000, 0x10FFFD, 0x10FFFF]
SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "<|endoftext|>", "newtoken", "XY",
           "NewToken", "|||É|||", "|||E\u0301|||", "    ", "   ", "  ", "▁", "▁▁", "##", "</w>", "<0x0A>", "Ġ", "Ċ"]


def emoji(draw):
    person = draw.choice("👨👩🧑👧👦🐕🚀❤☃⚕🌈🏳") + draw.choice(["", "\ufe0f", "🏽", "🏿\ufe0f"])
    return person + "".join("\u200d" + draw.choice("👨👩👧👦🚀⚕❤🌈") + draw.choice(["", "\ufe0f", "🏼"]) for _ in range(draw.randrange(4)))


def marked(draw):
    return draw.choice(["a", "e", "É", "я", "か", "क", "가", "ᄀ", "🐋", "", " ", scalar(draw, 0, 0x110000)]) + "".join(
        draw.choice(MARKS) for _ in range(draw.choice([1, 2, 3, 5, 40])))


def special(draw):
    found = draw.choice(SPECIAL)
    found = draw.choice([found, found, found, found.upper(), found.lower(), found[1:], found[:-1], found * 2])
    return draw.choice(["", "", " ", "  ", "\t", "\u3000", "a", "é"]) + found + draw.choice(["", "", " ", " \n ", "\u00a0", "b", "日"])


# Parts of texts; the first are characters from one place, the others what breaks rules.
PARTS = [
    lambda draw: scalar(draw, 0, 0x110000), lambda draw: scalar(draw, 0, 0x3000), lambda draw: scalar(draw, 0x10000, 0x20000),
    lambda draw: scalar(draw, 0xE000, 0xF900), lambda draw: scalar(draw, 0xAC00, 0xD7B0), lambda draw: scalar(draw, 0x1100, 0x1200),
    lambda draw: scalar(draw, 0x590, 0x900), lambda draw: scalar(draw, 0x900, 0xE80), lambda draw: scalar(draw, 0xE00, 0xE60),
    lambda draw: scalar(draw, 0xFB00, 0xFF00), lambda draw: scalar(draw, 0x20, 0x7F), lambda draw: chr(draw.choice(EDGES)),
    lambda draw: draw.choice(MARKS), lambda draw: draw.choice(CHANGING), marked, emoji, special,
    lambda draw: "".join(draw.choice("🇦🇫🇩🇪🇺🇸🇬🇧") for _ in range(draw.randrange(1, 6))),
    lambda draw: draw.choice("कखगनत") + "".join(draw.choice("\u094d\u200d\u200c\u093c\u093f\u0902क") for _ in range(draw.randrange(1, 7))),
    lambda draw: draw.choice("กขคงเแโ") + "".join(draw.choice("\u0e33\u0e31\u0e48\u0e49ำาเก") for _ in range(draw.randrange(1, 7))),
    lambda draw: "".join(draw.choice("\u1100\u1112\u1161\u1175\u11a8\u11c2가각") for _ in range(draw.randrange(1, 7))),
    lambda draw: draw.choice(" \t\n\r\u00a0\u2003\u3000\u0085\u2028\u200b\x0b\x0c\x1c") * draw.choice([1, 2, 3, 9, 100]),
    lambda draw: "".join(draw.choice(" \t\r\n") for _ in range(draw.randrange(1, 9))),
    lambda draw: draw.choice(["'s", "'S", "'ſ", "'ll", "'LL", "'Re", "’s", "''", "``", "'" * 5, "\"'"]),
    lambda draw: "".join(draw.choice("0123456789½²٣१𝟙Ⅷ.,") for _ in range(draw.randrange(1, 12))),
    lambda draw: draw.choice(draw.choice(fixtures.SENTENCES).split()),
    lambda draw: draw.choice([str.upper, str.title, str.lower, str.swapcase])(draw.choice(fixtures.SENTENCES)[:40]),
]


def hostile(draw):
    kind = draw.randrange(10)
    if kind < 3:
        return fixtures.random_text(draw, 80)
    if kind == 3:
        # Something known, damaged.
        text = list(draw.choice(fixtures.HAND_MADE + fixtures.SENTENCES))
        for _ in range(draw.randrange(1, 6)):
            place = draw.randrange(len(text) + 1)
            text[place:place + draw.randrange(3)] = draw.choice(PARTS)(draw)
        return "".join(text)
    if kind == 4 and draw.randrange(20) == 0:
        # One long word, or a long run of anything.
        return draw.choice(["", "a", " "]) + draw.choice(PARTS)(draw)[:6] * draw.choice([50, 101, 700, 3000]) + draw.choice(["", " b"])
    parts = draw.sample(PARTS, draw.randrange(1, 6))
    return "".join("".join(draw.choice(parts)(draw) for _ in range(draw.choice([1, 1, 2, 5]))) for _ in range(draw.randrange(1, 12)))


# Tokenizers.

def all_tokenizers():
    result = fixtures.tokenizers(full=True)
    vocabulary = json.loads(result["mpnet"].to_str())["model"]["vocab"]
    for name, lowercases in (("bert-uncased", True), ("bert-cased", False)):
        t = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        t.normalizer = normalizers.BertNormalizer(lowercase=lowercases)
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        t.add_special_tokens(["[CLS]", "[SEP]", "[MASK]", "[UNK]", AddedToken("[PAD]", special=True)])
        t.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(token, t.token_to_id(token)) for token in ("[CLS]", "[SEP]")])
        result[name] = t
    return result


def save(tokenizer, folder):
    """A model folder that `minke tokenize` reads the tokenizer of."""
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(CONFIGURATION))
    (folder / "tokenizer_config.json").write_text(json.dumps(SETTINGS))
    # A folder is a model's by its weights, which nothing reads here.
    (folder / "model.safetensors").write_bytes(b"\2" + bytes(7) + b"{}")


def ids(program, folder, file):
    """The ids that the command gives to the texts of a file, one text after the other."""
    with subprocess.Popen([program, "tokenize", "--model", folder, "--jsonl", file], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            yield json.loads(line)["ids"]
    if process.returncode:
        sys.exit(f"minke tokenize ended with {process.returncode}")


def write(texts, file):
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return file


def differing(program, tokenizer, folder, texts, file):
    """The texts whose ids differ."""
    found = ids(program, folder, write(texts, file))
    return [text for text, ours, theirs in zip(texts, found, tokenizer.encode_batch_fast(texts), strict=True) if ours != theirs.ids]


def reduced(program, tokenizer, folder, text, file):
    """The text without all that is not needed for its ids to differ."""
    size = max(1, len(text) // 2)
    while size:
        shorter = [text[:start] + text[start + size:] for start in range(0, len(text), size)][:500]
        if found := differing(program, tokenizer, folder, shorter, file) if len(text) > 1 else []:
            text, size = found[0], min(size, max(1, len(found[0]) // 2))
        else:
            size //= 2
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_intermixed_args()
    draw = random.Random(options.seed)
    texts = [hostile(draw) for _ in range(options.texts)]
    print(f"{len(texts):,} texts, {sum(map(len, texts)):,} characters, {len(set(''.join(texts))):,} different", flush=True)
    failures = 0
    with tempfile.TemporaryDirectory() as parent:
        parent = pathlib.Path(parent)
        file = write(texts, parent / "texts.jsonl")
        for name, tokenizer in all_tokenizers().items():
            if options.names and name not in options.names:
                continue
            folder = parent / name
            save(tokenizer, folder)
            found, wrong, tokens = ids(options.program, folder, file), [], 0
            for start in range(0, len(texts), BATCH):
                for text, theirs in zip(texts[start:start + BATCH], tokenizer.encode_batch_fast(texts[start:start + BATCH])):
                    tokens += len(theirs.ids)
                    if next(found, None) != theirs.ids:
                        wrong.append(text)
            failures += len(wrong) + sum(1 for _ in found)
            print(f"{name:16} {tokens:12,} ids, {len(wrong)} texts differ", flush=True)
            for text in sorted(wrong, key=len)[:5]:
                text = reduced(options.program, tokenizer, folder, text, parent / "some.jsonl")
                [ours], theirs = ids(options.program, folder, write([text], parent / "some.jsonl")), tokenizer.encode(text).ids
                print(f"  {ascii(text)}\n    minke      {ours}\n    tokenizers {theirs}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
