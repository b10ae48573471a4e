"""What git cannot write is told as what it is: the environment's trouble, with what to do."""

from __future__ import annotations

import pytest

from windlass.errors import EnvironmentUnusable, ExitCode, Locked
from windlass.process import Completed, ProgramFailed
from windlass.state.writing import NotWritten, writing


def failure(stderr: str, stdout: str = "") -> ProgramFailed:
    return ProgramFailed(Completed(("git", "hash-object", "-w", "--stdin"), 128, stdout, stderr))


@pytest.mark.parametrize(
    ("error", "said", "remedy"),
    [
        (
            failure("error: unable to write file x: No space left on device\nfatal: Unable to add stdin to database"),
            "the disk is full: the record of r1 could not be written",
            "make room",
        ),
        (failure("fatal: Disk quota exceeded"), "the disk is full", "make room"),
        (
            failure("error: insufficient permission for adding an object to repository database .git/objects"),
            "could not be written: error: insufficient permission",
            "check who owns .git",
        ),
        (failure("", "fatal: bad tree"), "could not be written: fatal: bad tree", "git fsck"),
        (failure(""), "git says no reason", "git fsck"),
        (
            EnvironmentUnusable("cannot write refs/heads/x: unable to write: No space left on device", remedy="chown"),
            "the disk is full",
            "make room",
        ),
    ],
)
def test_a_failure_to_write_is_explained(error: Exception, said: str, remedy: str) -> None:
    with pytest.raises(NotWritten) as told, writing("the record of r1", "/shop"):
        raise error
    assert said in told.value.message
    assert (told.value.where, told.value.exit_code) == ("/shop", ExitCode.UNUSABLE)
    assert told.value.remedy is not None and told.value.remedy.startswith(remedy)


@pytest.mark.parametrize(
    "error",
    [Locked("moved"), EnvironmentUnusable("origin refused the push: remote: No space left on device"), ValueError()],
)
def test_everything_else_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as told, writing("the record of r1", "/shop"):
        raise error
    assert told.value is error
