"""Pieces of work in the order of their needs, several at a time.

Threads, because each piece waits for another program. A piece that fails skips what needs it, and nothing else.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from windlass import process
from windlass.errors import WindlassError

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Done(Generic[V]):
    value: V


@dataclass(frozen=True, slots=True)
class Failed:
    error: WindlassError


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not started: `because_of` is the piece that failed, however far away."""

    because_of: str


Result: TypeAlias = Done[V] | Failed | Skipped


class Cycle(ValueError):
    """Pieces that wait for each other; `path` begins and ends with the same one."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(" → ".join(path))
        self.path = path


def run_graph(
    nodes: Iterable[str],
    needs: Mapping[str, Iterable[str]],
    limit: int,
    work: Callable[[str], V],
) -> dict[str, Result[V]]:
    """Call `work` for every node, each after all it needs, at most `limit` at a time; results in the order of `nodes`.

    Among the nodes that are ready the earlier ones of `nodes` go first. A `WindlassError` becomes `Failed`; any other
    exception is a defect: nothing more is started, what runs comes to its end, and it is raised. On KeyboardInterrupt
    all programs are ended and it is raised at once.

    Args:
        needs: what each node waits for; needs outside of `nodes` are taken as done.

    Raises:
        Cycle: some nodes wait for each other; nothing was started.
    """
    order = list(dict.fromkeys(nodes))
    waiting = {node: {need for need in needs.get(node, ()) if need in set(order)} for node in order}
    if path := find_cycle(waiting):
        raise Cycle(path)
    results: dict[str, Result[V]] = {}
    finished: queue.SimpleQueue[tuple[str, Done[V] | Failed | BaseException]] = queue.SimpleQueue()
    running = 0
    defect: BaseException | None = None

    def attempt(node: str) -> None:
        try:
            finished.put((node, Done(work(node))))
        except WindlassError as error:
            finished.put((node, Failed(error)))
        except BaseException as error:
            finished.put((node, error))

    try:
        while True:
            _skip(order, waiting, results)
            if defect is None:
                for node in order:
                    if running >= max(1, limit):
                        break
                    if node in waiting and not waiting[node]:
                        del waiting[node]
                        running += 1
                        threading.Thread(target=attempt, args=(node,), name=f"windlass-{node}", daemon=True).start()
            if running == 0:
                break
            node, result = finished.get()
            running -= 1
            if isinstance(result, KeyboardInterrupt):
                raise result
            if isinstance(result, BaseException):
                defect = defect or result
                continue
            results[node] = result
            if isinstance(result, Done):
                for others in waiting.values():
                    others.discard(node)
    except KeyboardInterrupt:
        process.terminate_all()
        raise
    if defect is not None:
        raise defect
    return {node: results[node] for node in order}


def find_cycle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A cycle among these needs, as `a, b, a`; empty when there is none."""
    settled: set[str] = set()
    for start in needs:
        path: list[str] = []
        stack = [(start, iter(sorted(needs.get(start, ()))))] if start not in settled else []
        path += [start] if stack else []
        while stack:
            node, rest = stack[-1]
            following = next((need for need in rest if need not in settled), None)
            if following is None:
                settled.add(node)
                stack.pop()
                path.pop()
            elif following in path:
                return (*path[path.index(following) :], following)
            else:
                path.append(following)
                stack.append((following, iter(sorted(needs.get(following, ())))))
    return ()


def _skip(order: list[str], waiting: dict[str, set[str]], results: dict[str, Result[V]]) -> None:
    """Settle everything that waits, directly or not, for a piece that failed."""
    changed = True
    while changed:
        changed = False
        for node in order:
            for need in sorted(waiting.get(node, ())):
                blame = results.get(need)
                if isinstance(blame, Failed | Skipped):
                    del waiting[node]
                    results[node] = Skipped(blame.because_of if isinstance(blame, Skipped) else need)
                    changed = True
                    break
