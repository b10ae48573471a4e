"""Logs as JSON lines on standard output, where the container engine collects them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any


def log(event: str, **details: Any) -> None:
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details}
    print(json.dumps(line, ensure_ascii=False, default=str), file=sys.stdout, flush=True)
