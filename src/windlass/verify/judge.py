"""An answer against what was expected of it. Pure."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from windlass.verify import jsonpath
from windlass.verify.probe import Expectation, Response

_SHOWN = 80


def complaint(expected: Expectation, response: Response) -> str | None:
    """What is wrong with an answer, in one line; None when nothing is."""
    return (
        _status(expected, response)
        or _headers(expected, response)
        or _contains(expected, response)
        or _json(expected, response)
    )


def status_line(response: Response) -> str:
    """`503 Service Unavailable`."""
    reason = response.reason
    if not reason:
        try:
            reason = HTTPStatus(response.status).phrase
        except ValueError:
            pass
    return f"{response.status} {reason}".strip()


def _status(expected: Expectation, response: Response) -> str | None:
    if expected.status is None:
        return None if response.status < 400 else status_line(response)
    return None if response.status == expected.status else f"{status_line(response)}, expected {expected.status}"


def _headers(expected: Expectation, response: Response) -> str | None:
    for name, value in expected.headers.items():
        found = response.headers.get(name.lower())
        if found is None:
            return f"the header {name} is missing, expected {_shown(value)}"
        if found != value and found.partition(";")[0].strip() != value:
            return f"the header {name} is {_shown(found)}, expected {_shown(value)}"
    return None


def _contains(expected: Expectation, response: Response) -> str | None:
    text = response.body.decode(errors="replace")
    missing = next((part for part in expected.contains if part not in text), None)
    return None if missing is None else f"{_shown(missing)} is not in the answer {_shown(text)}"


def _json(expected: Expectation, response: Response) -> str | None:
    if not expected.json:
        return None
    try:
        document = json.loads(response.body)
    except ValueError:
        return f"the answer is not JSON: {_shown(response.body.decode(errors='replace'))}"
    for path, value in expected.json.items():
        try:
            found = jsonpath.find(document, jsonpath.parse(path))
        except jsonpath.Missing as missing:
            return f"{path} is missing, expected {_written(value)}: {missing}"
        if not jsonpath.same(found, value):
            return f"{path} is {_written(found)}, expected {_written(value)}"
    return None


def _written(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False))


def _shown(text: str) -> str:
    return f"'{_cut(' '.join(text.split()))}'" if text.strip() else "''"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
