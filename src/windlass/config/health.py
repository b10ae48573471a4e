"""A Compose healthcheck that asks for a URL of the service itself, read as an HTTP check that can be made from outside."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from windlass.model.project import HealthCheck

_URL = re.compile(r"https?://[^\s'\"()<>|;&]+")
_HERE = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_MORE_THAN_A_GET = {
    *("--cert", "-E", "--key", "--certificate", "--private-key"),
    *("-X", "--request", "--method", "-d", "--data", "--data-raw", "--json", "--post-data", "-T", "--upload-file"),
    *("-H", "--header", "-u", "--user", "--password", "--oauth2-bearer", "--unix-socket"),
}
_LAX = {"-k", "--insecure", "--no-check-certificate", "--cacert", "--ca-certificate"}


def from_compose(name: str, service: Mapping[str, Any]) -> HealthCheck | None:
    """The HTTP check that a service's healthcheck makes; None where one from outside could judge otherwise.

    That is: it asks for no URL of its own published port, sends more than a plain GET (headers, a body, a client
    certificate), or is content with any status (curl without `--fail`).

    Args:
        service: the service as Compose prints it, unescaped.
    """
    words = _words(service.get("healthcheck") or {})
    if words is None:
        return None
    variables = {str(key): str(value) for key, value in (service.get("environment") or {}).items() if value is not None}
    words = [_expand(word, variables) for word in words]
    url = _url(words)
    if url is None or not _is_plain_get(words):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.hostname not in {*_HERE, name, service.get("container_name"), service.get("hostname")}:
        return None
    if port not in published(service):
        return None
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HealthCheck(name, port, path, scheme, insecure=scheme == "https" and _accepts_any(words))


def published(service: Mapping[str, Any]) -> dict[int, int | None]:
    """Container port to published port (None: any free one) of a service's TCP ports, as Compose prints them."""
    ports: dict[int, int | None] = {}
    for entry in service.get("ports") or ():
        if isinstance(entry, Mapping) and entry.get("protocol", "tcp") == "tcp" and entry.get("target"):
            first = str(entry.get("published") or "").split("-")[0]
            ports.setdefault(int(entry["target"]), int(first) if first.isdigit() else None)
    return ports


def _words(healthcheck: Mapping[str, Any]) -> list[str] | None:
    test = healthcheck.get("test")
    if healthcheck.get("disable") or not test:
        return None
    if isinstance(test, str):
        test = ["CMD-SHELL", test]
    kind, *rest = [str(word) for word in test]
    if kind == "CMD":
        return rest or None
    if kind != "CMD-SHELL" or not rest:
        return None
    try:
        words = shlex.split(rest[0])
    except ValueError:
        return None
    return words or None


def _url(words: list[str]) -> str | None:
    """The one URL in the command. Words may be whole programs (`python -c "…"`), so it is searched for in them."""
    urls = {url.rstrip(",") for word in words for url in _URL.findall(word)}
    return urls.pop() if len(urls) == 1 else None


def _is_plain_get(words: list[str]) -> bool:
    program = words[0].rpartition("/")[2]
    options = {word.partition("=")[0] for word in words}
    if options & _MORE_THAN_A_GET:
        return False
    if program == "curl":
        return any(word.startswith("--fail") or _has_letter(word, "f") for word in words)
    if program.startswith("python"):
        code = words[-1] if "-c" in words else ""
        return "urlopen(" in code and "Request(" not in code and "https:" not in code
    return program == "wget"


def _accepts_any(words: list[str]) -> bool:
    """The certificate is not verified, or against an authority of its own that nobody outside knows."""
    return bool(_LAX & {word.partition("=")[0] for word in words}) or any(_has_letter(word, "k") for word in words)


def _has_letter(word: str, letter: str) -> bool:
    """Whether a word is a group of short options with this one in it: `-fsSk`."""
    return bool(re.fullmatch(r"-[a-zA-Z]+", word)) and letter in word


def _expand(word: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        return variables.get(name, match[2] if match[2] is not None else match[0])

    return _VARIABLE.sub(value, word)
