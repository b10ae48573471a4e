"""Where the registry may listen."""

from __future__ import annotations

import pytest

from windlass.errors import UsageError
from windlass.registry.listen import Listen, check_exposure, parse_listen


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
