from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from windlass.cli.dev.monitor import memory, shorten, view
from windlass.dev.monitor import Seen
from windlass.dev.stats import Usage
from windlass.model.observation import ServiceState

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
DIGEST = "sha256:" + "a1b2c3d4e5f6" * 5 + "abcd"
LONG = "crank-email-classifier-with-a-very-long-name-indeed"
SEEN = [
    Seen(
        ServiceState(
            "platform", "healthy", f"localhost:5077/team/crank-platform@{DIGEST}", DIGEST, since="2026-01-02T11:00:00Z"
        ),
        Usage(123.4, 1_234_567_890),
        "running",
        "healthy",
    ),
    Seen(
        ServiceState(LONG, "unhealthy", f"localhost:5077/team/{LONG}@{DIGEST}", DIGEST, restarts=12),
        Usage(0.0, 700),
        "running",
        "unhealthy",
    ),
    Seen(
        ServiceState("postgres", "exited", "registry.example.org/mirrors/library/postgres:16.4-alpine3.20"),
        None,
        "exited",
    ),
]


def _shown(width: int, colour: bool) -> list[str]:
    out = Console(file=io.StringIO(), width=width, force_terminal=colour, no_color=not colour, highlight=False)
    out.print(view("shop", SEEN, width, NOW))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_every_service_is_one_line_and_nothing_is_wider_than_the_terminal(width: int) -> None:
    lines = _shown(width, colour=False)
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if any(state in line for state in ("healthy", "exited"))]
    assert len(rows) == len(SEEN)
    for figure in ("123 %", "1.1 GiB", "700 B", "unhealthy", "12"):
        assert any(figure in row for row in rows), figure


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_colour_changes_no_word_and_no_line(width: int) -> None:
    coloured = _shown(width, colour=True)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == _shown(width, colour=False)


def test_state_and_health_are_told_apart() -> None:
    lines = _shown(140, colour=False)
    assert next(line for line in lines if "state" in line).split()[:3] == ["service", "state", "health"]
    assert next(line for line in lines if line.startswith("platform")).split()[1:3] == ["running", "healthy"]
    assert next(line for line in lines if line.startswith("postgres")).split()[1:3] == ["exited", "-"]


def test_a_digest_is_told_as_far_as_a_person_compares_it() -> None:
    lines = "\n".join(_shown(200, colour=False))
    assert "localhost:5077/team/crank-platform@a1b2c3d4e5f6 " in lines


def test_a_long_name_keeps_both_ends() -> None:
    assert any("crank-" in line and "indeed" in line for line in _shown(80, colour=False))


def test_without_colour_there_are_no_codes_and_with_it_the_same_words() -> None:
    assert not any("\x1b" in line for line in _shown(80, colour=False))
    assert any("\x1b" in line for line in _shown(80, colour=True))


def test_a_wide_terminal_shows_image_names_whole() -> None:
    lines = "\n".join(_shown(200, colour=False))
    assert "registry.example.org/mirrors/library/postgres:16.4-alpine3.20" in lines


def test_text_that_fits_is_left_alone() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcdefgh", 5) == "ab…gh"


def test_memory_is_told_as_the_engine_does() -> None:
    assert [memory(n) for n in (0, 1023, 1536, 5 * 1024**3)] == ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]


@pytest.mark.parametrize("height", [10, 24])
def test_on_a_low_screen_those_that_are_not_well_are_shown_first_and_the_rest_is_counted(height: int) -> None:
    many = [replace(SEEN[0], state=replace(SEEN[0].state, service=f"s{number:02}")) for number in range(40)]
    many[35] = replace(SEEN[2], state=replace(SEEN[2].state, service="s35"))
    out = Console(file=io.StringIO(), width=80)
    out.print(view("shop", many, 80, NOW, height=height))
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    assert len(lines) < height
    assert any(line.startswith("s35") for line in lines)
    assert f"{40 - (height - 4)} more do not fit" in lines[-1]
    assert "39 of 40" in lines[0]
