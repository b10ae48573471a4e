"""Files chosen by ranges: one hash whatever way they were chosen, and rules that are skipped only where they cannot matter."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.plan.chosen import Chosen, ranges_of
from windlass.plan.ignore import IgnoreRules
from windlass.plan.patterns import BadPattern
from windlass.plan.tree import Tree
from windlass.testing.files import FakeFiles, submodule

INDEXES = st.lists(st.integers(0, 30))
SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair))))


@given(SPANS, INDEXES)
@settings(derandomize=True)
def test_ranges_hold_exactly_what_was_chosen(spans: list[tuple[int, int]], indexes: list[int]) -> None:
    wanted = {*indexes, *(index for low, high in spans for index in range(low, high))}
    ranges = ranges_of(spans, indexes)
    assert [index for low, high in ranges for index in range(low, high)] == sorted(wanted)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))


def test_the_hash_knows_paths_modes_and_contents_and_nothing_else() -> None:
    files = {"a": "1", "b": "2", "c": "3"}
    digest = Chosen(Tree(FakeFiles(files)), ((0, 2),)).digest
    assert Chosen(Tree(FakeFiles({**files, "c": "changed"})), ((0, 2),)).digest == digest
    assert Chosen(Tree(FakeFiles({"0": "", **files})), ((1, 3),)).digest == digest
    assert Chosen(Tree(FakeFiles({**files, "b": "changed"})), ((0, 2),)).digest != digest
    assert Chosen(Tree(FakeFiles({"a": "1", "bb": "2"})), ((0, 2),)).digest != digest


def test_submodules_among_the_files_are_told() -> None:
    tree = Tree(FakeFiles({"a": "160000 is no mode here", "sub": submodule("c" * 40), "z": ""}))
    assert Chosen(tree, ((0, 3),)).submodules() == ["sub"]
    assert Chosen(tree, ((2, 3),)).submodules() == []


PATTERNS = st.lists(st.text("ab/*?!.[]\\", min_size=1, max_size=6), min_size=1, max_size=3)
PATHS = st.lists(st.text("ab.", min_size=1, max_size=3), min_size=1, max_size=3).map("/".join)


@given(PATTERNS, PATHS)
@settings(derandomize=True, max_examples=2000)
def test_rules_that_cannot_concern_a_path_do_not_ignore_it(patterns: list[str], path: str) -> None:
    try:
        rules = IgnoreRules(patterns)
        ignored = rules.ignores(path)
    except BadPattern:
        return
    assert rules.concern(path) or not ignored
