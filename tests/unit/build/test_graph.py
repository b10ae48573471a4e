from __future__ import annotations

import threading
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.build.graph import Cycle, Done, Failed, Skipped, find_cycle, run_graph
from windlass.errors import BuildFailed


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], dict[str, list[str]], frozenset[str], int]:
    """Nodes, needs without a cycle, the nodes that fail, and a limit."""
    hidden = [f"n{i}" for i in range(draw(st.integers(0, 8)))]
    needs = {
        node: draw(st.lists(st.sampled_from(hidden[:position]), unique=True)) if position else []
        for position, node in enumerate(hidden)
    }
    failing = draw(st.frozensets(st.sampled_from(hidden))) if hidden else frozenset()
    return draw(st.permutations(hidden)), needs, failing, draw(st.integers(1, 4))


@settings(derandomize=True, max_examples=150, deadline=None)
@given(graphs())
def test_each_piece_runs_once_after_its_needs_and_failures_skip_dependants_only(
    graph: tuple[list[str], dict[str, list[str]], frozenset[str], int],
) -> None:
    nodes, needs, failing, limit = graph
    guard = threading.Lock()
    running: set[str] = set()
    ended: list[str] = []
    most = 0

    def work(node: str) -> str:
        nonlocal most
        with guard:
            assert all(need in ended for need in needs[node])
            running.add(node)
            most = max(most, len(running))
        with guard:
            running.discard(node)
            if node in failing:
                raise BuildFailed("as told", where=node)
            ended.append(node)
        return node.upper()

    results = run_graph(nodes, needs, limit, work)
    assert list(results) == nodes
    assert most <= limit
    assert sorted(ended) == sorted(node for node, result in results.items() if isinstance(result, Done))

    def doomed(node: str) -> set[str]:
        """The failures that this node's needs end in."""
        return {b for need in needs[node] for b in ({need} if need in failing and not doomed(need) else doomed(need))}

    for node, result in results.items():
        if blame := doomed(node):
            assert isinstance(result, Skipped) and result.because_of in blame
        elif node in failing:
            assert isinstance(result, Failed) and result.error.where == node
        else:
            assert result == Done(node.upper())


def test_independent_pieces_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)

    def work(_node: str) -> int:
        return both.wait()

    assert all(isinstance(result, Done) for result in run_graph(["a", "b"], {}, 2, work).values())


def test_the_blame_goes_to_what_failed_first() -> None:
    def work(node: str) -> None:
        if node == "a":
            raise BuildFailed("no")

    results = run_graph(["c", "b", "a"], {"c": ["b"], "b": ["a"]}, 2, work)
    assert results["c"] == results["b"] == Skipped("a")


def test_needs_that_are_no_part_of_the_graph_are_done() -> None:
    assert run_graph(["a"], {"a": ["elsewhere"]}, 1, str.upper) == {"a": Done("A")}


def test_a_cycle_is_named_and_nothing_is_started() -> None:
    def work(node: str) -> NoReturn:
        raise AssertionError(node)

    with pytest.raises(Cycle) as caught:
        run_graph(["a", "b", "c", "d"], {"a": ["b"], "b": ["c"], "c": ["b"], "d": []}, 2, work)
    assert caught.value.path == ("b", "c", "b")


@pytest.mark.parametrize("needs", [{"a": ["a"]}, {"a": ["b"], "b": ["a"]}])
def test_cycles_are_found_from_every_side(needs: dict[str, list[str]]) -> None:
    path = find_cycle(needs)
    assert path and path[0] == path[-1]


def test_an_interrupt_ends_all_programs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    release = threading.Event()
    monkeypatch.setattr("windlass.process.terminate_all", lambda: ended.append(True))

    def work(node: str) -> None:
        if node == "b":
            raise KeyboardInterrupt
        release.wait(30)  # a build that goes on: nobody waits for it

    try:
        with pytest.raises(KeyboardInterrupt):
            run_graph(["a", "b", "c"], {"c": ["a"]}, 2, work)
    finally:
        release.set()
    assert ended == [True]


def test_a_defect_is_raised_after_what_runs_has_ended() -> None:
    ended: list[str] = []

    def work(node: str) -> None:
        if node == "a":
            raise ZeroDivisionError
        ended.append(node)

    with pytest.raises(ZeroDivisionError):
        run_graph(["a", "b"], {"b": ["a"]}, 2, work)
    assert not ended
