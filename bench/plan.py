# ruff: noqa: T201
"""`windlass plan` of a large repository, as a multiple of the time that `turbo run build --dry=json` needs for it.

A repository of services is generated, and a registry started that holds the images of all of them under their
fingerprints. One file is edited before each round; registry look-ups are part of every plan. Goals: a plan of a commit at
most 0.5 times turbo's time, of the working tree at most 0.8 times, in less than 150 MB; 300 ms for five services.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.repository import edit, generate
from bench.timing import Timing, alternating

COMMIT, TREE, TURBO, LIST = "plan --commit HEAD", "plan (edited tree)", "turbo --dry=json", "git ls-tree -r"
WINDLASS = str(Path(sys.executable).with_name("windlass"))


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench plan", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="runs of each program (default: 9)")
    parser.add_argument("--services", type=int, default=500)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="where to generate; what is there already is used again"
    )
    parser.add_argument("--no-growth", action="store_true", help="leave out how time grows with the number of services")
    arguments = parser.parse_args(words)
    rounds = max(2, arguments.rounds)
    with _folder(arguments.keep) as folder:
        turbo = _turbo(folder)
        with _place(folder, arguments.services, arguments.files) as (root, environ):
            print(f"{arguments.services} services, {arguments.files} files; {rounds} alternating runs each")
            _compare(root, environ, turbo, rounds)
        if arguments.no_growth:
            return 0
        print(f"\n{'services':>8}{'files':>9}{COMMIT:>22}{TREE:>22}")
        for services in dict.fromkeys((5, 10, 50, 150, arguments.services)):
            files = arguments.files * services // arguments.services
            with _place(folder, services, files) as (root, environ):
                seen = _measure(root, environ, {COMMIT: _plan(root, "HEAD"), TREE: _plan(root)}, rounds)
            print(f"{services:8}{files:9}{seen[COMMIT].median * 1000:19.0f} ms{seen[TREE].median * 1000:19.0f} ms")
    return 0


def _compare(root: Path, environ: Mapping[str, str], turbo: Path | None, rounds: int) -> None:
    programs = {COMMIT: _plan(root, "HEAD"), TREE: _plan(root), LIST: ["git", "-C", str(root), "ls-tree", "-r", "HEAD"]}
    if turbo is not None:
        programs[TURBO] = [str(turbo), "--cwd", str(root), "run", "build", "--dry=json"]
    seen = _measure(root, environ, programs, rounds)
    print(f"{'program':24}{'median':>10}{'spread':>10}{'/ turbo':>9}{'CPU':>10}{'memory':>10}")
    for name, timing in seen.items():
        ratio = f"{timing.median / seen[TURBO].median:9.2f}" if TURBO in seen else f"{'-':>9}"
        spent, memory = _usage(programs[name], environ)
        print(
            f"{name:24}{timing.median * 1000:7.0f} ms{timing.spread * 1000:7.0f} ms{ratio}"
            f"{spent * 1000:7.0f} ms{memory:7.0f} MB"
        )
    print("memory: of the largest of its processes; CPU: of all of them, in one more run")


def _measure(
    root: Path, environ: Mapping[str, str], programs: Mapping[str, Sequence[str]], rounds: int
) -> dict[str, Timing]:
    return alternating(programs, rounds, environ=environ, before=lambda number: edit(root, number % 5, str(number)))


def _plan(root: Path, commit: str | None = None) -> list[str]:
    return [WINDLASS, "plan", "-C", str(root), *(["--commit", commit] if commit else [])]


def _usage(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """CPU seconds of a program and all it starts, and megabytes of the largest of these processes."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / (1024 * 1024 if sys.platform == 'darwin' else 1024))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], check=True, capture_output=True, text=True, env=dict(environ)
    )
    spent, memory = done.stdout.split()
    return float(spent), float(memory)


# -- what is measured on ----------------------------------------------------------------------------------------------


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="windlass-bench-") as folder:
        yield Path(folder)


def _turbo(folder: Path) -> Path | None:
    """Install the rival; None, and said, where npm cannot."""
    program = folder / "turbo" / "node_modules" / ".bin" / "turbo"
    if program.exists():
        return program
    if shutil.which("npm") is None:
        print("no npm here: measured without turbo")
        return None
    program.parents[2].mkdir(exist_ok=True)
    argv = ["npm", "install", "--silent", "--no-fund", "--prefix", str(program.parents[2]), "turbo"]
    if subprocess.run(argv, stdout=subprocess.DEVNULL).returncode != 0:
        print("npm cannot install turbo: measured without it")
        return None
    return program


@contextmanager
def _place(folder: Path, services: int, files: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """A repository and its registry, which serves as long as the block lasts."""
    home = folder / f"{services}-{files}"
    port_file = home / "port"
    if not port_file.exists():
        home.mkdir()
        port_file.write_text(str(_free_port()))
    port = int(port_file.read_text())
    environ = {
        **os.environ,
        "WINDLASS_HOME": str(home / "windlass"),
        "WINDLASS_REGISTRY_PORT": str(port),
        "TURBO_TELEMETRY_DISABLED": "1",
        "TURBO_NO_UPDATE_NOTIFIER": "1",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # as after an installation, which compiles
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    root = home / "repository"
    storage = home / "windlass" / "data" / "registry"
    argv = [sys.executable, "-m", "windlass.registry.server", "--listen", f"localhost:{port}", "--root", str(storage)]
    with (home / "registry.log").open("ab") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        _until_up(port)
        if not (home / "ready").exists():
            if not root.exists():
                generate(root, services, files, f"localhost:{port}")
            subprocess.run([sys.executable, "-m", "bench.remembered", str(root)], check=True, env=environ)
            (home / "ready").touch()
        yield root, environ
    finally:
        server.terminate()
        server.wait()


def _until_up(port: int) -> None:
    from windlass.oci.client import RegistryClient

    RegistryClient(f"localhost:{port}", insecure=True).ping()  # it waits for a server that comes up


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
