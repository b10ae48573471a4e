from __future__ import annotations

import pytest

from windlass.dev.stats import Usage, parse_line, parse_size

LINE = '{"ID":"0a1b","CPUPerc":"12.50%","MemUsage":"1.5MiB / 23.4GiB","Name":"shop-api-1"}'


def test_a_line_gives_cpu_and_memory_of_a_container() -> None:
    assert parse_line(LINE) == ("0a1b", Usage(12.5, 1572864))


def test_a_terminals_clear_codes_are_in_no_ones_way() -> None:
    assert parse_line(f"\x1b[2J\x1b[H{LINE}\x1b[K") == ("0a1b", Usage(12.5, 1572864))


@pytest.mark.parametrize(
    "line",
    ["", "\x1b[2J", "{broken", '{"ID":"0a","CPUPerc":"--","MemUsage":"-- / --"}', '{"ID":"0a"}', "[1]", "{}"],
)
def test_a_line_without_figures_is_none(line: str) -> None:
    assert parse_line(line) is None


@pytest.mark.parametrize(("text", "count"), [("0B", 0), ("12kB", 12000), ("1.5GiB", 1610612736), (" 3 MB ", 3000000)])
def test_sizes_are_read_in_both_kinds_of_units(text: str, count: int) -> None:
    assert parse_size(text) == count


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size("a lot")
