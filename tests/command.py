"""The command line in a process of its own, without the half second that its imports take: each call is a fork of one
process that has them. Exit codes, streams and environment are those of a process that was started anew.

Where starting itself is looked at, start `python -m windlass`.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock

_turn = Lock()


def windlass(words: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`windlass WORDS` with this environment, without a terminal and with nothing to read."""
    with tempfile.TemporaryDirectory(prefix="windlass-test-command-") as name:
        out, err = Path(name, "out"), Path(name, "err")
        asked = {"words": list(words), "env": dict(env), "out": str(out), "err": str(err), "cwd": str(Path.cwd())}
        with _turn:
            server = _server()
            assert server.stdin is not None and server.stdout is not None
            server.stdin.write(json.dumps(asked) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
        return subprocess.CompletedProcess(["windlass", *words], code, out.read_text(), err.read_text())


@cache
def _server() -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    atexit.register(_end, started)
    return started


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None and server.stdout is not None
    server.stdin.close()
    server.wait(60)
    server.stdout.close()


def _serve() -> None:
    """Answer each line of standard input with an exit code, until there are no more."""
    import gc
    import importlib
    import pkgutil

    import windlass

    for module in pkgutil.walk_packages(windlass.__path__, "windlass."):
        if not module.name.endswith("__main__") and not module.name.startswith("windlass.testing"):
            importlib.import_module(module.name)
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def _become(asked: dict[str, object]) -> None:
    """Run one command line as this process, and end."""
    from windlass.cli.main import entry

    env, words = asked["env"], asked["words"]
    assert isinstance(env, dict) and isinstance(words, list)
    for number, path, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, asked["out"], os.O_WRONLY),
        (2, asked["err"], os.O_WRONLY),
    ):
        opened = os.open(str(path), how | (os.O_CREAT if how else 0), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(str(asked["cwd"]))
    sys.argv = ["windlass", *words]
    code: object = 1
    try:
        entry()
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve()
