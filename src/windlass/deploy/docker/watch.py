"""Judging containers while they start. Pure: it is fed with what the engine said and the time it was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from windlass.deploy.docker.containers import Container, worst

SETTLE = 2.0
"""Seconds that a changed container without a health check must run before it counts as well."""

NOT_BEGUN = "waiting for its turn"

CRASH_LOOP = 3
"""Restarts that make a crash loop."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`well` and `failed` are final for the moment; `message` is short and for people."""

    kind: Literal["waiting", "well", "failed"]
    message: str


class Watch:
    """Follows the services of one switch.

    Args:
        wanted: service → configuration hash it must come to run.
        changed: the services that this switch creates or recreates; the others only must not fail.
        there: what was there before it: how often that was restarted is no matter of this switch.
    """

    def __init__(
        self, wanted: Mapping[str, str], changed: Iterable[str], began: float, there: Iterable[Container] = ()
    ) -> None:
        self._wanted = wanted
        self._changed = frozenset(changed)
        self._began = began
        self._since: dict[str, tuple[tuple[str, str], float]] = {}
        self._restarts = {container.id: container.restarts for container in there}
        self._begun: dict[str, float] = {}
        self._ended: dict[str, int] = {}  # container id → its exit code, where it was seen down: one that runs has 0
        self._kinds: Mapping[str, str] = {}
        self._moved = began

    def judge(self, containers: Iterable[Container], now: float) -> dict[str, Verdict]:
        """One verdict a service, from what is there at `now` (monotonic seconds)."""
        there = worst(c for c in containers if c.config_hash == self._wanted.get(c.service))
        verdicts = {service: self._judge(service, there.get(service), now) for service in self._wanted}
        for service in self._changed & verdicts.keys():
            if verdicts[service].message != NOT_BEGUN:
                self._begun.setdefault(service, now)
        kinds = {service: verdict.kind for service, verdict in verdicts.items()}
        if kinds != self._kinds:
            self._kinds, self._moved = kinds, now
        return verdicts

    def late(self, now: float, seconds: float) -> bool:
        """Whether a service has had its time: `seconds` from when its container began, for those that wait for others begin
        late; where none is being waited for that has begun, from when anything last changed. Never true at once for ever
        changing ones: all together have as many times `seconds` as there are services."""
        waiting = [service for service, kind in self._kinds.items() if kind == "waiting"]
        since = min((self._begun[service] for service in waiting if service in self._begun), default=self._moved)
        return now - since >= seconds or now - self._began >= seconds * (len(self._wanted) + 1)

    def _judge(self, service: str, container: Container | None, now: float) -> Verdict:
        if container is None or (container.status == "created" and not container.error):
            return Verdict("waiting", NOT_BEGUN)
        running_for = now - self._first_seen(service, container, now)
        before = self._restarts.setdefault(container.id, 0 if service in self._changed else container.restarts)
        restarts = container.restarts - before
        if container.status != "running":
            self._ended[container.id] = container.exit_code
        if restarts >= CRASH_LOOP:
            code = f", exit code {self._ended[container.id]}" if container.id in self._ended else ""
            return Verdict("failed", f"crash loop: restarted {restarts} times{code}")
        state = container.state
        if state == "completed":
            return Verdict("well", "completed")
        if state == "unhealthy":
            # A service that stays may be missing one that is being replaced: it has until the deadline to get well again.
            kind: Literal["waiting", "failed"] = "failed" if service in self._changed else "waiting"
            return Verdict(kind, f"unhealthy: {container.detail or 'its health check fails'}")
        if state == "exited":
            return Verdict("failed", f"exited with {container.detail or container.status}")
        if state == "restarting":
            return Verdict("waiting", f"restarted {_times(restarts)} (exit code {container.exit_code})")
        if state == "healthy":
            return Verdict("well", f"healthy after {now - self._began:.1f} s")
        if state == "running" and (service not in self._changed or running_for >= SETTLE):
            return Verdict("well", f"running after {now - self._began:.1f} s")
        return Verdict("waiting", f"starting, restarted {_times(restarts)}" if restarts else "starting")

    def _first_seen(self, service: str, container: Container, now: float) -> float:
        run = (container.id, container.started)
        if service not in self._since or self._since[service][0] != run:
            self._since[service] = (run, now)
        return self._since[service][1]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
