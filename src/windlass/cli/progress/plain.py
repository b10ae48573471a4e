"""Events as plain lines, for CI logs and pipes."""

from __future__ import annotations

import threading

from windlass.cli.output import Output, seconds
from windlass.cli.progress.words import finished, notice, stage_line
from windlass.model.events import (
    Event,
    Notice,
    ServiceFinished,
    ServiceLog,
    ServiceStarted,
    StageFinished,
)

_HEARTBEAT = ("build", "test", "deploy")


class PlainLines:
    """One line for what starts and ends. A service's own log is held back, and shown when it fails."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._seconds = seconds

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, StageFinished):
                self._output.say(stage_line(event), indent=11)
            elif isinstance(event, ServiceStarted) and event.stage in _HEARTBEAT:
                self._output.say(f"[dim]  {event.stage} {event.service} …[/]", indent=4)
            elif isinstance(event, ServiceFinished) and event.outcome != "reused":
                self._output.say(finished(event, self._output), indent=4)
            elif isinstance(event, Notice):
                self._output.say(notice(event, self._output), indent=9)
            elif isinstance(event, ServiceLog):
                pass
