"""The peers that Minke is measured against, installed from PyPI into a cached virtual environment."""
import os
import pathlib
import subprocess
import sys

CACHE = pathlib.Path(os.environ.get("MINKE_CACHE", pathlib.Path.home() / ".cache" / "minke"))
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def run_with(*packages):
    """Starts this script again in an environment that has `packages`, unless it runs there already."""
    folder = CACHE / "peers"
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix) == folder:
        return
    if not python.exists():
        print(f"making {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr)
    subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    os.execv(str(python), [str(python), *sys.argv])


def minke():
    """Builds the command in release mode and gives its path."""
    build = ["swift", "build", "-c", "release", "--product", "minke"]
    subprocess.run(build, cwd=REPOSITORY, check=True, stdout=sys.stderr)
    where = subprocess.run([*build, "--show-bin-path"], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return str(pathlib.Path(where.stdout.strip()) / "minke")


def machine():
    """One line about this machine."""
    name = "unknown processor"
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        name = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True).stdout.strip()
    return f"{name}, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"
