#!/usr/bin/env python3
"""Makes word-stems.json with snowballstemmer and word-ranks.json with bm25s, both from PyPI.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install snowballstemmer bm25s
    /tmp/v/bin/python Tests/Fixtures/make_word_fixtures.py [--all FILE]

With --all, the stems of all words go to FILE, which the tests read where MINKE_WORD_STEMS names it.
"""
import json
import pathlib
import re
import sys

import bm25s
import numpy as np
import snowballstemmer

HERE = pathlib.Path(__file__).resolve().parent
BOOKS = sorted((HERE.parents[1] / "Examples/books").glob("*.txt"))

# What the rules of the algorithm tell apart, before every suffix that they know.
BASES = """relat condit ration val hes digit conform radic differ vile analog vietnam predic oper feud decis hope callous
formal sensit sensib triplic form electr good reviv allow infer airlin gyroscop adjust defens irrit replac adopt homolog
commun activ angular effect bowdler prob rat ceas contr roll hop tan fall hiss fizz fail fil happ sk agr plast bl mot conflat
troubl siz by yy syzyg tyt cry say ay oy bet wax how snow fly dying aeiou bcdf tr tree sss eee""".split()
SUFFIXES = """s es ies sses ss ed eed ing ating bling izing y ly ational tional enci anci izer abli alli entli eli ousli
ization ation ator alism iveness fulness ousness aliti iviti biliti icate ative alize iciti ical ful ness al ance ence er ic
able ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ll lle able's""".split()

stemmer = snowballstemmer.stemmer("porter")
vocabulary = sorted({word for book in BOOKS for word in re.findall("[a-z]+", book.read_text("utf-8").lower())})
made = [base + suffix for base in BASES for suffix in SUFFIXES if suffix.isalpha()]
made += ["1970s", "2nds", "mp3s", "x86ing", "a1ed", "0sses"]


def stems(words):
    # Porter's own program leaves words of one and two letters alone; Snowball's version of it does not.
    return {word: stemmer.stemWord(word) for word in sorted(set(words)) if len(word) > 2}


sample = stems(made[::2] + made[-6:] + vocabulary[::9])
text = json.dumps({"origin": "snowballstemmer, porter; make_word_fixtures.py", "stems": sample}, separators=(",", ":"))
(HERE / "word-stems.json").write_text(text + "\n")
if "--all" in sys.argv:
    everything = {"stems": stems(made + vocabulary)}
    pathlib.Path(sys.argv[sys.argv.index("--all") + 1]).write_text(json.dumps(everything))

# Texts of plain small letters, so that everybody cuts them into the same words.
words = re.findall("[a-z]+", BOOKS[0].read_text("utf-8").lower())
lengths = np.random.default_rng(1).integers(3, 60, 400)
texts, start = [], 1000
for length in lengths:
    texts.append(words[start : start + length])
    start += length
queries = [["whale"], ["the", "white", "whale"], ["of", "the", "the", "sea"], words[5000:5012], ["nosuchword", "ship"],
           words[9000:9030]]
results = []
for k1, b in ((1.2, 0.75), (0.9, 0.4), (2.0, 1.0)):
    index = bm25s.BM25(method="lucene", k1=k1, b=b, dtype="float64")
    index.index(texts, show_progress=False)
    for query in queries:
        known = [word for word in query if word in index.vocab_dict]
        scores = index.get_scores(known) if known else np.zeros(len(texts))
        results.append({"k1": k1, "b": b, "query": " ".join(query), "scores": [round(float(s), 6) for s in scores]})
ranks = {"origin": "bm25s, method lucene; make_word_fixtures.py", "texts": [" ".join(text) for text in texts],
         "results": results}
(HERE / "word-ranks.json").write_text(json.dumps(ranks, separators=(",", ":")) + "\n")
