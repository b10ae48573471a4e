"""Logging in: what registries ask for, and what they are told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from windlass.errors import CredentialsMissing, RegistryUnavailable
from windlass.model.secret import Secret
from windlass.oci.auth import Challenge, covers, merge, parse_challenges
from windlass.oci.credentials import Credential, Fixed, basic
from windlass.testing.clock import ManualClock
from windlass.testing.registry import AZURE_TOKEN, REFRESH_TOKEN, FakeRegistry, Login, refuse, reply

USER = basic("user", "password")
IDENTITY = Fixed(Credential("test", identity=Secret(REFRESH_TOKEN)))
AZURE = Fixed(Credential("test", azure=Secret(AZURE_TOKEN), tenant="t"))
ACR_LOGIN = basic("00000000-0000-0000-0000-000000000000", REFRESH_TOKEN)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("Basic", (Challenge("basic"),)),
        ('Basic realm="a, b"', (Challenge("basic", "a, b"),)),
        (
            'Bearer realm="https://t.example/token",service="r.example",scope="repository:a/b:pull,push"',
            (Challenge("bearer", "https://t.example/token", "r.example", "repository:a/b:pull,push"),),
        ),
        (
            'BEARER realm = "x" , SERVICE=plain, Basic realm="y"',
            (Challenge("bearer", "x", "plain"), Challenge("basic", "y")),
        ),
        (r'Basic realm="quoted \"word\""', (Challenge("basic", 'quoted "word"'),)),
        ('=,"", realm="lost"', ()),
    ],
)
def test_challenges_are_read_in_every_spelling(header: str, expected: tuple[Challenge, ...]) -> None:
    assert parse_challenges(header) == expected


def test_scopes_of_one_resource_become_one() -> None:
    merged = merge(["repository:a:pull"], ["repository:a:push", "repository:b:pull"])
    assert merged == {"repository:a:pull,push", "repository:b:pull"}
    assert covers(merged, merge(["repository:a:push"]))
    assert not covers(merged, merge(["repository:b:push"]))


@pytest.mark.parametrize(
    ("login", "credentials"),
    [
        ("basic", USER),
        ("bearer", USER),
        ("bearer", IDENTITY),
        ("azure", USER),
        ("azure", IDENTITY),
        ("azure", AZURE),
        ("azure", ACR_LOGIN),
    ],
)
def test_every_kind_of_login_can_push_and_list(login: Login, credentials: Fixed) -> None:
    registry = FakeRegistry(login=login)
    client = registry.client(credentials)
    blob = client.upload_bytes("team/app", b"data", "text/plain")
    assert client.read_blob("team/app", blob.digest, 10) == b"data"
    assert list(client.repositories()) == ["team/app"]
    client.ping()


@pytest.mark.parametrize("login", ["basic", "bearer", "azure"])
def test_a_wrong_password_is_refused_naming_the_user_and_never_the_password(login: Login) -> None:
    client = FakeRegistry("reg.example", login).client(basic("ann", "hunter2", "the test"))
    with pytest.raises(CredentialsMissing) as caught:
        client.ping()
    text = f"{caught.value} {caught.value.remedy}"
    assert "user 'ann' from the test" in text
    assert "docker login reg.example" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("login", ["basic", "bearer"])
def test_without_credentials_it_is_said_where_they_were_looked_for(login: Login) -> None:
    client = FakeRegistry(login=login).client(
        Fixed(Credential("no credentials: /home/ann/.docker/config.json has none"))
    )
    with pytest.raises(CredentialsMissing, match=r"/home/ann/\.docker/config\.json"):
        client.ping()


def test_azures_remedy_is_azures() -> None:
    with pytest.raises(CredentialsMissing) as caught:
        FakeRegistry("crankplatformregistry.azurecr.io", "azure").client().ping()
    assert caught.value.remedy is not None
    assert "az acr login --name crankplatformregistry" in caught.value.remedy


def test_being_forbidden_is_a_matter_of_credentials() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: refuse(403, "DENIED", "requested access to the resource is denied"))
    with pytest.raises(CredentialsMissing, match="DENIED"):
        registry.client().ping()


def test_a_token_is_asked_for_once_and_kept_per_scope() -> None:
    registry = FakeRegistry(login="bearer")
    client = registry.client(USER)
    for _ in range(5):
        client.head_manifest("app", "latest")
    assert _tokens(registry) == 1
    client.head_manifest("other", "latest")
    assert _tokens(registry) == 2


def test_a_token_for_pushing_serves_for_pulling() -> None:
    registry = FakeRegistry(login="bearer")
    client = registry.client(USER)
    blob = client.upload_bytes("app", b"one", "text/plain")
    before = _tokens(registry)
    client.upload_bytes("app", b"two", "text/plain")
    client.read_blob("app", blob.digest, 10)
    assert _tokens(registry) == before


def test_a_token_is_replaced_shortly_before_it_ends() -> None:
    registry = FakeRegistry(login="bearer")
    clock = registry.clock
    assert isinstance(clock, ManualClock)
    client = registry.client(USER)
    client.head_manifest("app", "latest")
    clock.advance(260)
    client.head_manifest("app", "latest")
    assert _tokens(registry) == 1
    clock.advance(15)
    client.head_manifest("app", "latest")
    assert _tokens(registry) == 2
    assert registry.lines().count("HEAD /v2/app/manifests/latest") == 4  # no request was refused in between


def test_a_token_without_a_lifetime_lasts_a_minute() -> None:
    registry = FakeRegistry(login="bearer")
    registry.token_seconds = None
    clock = registry.clock
    assert isinstance(clock, ManualClock)
    client = registry.client(USER)
    client.head_manifest("app", "latest")
    clock.advance(50)
    client.head_manifest("app", "latest")
    assert _tokens(registry) == 2


def test_a_token_that_is_revoked_is_replaced() -> None:
    registry = FakeRegistry(login="bearer")
    client = registry.client(USER)
    client.head_manifest("app", "latest")
    registry._tokens.clear()
    assert client.head_manifest("app", "latest") is None
    assert _tokens(registry) == 2


def test_threads_share_one_token() -> None:
    registry = FakeRegistry(login="bearer")
    client = registry.client(USER)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.head_manifest("app", "latest"), range(16)))
    assert _tokens(registry) == 1


def test_a_token_server_that_knows_only_post_is_asked_that_way() -> None:
    registry = FakeRegistry(login="bearer")
    registry.fail(lambda: reply(405), when="GET /oauth2/token")
    registry.client(USER).ping()
    assert [request.method for request in registry.requests if request.path == "/oauth2/token"] == ["GET", "POST"]


def test_a_token_server_that_knows_only_get_is_given_the_refresh_token_there() -> None:
    registry = FakeRegistry(login="azure")
    registry.fail(lambda: reply(404), when="POST /oauth2/token")
    registry.client(IDENTITY).ping()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"token": 5}', b'{"token": ""}', b'{"token": "a\\r\\nx-evil: 1"}']
)
def test_a_token_server_that_talks_nonsense_is_said_so(body: bytes) -> None:
    registry = FakeRegistry(login="bearer")
    registry.fail(lambda: reply(200, body), when="/oauth2/token")
    with pytest.raises(RegistryUnavailable) as caught:
        registry.client(USER).ping()
    assert "token" in str(caught.value)


def test_a_password_is_not_sent_unencrypted_because_a_registry_says_so() -> None:
    registry = FakeRegistry(login="bearer")
    registry.secure = True
    registry.fail(
        lambda: refuse(401, "UNAUTHORIZED", www_authenticate='Bearer realm="http://tokens.example/oauth2/token"')
    )
    with pytest.raises(CredentialsMissing, match="unencrypted"):
        registry.client(USER).ping()
    assert _tokens(registry) == 0


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "nonsense", "http://", "https://["])
def test_a_realm_that_is_no_url_is_said_so(realm: str) -> None:
    registry = FakeRegistry()
    registry.fail(lambda: refuse(401, "UNAUTHORIZED", www_authenticate=f'Bearer realm="{realm}"'))
    with pytest.raises(RegistryUnavailable, match="token server"):
        registry.client(USER).ping()


def test_a_challenge_nobody_can_answer_is_a_refusal() -> None:
    registry = FakeRegistry()
    registry.fail(lambda: refuse(401, "UNAUTHORIZED", www_authenticate="Negotiate"))
    with pytest.raises(CredentialsMissing):
        registry.client(USER).ping()


def _tokens(registry: FakeRegistry) -> int:
    return sum(request.path == "/oauth2/token" for request in registry.requests)
