"""Health checks and API suites against live endpoints, all at once, each until it passes or its deadline does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

from windlass.errors import EnvironmentUnusable
from windlass.model.events import Emit, ServiceFinished, ServiceProgress, ServiceStarted, silent
from windlass.model.observation import CheckResult, Endpoint
from windlass.model.project import HealthCheck
from windlass.verify import api, health
from windlass.verify.asking import Asking
from windlass.verify.judge import complaint, status_line
from windlass.verify.probe import Probe, Request, Send, Unanswered
from windlass.waiting import Clock, Interruptible, SystemClock

_PARALLEL = 8
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_GROWTH = 1.6
_LONGEST_REQUEST = 10.0
_WRONG_FOR = 15.0
"""Seconds after which an answer that is still wrong will not become right, where a case says no deadline of its own."""

_NOT_THERE = (502, 503, 504)
"""What stands in front of a service says these while it is not there yet (RFC 9110, sections 15.6.3 to 15.6.5)."""

FindEndpoint = Callable[[str, int], Endpoint | None]


def verify(
    target_endpoint: FindEndpoint,
    checks: Sequence[HealthCheck],
    suites: Sequence[api.Suite],
    *,
    timeout: float,
    environ: Mapping[str, str],
    clock: Clock | None = None,
    emit: Emit = silent,
    request: Send | None = None,
    asking: Asking | None = None,
) -> tuple[CheckResult, ...]:
    """Run all checks and return their results in the given order, health checks first. A failed check is a result.

    Args:
        target_endpoint: service and container port → where it is reached; port 0 asks for the only published one.
        timeout: seconds each check may take, where it does not say so itself. An API case whose service is there and answers
            otherwise is given up sooner (`_WRONG_FOR`).
        environ: values for `${NAME}`.
        request: sends one request; `http.send` unless given.
        asking: counts what is sent, and can stop it: then all returns at once, with what was seen last.

    Raises:
        ConfigError: a suite names a variable without a value; nothing was sent.

    Where it cannot be told where a service is (its engine does not answer), that is a request that was not sent: it is tried
    again until the check's time is over.
    """
    probes = [health.to_probe(check) for check in checks]
    probes += [api.to_probe(case, environ) for suite in suites for case in suite.cases]
    if not probes:
        return ()
    asking = asking or Asking()
    report = _Report(probes, emit, asking)
    run = _Run(_Endpoints(target_endpoint), request or _over_http(), clock or SystemClock(), timeout, report, asking)
    pool = ThreadPoolExecutor(min(_PARALLEL, len(probes)))
    futures = [pool.submit(run.check, probe) for probe in probes]
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
        return tuple(future.result() for future in futures)
    except BaseException:
        asking.stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _over_http() -> Send:
    from windlass.verify.http import send  # urllib3 is needed only now

    return send


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one try saw. `final`: trying again cannot help; `wrong`: the service is there, and gave another answer."""

    passed: bool
    text: str
    sent: bool = True
    final: bool = False
    wrong: bool = False


class _Run:
    def __init__(
        self, endpoints: _Endpoints, request: Send, clock: Clock, timeout: float, report: _Report, asking: Asking
    ) -> None:
        self._endpoints, self._request, self._clock = endpoints, request, Interruptible(clock, asking.stop)
        self._timeout, self._report, self._asking = timeout, report, asking

    def check(self, probe: Probe) -> CheckResult:
        """Try until it passes, cannot pass any more, or the deadline is over."""
        place = self._place(probe)  # before the clock starts: a busy engine is not a slow service
        began = self._clock.now()
        seconds = probe.deadline or self._timeout
        pause, tries, url = _FIRST_PAUSE, 0, _url(probe, None)
        end, hurried = began + seconds, False
        while True:
            place = place if tries == 0 else self._place(probe)
            if isinstance(place, _Seen):
                seen = place
            else:
                url = _url(probe, place)
                seen = self._once(probe, place, url, max(end - self._clock.now(), 0.1))
            tries += 1
            if seen.wrong and probe.impatient and not hurried:
                end, hurried = min(end, self._clock.now() + _WRONG_FOR), True
            left = end - self._clock.now()
            if seen.passed or seen.final or left <= 0 or self._asking.stop.is_set():
                break
            self._report.trying(probe, probe.redact(seen.text))
            self._clock.pause(min(pause, left))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        took = self._clock.now() - began
        last = probe.redact(seen.text) + ("" if tries == 1 else f" after {tries} tries in {_seconds(took)}")
        result = CheckResult(
            name=probe.redact(probe.name),
            service=probe.service,
            url=probe.redact(url),
            passed=seen.passed,
            attempts=tries,
            seconds=took,
            last=last if seen.sent else f"not sent: {last}",
            sent=seen.sent,
        )
        self._report.finished(result)
        return result

    def _place(self, probe: Probe) -> Endpoint | _Seen | None:
        """Where a probe is sent to; or why that is not known now."""
        try:
            return self._endpoints.find(probe)
        except EnvironmentUnusable as error:
            return _Seen(False, str(error), sent=False)

    def _once(self, probe: Probe, endpoint: Endpoint | None, url: str, left: float) -> _Seen:
        if endpoint is None:
            which = f"port {probe.port}" if probe.port else "exactly one port; write port"
            return _Seen(False, f"{probe.service} does not publish {which}", sent=False)
        stop = self._asking.stop
        if stop.is_set():
            return _Seen(False, "stopped", sent=False)
        wait = min(left, _LONGEST_REQUEST)
        asked = Request(probe.method, url, probe.headers, probe.body, probe.insecure, wait, stop)
        try:
            with self._asking.request(probe.service) as answered:
                response = self._request(asked)
                answered.hear(response.status)
        except Unanswered as silence:
            self._endpoints.forget(probe)  # the container may have moved
            return _Seen(False, silence.reason, silence.sent, silence.final)
        wrong = complaint(probe.expect, response)
        there = response.status not in _NOT_THERE
        return _Seen(wrong is None, wrong or status_line(response), wrong=wrong is not None and there)


class _Endpoints:
    """Endpoints by service and port, asked for once: the answer costs a look at the engine."""

    def __init__(self, ask: FindEndpoint) -> None:
        self._ask = ask
        self._known: dict[tuple[str, int], Endpoint] = {}
        self._guard = threading.Lock()

    def find(self, probe: Probe) -> Endpoint | None:
        key = (probe.service, probe.port or 0)
        with self._guard:
            if key not in self._known:
                found = self._ask(*key)
                if found is None:
                    return None
                self._known[key] = found
            return self._known[key]

    def forget(self, probe: Probe) -> None:
        with self._guard:
            self._known.pop((probe.service, probe.port or 0), None)


class _Report:
    """Tells what each service's checks are at, and the verdict when its last one has ended."""

    def __init__(self, probes: Sequence[Probe], emit: Emit, asking: Asking) -> None:
        self._emit = emit
        self._asking = asking
        self._guard = threading.Lock()
        self._open: dict[str, int] = {}
        self._results: dict[str, list[CheckResult]] = {}
        self._told: dict[str, str] = {}
        for probe in probes:
            self._open[probe.service] = self._open.get(probe.service, 0) + 1
        for service in self._open:
            emit(ServiceStarted("verify", service))

    def trying(self, probe: Probe, seen: str) -> None:
        message = f"{probe.redact(probe.name)}: {seen}"
        with self._guard:
            if self._told.get(probe.service) == message:
                return
            self._told[probe.service] = message
            self._emit(ServiceProgress("verify", probe.service, message))

    def finished(self, result: CheckResult) -> None:
        with self._guard:
            results = self._results.setdefault(result.service, [])
            results.append(result)
            if len(results) < self._open[result.service]:
                return
            wrong = [each for each in results if not each.passed]
            count = f"{len(results)} check{'' if len(results) == 1 else 's'} passed"
            detail = f"{wrong[0].name}: {wrong[0].last}" if wrong else count
            seconds = max(each.seconds for each in results)
            if wrong and self._asking.stop.is_set():  # they were not given the time that they have
                self._emit(ServiceFinished("verify", result.service, "skipped", seconds, "stopped"))
                return
            self._emit(ServiceFinished("verify", result.service, "failed" if wrong else "ok", seconds, detail))


def _url(probe: Probe, endpoint: Endpoint | None) -> str:
    if endpoint is None:
        return f"{probe.scheme}://{probe.service}{f':{probe.port}' if probe.port else ''}{probe.path}"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{probe.scheme}://{host}:{endpoint.port}{probe.path}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
