"""Where the registry may listen."""

from __future__ import annotations

import pytest

from windlass.errors import UsageError
from windlass.registry.server.listen import Listen, check_exposure, parse_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:5077", Listen("127.0.0.1", 5077)),
        ("localhost:5077", Listen("127.0.0.1", 5077)),
        ("[::1]:80", Listen("::1", 80)),
        ("0.0.0.0:1", Listen("0.0.0.0", 1)),
    ],
)
def test_an_address_with_a_port_is_understood(text: str, expected: Listen) -> None:
    assert parse_listen(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "5077",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "a:1",
        "127.0.0.1:x",
        "127.0.0.1:99999999999",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_listen(text)
    assert "127.0.0.1:5077" in (caught.value.remedy or "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_address_others_can_reach_has_to_be_asked_for_in_words(host: str) -> None:
    with pytest.raises(UsageError, match="neither TLS nor users"):
        check_exposure(Listen(host, 5077), open_to_everyone=False)
    check_exposure(Listen(host, 5077), open_to_everyone=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_loopback_needs_no_words(host: str) -> None:
    check_exposure(Listen(host, 5077), open_to_everyone=False)


@pytest.mark.parametrize(
    ("tls", "users", "plain_http", "goes"),
    [
        (True, True, False, True),
        (False, True, True, True),
        (False, True, False, False),
        (True, False, False, False),
        (False, False, True, False),
        (False, False, False, False),
    ],
)
def test_others_may_reach_it_with_tls_and_users(tls: bool, users: bool, plain_http: bool, goes: bool) -> None:
    address = Listen("0.0.0.0", 5077)
    if goes:
        check_exposure(address, tls=tls, users=users, plain_http=plain_http)
        return
    with pytest.raises(UsageError) as caught:
        check_exposure(address, tls=tls, users=users, plain_http=plain_http)
    assert caught.value.remedy
    check_exposure(Listen("127.0.0.1", 5077), tls=tls, users=users, plain_http=plain_http)


def test_words_that_contradict_each_other_are_refused_also_on_loopback() -> None:
    with pytest.raises(UsageError, match="--plain-http"):
        check_exposure(Listen("127.0.0.1", 5077), tls=True, plain_http=True)
    with pytest.raises(UsageError, match="--open-to-everyone"):
        check_exposure(Listen("127.0.0.1", 5077), open_to_everyone=True, users=True)
