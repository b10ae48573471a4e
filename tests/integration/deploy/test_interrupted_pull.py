"""Ctrl-C while images are pulled."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass import process
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.pull import pull
from windlass.model.events import silent

DOCKER = """\
#!/bin/sh
# The third of the pulls that run side by side interrupts who started them; none says a word, and none ends soon.
touch "{room}/$2"
if [ "$(ls "{room}" | wc -l)" -eq 3 ] && mkdir "{room}.told" 2>/dev/null; then kill -INT $PPID; fi
n=0; while [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done
touch "{room}.through"
"""


def test_it_ends_the_pulls_at_once_and_git_can_still_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, programs = tmp_path / "room", tmp_path / "bin"
    room.mkdir()
    programs.mkdir()
    (programs / "docker").write_text(DOCKER.format(room=room))
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(KeyboardInterrupt):
        pull(dict.fromkeys(("one", "two", "three", "four", "five"), "web"), silent, "deploy", Docker())
    assert len(list(room.iterdir())) == 3  # those that waited for their turn were not started
    assert not Path(f"{room}.through").exists()
    assert process.run(["git", "--version"]).ok
