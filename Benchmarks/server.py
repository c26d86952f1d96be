#!/usr/bin/env python3
"""Minke's server beside sentence-transformers behind FastAPI, under load from the same machine with wrk.

Usage: python3 Benchmarks/server.py [--seconds 10] [--passages 100000] [--no-peers]

Needs wrk (Debian: wrk). Requests and the load share the machine's cores. Installs the peers from PyPI into a cached
environment; their model is a static one of the same tokenizer and size as the built-in one, so both do the same work.
"""
import argparse
import json
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import peers

SHORT = "how do I undo a mistake in the last commit"


def wrk(address, body, connections, seconds, path="/v1/embeddings"):
    """Requests a second and the 99th percentile in milliseconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n')
        script.write(f"wrk.body = [==[{json.dumps(body)}]==]\n")
        script.flush()
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", script.name, address + path]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        print(output, file=sys.stderr)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


class Server:
    """A server that is ready, started with `command`."""

    def __init__(self, command, address=None):
        start = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = address or self.process.stdout.readline().strip().rstrip("/")
        while True:
            try:
                urllib.request.urlopen(self.address + "/health", timeout=5).read()
                break
            except OSError:
                time.sleep(0.002)
        self.ready = time.perf_counter() - start

    def memory(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def health_under_load(server, seconds):
    """The 99th percentile of /health, in milliseconds, while 64 clients embed long texts."""
    load = threading.Thread(target=wrk, args=(server.address, {"input": ["a long text " * 800] * 16, "encoding_format": "base64"}, 64, seconds))
    load.start()
    time.sleep(0.5)
    times = []
    while load.is_alive():
        start = time.perf_counter()
        urllib.request.urlopen(server.address + "/health").read()
        times.append(1000 * (time.perf_counter() - start))
        time.sleep(0.005)
    return sorted(times)[int(0.99 * len(times))]


def post(server, path, body):
    request = urllib.request.Request(server.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.loads(urllib.request.urlopen(request, timeout=60).read())


HEAD = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BAD_REQUESTS = [
    HEAD + b'Content-Length: 100000\r\n\r\n{"inp',
    HEAD + b'Content-Length: 9\r\n\r\n{"a":\xff\xfe}}',
    HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"inp',
    b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    random.Random(1).randbytes(400),
]


def mixed_load(server, seconds):
    """Right answers, others, bad clients, and the memory in MB at six times, while 16 clients ask and 4 misbehave."""
    texts = [f"a text about thing {n} and whale {n * 7}" for n in range(50)]
    queries = ["white whale", "a storm at sea", "the captain's leg", "old books"]

    def vectors(chosen):
        reply = post(server, "/v1/embeddings", {"input": [texts[n] for n in chosen], "encoding_format": "base64"})
        return [item["embedding"] for item in reply["data"]]

    def found(query):
        return [item["id"] for item in post(server, "/search", {"query": query, "k": 5})["results"]]

    right_vectors = [vectors([n])[0] for n in range(len(texts))]
    right_results = {query: found(query) for query in queries}
    end = time.monotonic() + seconds
    counts = {"right": 0, "wrong": 0, "bad": 0}
    lock = threading.Lock()

    def ask(seed):
        draw = random.Random(seed)
        while time.monotonic() < end:
            try:
                if draw.random() < 0.7:
                    chosen = [draw.randrange(len(texts)) for _ in range(draw.choice([1, 1, 1, 8, 64]))]
                    is_right = vectors(chosen) == [right_vectors[n] for n in chosen]
                else:
                    query = draw.choice(queries)
                    is_right = found(query) == right_results[query]
            except (OSError, ValueError, KeyError) as error:
                print(repr(error), file=sys.stderr)
                is_right = False
            with lock:
                counts["right" if is_right else "wrong"] += 1

    def misbehave(seed):
        draw = random.Random(seed)
        host, port = server.address.removeprefix("http://").split(":")
        while time.monotonic() < end:
            try:
                with socket.create_connection((host, int(port)), 5) as connection:
                    connection.sendall(draw.choice(BAD_REQUESTS))
                    time.sleep(draw.choice([0, 0.05]))
            except OSError:
                pass
            with lock:
                counts["bad"] += 1

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    threads += [threading.Thread(target=misbehave, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    memory = []
    for _ in range(6):
        time.sleep(seconds / 6)
        memory.append(round(server.memory()))
    for thread in threads:
        thread.join()
    return counts["right"], counts["wrong"], counts["bad"], memory


def first_tokens(minke, turns=9):
    """Milliseconds to the first piece of text, medians: of `minke generate`, and of the server's streamed chat."""
    prompt = "Tell me about whales. " * 40
    chat = {"messages": [{"role": "user", "content": prompt}], "stream": True, "max_tokens": 5}
    own, served = [], []
    with Server([minke, "serve", "--port", "0", "--chat-model", "minke-tiny-lm"]) as server:
        for _ in range(turns + 1):
            start = time.perf_counter()
            command = subprocess.Popen(
                [minke, "generate", "--model", "minke-tiny-lm", "--max-tokens", "5", prompt], stdout=subprocess.PIPE)
            command.stdout.read(1)
            own.append(1000 * (time.perf_counter() - start))
            command.communicate()
            request = urllib.request.Request(
                server.address + "/v1/chat/completions", json.dumps(chat).encode(), {"Content-Type": "application/json"})
            start = time.perf_counter()
            with urllib.request.urlopen(request) as response:
                for line in response:
                    if b'"content":"' in line and b'"content":""' not in line:
                        served.append(1000 * (time.perf_counter() - start))
                        break
                response.read()
    return statistics.median(own[1:]), statistics.median(served[1:])


PEER = '''
import base64, sys
import numpy, torch, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import StaticEmbedding
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
table = numpy.random.default_rng(0).standard_normal((tokenizer.get_vocab_size(), 512), dtype=numpy.float32)
model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu")
app = FastAPI()

class Request(BaseModel):
    input: str | list[str]
    encoding_format: str = "float"

@app.get("/health")
def health():
    return {}

@app.post("/v1/embeddings")
def embeddings(request: Request):
    texts = [request.input] if isinstance(request.input, str) else request.input
    vectors = model.encode(texts, convert_to_numpy=True)
    if request.encoding_format == "base64":
        rows = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in vectors]
    else:
        rows = vectors.tolist()
    return {"object": "list", "data": [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]}

uvicorn.run(app, host="127.0.0.1", port=4199, log_level="warning", workers=1)
'''


def measure(name, server, seconds, most):
    rate, p99 = wrk(server.address, {"input": SHORT, "encoding_format": "base64"}, 64, seconds)
    many, _ = wrk(server.address, {"input": [f"{SHORT} {n}" for n in range(256)], "encoding_format": "base64"}, most, seconds)
    print(f"| {name} | {rate:,.0f} | {p99:.1f} | {many * 256:,.0f} | {1000 * server.ready:,.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--minke", help="the command, already built")
    arguments = parser.parse_args()
    if not arguments.no_peers:
        peers.run_with("sentence-transformers", "torch", "fastapi", "uvicorn")
    minke = arguments.minke or peers.minke()
    print(peers.machine())
    print("| server | one text a request, 64 connections: requests/s | p99, ms | 256 texts a request: texts/s | start, ms |")
    print("|---|---|---|---|---|")
    with Server([minke, "serve", "--port", "0"]) as server:
        measure("minke", server, arguments.seconds, 4)
        print(f"\n/health while 64 clients embed long texts: p99 {health_under_load(server, arguments.seconds):.1f} ms")
        print(f"memory after it all: {server.memory():.0f} MB\n", flush=True)
    if not arguments.no_peers:
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "peer.py"
            script.write_text(PEER)
            tokenizer = peers.REPOSITORY / "Sources/MinkeBuiltInModels/Resources/minke-sse-en/tokenizer.json"
            with Server([sys.executable, str(script), str(tokenizer)], "http://127.0.0.1:4199") as server:
                measure("sentence-transformers, FastAPI", server, arguments.seconds, 4)
    own, served = first_tokens(minke)
    print(f"first piece of text of an answer to 160 words: command {own:.0f} ms, server {served:.0f} ms\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/many.minke"
        with open(f"{folder}/many.jsonl", "w") as file:
            words = (peers.REPOSITORY / "Examples/books/moby-dick.txt").read_text().split()
            for n in range(arguments.passages):
                start = (n * 7919) % (len(words) - 60)
                file.write(json.dumps({"id": str(n), "text": " ".join(words[start:start + 40 + n % 20])}) + "\n")
        subprocess.run([minke, "index", "--whole", f"{folder}/many.jsonl", "--into", path], check=True, capture_output=True)
        with Server([minke, "serve", "--port", "0", "--in", path]) as server:
            for mode in ("meaning", "words", "both"):
                rate, p99 = wrk(server.address, {"query": SHORT, "k": 10, "mode": mode}, 64, arguments.seconds, "/search")
                print(f"search by {mode} in {arguments.passages:,} passages: {rate:,.0f} requests/s, p99 {p99:.1f} ms", flush=True)
            right, wrong, bad, memory = mixed_load(server, 60)
            print(f"60 s of mixed load: {right:,} right answers, {wrong} wrong or lost, {bad:,} bad clients, memory {memory} MB")


if __name__ == "__main__":
    main()
