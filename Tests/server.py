"""Uses a server as people do; Tests/server starts it with the path of the command."""

import asyncio
import base64
import concurrent.futures
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import openai
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from serving import CHAT_MODEL, collection, server, step

MINKE = sys.argv[1]
KEY = "a-key-of-twenty-letters"


def raises(kind, body):
    try:
        body()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def check_openai(address):
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    models = [model.id for model in client.models.list()]
    assert models[0] == "minke-sse-en" and len(models) == 2, models
    # The client asks for base64 unless it is told otherwise.
    packed = client.embeddings.create(model=models[0], input=["a whale", "bread"])
    plain = client.embeddings.create(model=models[0], input=["a whale", "bread"], encoding_format="float")
    # One is 32-bit floats, the other their shortest decimals.
    for one, other in zip(packed.data, plain.data):
        assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding)) < 1e-7
    assert len(packed.data[0].embedding) == 512 and packed.usage.prompt_tokens > 0
    short = client.embeddings.create(model=models[0], input="a whale", dimensions=64)
    assert len(short.data[0].embedding) == 64
    error = raises(openai.BadRequestError, lambda: client.embeddings.create(model=models[0], input=[]))
    assert error.param == "input", error
    raises(openai.NotFoundError, lambda: client.embeddings.create(model="other", input="a"))

    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    whole = client.chat.completions.create(
        model=models[1], messages=messages, max_tokens=10, temperature=0, logprobs=True, top_logprobs=2
    )
    assert whole.choices[0].finish_reason in ("stop", "length") and whole.usage.completion_tokens <= 10
    assert len(whole.choices[0].logprobs.content) == whole.usage.completion_tokens
    stream = client.chat.completions.create(
        model=models[1], messages=messages, max_tokens=10, temperature=0, stream=True,
        stream_options={"include_usage": True},
    )
    text, usage = "", None
    for chunk in stream:
        usage = chunk.usage or usage
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert text == whole.choices[0].message.content and usage == whole.usage, (text, whole)
    once, again = (
        client.completions.create(model=models[1], prompt="The whale", max_tokens=8, seed=5, temperature=1.2).choices[0].text
        for _ in range(2)
    )
    assert once == again
    answer = client.chat.completions.create(
        model=models[1], messages=[{"role": "user", "content": "xqz vfrt bmlk"}], extra_body={"collections": ["*"]}
    )
    assert answer.model_extra["sources"] == [], answer


def check_curl(address):
    def curl(*arguments):
        return subprocess.run(["curl", "-sS", *arguments], check=True, capture_output=True, text=True).stdout

    json_type = ["-H", "Content-Type: application/json"]
    assert json.loads(curl(f"{address}/health")) == {"status": "ok"}
    assert "minke_requests_total" in curl(f"{address}/metrics")
    assert "<title>" in curl(f"{address}/")
    found = json.loads(curl(f"{address}/search", *json_type, "-d", '{"query": "the white rabbit", "k": 3}'))
    assert len(found["results"]) == 3 and "alice" in found["results"][0]["document"], found
    assert any("abbit" in result["text"] for result in found["results"])
    passage = json.loads(curl(f"{address}/collections/books/passages/{found['results'][0]['id']}?around=1"))
    assert passage["passage"]["text"] == found["results"][0]["text"]
    added = json.loads(
        curl(f"{address}/collections/books/add", *json_type, "-d", '{"documents": [{"id": "x", "text": "zebra finch"}]}')
    )
    assert added["added"] == 1
    found = json.loads(curl(f"{address}/search", *json_type, "-d", '{"query": "zebra finch", "k": 1}'))
    assert found["results"][0]["document"] == "x"
    assert json.loads(curl(f"{address}/collections/books/remove", *json_type, "-d", '{"documents": "x"}')) == {"removed": ["x"]}
    # A body that waits for 100 Continue.
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"input": ["a whale " * 50] * 3000}, file)
        file.flush()
        reply = curl(f"{address}/v1/embeddings", *json_type, "-H", "Expect: 100-continue", "--data-binary", f"@{file.name}")
        assert len(json.loads(reply)["data"]) == 3000
    while True:
        reply = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", f"{address}/collections/books/map"], capture_output=True, text=True
        ).stdout
        body, status = reply.rsplit("\n", 1)
        if status == "200":
            break
        assert status == "202", reply
        time.sleep(0.2)
    points = json.loads(body)
    assert len(base64.b64decode(points["points"])) == 8 * points["count"] > 0


async def check_agent(connect, expects):
    async with connect as client:
        assert client.protocol_version == expects, client.protocol_version
        # A client that was told the revision does not ask who answers.
        assert client.server_info is None or client.server_info.name == "minke"
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"search", "read", "embed_text", "similarity", "index_add", "index_query"} <= set(tools), tools
        assert tools["search"].annotations.read_only_hint and not tools["index_add"].annotations.read_only_hint
        # The client checks structured results against the schema.
        found = await client.call_tool("search", {"query": "the white rabbit", "k": 2})
        passage = found.structured_content["results"][0]
        assert not found.is_error and "alice" in passage["document"] and passage["lines"][0] > 0
        read = await client.call_tool("read", {"passage": passage["passage"], "around": 1})
        assert any(p["text"] == passage["text"] for p in read.structured_content["passages"])
        wrong = await client.call_tool("search", {})
        assert wrong.is_error and "query" in wrong.content[0].text
        await client.call_tool("index_add", {"texts": ["a whale", "bread"], "ids": ["w", "b"]})
        asked = await client.call_tool("index_query", {"query": "whales", "k": 1})
        assert asked.structured_content["results"][0]["id"] == "w"
        assert (await client.call_tool("index_stats", {})).structured_content["documents"] == 2
        assert (await client.call_tool("index_clear", {})).structured_content["removed"] == 2
        vectors = await client.call_tool("embed_text", {"texts": ["a"], "dimension": 32})
        assert len(vectors.structured_content["embeddings"][0]) == 32
        assert (await client.call_tool("similarity", {"texts": ["a", "a"]})).structured_content["similarities"][0][1] > 0.99


def check_mcp(address, path):
    for mode, version in (("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28")):
        pipe = stdio_client(StdioServerParameters(command=MINKE, args=["mcp", "--in", path]))
        asyncio.run(check_agent(Client(f"{address}/mcp", mode=mode), version))
        asyncio.run(check_agent(Client(pipe, mode=mode), version))
        step(f"mcp, mode {mode}: HTTP and standard input")
    # What is printed can be pasted: the command in it starts.
    printed = subprocess.run([MINKE, "mcp", "--in", path, "--print-config"], check=True, capture_output=True, text=True)
    line = next(line for line in printed.stdout.splitlines() if '"mcpServers"' in line and '"command"' in line)
    entry = json.loads(line)["mcpServers"]["minke"]
    pipe = stdio_client(StdioServerParameters(command=entry["command"], args=entry["args"]))
    asyncio.run(check_agent(Client(pipe, mode="auto"), "2026-07-28"))


def check_keys(path):
    with tempfile.NamedTemporaryFile("w", suffix=".keys") as file:
        file.write(f"# keys\n{KEY}\n")
        file.flush()
        with server(MINKE, "--in", path, "--api-key-file", file.name) as address:
            raises(
                openai.AuthenticationError,
                lambda: openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0).models.list(),
            )
            assert openai.OpenAI(base_url=f"{address}/v1", api_key=KEY).models.list().data
    refused = subprocess.run([MINKE, "serve", "--host", "0.0.0.0", "--port", "0"], capture_output=True, text=True)
    assert refused.returncode == 2 and "--without-key" in refused.stderr, refused


def check_tls(path):
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )
        with server(MINKE, "--in", path, "--tls-certificate", certificate, "--tls-key", key) as address:
            assert address.startswith("https://")
            reply = subprocess.run(
                ["curl", "-sS", "--cacert", certificate, f"{address}/health"], check=True, capture_output=True, text=True
            )
            assert json.loads(reply.stdout) == {"status": "ok"}


def check_bad_clients(address):
    port = urllib.parse.urlparse(address).port
    head = "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    def connect():
        return socket.create_connection(("127.0.0.1", port), timeout=30)

    def health():
        with connect() as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return client.recv(1000).startswith(b"HTTP/1.1 200")

    # 1 GB in chunks, which the server stops reading.
    with connect() as client:
        client.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        try:
            for _ in range(1000):
                client.sendall(chunk)
            raise AssertionError("1 GB was taken")
        except OSError:
            pass
    assert health()
    # Clients that close one side, reset, or leave in the midst.
    for number in range(200):
        client = connect()
        client.sendall((head + "Content-Length: 50\r\n\r\n{").encode()[: 20 + number])
        if number % 3 == 0:
            client.shutdown(socket.SHUT_WR)
        elif number % 3 == 1:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert health()
    # A client that closes its side after a whole request is answered.
    with connect() as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    # Many connections that say nothing, and one that is answered when they have gone.
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = min(10_000, hard - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, many + 100), hard))
    clients = []
    for _ in range(many):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        clients.append(client)
    step(f"{many} connections at once")
    for client in clients:
        client.close()
    assert health()
    # 200 at a time, each with its own answer.
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none")
    wanted = {n: client.embeddings.create(model="minke-sse-en", input=f"text {n}").data[0].embedding for n in range(20)}
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        numbers = [n % 20 for n in range(1000)]
        replies = pool.map(lambda n: client.embeddings.create(model="minke-sse-en", input=f"text {n}").data[0].embedding, numbers)
        assert all(wanted[n] == reply for n, reply in zip(numbers, replies))


def check_schema(address):
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    # It leaves files where it is started.
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", "--max-examples", "15",
             "--seed", "1", "--request-timeout", "60", "--checks", checks],
            capture_output=True, text=True, cwd=folder,
        )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]


def check_ask(path):
    asked = subprocess.run(
        [MINKE, "ask", "Who follows the white rabbit?", "--in", path, "--chat-model", CHAT_MODEL, "--max-tokens", "4",
         "--json"], capture_output=True, text=True,
    )
    # The tiny model sees 128 tokens: too few for a passage, which is said.
    assert asked.returncode in (0, 1), asked
    nothing = subprocess.run(
        [MINKE, "ask", "xqz vfrt bmlk", "--in", path, "--chat-model", CHAT_MODEL], capture_output=True, text=True
    )
    assert nothing.returncode == 1 and "Nothing" in nothing.stderr, nothing


with collection(MINKE) as path:
    with server(MINKE, "--in", path, "--chat-model", CHAT_MODEL) as address:
        step("openai")
        check_openai(address)
        step("curl")
        check_curl(address)
        check_mcp(address, path)
        step("schemathesis")
        check_schema(address)
        step("bad clients")
        check_bad_clients(address)
    step("keys")
    check_keys(path)
    step("TLS")
    check_tls(path)
    step("ask")
    check_ask(path)
print("the server does what it should")
