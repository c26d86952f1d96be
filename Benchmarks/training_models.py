"""The models that training.py teaches with PyTorch, written by the published formulas."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class SSE(nn.Module):
    def __init__(self, vocabulary, dimension, sparse):
        super().__init__()
        self.table = nn.EmbeddingBag(vocabulary, dimension, mode="mean", sparse=sparse)
        self.alpha = nn.Parameter(torch.full((dimension,), 0.5))
        self.beta = nn.Parameter(torch.ones(dimension))
        self.bias = nn.Parameter(torch.zeros(dimension))

    def forward(self, ids):
        return self.beta * torch.tanh(self.alpha * self.table(ids) + self.bias)


class BNE(nn.Module):
    def __init__(self, vocabulary, hidden, layers, bits):
        super().__init__()
        from transformers import BertConfig, BertModel
        self.bert = BertModel(BertConfig(
            vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=hidden // 64,
            intermediate_size=4 * hidden, hidden_dropout_prob=0, attention_probs_dropout_prob=0),
            add_pooling_layer=False)
        self.projection = nn.Sequential(nn.Linear(hidden, bits), nn.LayerNorm(bits))

    def forward(self, ids):
        return self.projection(self.bert(ids).last_hidden_state.mean(1))


class Block(nn.Module):
    """A layer of SpikeWhale: low-rank queries, one head of keys and values, exclusive attention, SwiGLU, two streams."""

    def __init__(self, hidden, heads, head, rank, wide, streams):
        super().__init__()
        linear = lambda i, o: nn.Linear(i, o, bias=False)
        self.heads, self.head, self.streams = heads, head, streams
        self.attention_norm, self.feed_norm, self.code_norm = nn.RMSNorm(hidden), nn.RMSNorm(hidden), nn.RMSNorm(rank)
        self.query_down, self.query_up = linear(hidden, rank), linear(rank, heads * head)
        self.key, self.value = linear(hidden, head), linear(hidden, head)
        self.query_norm, self.key_norm = nn.RMSNorm(head), nn.RMSNorm(head)
        self.out_down, self.out_up = linear(heads * head, rank), linear(rank, hidden)
        self.gate, self.up, self.down = linear(hidden, wide), linear(hidden, wide), linear(wide, hidden)
        self.mixes = nn.Parameter(torch.zeros(4, streams))

    def rotate(self, x, cosines, sines):
        still, a, b = x.split([self.head - 2 * cosines.shape[1], cosines.shape[1], cosines.shape[1]], dim=-1)
        return torch.cat([still, a * cosines - b * sines, a * sines + b * cosines], dim=-1)

    def attend(self, h, cosines, sines):
        batch, length, _ = h.shape
        queries = self.query_up(self.code_norm(self.query_down(h))).view(batch, length, self.heads, self.head)
        queries = self.rotate(self.query_norm(queries.transpose(1, 2)), cosines, sines)
        keys = self.rotate(self.key_norm(self.key(h)), cosines, sines)[:, None]
        values = self.value(h)[:, None]
        y = F.scaled_dot_product_attention(
            queries, keys.expand_as(queries), values.expand_as(queries), is_causal=True)
        unit = values / (values.norm(dim=-1, keepdim=True) + 1e-8)
        y = y - (y * unit).sum(-1, keepdim=True) * unit
        return self.out_up(self.out_down(y.transpose(1, 2).reshape(batch, length, -1)))

    def connect(self, streams, place, layer):
        read = torch.einsum("n,nblh->blh", torch.softmax(self.mixes[place], 0), streams)
        return streams + self.streams * torch.softmax(self.mixes[place + 1], 0).view(-1, 1, 1, 1) * layer(read)

    def forward(self, streams, cosines, sines):
        streams = self.connect(streams, 0, lambda h: self.attend(self.attention_norm(h), cosines, sines))

        def feed(h):
            h = self.feed_norm(h)
            return self.down(F.silu(self.gate(h)) * self.up(h))
        return self.connect(streams, 2, feed)


class SpikeWhale(nn.Module):
    """The sizes of `minke bench train lm`."""

    def __init__(self, vocabulary=16512, hidden=256, layers=6, heads=4, head=64, rank=64, wide=768, streams=2,
                 rotary=16, slots=1024, tables=2, windows=3, code=32, refinement=64):
        super().__init__()
        self.rotary, self.windows, self.slots = rotary, windows, slots
        self.embedding = nn.Embedding(vocabulary, hidden)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(hidden, heads, head, rank, wide, streams) for _ in range(layers))
        self.streams = streams
        self.out_mix, self.norm = nn.Parameter(torch.zeros(streams)), nn.RMSNorm(hidden)
        self.tables = nn.ModuleList(nn.Embedding(slots, hidden) for _ in range(tables))
        self.register_buffer("compressor", torch.randn(hidden, code) * 50 / math.sqrt(hidden))
        self.register_buffer("hashes", torch.randn(windows * (windows + 1) // 2, code, tables) * slots / 64)
        self.gate = nn.Linear(2 * hidden, hidden)
        self.alpha, self.bias, self.gamma = (nn.Parameter(torch.full((hidden,), x)) for x in (1.0, 0.0, 1.0))
        self.refine_norm = nn.RMSNorm(hidden)
        self.refine_down = nn.Linear(2 * hidden, refinement, bias=False)
        self.refine_up = nn.Linear(refinement, hidden, bias=False)
        self.refine_gate = nn.Parameter(torch.zeros(1))
        self.second = nn.Linear(hidden, hidden, bias=False)

    def engram(self, x):
        batch, length, hidden = x.shape
        with torch.no_grad():
            codes = x @ self.compressor
        sums, counts = 0, torch.arange(1, length + 1).clamp(max=self.windows).view(1, -1, 1) * len(self.tables)
        for size in range(1, self.windows + 1):
            with torch.no_grad():
                count = length - size + 1
                z = sum(codes[:, k:k + count] @ self.hashes[size * (size - 1) // 2 + k] for k in range(size))
                rows = z.abs().long() % self.slots
            found = sum(table(rows[..., g]) for g, table in enumerate(self.tables))
            sums = sums + F.pad(found, (0, 0, size - 1, 0))
        r = sums / counts
        gate = self.gamma * (torch.erf(self.alpha * self.gate(torch.cat([r, x], -1)) + self.bias) + 1) / 2
        return gate * r

    def forward(self, ids):
        x = self.embedding(ids)
        x = x + self.engram(x)
        half = self.rotary // 2
        angles = torch.outer(torch.arange(ids.shape[1]), 10000.0 ** (-2 * torch.arange(half) / self.rotary))
        cosines, sines = angles.cos(), angles.sin()
        streams = x.expand(self.streams, *x.shape)
        for block in self.blocks:
            streams = block(streams, cosines, sines)
        x = torch.einsum("n,nblh->blh", torch.softmax(self.out_mix, 0), streams)
        code = F.silu(self.refine_down(torch.cat([self.refine_norm(x), x], -1)))
        return self.norm(x + torch.tanh(self.refine_gate) * self.refine_up(code))

    def loss(self, ids):
        h = self(ids)

        def cross(h, ahead):
            logits = (h[:, :-ahead] @ self.embedding.weight.T).flatten(0, 1)
            return logits, F.cross_entropy(logits, ids[:, ahead:].flatten())
        logits, first = cross(h, 1)
        _, second = cross(h + self.second(h), 2)
        return first + 1e-4 * torch.logsumexp(logits, -1).square().mean() + 0.3 * second
