"""Tags follow the environment's rule and OCI's grammar."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.model.project import Environment
from windlass.model.source import Source
from windlass.steps.tags import immutable_tags, moving_tags, tag_name

COMMIT = "abc1234" + "0" * 33
TREE = "def5678" + "0" * 33


def source(branch: str | None = "develop", dirty: bool = False) -> Source:
    return Source(COMMIT, TREE, branch, dirty, 0)


def environment(*tags: str, branch: str = "main") -> Environment:
    return Environment("production", branch, ("compose.yml",), tags)


def test_the_environment_s_templates_are_filled() -> None:
    assert immutable_tags(source(), environment("develop-{sha}")) == ("develop-abc1234",)


def test_moving_tags_wait_for_verification() -> None:
    place = environment("latest", "main-{sha}")
    assert immutable_tags(source("main"), place) == ("main-abc1234",)
    assert moving_tags(place, "main") == ("latest",)


def test_any_other_branch_has_its_name_made_fit_for_a_tag() -> None:
    assert immutable_tags(source("feature/x"), None) == ("feature-x-abc1234",)


def test_uncommitted_changes_never_take_a_commit_s_tag() -> None:
    assert immutable_tags(source(dirty=True), environment("develop-{sha}")) == ("develop-abc1234-dirty-def5678",)


@pytest.mark.parametrize(("branch", "tag"), [("-x", "x"), ("...", "branch"), ("ümlaut/ß", "mlaut-"), ("a b", "a-b")])
def test_awkward_branch_names(branch: str, tag: str) -> None:
    assert tag_name(branch) == tag


@given(st.text(max_size=200))
@settings(derandomize=True)
def test_every_branch_gives_a_valid_tag(branch: str) -> None:
    (tag,) = immutable_tags(source(branch, dirty=True), None)
    assert re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", tag)
