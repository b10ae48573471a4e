"""Requests to the extensions without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from typing import Any

from windlass.registry.server.access.caller import EVERYBODY
from windlass.registry.server.access.open import OpenAccess
from windlass.registry.server.acr.handlers import AcrApi
from windlass.registry.server.acr.oauth import OAuthApi
from windlass.registry.server.interface import Services
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.wire import Query, Reply, Request


class _Here(Executor):
    """Does at once, in this thread, what others would do in theirs."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class Asking:
    """`forgotten` are the repositories whose ready answers were dropped."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.forgotten: list[str] = []
        services = Services(storage, _Here(), OpenAccess(), self.forgotten.append)
        self._acr, self._oauth = AcrApi(services), OAuthApi(services)

    def ask(self, method: str, target: str, body: bytes = b"") -> Reply:
        """`target` is a decoded path with its query.

        Raises:
            Problem
        """
        path, _, query = target.partition("?")
        request = Request(method, Query(query), {}, _chunks(body), path, host="localhost:1")
        api = self._acr if path.startswith("/acr/") else self._oauth
        return asyncio.run(api.answer(request, EVERYBODY))

    def get(self, target: str) -> Any:
        return document(self.ask("GET", target))

    def refusal(self, method: str, target: str, body: bytes = b"") -> tuple[int, str]:
        """Status and code of a request that must be refused."""
        try:
            self.ask(method, target, body)
        except Problem as problem:
            assert json.loads(problem.body())["errors"][0]["message"]
            return problem.status, problem.code
        raise AssertionError("it was not refused")


def document(reply: Reply) -> Any:
    assert isinstance(reply.body, bytes)
    return json.loads(reply.body)


def next_of(reply: Reply) -> str | None:
    """The target of the `Link` header."""
    found = dict(reply.headers).get("link")
    if found is None:
        return None
    assert found.startswith("</acr/v1/")
    assert found.endswith('>; rel="next"')
    return found[1 : found.index(">")]


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 1000):
        yield body[at : at + 1000]
