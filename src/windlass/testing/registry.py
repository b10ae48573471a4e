"""A registry in memory: without a network for unit tests, or served on loopback for everything that speaks HTTP."""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from windlass.oci import digest as digests
from windlass.oci import manifest as manifests
from windlass.oci.client import RegistryClient
from windlass.oci.credentials import Credentials, Fixed
from windlass.oci.faults import Malformed
from windlass.oci.session import Patience
from windlass.oci.transport import Answer, Body, TransportFailed
from windlass.testing.clock import ManualClock
from windlass.waiting import Clock

Login: TypeAlias = Literal["none", "basic", "bearer", "azure"]
AZURE_TOKEN = "azure-access-token"
REFRESH_TOKEN = "registry-refresh-token"

_ROUTE = re.compile(r"/v2/(?P<name>.+?)/(?P<what>manifests|blobs/uploads|blobs|tags|referrers)/(?P<rest>[^/]*)")


@dataclass(slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


Fault: TypeAlias = Callable[[Request], Answer | None]
"""Looks at a request first: an answer replaces the registry's own, an exception breaks the connection."""


def reply(status: int, body: bytes | str | dict[str, Any] = b"", **headers: str) -> Answer:
    """An answer. Header names are written with underscores: `retry_after="1"`."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    lower.setdefault("content-type", "application/json" if isinstance(body, dict) else "application/octet-stream")
    lower.setdefault("content-length", str(len(data)))
    return Answer(status, lower, iter((data,) if data else ()))


def refuse(status: int, code: str, message: str = "", **headers: str) -> Answer:
    return reply(status, {"errors": [{"code": code, "message": message or code.lower()}]}, **headers)


@dataclass(slots=True)
class _Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class FakeRegistry:
    """An OCI registry that keeps everything in memory; also a `Transport`.

    Args:
        login: what it asks for. User `user`, password `password`; Azure's also takes `AZURE_TOKEN` at its exchange.

    `requests` lists what arrived; `faults` are asked before the registry itself (see `fail`); `page` is the size of a
    page of its lists; `token_seconds` is how long its tokens last; `largest` bounds a request body (413).
    """

    def __init__(self, host: str = "registry.test", login: Login = "none") -> None:
        self.host = host
        self.login = login
        self.secure = False
        self.clock: Clock = ManualClock()
        self.repositories: defaultdict[str, _Repository] = defaultdict(_Repository)
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.page = 1000
        self.token_seconds: int | None = 300
        self.largest: int | None = None
        self.locked: set[tuple[str, str]] = set()
        self._uploads: dict[str, bytearray] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._guard = threading.RLock()

    # -- how tests use it -------------------------------------------------------------------------------------------

    def client(self, credentials: Credentials | None = None, patience: Patience | None = None) -> RegistryClient:
        """A client that reaches this registry without a network; its pauses take no time."""
        return RegistryClient(
            self.host,
            insecure=not self.secure,
            credentials=credentials or Fixed(),
            patience=patience,
            transport=self,
            clock=self.clock,
        )

    def fail(self, answer: Callable[[], Answer], *, when: str = "", times: int = 1) -> None:
        """Give `answer()` (or raise what it raises) to the next requests whose `METHOD path` holds `when`."""
        left = [times]

        def fault(request: Request) -> Answer | None:
            if left[0] > 0 and when in request.line:
                left[0] -= 1
                return answer()
            return None

        self.faults.append(fault)

    def lines(self) -> list[str]:
        """The requests so far, `METHOD path` each, without those for tokens."""
        return [request.line for request in self.requests if not request.path.startswith("/oauth2")]

    @contextmanager
    def served(self) -> Iterator[str]:
        """The same registry on a free loopback port; gives `127.0.0.1:PORT`."""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                url = f"http://{registry.host}{self.path}"
                try:
                    answer = registry.send(self.command, url, dict(self.headers.items()), body)
                except TransportFailed:
                    self.close_connection = True
                    return
                data = b"".join(answer.chunks)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)
                if len(data) < int(answer.headers.get("content-length", "0")) and self.command != "HEAD":
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self.host
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    # -- answering --------------------------------------------------------------------------------------------------

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        """One request, as `Transport` wants it. The body is read to its end first, whatever becomes of it."""
        parts = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"".join(body or ())
        request = Request(method, parts.path, dict(parse_qsl(parts.query)), lower, data)
        with self._guard:
            self.requests.append(request)
            for fault in self.faults:
                if (answer := fault(request)) is not None:
                    return answer
            if self.largest is not None and len(data) > self.largest:
                return reply(413, "too large")
            answer = self._answer(request, parts.query)
        return Answer(answer.status, answer.headers) if method == "HEAD" else answer

    def _answer(self, request: Request, query: str) -> Answer:
        if request.path.startswith("/oauth2/"):
            return self._token(request, query)
        match = _ROUTE.fullmatch(request.path)
        scope = _needed(request, match)
        if self.login != "none" and not self._allowed(request, scope):
            return self._challenge(scope)
        if request.path == "/v2/":
            return reply(200, {}, docker_distribution_api_version="registry/2.0")
        if request.path == "/v2/_catalog":
            return self._list(request, "repositories", sorted(self.repositories), "/v2/_catalog")
        if request.path.startswith("/acr/v1/"):
            name, _, tag = request.path.removeprefix("/acr/v1/").rpartition("/_tags/")
            return reply(202 if self.repositories[name].tags.pop(tag, None) else 404)
        if match is None:
            return refuse(404, "NAME_UNKNOWN")
        name, what, rest = match["name"], match["what"], match["rest"]
        if what == "blobs/uploads":
            return self._upload(request, name, rest)
        if name not in self.repositories and request.method != "PUT":
            return refuse(404, "NAME_UNKNOWN")
        repository = self.repositories[name]
        if what == "tags":
            return self._list(request, "tags", sorted(repository.tags), request.path)
        if what == "referrers":
            return self._referrers(repository, rest)
        return self._manifest(request, name, rest) if what == "manifests" else self._blob(request, repository, rest)

    def _manifest(self, request: Request, name: str, reference: str) -> Answer:
        repository = self.repositories[name]
        if request.method == "PUT":
            return self._put(request, name, reference)
        digest = reference if ":" in reference else repository.tags.get(reference, "")
        if digest not in repository.manifests:
            return refuse(404, "MANIFEST_UNKNOWN")
        if request.method == "DELETE":
            if reference == digest:
                del repository.manifests[digest]
            repository.tags = {t: d for t, d in repository.tags.items() if t != reference and d != reference}
            return reply(202)
        media_type, body = repository.manifests[digest]
        return reply(200, body, content_type=media_type, docker_content_digest=digest)

    def _put(self, request: Request, name: str, reference: str) -> Answer:
        repository = self.repositories[name]
        media_type = request.headers.get("content-type", "")
        digest = digests.of(request.body)
        if ":" in reference and reference != digest:
            return refuse(400, "DIGEST_INVALID")
        if (name, reference) in self.locked:
            return refuse(405, "UNSUPPORTED", "the tag is locked")
        try:
            content = manifests.parse(request.body, media_type, name)
        except Malformed as error:
            return refuse(400, "MANIFEST_INVALID", error.message)
        if isinstance(content, manifests.Manifest):
            lacking = [one for one in content.blobs if one.digest not in repository.blobs]
        else:
            lacking = [one for one in content.manifests if one.digest not in repository.manifests]
        if lacking:
            return refuse(404, "MANIFEST_BLOB_UNKNOWN", lacking[0].digest)
        repository.manifests[digest] = (media_type, request.body)
        if ":" not in reference:
            repository.tags[reference] = digest
        return reply(201, location=request.path, docker_content_digest=digest)

    def _blob(self, request: Request, repository: _Repository, digest: str) -> Answer:
        data = repository.blobs.get(digest)
        if data is None:
            return refuse(404, "BLOB_UNKNOWN")
        if request.method == "DELETE":
            del repository.blobs[digest]
            return reply(202)
        if wanted := re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", "")):
            return reply(206, data[int(wanted[1]) :], docker_content_digest=digest)
        return reply(200, data, docker_content_digest=digest)

    def _upload(self, request: Request, name: str, rest: str) -> Answer:
        if request.method == "POST":
            origin, digest = request.query.get("from", ""), request.query.get("mount", "")
            if origin in self.repositories and digest in self.repositories[origin].blobs:
                self.repositories[name].blobs[digest] = self.repositories[origin].blobs[digest]
                return reply(201, location=f"/v2/{name}/blobs/{digest}")
            session = secrets.token_hex(8)
            self._uploads[session] = bytearray()
            return reply(202, location=f"/v2/{name}/blobs/uploads/{session}?state={session}")
        stored = self._uploads.get(rest)
        if stored is None:
            return refuse(404, "BLOB_UPLOAD_UNKNOWN")
        here = f"{request.path}?state={rest}"
        if request.method == "GET":
            return reply(204, location=here, range=f"0-{max(0, len(stored) - 1)}")
        if (place := request.headers.get("content-range")) and int(place.partition("-")[0]) != len(stored):
            return reply(416, location=here, range=f"0-{max(0, len(stored) - 1)}")
        stored += request.body
        if request.method == "PATCH":
            return reply(202, location=here, range=f"0-{len(stored) - 1}")
        del self._uploads[rest]
        digest = request.query.get("digest", "")
        if not digests.is_digest(digest) or not digests.matches(bytes(stored), digest):
            return refuse(400, "DIGEST_INVALID")
        self.repositories[name].blobs[digest] = bytes(stored)
        return reply(201, location=f"/v2/{name}/blobs/{digest}", docker_content_digest=digest)

    def keep(self, request: Request, count: int) -> None:
        """Store the first bytes of an upload, as a registry does whose client vanished in mid-upload."""
        self._uploads[request.path.rpartition("/")[2]] += request.body[:count]

    def _list(self, request: Request, key: str, items: list[str], path: str) -> Answer:
        size = min(self.page, int(request.query.get("n", self.page)))
        rest = [item for item in items if item > request.query.get("last", "")]
        more = {}
        if len(rest) > size:
            more["link"] = f'<{path}?{urlencode({"last": rest[size - 1], "n": size})}>; rel="next"'
        return reply(200, {"name": "", key: rest[:size]}, **more)

    def _referrers(self, repository: _Repository, digest: str) -> Answer:
        found = []
        for own, (media_type, body) in repository.manifests.items():
            content = manifests.parse(body, media_type, own)
            if content.subject is not None and content.subject.digest == digest:
                kind = content.artifact_type
                found.append(manifests.Descriptor(media_type, own, len(body), artifact_type=kind))
        document = {"schemaVersion": 2, "manifests": [manifests.to_document(one) for one in found]}
        return reply(200, {**document, "mediaType": manifests.OCI_INDEX}, content_type=manifests.OCI_INDEX)

    # -- login ------------------------------------------------------------------------------------------------------

    def _challenge(self, scope: str) -> Answer:
        if self.login == "basic":
            return refuse(401, "UNAUTHORIZED", www_authenticate='Basic realm="test"')
        scheme = "https" if self.secure else "http"
        realm = f'Bearer realm="{scheme}://{self.host}/oauth2/token",service="{self.host}"'
        return refuse(401, "UNAUTHORIZED", www_authenticate=f'{realm},scope="{scope}"' if scope else realm)

    def _allowed(self, request: Request, scope: str) -> bool:
        given = request.headers.get("authorization", "")
        if self.login == "basic":
            return given == _basic("user", "password")
        granted, until = self._tokens.get(given.removeprefix("Bearer "), ("", 0.0))
        return bool(granted) and self.clock.now() < until and (not scope or _grants(granted.split(), scope))

    def _token(self, request: Request, query: str) -> Answer:
        if request.method == "POST":
            form = dict(parse_qsl(request.body.decode()))
            scopes = form.get("scope", "")
            if request.path == "/oauth2/exchange":
                right = self.login == "azure" and form.get("access_token") == AZURE_TOKEN
                return reply(200, {"refresh_token": REFRESH_TOKEN}) if right else refuse(401, "UNAUTHORIZED")
            right = form.get("refresh_token") == REFRESH_TOKEN or form.get("password") == "password"
        else:
            scopes = " ".join(parse_qs(query).get("scope", []))
            given = request.headers.get("authorization", "")
            right = given in (_basic("user", "password"), _basic("00000000-0000-0000-0000-000000000000", REFRESH_TOKEN))
        if not right:
            return refuse(401, "UNAUTHORIZED")
        token = secrets.token_urlsafe(12)
        self._tokens[token] = (scopes or "-", self.clock.now() + (self.token_seconds or 60))
        lasts = {} if self.token_seconds is None else {"expires_in": self.token_seconds}
        return reply(200, {"access_token": token, **lasts})


def _needed(request: Request, match: re.Match[str] | None) -> str:
    if match is not None:
        action = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(request.method, "push")
        return f"repository:{match['name']}:{action}"
    return "registry:catalog:*" if request.path == "/v2/_catalog" else ""


def _grants(granted: Iterable[str], scope: str) -> bool:
    resource, _, action = scope.rpartition(":")
    return any(one.rpartition(":")[0] == resource and action in one.rpartition(":")[2].split(",") for one in granted)


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
