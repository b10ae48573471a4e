"""What is asked of a live endpoint, and what is expected of the answer. Values only; nothing here sends anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from windlass.waiting import Stop


@dataclass(frozen=True, slots=True)
class Expectation:
    """What makes an answer good. Without a `status`, any below 400.

    `json` maps a path (see `jsonpath`) to the value that must stand there; `headers` are matched without regard to case,
    and parameters after `;` only when they are expected.
    """

    status: int | None = None
    json: Mapping[str, Any] = field(default_factory=dict)
    contains: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Probe:
    """One check, ready to be sent as often as needed.

    `port` is the container's; None means the only one that is published. `deadline` is in seconds, None for the
    environment's own; `impatient` gives up sooner then, when the answer stays wrong. `private` are values that must not be shown, by the name that is shown instead.
    """

    name: str
    service: str
    port: int | None
    scheme: str = "http"
    insecure: bool = False
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    expect: Expectation = field(default_factory=Expectation, repr=False)
    deadline: float | None = None
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    impatient: bool = False

    def redact(self, text: str) -> str:
        """The text without private values; each stands as `${NAME}`."""
        for name, value in sorted(self.private.items(), key=lambda item: -len(item[1])):
            if len(value) > 2:
                text = text.replace(value, f"${{{name}}}")
        return text


@dataclass(frozen=True, slots=True)
class Request:
    """`timeout` is in seconds. `insecure` accepts any certificate. `stop` ends it before that, and keeps it from being sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    insecure: bool
    timeout: float
    stop: Stop | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Response:
    """Header names are lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class Unanswered(Exception):
    """No response. `final`: trying again cannot help; `sent` is false when the request never left."""

    def __init__(self, reason: str, *, final: bool = False, sent: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.sent = sent


Send = Callable[[Request], Response]
"""Send one request. Raises Unanswered. Driver: `http.send`; for tests: `testing.http.FakeServer`."""
