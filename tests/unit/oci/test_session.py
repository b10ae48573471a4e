"""Patience with registries in trouble, and the end of it."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate

import pytest

from windlass.errors import EnvironmentUnusable, RegistryUnavailable, UsageError
from windlass.oci.faults import Malformed, Rejected
from windlass.oci.session import Patience, Session, parse_errors
from windlass.oci.transport import Answer, TransportFailed, is_loopback
from windlass.testing.clock import ManualClock
from windlass.testing.registry import FakeRegistry, refuse, reply

DIGEST = "sha256:" + "0" * 64


def _broken() -> Answer:
    raise TransportFailed("the connection broke: reset by peer", passing=True)


def _pauses(registry: FakeRegistry) -> list[float]:
    assert isinstance(registry.clock, ManualClock)
    return registry.clock.pauses


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    registry = FakeRegistry()
    registry.fail(lambda: reply(status, "<html>"), times=3)
    registry.client().ping()
    assert len(registry.requests) == 4
    assert len(_pauses(registry)) == 3


def test_a_broken_connection_is_tried_again() -> None:
    registry = FakeRegistry()
    registry.fail(_broken, times=2)
    registry.client().ping()
    assert len(registry.requests) == 3


def test_pauses_grow_are_uneven_and_have_a_limit() -> None:
    patience = Patience()
    assert [patience.pause(attempt, 0.0) for attempt in range(4)] == [0.2, 0.4, 0.8, 1.6]
    assert patience.pause(0, 1.0) == pytest.approx(0.1)
    assert patience.pause(1000, 0.0) == 10.0


def test_a_registry_that_asks_to_wait_is_waited_for() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: reply(429, retry_after="7"))
    registry.client().ping()
    (pause,) = _pauses(registry)
    assert 7.0 <= pause <= 7.0 + Patience().first


def test_a_wait_that_one_thread_was_asked_for_holds_for_uploads_of_all() -> None:
    registry = FakeRegistry()
    data = b"x" * 1000
    registry.fail(lambda: reply(429, retry_after="5"), when="PUT")
    registry.client().upload_bytes("app", data, "text/plain")
    assert max(_pauses(registry)) >= 5.0


def test_an_upload_is_given_up_where_the_registry_asks_for_more_patience_than_there_is() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: reply(429, retry_after="3600"), when="PUT", times=99)
    with pytest.raises(RegistryUnavailable) as caught:
        registry.client().upload_bytes("app", b"x", "text/plain")
    assert "3600 s" in (caught.value.remedy or "")
    assert not _pauses(registry)


def test_waiting_until_a_date_works_too() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: reply(503, retry_after=formatdate(usegmt=True)))
    registry.fail(lambda: reply(503, retry_after="whenever"))
    registry.client().ping()
    assert all(pause < 2 for pause in _pauses(registry))


def test_a_wait_beyond_all_patience_is_not_begun() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: refuse(429, "TOOMANYREQUESTS", "pull rate limit", retry_after="3600"))
    with pytest.raises(RegistryUnavailable, match="TOOMANYREQUESTS") as caught:
        registry.client().ping()
    assert caught.value.remedy is not None
    assert "3600" in caught.value.remedy
    assert _pauses(registry) == []


def test_patience_ends() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: reply(503), times=1000)
    with pytest.raises(RegistryUnavailable, match="HTTP 503"):
        registry.client().ping()
    assert 30 < sum(_pauses(registry)) <= 60


def test_where_nothing_listens_patience_is_short() -> None:
    def refused() -> Answer:
        raise TransportFailed("the connection was refused", passing=True, refused=True)

    registry = FakeRegistry()
    registry.fail(refused, times=1000)
    with pytest.raises(RegistryUnavailable, match="refused") as caught:
        registry.client().ping()
    assert sum(_pauses(registry)) <= 3
    assert caught.value.remedy is not None
    assert "curl http://registry.test/v2/" in caught.value.remedy


def test_what_cannot_pass_is_not_tried_again() -> None:
    def certificate() -> Answer:
        raise TransportFailed("its TLS certificate is not accepted", passing=False, remedy="trust it")

    registry = FakeRegistry()
    registry.fail(certificate)
    with pytest.raises(RegistryUnavailable) as caught:
        registry.client().ping()
    assert len(registry.requests) == 1
    assert caught.value.remedy == "trust it"


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    def torn() -> Answer:
        def chunks() -> object:
            yield b'{"tags": ["a"'
            raise TransportFailed("the connection broke", passing=True)

        return Answer(200, {"content-type": "application/json"}, chunks())  # type: ignore[arg-type]

    registry = FakeRegistry()
    registry.repositories["app"].tags["latest"] = "sha256:" + "0" * 64
    registry.fail(torn, times=2)
    assert list(registry.client().tags("app")) == ["latest"]
    registry.fail(torn, times=100)
    with pytest.raises(RegistryUnavailable, match="breaks off"):
        list(registry.client().tags("app"))


@pytest.mark.parametrize("status", [200, 400, 502])
def test_a_web_page_is_not_a_registry(status: int) -> None:
    registry = FakeRegistry()
    registry.fail(lambda: reply(status, "<!doctype html><h1>Welcome</h1>", content_type="text/html"), times=99)
    client = registry.client()
    questions: list[Callable[[], object]] = [
        client.ping,
        lambda: list(client.tags("app")),
        lambda: client.head_manifest("app", "latest"),
        lambda: client.get_manifest("app", "latest"),
        lambda: client.head_blob("app", DIGEST),
        lambda: client.upload_bytes("app", b"data", "text/plain"),
    ]
    for question in questions:
        with pytest.raises(EnvironmentUnusable) as caught:
            question()
        assert "registry.test" in str(caught.value)


def test_a_wrong_address_is_not_an_empty_registry() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: reply(404, "<!doctype html><h1>Not found</h1>", content_type="text/html"), times=99)
    with pytest.raises(RegistryUnavailable, match="does not answer like a registry"):
        list(registry.client().tags("app"))
    assert registry.client().head_blob("app", DIGEST) is None


def test_refusals_carry_the_registrys_own_words() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: refuse(400, "MANIFEST_INVALID", "no layers"))
    with pytest.raises(Rejected, match="MANIFEST_INVALID: no layers") as caught:
        registry.client().ping()
    assert (caught.value.status, caught.value.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"errors": []}', b'{"errors": [5]}', b'{"errors": 1}', b"\xff"])
def test_errors_without_words_are_none(body: bytes) -> None:
    assert parse_errors(body) == ("", "")


def test_a_registry_that_finds_another_digest_blames_the_local_copy() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: refuse(400, "DIGEST_INVALID"))
    with pytest.raises(Malformed, match="another digest"):
        registry.client().ping()


@pytest.mark.parametrize(
    ("host", "insecure", "base"),
    [
        ("localhost:5077", None, "http://localhost:5077"),
        ("127.0.0.1:5077", None, "http://127.0.0.1:5077"),
        ("[::1]:5077", None, "http://[::1]:5077"),
        ("127.0.0.1:5077", False, "https://127.0.0.1:5077"),
        ("registry.example", None, "https://registry.example"),
        ("registry.example:80", True, "http://registry.example:80"),
        ("docker.io", None, "https://registry-1.docker.io"),
        ("index.docker.io", None, "https://registry-1.docker.io"),
        ("127.evil.example", None, "https://127.evil.example"),
    ],
)
def test_only_this_machine_and_hosts_told_so_are_spoken_to_in_the_clear(
    host: str, insecure: bool | None, base: str
) -> None:
    assert Session(host, insecure=insecure, transport=FakeRegistry()).base == base


@pytest.mark.parametrize("host", ["https://registry.example", "", "a b", "host/path", "user@host"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="not a registry host"):
        Session(host, transport=FakeRegistry())


def test_loopback_is_this_machine_only() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.8.0.1:1", "[::1]", "LOCALHOST:2")] == [True] * 4
    assert [is_loopback(host) for host in ("localhost.example", "128.0.0.1", "[::2]:1", "127.0.0.1.example")] == [
        False
    ] * 4


def test_where_the_registry_points_is_followed_on_http_alone() -> None:
    session = Session("registry.example", transport=FakeRegistry())
    assert session.resolve("/v2/a") == "https://registry.example/v2/a"
    assert session.resolve("http://registry.example/v2/a") == "https://registry.example/v2/a"
    assert session.resolve("https://store.example/a?b") == "https://store.example/a?b"
    for bad in ("file:///etc/passwd", "https://[", "gopher://registry.example/"):
        with pytest.raises(RegistryUnavailable):
            session.resolve(bad)
