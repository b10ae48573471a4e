"""What goes to a pipe has the words that a terminal would show."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.cli.lines import Lines, wanted
from windlass.cli.output import Output

WORDS = ["[bold]service[/]", "[dim]a note[/]", "plain words", "x" * 50, r"\[bold]", "größe", "a-b_c:1", "", "trailing "]


class Pipe(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        held = self.buffer
        assert isinstance(held, io.BytesIO)
        return held.getvalue().decode()


@given(st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from([(0, 0), (7, 0), (11, 9)]))
@settings(derandomize=True)
def test_a_line_is_written_as_rich_writes_it(words: list[str], indents: tuple[int, int]) -> None:
    quick, full = Pipe(), Pipe()
    text = " ".join(words)
    Lines(quick).say(text, indent=indents[0], first=indents[1])
    Output(full, width=80).say(text, indent=indents[0], first=indents[1])
    assert quick.text == full.text


@given(st.text("ab[]\\/ .", max_size=12))
@settings(derandomize=True)
def test_plain_text_stays_as_it_is(text: str) -> None:
    quick, full = Pipe(), Pipe()
    lines, output = Lines(quick), Output(full, width=80)
    lines.say(f"x{lines.plain(text)}x")
    output.say(f"x{output.plain(text)}x")
    assert quick.text == full.text


def test_colour_and_width_that_were_asked_for_need_the_full_output(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    assert wanted(Pipe())
    monkeypatch.setenv("COLUMNS", "120")
    assert not wanted(Pipe())
