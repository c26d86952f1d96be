#!/usr/bin/env python3
"""Writes Tests/Fixtures/tokenizers: small tokenizers of every kind, trained here, and the ids that they give to texts.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3
    /tmp/v/bin/python Tests/Fixtures/make_tokenizer_fixtures.py

Each tokenizer is a `NAME.json` as Hugging Face `tokenizers` writes it; `texts.json` has the texts, `NAME.ids.json` the ids
of each with the tokens around it and, of the first, the text that the ids are again.
"""
import base64
import io
import json
import pathlib
import random
import struct
import unicodedata

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

FOLDER = pathlib.Path(__file__).resolve().parent / "tokenizers"

# Words of many scripts for the trainers; there is nothing special about them.
SENTENCES = """
The quick brown fox jumps over the lazy dog, and the dog doesn't mind: it's 3 o'clock, they're asleep, we've 42 foxes.
Whales sing. The blue whale (Balaenoptera musculus) is the largest animal known to have existed, at 29.9 metres.
def encode(text, ids=None): return [ids[token] for token in text.split() if token in ids]  # a comment
«Être ou ne pas être», voilà la question; où est-ce que l'été commence? Ça dépend, naïve Zoë — œuvre, cœur, façade.
Übermäßig große Flüsse fließen durch das Tal. Straße, Maßstab, Äpfel, Öl, weiß, heißt.
Широка река, глубоко море. Съешь же ещё этих мягких французских булок, да выпей чаю.
日本語の文章は空白で区切られません。東京と京都は日本の都市です。カタカナとひらがなと漢字。
中文句子没有空格，标点符号是全角的。我们在北京学习自然语言处理。
한국어 문장은 띄어쓰기를 합니다. 고래는 바다에 삽니다.
मछली जल की रानी है, जीवन उसका पानी है। हिन्दी में क्षत्रिय।
اللغة العربية جميلة جدا، والحوت أكبر الحيوانات. السلام عليكم ورحمة الله
זאת שפה יפה מאוד, והלוויתן גדול. ภาษาไทยไม่มีช่องว่างระหว่างคำ ปลาวาฬ
emoji: 🐳 🐋 👍🏽 👨‍👩‍👧‍👦 🇫🇷 🇩🇪 ❤️ ☃ ✓ → ∑ ½ ² ™ © № ﬁ ﬂ Ａｂｃ１２３
https://example.org/a/b?c=d&e=f#g user@example.org 2024-01-31T12:00:00Z $1,234.56 100% C++ a_b x-y
""".strip().split("\n")

HAND_MADE = [
    "", " ", "  ", "\n", "\t\r\n", "a", " a", "a ", " a ", "Hello world", "Hello  world", "Hello   world  ", "HELLO World!",
    "don't DON'T don’t they're I'll you'd we've 'S 'ſ 'RE 'lL '", "a'b'c''d", "'s't're've'm'll'd",
    "1 12 123 1234 12345 1.5 1,000 ½ ² Ⅷ ٣٤٥ १२३ 𝟙𝟚 ①②", "tab\tseparated\tvalues", "line\nbreaks\r\n\r\nand\n\n\nmore\r",
    "  leading", "trailing  ", " \n both \n ", "a\u00a0b\u2003c\u3000d\u200be\u2028f\u0085g", "\ufeffbom", "nul\0inside\0",
    "\x01\x02\x7f\x80\x8f\x9f control", "café cafe\u0301 CAFÉ CAFE\u0301", "e\u0301\u0323 e\u0323\u0301 ệ \u0301\u0323", "ﬁne oﬃce ﬆ",
    "Ａｂｃ　１２３！？", "한국어 한국어", "각 각 가\u11a8", "क्षि क्\u200dष किं", "สวัสดีชาวโลก กำ", "ΑΣ ΣΑΣ ς İstanbul ı ẞ ß ǅ",
    "x² + y³ ≠ z₄", "👨‍👩‍👧‍👦👍🏽🇫🇷🇩🇪🇫 ❤️ ☃️ ©\u200d©", "\u200d\u200d\u200c", "a\u200db", "ก็ ำ", "\U0001f469\u200d\U0001f680",
    "<s>", "</s>", "<mask>", "a<mask>b", " <mask> ", "<s> hello </s>", "<unk>", "<pad><pad>", "[MASK] [mask] x[MASK]y",
    "<|endoftext|>", "wordXYword XY wXY", "newtoken newtokens anewtoken newtoken.", "▁", "▁▁a", "a▁b", " ▁ ", "Ġhello Ċ", "##ab a##b",
    "``quoted'' text", "`` ''", "....", "!!!???", "a.b.c", "-_-", "C++ != C#", "日本語とEnglishを混ぜる", "中文。English，混合！",
    "a" * 40, "a" * 500, "ab" * 200, " " * 100, "\n" * 50, "." * 300, "日" * 100, "é" * 120, "e\u0301" * 60, "\u0301" * 80, "0" * 70,
    "Z\u0335\u0336\u0337\u0327\u0301\u0300a\u0316l\u031bg", "\u0344 \u0958 \u2126 \u212b \u1e9b\u0323 \ufb1d \uf900 \u2f800 \U0002f800",
    "\ufdfa \u3300 \u33ff \u2487", "\U0001d400\U0001d7ff\U000e0041\U0010ffff", "\ue000\uf8ff\ufdd0\ufffe\uffff\ufffd",
    "\u0600\u0661 \u06dda \U000110bda", "\u1100\u1161\u11a8\u1161", "\u0915\u094d\u0937\u0300", "a\u0300\u0301\u0302b", "\r\na\r\u0300\n",
    "x" * 31 + " " + "y" * 33, "supercalifragilisticexpialidocious antidisestablishmentarianism",
]


def random_text(draw, longest=60):
    """A text of characters from everywhere, in runs of one kind."""
    kinds = [
        lambda: draw.choice("abcdefghijklmnopqrstuvwxyz"), lambda: draw.choice("ABCDEFGHIJ"), lambda: draw.choice("0123456789"),
        lambda: draw.choice(" \t\n\r\u00a0\u3000\u2009\u0085"), lambda: " ", lambda: draw.choice(".,;:!?'\"()[]{}<>-_/\\@#$%^&*+=~`|"),
        lambda: chr(draw.randrange(0xA0, 0x250)), lambda: chr(draw.randrange(0x300, 0x370)), lambda: chr(draw.randrange(0x370, 0x530)),
        lambda: chr(draw.randrange(0x590, 0x900)), lambda: chr(draw.randrange(0x900, 0xE00)), lambda: chr(draw.randrange(0xE00, 0x1100)),
        lambda: chr(draw.randrange(0x1100, 0x1200)), lambda: chr(draw.randrange(0x1200, 0x2000)), lambda: chr(draw.randrange(0x2000, 0x2E00)),
        lambda: chr(draw.randrange(0x3000, 0x3400)), lambda: chr(draw.randrange(0x4E00, 0xA000)), lambda: chr(draw.randrange(0xAC00, 0xD7A4)),
        lambda: chr(draw.randrange(0xF900, 0x10000)), lambda: chr(draw.randrange(0x10000, 0x12000)), lambda: chr(draw.randrange(0x1D000, 0x1D800)),
        lambda: chr(draw.randrange(0x1F000, 0x1FB00)), lambda: draw.choice(["👨‍👩‍👧", "👍🏽", "🇫🇷", "❤️", "\u200d", "\ufe0f", "\u200b"]),
        lambda: draw.choice(["<s>", "</s>", "<mask>", "<unk>", "[MASK]", "newtoken", "XY", "``", "''", "'s", "'LL", "▁", "Ġ", "\r\n"]),
        lambda: chr(draw.randrange(0, 0x20)), lambda: chr(draw.choice([0x7F, 0x80, 0xAD, 0x34F, 0x61C, 0xFEFF, 0xFFFD, 0xE0001])),
        lambda: draw.choice(draw.choice(SENTENCES).split()), lambda: " " + draw.choice(draw.choice(SENTENCES).split()),
    ]
    text, length = "", draw.randrange(1, longest)
    while len(text) < length:
        kind = draw.choice(kinds)
        for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
            text += kind()
    return "".join(c for c in text if not 0xD800 <= ord(c) <= 0xDFFF)


# Parts of a SentencePiece model, read without its schema.
def fields(message):
    stream = io.BytesIO(message)

    def varint():
        value, shift = 0, 0
        while True:
            byte = stream.read(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while stream.tell() < len(message):
        tag = varint()
        kind = tag & 7
        yield tag >> 3, (varint() if kind == 0 else stream.read(8) if kind == 1 else stream.read(4) if kind == 5
                         else stream.read(varint()))


def sentencepiece_model(size, sentences, **options):
    """Pieces with scores, and the charsmap in base64, of a unigram model that SentencePiece trains."""
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=out, vocab_size=size, model_type="unigram", minloglevel=2,
        hard_vocab_limit=False, bos_id=0, pad_id=1, eos_id=2, unk_id=3, num_threads=1, **options)
    pieces, charsmap = [], b""
    for number, value in fields(out.getvalue()):
        if number == 1:
            piece = dict(fields(value))
            pieces.append((piece[1].decode(), struct.unpack("<f", piece[2])[0]))
        elif number == 3:
            charsmap = dict(fields(value)).get(2, b"")
    return pieces, base64.b64encode(charsmap).decode()


def small_rules():
    """Rules like those of nmt_nfkc, only fewer, so that the charsmap is small."""
    rules = {}
    for c in [*range(0xFF01, 0xFF5F), 0xA0, 0x3000, 0x2003, 0xFB01, 0xFB02, 0xFB03, 0x3300, 0xFDFA, 0x2487, 0xBD, 0xB2, 0x2126]:
        rules[chr(c)] = unicodedata.normalize("NFKC", chr(c))
    for base in "aeiouAEIOUcn":
        for mark in "\u0300\u0301\u0302\u0303\u0308\u0327":
            rules[base + mark] = unicodedata.normalize("NFKC", base + mark)
    for c in [0x09, 0x0A, 0x0C, 0x0D, 0x200B, 0x2028, 0xFEFF]:
        rules[chr(c)] = " "
    for c in [*range(1, 9), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F]:
        rules[chr(c)] = ""
    path = pathlib.Path("/tmp/minke-charsmap.tsv")
    code = lambda text: " ".join(f"{ord(c):X}" for c in text)
    path.write_text("".join(f"{code(a)}\t{code(b)}\n" for a, b in rules.items() if a != b))
    return path


def tokenizers(scale=1, full=False):
    """Every kind of tokenizer, by its name; `scale` times as many tokens, with the charsmap of real models if `full`."""
    texts = SENTENCES * 3
    result = {}
    alphabet = pre_tokenizers.ByteLevel.alphabet()

    def byte_level(size):
        return trainers.BpeTrainer(vocab_size=size * scale, initial_alphabet=alphabet, show_progress=False,
                                   special_tokens=["<s>", "<pad>", "</s>", "<unk>"])

    # RoBERTa.
    t = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="", end_of_word_suffix=""))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(texts, byte_level(620))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    result["roberta"] = t

    # GPT-2 with a space in front, and tokens of users.
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=600 * scale, initial_alphabet=alphabet, show_progress=False,
                                                     special_tokens=["<|endoftext|>"]))
    t.add_tokens([AddedToken("newtoken", single_word=True), AddedToken("XY", normalized=False, rstrip=True)])
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    result["gpt2"] = t

    # ModernBERT: NFC, runs of spaces as tokens.
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(texts, byte_level(640))
    t.add_tokens([AddedToken(" " * n, normalized=True) for n in (4, 3, 2)] + [AddedToken("|||E\u0301|||", normalized=True)])
    t.add_special_tokens(["[CLS]", "[SEP]", AddedToken("[MASK]", lstrip=True, special=True)])
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(x, t.token_to_id(x)) for x in ("[CLS]", "[SEP]")])
    result["modernbert"] = t

    # Llama 3 and Qwen 2: words by other patterns, and tokens of whole words.
    for name, numbers, ignores in (("llama3", r"\p{N}{1,3}", True), ("qwen2", r"\p{N}", False)):
        t = Tokenizer(models.BPE(ignore_merges=ignores))
        t.normalizer = normalizers.NFC() if name == "qwen2" else None
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + numbers
                + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated", False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        t.decoder = decoders.ByteLevel()
        t.train_from_iterator(texts, byte_level(600))
        if ignores:
            # Words that no merge makes.
            file = json.loads(t.to_str())
            for word in ("Ġwhales", "zzz", "Ġdon", "æĹ¥æľ¬"):
                file["model"]["vocab"].setdefault(word, len(file["model"]["vocab"]))
            t = Tokenizer.from_str(json.dumps(file))
            t.post_processor = processors.Sequence([
                processors.ByteLevel(trim_offsets=False),
                processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)])])
        result[name] = t

    # Llama 2: bytes for what is not known, no pre-tokenizer.
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.train_from_iterator([s.replace(" ", "▁") for s in texts[:7]] * 2, trainers.BpeTrainer(
        vocab_size=650 * scale, show_progress=False, limit_alphabet=60,
        special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]))
    file = json.loads(t.to_str())
    file["added_tokens"] = [x for x in file["added_tokens"] if x["id"] < 3]
    t = Tokenizer.from_str(json.dumps(file))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                   decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
    result["llama2"] = t

    # Signs that begin words, unknown characters one by one and fused.
    for name, fuses, scheme in (("metaspace", False, "first"), ("metaspace-fused", True, "never")):
        t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=fuses))
        t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip(left=True, right=True),
                                             normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " ")])
        t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=not fuses)
        t.decoder = decoders.Metaspace(prepend_scheme=scheme)
        t.train_from_iterator(texts[:6] * 3, trainers.BpeTrainer(vocab_size=420 * scale, show_progress=False, limit_alphabet=70,
                                                                 special_tokens=["<unk>", "<s>", "</s>"]))
        result[name] = t

    # CLIP and the like: ends of words, beginnings of words.
    for name, options in (("suffix", {"end_of_word_suffix": "</w>"}), ("prefix", {"continuing_subword_prefix": "##"})):
        t = Tokenizer(models.BPE(unk_token="<unk>", **options))
        t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
        t.pre_tokenizer = pre_tokenizers.Whitespace()
        t.decoder = decoders.BPEDecoder("</w>") if name == "suffix" else None
        t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=620 * scale, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"],
                                                         **options))
        t.add_tokens([AddedToken("NewToken", normalized=True), AddedToken("<mask>", lstrip=True, rstrip=True, special=True)])
        result[name] = t

    # XLM-RoBERTa, by SentencePiece.
    rules = {"normalization_rule_name": "nmt_nfkc"} if full else {"normalization_rule_tsv": str(small_rules())}
    pieces, charsmap = sentencepiece_model(560 * scale, SENTENCES * 4, character_coverage=0.98, **rules)
    t = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    t.normalizer = normalizers.Precompiled(base64.b64decode(charsmap))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    t.decoder = decoders.Metaspace(prepend_scheme="always")
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
                                                     special_tokens=[("<s>", 0), ("</s>", 2)])
    result["xlm-roberta"] = t

    # T5 and DeBERTa: no cut at white space before, bytes for what is not known.
    file = json.loads(t.to_str())
    file["added_tokens"] = file["added_tokens"][:4]
    file["model"]["byte_fallback"] = True
    file["model"]["vocab"] += [[f"<0x{b:02X}>", -20.0] for b in range(256)]
    file["normalizer"] = {"type": "Sequence", "normalizers": [
        file["normalizer"], {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]}
    file["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    result["t5"] = Tokenizer.from_str(json.dumps(file))

    # ALBERT.
    pieces, _ = sentencepiece_model(400 * scale, [s.lower() for s in SENTENCES[:4] * 6], character_coverage=1.0,
                                    normalization_rule_name="identity")
    t = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    t.normalizer = normalizers.Sequence([
        normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
        normalizers.Lowercase(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    t.decoder = decoders.Metaspace(prepend_scheme="always")
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    t.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 0))
    result["albert"] = t

    # The unigram trainer of tokenizers, cut by every means.
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.NFD()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(" ", "merged_with_next"), pre_tokenizers.Split("a", "merged_with_previous"),
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Split(Regex(r"\s+"), "removed"), pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated", True)])
    t.train_from_iterator(texts, trainers.UnigramTrainer(vocab_size=400 * scale, show_progress=False, unk_token="<unk>",
                                                         special_tokens=["<unk>", "<s>"]))
    result["cuts"] = t

    # MPNet, whose pieces are WordPiece's; and WordPiece without BERT's normalizer.
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece(prefix="##")
    t.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=620 * scale, show_progress=False,
                                                           special_tokens=["<s>", "<pad>", "</s>", "[UNK]"]))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    result["mpnet"] = t
    t = Tokenizer(models.WordPiece(t.get_vocab(), unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.BertNormalizer(lowercase=False, strip_accents=True),
                                         normalizers.Lowercase(), normalizers.NFKD()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.BertPreTokenizer(),
                                               pre_tokenizers.Digits(individual_digits=False)])
    t.decoder = decoders.WordPiece(prefix="##")
    result["wordpiece"] = t
    return result


def main():
    draw = random.Random(1)
    texts = HAND_MADE + [random_text(draw) for _ in range(50)]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "texts.json").write_text(json.dumps(texts, separators=(",", ":")) + "\n")
    for name, tokenizer in tokenizers().items():
        (FOLDER / f"{name}.json").write_text(tokenizer.to_str().replace("\u2028", "\\u2028") + "\n")
        rows = []
        for index, text in enumerate(texts):
            ids = tokenizer.encode(text).ids
            rows.append([ids, tokenizer.decode(ids)] if index < 40 else [ids])
        (FOLDER / f"{name}.ids.json").write_text(
            "[\n" + ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows) + "\n]\n")
        print(name, tokenizer.get_vocab_size(), (FOLDER / f"{name}.json").stat().st_size)


if __name__ == "__main__":
    main()
