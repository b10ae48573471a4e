"""CPU and memory of containers, as `docker stats` prints them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_UNITS = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one container: `cpu` in per cent of one core, `memory` in bytes."""

    cpu: float
    memory: int


def stats_command(*, follow: bool) -> list[str]:
    """All running containers, a JSON document a line."""
    return ["docker", "stats", "--no-trunc", "--format", "{{json .}}", *(() if follow else ("--no-stream",))]


def parse_line(line: str) -> tuple[str, Usage] | None:
    """(container id, usage) of a line; None for a line without figures. It may come with a terminal's clear codes."""
    text = _ESCAPES.sub("", line).strip()
    if not text.startswith("{"):
        return None
    try:
        said = json.loads(text)
        cpu = float(said["CPUPerc"].rstrip("%"))
        memory = parse_size(said["MemUsage"].partition("/")[0])
        return said["ID"], Usage(cpu, memory)
    except (ValueError, KeyError, AttributeError):
        return None


def parse_size(text: str) -> int:
    """`12.5MiB` → bytes. Raises ValueError."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]+)\s*", text)
    if match is None or match[2].upper() not in _UNITS:
        raise ValueError(f"not a size: {text!r}")
    return int(float(match[1]) * _UNITS[match[2].upper()])
