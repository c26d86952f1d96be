"""A hub of this machine: it answers as huggingface.co does, on one port, and keeps large files on another."""

import contextlib
import hashlib
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = (".safetensors", ".bin", ".pt")


def name_of(path, data):
    """The name of a file's blob: SHA-256 of large files, git's hash of the others."""
    if path.endswith(LARGE):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    def __init__(self):
        self.files = {}  # (repository, commit) -> {path: bytes}
        self.revisions = {}  # (repository, revision) -> commit
        self.token = None  # who reads must show it
        self.rate = None  # bytes a second of large files; None for all at once
        self.fetched = []  # (path or blob, first byte) of each body that was sent
        self.servers = [self._server(answer) for answer in (self._hub, self._storage)]
        self.address, self.storage = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)

    def publish(self, repository, commit, files, *revisions):
        self.files[repository, commit] = files
        for revision in (*revisions, commit):
            self.revisions[repository, revision] = commit

    def _server(self, answer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with contextlib.suppress(ConnectionError):
                    answer(self, urllib.parse.urlsplit(self.path))

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _hub(self, request, url):
        parts = [urllib.parse.unquote(part) for part in url.path.split("/")[1:]]
        if self.token and request.headers["Authorization"] != f"Bearer {self.token}":
            return self._send(request, 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        if parts[:2] == ["api", "models"] and parts[4:5] in (["revision"], ["tree"]):
            repository = "/".join(parts[2:4])
            commit = self.revisions.get((repository, parts[5]))
            if commit is None:
                return self._send(request, 404, {"X-Error-Code": "RevisionNotFound"})
            files = self.files[repository, commit]
            body = self._tree(files) if parts[4] == "tree" else self._information(repository, commit, files)
            return self._send(request, 200, {"Content-Type": "application/json"}, json.dumps(body).encode())
        is_second = parts[:2] == ["api", "resolve-cache"]
        repository = "/".join(parts[3:5] if is_second else parts[:2])
        commit, *path = parts[5:] if is_second else parts[3:]
        commit = self.revisions.get((repository, commit), commit)
        path = "/".join(path)
        data = self.files.get((repository, commit), {}).get(path)
        headers = {"X-Repo-Commit": commit}
        if data is None:
            return self._send(request, 404, {**headers, "X-Error-Code": "EntryNotFound"})
        name = name_of(path, data)
        if path.endswith(LARGE):
            headers |= {"X-Linked-Etag": f'"{name}"', "X-Linked-Size": len(data), "ETag": '"of the pointer"'}
            return self._send(request, 302, {**headers, "Location": f"{self.storage}/{name}"})
        if not is_second:
            target = f"/api/resolve-cache/models/{repository}/{commit}/{urllib.parse.quote(path)}"
            return self._send(request, 307, {**headers, "Location": target})
        self._give(request, path, data, {**headers, "ETag": f'"{name}"'})

    def _storage(self, request, url):
        if request.headers["Authorization"]:
            return self._send(request, 400, {})
        files = (item for files in self.files.values() for item in files.items())
        data = next(data for path, data in files if name_of(path, data) == url.path[1:])
        self._give(request, url.path[1:], data, {"ETag": '"of the storage"'})

    def _tree(self, files):
        entries = []
        for path, data in sorted(files.items()):
            oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            entry = {"type": "file", "path": path, "size": len(data), "oid": oid}
            if path.endswith(LARGE):
                entry["lfs"] = {"oid": name_of(path, data), "size": len(data), "pointerSize": 130}
            entries.append(entry)
        return entries

    def _information(self, repository, commit, files):
        siblings = [{"rfilename": path} for path in sorted(files)]
        return {"id": repository, "modelId": repository, "sha": commit, "private": False, "tags": [], "downloads": 0,
                "likes": 0, "siblings": siblings}

    def _give(self, request, what, data, headers):
        start = int((request.headers["Range"] or "bytes=0-")[6:].split("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if request.command == "GET":
            self.fetched.append((what, start))
        self._send(request, 206 if start else 200, headers, data[start:])

    def _send(self, request, status, headers, body=b""):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, str(value))
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "HEAD":
            return
        if self.rate is None or status not in (200, 206):
            request.wfile.write(body)
            return
        for start in range(0, len(body), step := self.rate // 20):
            request.wfile.write(body[start : start + step])
            time.sleep(0.05)
