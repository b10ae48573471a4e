"""Calling other services over HTTP, JSON in and JSON out."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from service_kit.app import Problem
from service_kit.tls import accept_any


def call(method: str, url: str, document: Any = None, *, token: str = "", timeout: float = 5) -> Any:
    """Send a JSON document and return the JSON answer.

    Raises:
        Problem: with the other side's status and message, or 502 when it does not answer.
    """
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = None if document is None else json.dumps(document).encode()
    context = accept_any() if url.startswith("https:") else None
    try:
        with urlopen(Request(url, body, headers, method=method), timeout=timeout, context=context) as answer:
            return json.loads(answer.read())
    except HTTPError as error:
        raise Problem(error.code, _message(error)) from error
    except (URLError, OSError, ValueError) as error:
        raise Problem(502, f"{url} does not answer: {error}") from error


def _message(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError):
        return error.reason
