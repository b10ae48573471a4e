"""How a command on this machine asks the server of a root to do something: a Unix socket in the root, one question a connection.

A question and its answer are one line of JSON each. Who may ask is who may open the socket: it is readable and writable by
the root's owner alone, whatever the registry's users may do over HTTP.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAME = "control"
_LONGEST = 100
"""Bytes that a socket's path may have everywhere."""
_LIMIT = 64 * 1024

Answering = Callable[[dict[str, Any]], dict[str, Any]]


class Refused(Exception):
    """The server did not do what it was asked for; the text says why."""


class Control:
    """Answers questions, each in a thread of its own, until `close`."""

    def __init__(self, root: Path, answering: Answering) -> None:
        """Raises OSError. The root's lock must be held: a socket that is there is of a server that ended."""
        self._path = root / _NAME
        self._answering = answering
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(self._path) as path:
            self._listener.bind(path)
        self._path.chmod(0o600)
        self._listener.listen(8)
        threading.Thread(target=self._listen, name="registry-control", daemon=True).start()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), name="registry-control", daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            answer: dict[str, Any]
            try:
                with connection.makefile("rb") as file:
                    question = json.loads(file.readline(_LIMIT))
                answer = {"done": self._answering(question)}
            except (ValueError, TypeError, KeyError) as error:
                answer = {"refused": f"not understood: {error}"}
            except (Refused, OSError) as error:
                answer = {"refused": str(error)}
            try:
                connection.sendall(json.dumps(answer).encode() + b"\n")
            except OSError:
                return


def ask(root: Path, question: dict[str, Any]) -> dict[str, Any] | None:
    """What the server of this root answers; None when no server listens.

    Raises:
        Refused: it could not do that, or ended meanwhile.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            with _short(root / _NAME) as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise Refused(f"its control socket cannot be opened ({error.strerror})") from error
        try:
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile("rb") as file:
                answer = json.loads(file.readline())
        except (OSError, ValueError) as error:
            raise Refused("the registry ended meanwhile") from error
    if "done" not in answer:
        raise Refused(str(answer.get("refused")))
    done: dict[str, Any] = answer["done"]
    return done


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A path to the same place that fits into a socket's address."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="windlass-") as folder:
        link = Path(folder) / "root"
        link.symlink_to(path.parent.absolute())
        yield str(link / path.name)
