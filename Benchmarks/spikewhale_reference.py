"""SpikeWhale in plain PyTorch, float32 on the CPU: what Minke's numbers and speed are held against.

    python spikewhale_reference.py logits MODEL_FOLDER ID [ID ...]   last logits of a token sequence, as JSON
    python spikewhale_reference.py embed MODEL_FOLDER [--batch N] [--tokens N] [--threads N]
                                                                     sentences of N tokens a second, mean-pooled
"""

import argparse
import json
import pathlib
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class SpikeWhale:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.config = c = json.loads((folder / "config.json").read_text())
        self.w = load_file(folder / "model.safetensors")
        self.streams = c["hc_mult"]
        position = torch.arange(c["max_position_embeddings"], dtype=torch.float32)
        half = c["qk_rope_head_dim"] // 2
        inverse = c["rope_theta"] ** (-torch.arange(half, dtype=torch.float32) / half)
        angles = torch.outer(position, inverse)
        self.cos, self.sin = angles.cos(), angles.sin()

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.w[name], self.config["rms_norm_eps"])

    def linear(self, x, name):
        return x @ self.w[name + ".weight"].T

    def engram(self, ids, x):
        """x [batch, tokens, hidden] is the embedding; rows of two tables are chosen by hashes of 1 to 3 tokens."""
        c, w = self.config, self.w
        batch, tokens, hidden = x.shape
        small = self.linear(x, "model.engram.compressor.proj")
        total, count = torch.zeros_like(x), torch.zeros(tokens)
        for m in range(1, c["engram_max_ngram"] + 1):
            windows = tokens - m + 1
            if windows <= 0:
                break
            for g in range(c["engram_num_heads"]):
                z = sum(
                    small[:, k : k + windows] @ w[f"model.engram.lookup.hash_proj_n{m}_p{k}"][g] for k in range(m)
                )
                rows = z.abs().long() % c["engram_table_size"]
                total[:, m - 1 :] += w[f"model.engram.lookup.tables.{g}.weight"][rows]
                count[m - 1 :] += 1
        r = total / count.clamp(min=1)[:, None]
        gate = torch.cat([r, x], -1) @ w["model.engram.gate.proj.weight"].T + w["model.engram.gate.proj.bias"]
        gate = torch.erf(w["model.engram.gate.alpha"] * gate + w["model.engram.gate.bias"])
        return w["model.engram.gate.gamma"] * (gate + 1) / 2 * r

    def rotate(self, x):
        """x [batch, tokens, heads, head_dim]: the last dimensions turn with the position."""
        width = self.config["qk_rope_head_dim"]
        keep, x1, x2 = x.split([x.shape[-1] - width, width // 2, width // 2], -1)
        cos, sin = self.cos[: x.shape[1], None], self.sin[: x.shape[1], None]
        return torch.cat([keep, x1 * cos - x2 * sin, x1 * sin + x2 * cos], -1)

    def attention(self, x, layer):
        c, p = self.config, f"model.layers.{layer}.attn."
        batch, tokens, _ = x.shape
        heads, width = c["num_attention_heads"], c["head_dim"]
        q = self.linear(self.norm(self.linear(x, p + "q_a_proj"), p + "q_a_norm.weight"), p + "q_b_proj")
        q = self.norm(q.view(batch, tokens, heads, width), p + "q_norm.weight")
        k = self.norm(self.linear(x, p + "k_proj").view(batch, tokens, 1, width), p + "k_norm.weight")
        v = self.linear(x, p + "v_proj").view(batch, tokens, 1, width)
        q, k, v = (t.transpose(1, 2) for t in (self.rotate(q), self.rotate(k), v))
        y = F.scaled_dot_product_attention(q, k.expand_as(q), v.expand_as(q), is_causal=True)
        unit = v / (v.norm(dim=-1, keepdim=True) + 1e-8)
        y = y - (y * unit).sum(-1, keepdim=True) * unit
        y = y.transpose(1, 2).reshape(batch, tokens, heads * width)
        return self.linear(self.linear(y, p + "o_a_proj"), p + "o_b_proj")

    def feed_forward(self, x, layer):
        p = f"model.layers.{layer}.ffn."
        return self.linear(F.silu(self.linear(x, p + "gate_proj")) * self.linear(x, p + "up_proj"), p + "down_proj")

    def hidden(self, ids):
        """ids [batch, tokens] -> last hidden states [batch, tokens, hidden]."""
        w, n = self.w, self.streams
        x = F.embedding(ids, w["model.embed_tokens.weight"])
        x = x + self.engram(ids, x)
        streams = [x] * n
        for layer in range(self.config["num_hidden_layers"]):
            for part, function in (("attn", self.attention), ("ffn", self.feed_forward)):
                p = f"model.layers.{layer}."
                read = torch.softmax(w[f"{p}hc_{part}.pre_logits"], 0)
                write = n * torch.softmax(w[f"{p}hc_{part}.post_logits"], 0)
                h = sum(read[i] * streams[i] for i in range(n))
                out = function(self.norm(h, f"{p}{part}_norm.weight"), layer)
                streams = [streams[i] + write[i] * out for i in range(n)]
        mix = torch.softmax(w["model.hc_out_mix.weight"], 0)
        x = sum(mix[i] * streams[i] for i in range(n))
        h = x
        for step in range(self.config["hrm_refine_steps"]):
            inner = torch.cat([self.norm(h, "model.hrm_refine.norm.weight"), x], -1)
            update = self.linear(F.silu(self.linear(inner, "model.hrm_refine.down")), "model.hrm_refine.up")
            h = h + torch.tanh(w["model.hrm_refine.gate"][step]) * update
        return self.norm(h, "model.norm.weight")

    def logits(self, ids):
        return self.hidden(ids) @ self.w["model.embed_tokens.weight"].T


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["logits", "embed"])
    parser.add_argument("folder")
    parser.add_argument("ids", nargs="*", type=int)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=30)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    model = SpikeWhale(arguments.folder)
    with torch.inference_mode():
        if arguments.action == "logits":
            print(json.dumps(model.logits(torch.tensor([arguments.ids]))[0, -1].tolist()))
            return
        ids = torch.randint(4, model.config["vocab_size"], (arguments.batch, arguments.tokens))
        times = []
        for _ in range(8):
            start = time.perf_counter()
            model.hidden(ids).mean(1)
            times.append(time.perf_counter() - start)
        best = min(times)
        print(json.dumps({"sentences_per_second": arguments.batch / best, "seconds": best, "batch": arguments.batch,
                          "tokens": arguments.tokens, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
