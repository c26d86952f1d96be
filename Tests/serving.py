"""A server for the scripts that use one as people do."""

import contextlib
import pathlib
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
CHAT_MODEL = str(ROOT / "Tests/Fixtures/spikewhale-tiny")


@contextlib.contextmanager
def collection(minke):
    """A collection of two books, by its path."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/books.minke"
        books = [str(ROOT / f"Examples/books/{name}.txt") for name in ("alice-in-wonderland", "time-machine")]
        subprocess.run([minke, "index", *books, "--into", path], check=True, capture_output=True)
        yield path


@contextlib.contextmanager
def server(minke, *arguments):
    """The address of a server that ends well when it is asked to."""
    process = subprocess.Popen(
        [minke, "serve", "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http"), process.stderr.read()
        yield address.rstrip("/")
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, f"status {process.returncode}: {errors}"


def step(words):
    print(f"  {words}", flush=True)
