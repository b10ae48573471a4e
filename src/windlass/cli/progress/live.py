"""Events as a live view: ended stages stay, the running one shows each service and what it is doing."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from windlass.cli.output import Output, fold, seconds
from windlass.cli.progress.words import finished, notice, stage_line
from windlass.model.events import (
    Event,
    Notice,
    ServiceFinished,
    ServiceProgress,
    ServiceStarted,
    StageFinished,
    StageStarted,
)


class LiveView:
    """A sink that redraws a few lines at the bottom of the terminal; what has ended scrolls up and stays."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._stage: str | None = None
        self._since = 0.0
        self._doing: dict[str, tuple[float, str]] = {}
        self._live = Live(
            self._draw(), console=output.rich, refresh_per_second=8, transient=True, get_renderable=self._draw
        )

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, StageStarted):
                self._stage, self._since, self._doing = event.stage, time.monotonic(), {}
            elif isinstance(event, StageFinished):
                self._stage, self._doing = None, {}
                self._keep(stage_line(event), 11)
            elif isinstance(event, ServiceStarted):
                self._doing[event.service] = (time.monotonic(), "")
            elif isinstance(event, ServiceProgress):
                since = self._doing.get(event.service, (time.monotonic(), ""))[0]
                self._doing[event.service] = (since, event.message)
            elif isinstance(event, ServiceFinished):
                self._doing.pop(event.service, None)
                if event.outcome != "reused":
                    self._keep(finished(event, self._output), 4)
            elif isinstance(event, Notice):
                self._keep(notice(event, self._output), 9)

    def _keep(self, markup: str, indent: int) -> None:
        for line in fold(Text.from_markup(markup, emoji=False), self._output.width, indent=indent, first=0):
            self._output.rich.print(line, soft_wrap=True)

    def _draw(self) -> RenderableType:
        if self._stage is None:
            return Text("")
        now = time.monotonic()
        lines = [
            Text.assemble(
                (f"{self._stage:<8}", "bold"), " ", ("running  ", "cyan"), f" {seconds(now - self._since):>7}"
            )
        ]
        names = max((len(name) for name in self._doing), default=0)
        for name, (since, message) in list(self._doing.items()):
            head = f"  {name:<{names}}  {seconds(now - since):>7}  "
            lines.append(Text.assemble(head, (whole_words(message, self._output.width - len(head)), "dim")))
        return Group(*lines)


def whole_words(text: str, room: int) -> str:
    """As many whole words as fit: a passing line of a live view is summarised, never broken."""
    if len(text) <= room:
        return text
    cut = text.rfind(" ", 0, max(room - 1, 0))
    return f"{text[:cut]} …" if cut > 0 else ""
