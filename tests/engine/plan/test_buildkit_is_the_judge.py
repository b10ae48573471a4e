"""The verdicts of the table of edits, by BuildKit itself: built before and after, is it the same image?"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from windlass.errors import BuildFailed
from windlass.git.tree import GitFiles
from windlass.testing.buildkit import Judge, buildx
from windlass.testing.contracts.change_case import Case
from windlass.testing.contracts.changes import CASES
from windlass.testing.decision import fingerprints
from windlass.testing.random_changes import random_case

JUDGED = [case for case in CASES if case.judged]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


@pytest.mark.parametrize("case", JUDGED, ids=[case.name for case in JUDGED])
def test_buildkit_agrees(case: Case, judge: Judge) -> None:
    assert judge.changes(case) == case.changes


@settings(derandomize=True, max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(random=st.randoms(use_true_random=False))
def test_no_change_that_buildkit_sees_is_missed(random: Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    case = random_case(random)
    before, after = fingerprints(case)
    assume(before is not None and after is not None)
    assert before is not None and after is not None
    judge = Judge(tmp_path_factory.mktemp("random"), ("linux/amd64",))
    try:
        changed = judge.changes(case)
    except BuildFailed:
        assume(False)

    assert before.digest != after.digest or not changed, case


def test_an_edit_that_keeps_a_files_size_reaches_the_image(judge: Judge, tmp_path: Path) -> None:
    digests = set()
    for number, text in enumerate(("one\n", "two\n")):
        tree = tmp_path / str(number) / "windlass-test-plan-size"
        judge.materialise({"Dockerfile": f"FROM scratch\nCOPY file /\nLABEL run={tmp_path.name}\n", "file": text}, tree)
        digests.add(buildx(["--platform", "linux/amd64", str(tree)], tmp_path / f"{number}.oci"))

    assert len(digests) == 2


def test_the_tree_that_is_planned_is_the_tree_that_is_built(judge: Judge, tmp_path: Path) -> None:
    files = next(case for case in CASES if "symlinked folder on the way" in case.name).files
    built = tmp_path / "built"
    judge.materialise(files, built)

    planned = GitFiles(judge.repository, judge.snapshot(files))

    assert list(planned.paths) == sorted(
        str((Path(parent) / name).relative_to(built))
        for parent, folders, names in os.walk(built)
        for name in [*names, *(one for one in folders if (Path(parent) / one).is_symlink())]
    )
