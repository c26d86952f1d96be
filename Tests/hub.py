"""Uses one cache by Minke and by huggingface_hub; Tests/hub starts it with the path of the command."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

from hub_server import Hub, name_of

ROOT = pathlib.Path(__file__).parent.parent
MINKE = sys.argv[1]
COMMIT, NEWER = "1a" * 20, "2b" * 20
NAME = "org/tiny"

hub = Hub()
folder = tempfile.TemporaryDirectory(prefix="minke-test-")
home = pathlib.Path(folder.name)
# Before the library is imported: it reads them then.
os.environ.update(HF_ENDPOINT=hub.address, HF_HOME=str(home), HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE"):
    os.environ.pop(name, None)

import filelock
import huggingface_hub

CACHE = home / "hub"
PLACE = CACHE / "models--org--tiny"


def files_of(fixture):
    root = ROOT / "Tests/Fixtures" / fixture
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    files.pop("expected.json")
    return files | {"README.md": b"# A model\n", "onnx/model.onnx": b"onnx"}


def needed(files):
    return {path: data for path, data in files.items() if path != "README.md" and not path.startswith("onnx/")}


def minke(*arguments, status=0, **environment):
    run = subprocess.run([MINKE, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, input="")
    assert run.returncode == status, (arguments, run.returncode, run.stdout, run.stderr)
    return run


def vectors(model):
    run = subprocess.run(
        [MINKE, "encode", "--model", model], input="a whale\nbread\n", capture_output=True, text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line)["embedding"] for line in run.stdout.splitlines()]


def clear():
    subprocess.run(["rm", "-rf", str(CACHE)], check=True)
    hub.fetched.clear()


def leftovers():
    return sorted(PLACE.glob("blobs/*.incomplete"))


def step(words):
    print(f"  {words}", flush=True)


FILES = files_of("static-embedding-tiny")
EXPECTED = vectors(str(ROOT / "Tests/Fixtures/static-embedding-tiny"))
hub.publish(NAME, COMMIT, FILES, "main", "v1")

# Fetched by Minke, read by Python.
missing = minke("encode", "--model", NAME, status=2)
assert f"minke pull {NAME}" in missing.stderr, missing.stderr
pulled = minke("pull", NAME)
place = pathlib.Path(pulled.stdout.strip())
assert place == PLACE / "snapshots" / COMMIT, pulled
assert huggingface_hub.snapshot_download(NAME, local_files_only=True) == str(place)
assert huggingface_hub.snapshot_download(NAME, revision=COMMIT, local_files_only=True) == str(place)
for path, data in needed(FILES).items():
    found = pathlib.Path(huggingface_hub.hf_hub_download(NAME, path, local_files_only=True))
    assert found.is_symlink() and found.resolve() == (PLACE / "blobs" / name_of(path, data)).resolve()
    assert found.read_bytes() == data
before = len(hub.fetched)
huggingface_hub.snapshot_download(NAME, allow_patterns=list(needed(FILES)))
assert len(hub.fetched) == before, hub.fetched[before:]
report = huggingface_hub.scan_cache_dir()
assert not report.warnings and [repository.repo_id for repository in report.repos] == [NAME], report
[revision] = next(iter(report.repos)).revisions
assert revision.refs == {"main"} and revision.size_on_disk == sum(map(len, needed(FILES).values())), revision
assert vectors(NAME) == EXPECTED
assert minke("pull", NAME, "--file", "vocab.json", status=2).stderr.count("vocab.json")
assert huggingface_hub.try_to_load_from_cache(NAME, "vocab.json") is huggingface_hub._CACHED_NO_EXIST
step("fetched by minke, read by huggingface_hub")

# Fetched by Python, read by Minke.
clear()
folder_of_python = huggingface_hub.snapshot_download(NAME, revision="v1")
assert vectors(f"{NAME}@v1") == vectors(f"{NAME}@{COMMIT}") == EXPECTED
assert "only " + COMMIT in minke("encode", "--model", NAME, status=2).stderr
before = len(hub.fetched)
pulled = minke("pull", NAME)
assert pulled.stdout.strip() == folder_of_python and len(hub.fetched) == before, hub.fetched[before:]
assert "all of it there before" in pulled.stderr, pulled.stderr
listed = [json.loads(line) for line in minke("model", "list", "--json").stdout.splitlines()]
assert [model["name"] for model in listed] == ["minke-sse-en", "minke-tiny-lm", NAME], listed
assert listed[-1]["references"] == ["main", "v1"] and listed[-1]["revision"] == COMMIT, listed
assert listed[-1]["family"] == "static embedding" and listed[-1]["folder"] == folder_of_python, listed
assert NAME in minke("model", "list").stdout
# A single file, as some programs fetch: no model yet.
clear()
huggingface_hub.hf_hub_download(NAME, "config.json" if "config.json" in FILES else "modules.json")
assert f"minke pull {NAME}" in minke("encode", "--model", NAME, status=2).stderr
assert minke("encode", "--model", NAME, "--pull").returncode == 0 and vectors(NAME) == EXPECTED
step("fetched by huggingface_hub, read by minke")

# One lock for both.
clear()
weights = name_of("model.safetensors", FILES["model.safetensors"])
lock = CACHE / ".locks/models--org--tiny" / f"{weights}.lock"
lock.parent.mkdir(parents=True)
with filelock.FileLock(lock):
    waiting = subprocess.Popen([MINKE, "pull", NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1)
    assert waiting.poll() is None and (weights, 0) not in hub.fetched
assert waiting.wait(timeout=30) == 0 and (weights, 0) in hub.fetched
waiting.communicate()
clear()
hub.rate = 100_000
pulling = subprocess.Popen([MINKE, "pull", NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
while not leftovers() or leftovers()[-1].stat().st_size == 0:
    assert pulling.poll() is None
    time.sleep(0.02)
try:
    filelock.FileLock(lock).acquire(timeout=0)
    raise AssertionError("the lock was free")
except filelock.Timeout:
    pass
# Both at once.
assert huggingface_hub.snapshot_download(NAME, allow_patterns=list(needed(FILES))) == str(PLACE / "snapshots" / COMMIT)
assert pulling.wait(timeout=60) == 0
pulling.communicate()
assert sum(what == weights for what, _ in hub.fetched) == 1, hub.fetched
assert vectors(NAME) == EXPECTED
step("one lock for both")

# Ctrl-C, and no room: nothing is lost.
clear()
pulling = subprocess.Popen(
    [MINKE, "pull", NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    # A shell that runs this in the background has it ignored.
    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
)
while not any(path.name.startswith(weights) and path.stat().st_size > 30_000 for path in leftovers()):
    assert pulling.poll() is None
    time.sleep(0.02)
pulling.send_signal(signal.SIGINT)
assert pulling.wait(timeout=30) == -signal.SIGINT
pulling.communicate()
hub.rate = None
[left] = [path for path in leftovers() if path.name == f"{weights}.incomplete"]
kept = left.stat().st_size
assert kept > 30_000 and not (PLACE / "refs/main").exists()
minke("pull", NAME)
assert (weights, kept) in hub.fetched and not leftovers() and vectors(NAME) == EXPECTED
clear()
limit = 100_000
run = subprocess.run(
    [MINKE, "pull", NAME], capture_output=True, text=True,
    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
)
assert run.returncode == 2 and "stays" in run.stderr, run
assert left.stat().st_size == limit
minke("pull", NAME)
assert (weights, limit) in hub.fetched and vectors(NAME) == EXPECTED
step("interrupted, and without room: the next pull goes on")

# Removing, and what the other sees of it.
newer = FILES | {"tokenizer.json": FILES["tokenizer.json"] + b"\n"}
hub.publish(NAME, NEWER, newer, "main")
huggingface_hub.snapshot_download(NAME)
minke("pull", NAME)
assert len(next(iter(huggingface_hub.scan_cache_dir().repos)).revisions) == 2
assert "1 commit removed" in minke("model", "remove", f"{NAME}@{COMMIT}").stderr
report = huggingface_hub.scan_cache_dir()
[revision] = next(iter(report.repos)).revisions
assert revision.commit_hash == NEWER and not report.warnings, report
assert vectors(NAME) == EXPECTED
blobs = {path.name for path in PLACE.glob("blobs/*")}
assert blobs == {name_of(path, data) for path, data in newer.items()}, blobs
freed = sum(path.stat().st_size for path in PLACE.glob("blobs/*"))
removed = minke("model", "remove", NAME).stderr
assert "1 commit removed" in removed and f"{freed / 1000:.1f} kB" in removed, removed
assert not PLACE.exists() and not huggingface_hub.scan_cache_dir().repos
assert "nothing of this name" in minke("model", "remove", NAME, status=2).stderr
step("removed by minke, gone for huggingface_hub")

# Tokens and refusals.
hub.token = "hf_secret"
refused = minke("pull", NAME, status=2).stderr
assert "HF_TOKEN" in refused and f"{hub.address}/{NAME}" in refused, refused
minke("pull", NAME, HF_TOKEN="hf_secret")
(home / "token").write_text("hf_secret\n")
clear()
minke("pull", NAME)
hub.token = None
assert "HF_HUB_OFFLINE" in minke("pull", NAME, status=2, HF_HUB_OFFLINE="1").stderr
assert "branch" in minke("pull", f"{NAME}@v9", status=2).stderr
assert "ORG/NAME" in minke("pull", "../x/y", status=2).stderr
step("tokens and refusals")
