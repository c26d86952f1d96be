"""Makes model2vec-tiny/ and static-embedding-tiny/ from the tokenizer of sse-tiny/, with what the two packages give.

    pip install model2vec sentence-transformers torch
    python make_static_fixtures.py
"""
import json
import pathlib
import shutil

import numpy as np
import torch
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer

here = pathlib.Path(__file__).parent
tokenizer_file = here / "sse-tiny" / "tokenizer.json"
texts = [row["text"] for row in json.loads((here / "sse-tiny" / "expected.json").read_text())]
texts.append("word " * 700)  # beyond the 512 tokens that model2vec keeps
random = np.random.default_rng(7)


def save(folder, vectors):
    (folder / "README.md").unlink()
    rows = [{"text": text, "vector": [float(v) for v in vector]} for text, vector in zip(texts, vectors)]
    (folder / "expected.json").write_text(json.dumps(rows))


tokenizer = Tokenizer.from_file(str(tokenizer_file))
size = tokenizer.get_vocab_size()

folder = here / "model2vec-tiny"
shutil.rmtree(folder, ignore_errors=True)
model = StaticModel(
    vectors=random.normal(size=(200, 32)).astype(np.float32),
    tokenizer=tokenizer,
    config={},
    normalize=True,
    weights=random.uniform(0.1, 2, size=size).astype(np.float32),
    token_mapping=random.integers(0, 200, size=size),
)
model.save_pretrained(folder)
save(folder, StaticModel.from_pretrained(folder).encode(texts))

folder = here / "static-embedding-tiny"
shutil.rmtree(folder, ignore_errors=True)
tokenizer = Tokenizer.from_file(str(tokenizer_file))
module = StaticEmbedding(tokenizer, embedding_weights=random.normal(size=(size, 32)).astype(np.float32))
SentenceTransformer(modules=[module, Normalize()], device="cpu").save(str(folder))
save(folder, SentenceTransformer(str(folder), device="cpu").encode(texts))
