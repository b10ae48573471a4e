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
_CURL_WITH_CERTIFICATE = {"--cert", "-E", "--key"}
_NOT_GET = {"-X", "--request", "-d", "--data", "--data-raw", "--post-data", "-T", "--upload-file"}
_LAX = {"-k", "--insecure", "--no-check-certificate"}


def from_compose(name: str, service: Mapping[str, Any]) -> HealthCheck | None:
    """The HTTP check that a service's healthcheck makes, or None: it makes none, needs a client certificate, or its port is not published.

    Args:
        service: the service as Compose prints it, unescaped.
    """
    words = _words(service.get("healthcheck") or {})
    if words is None:
        return None
    variables = {str(key): str(value) for key, value in (service.get("environment") or {}).items() if value is not None}
    words = [_expand(word, variables) for word in words]
    url = _url(words)
    if url is None or _CURL_WITH_CERTIFICATE & set(words) or _NOT_GET & set(words):
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
        return rest
    if kind != "CMD-SHELL" or not rest:
        return None
    try:
        return shlex.split(rest[0])
    except ValueError:
        return None


def _url(words: list[str]) -> str | None:
    """The one URL in the command. Words may be whole programs (`python -c "…"`), so it is searched for in them."""
    urls = {url.rstrip(",") for word in words for url in _URL.findall(word)}
    return urls.pop() if len(urls) == 1 else None


def _accepts_any(words: list[str]) -> bool:
    """Certificates are not verified against public authorities: `-k`, alone or among other short options of curl, or an own authority."""
    for word in words:
        if word in _LAX or word == "--cacert" or "CERT_NONE" in word or "_create_unverified_context" in word:
            return True
        if re.fullmatch(r"-[a-zA-Z]*k[a-zA-Z]*", word) and words[0].rpartition("/")[2] == "curl":
            return True
    return False


def _expand(word: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        return variables.get(name, match[2] if match[2] is not None else match[0])

    return _VARIABLE.sub(value, word)
