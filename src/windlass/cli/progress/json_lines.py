"""Events as JSON lines, one object a line: `{"event": "service_finished", "stage": "build", …}`."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict
from typing import TextIO

from windlass.cli.stream import is_unicode, unheard
from windlass.model.events import Event


class JsonLines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
        line = json.dumps({"event": name, **asdict(event)}, ensure_ascii=not is_unicode(self._stream))
        with self._lock, unheard(self._stream):
            self._stream.write(line + "\n")
            self._stream.flush()
