"""Entries of dpkg's database survive reading and writing, as `script/base-images` does both."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

ENTRY = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc (2.36-9)
Conffiles:
 /etc/ld.so.conf.d/x86_64-linux-gnu.conf d4e7a7b88a71b5ffd9e2644e71a0cfab
Description: GNU C Library: Shared libraries
 Contains the standard libraries.
 .
 Nearly every program needs it."""


@pytest.fixture
def transplant(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "script"))
    return importlib.import_module("base_images.transplant")


def test_an_entry_survives_reading_and_writing(transplant: Any) -> None:
    assert transplant.format_stanza(transplant.parse_stanza(ENTRY)) == ENTRY


def test_values_may_hold_colons_and_further_lines(transplant: Any) -> None:
    fields = transplant.parse_stanza(ENTRY)
    assert fields["Description"].startswith("GNU C Library: Shared libraries\n Contains")
    assert fields["Conffiles"].startswith("\n /etc/")
