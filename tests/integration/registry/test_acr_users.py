"""ACR's clients and a registry with users: challenges, the exchange of tokens, and what each may do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from tests.integration.registry.acr import Credential, TlsServer, push, refusal
from tests.integration.registry.serving import error_code, free_port
from windlass.registry.server.access.caller import Grant
from windlass.registry.server.access.files import write_private
from windlass.registry.server.access.htpasswd import hash_password
from windlass.registry.server.access.signing import SERVICE
from windlass.registry.server.access.tokens import dump_tokens, make_token

ACCESS = """
alice:
  - {repositories: "**", actions: [pull, push, delete, metadata_read, metadata_write]}
reader:
  - {repositories: "team/**", actions: [pull, metadata_read]}
anonymous:
  - {repositories: "public/**", actions: [pull, metadata_read]}
"""
NAMES = ("private/app", "public/app", "team/app")
FORM = {"content-type": "application/x-www-form-urlencoded"}


TOKEN, TOKEN_TEXT = make_token("ci", [Grant("team/**", frozenset({"pull", "metadata_read"}))], time.time(), 3600)


def fill(server: TlsServer) -> None:
    """Make the registry hold two tags of each name, and nothing else."""
    with server.client(Credential("alice:alice-secret")) as client:
        for name in NAMES:
            client.delete_repository(name)
            for tag in ("v1", "v2"):
                push(client, name, tag, tag.encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    users = {user: hash_password(f"{user}-secret") for user in ("alice", "reader")}
    root = tmp_path_factory.mktemp("acr") / "root"
    write_private(root / "tokens.json", dump_tokens([TOKEN]))
    found = TlsServer(root, free_port(), users=users, access=ACCESS)
    found.start()
    fill(found)
    yield found
    found.end()


@pytest.fixture
def spendable(server: TlsServer) -> Iterator[TlsServer]:
    """For a test that changes what the registry holds."""
    fill(server)
    yield server
    fill(server)


def post(server: TlsServer, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
    return server.request("POST", path, body=urlencode(fields), headers=FORM)


def bearer(server: TlsServer, scope: str, user: str = "alice") -> dict[str, str]:
    """As `az acr` gets it: an exchange for a refresh token, and that for an access token."""
    refresh = post(
        server, "/oauth2/exchange", grant_type="access_token", service=SERVICE, access_token=f"{user}:{user}-secret"
    ).json()["refresh_token"]
    answer = post(
        server, "/oauth2/token", grant_type="refresh_token", service=SERVICE, scope=scope, refresh_token=refresh
    )
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def test_a_user_does_everything_with_the_sdk(spendable: TlsServer) -> None:
    credential = Credential("alice:alice-secret")
    with spendable.client(credential) as client:
        assert list(client.list_repository_names()) == list(NAMES)
        assert client.get_tag_properties("team/app", "v1").name == "v1"
        client.update_tag_properties("team/app", "v1", can_delete=False)
        with pytest.raises(HttpResponseError, match="REGISTRY_DISALLOWED_OPERATION"):
            client.delete_tag("team/app", "v1")
        client.update_tag_properties("team/app", "v1", can_delete=True)
        client.delete_tag("team/app", "v1")
        client.delete_repository("private/app")
        assert list(client.list_repository_names()) == ["public/app", "team/app"]
    assert credential.asked[0] == ("https://containerregistry.azure.net/.default",)


def test_who_may_only_read_reads_only_what_was_granted(server: TlsServer) -> None:
    with server.client(Credential("reader:reader-secret")) as client:
        assert list(client.list_repository_names()) == ["team/app"]
        assert client.get_repository_properties("team/app").tag_count == 2
        for refused in (
            lambda: client.delete_tag("team/app", "v1"),
            lambda: client.update_tag_properties("team/app", "v1", can_write=False),
            lambda: client.get_repository_properties("private/app"),
            lambda: client.get_manifest("private/app", "v1"),
        ):
            assert refusal(refused).status_code in (401, 403)


@pytest.mark.parametrize("form", ["{}", "ci:{}"])
def test_a_long_lived_token_stands_for_one_of_azure(server: TlsServer, form: str) -> None:
    with server.client(Credential(form.format(TOKEN_TEXT.reveal()))) as client:
        assert list(client.list_repository_names()) == ["team/app"]
        assert client.get_tag_properties("team/app", "v1").name == "v1"
        assert refusal(lambda: client.delete_tag("team/app", "v1")).status_code in (401, 403)


def test_nobody_in_particular_sees_what_is_public(server: TlsServer) -> None:
    with server.client() as client:
        assert list(client.list_repository_names()) == ["public/app"]
        assert [tag.name for tag in client.list_tag_properties("public/app")] == ["v1", "v2"]
        assert refusal(lambda: client.get_repository_properties("team/app")).status_code in (401, 403)
        assert refusal(lambda: client.delete_tag("public/app", "v1")).status_code in (401, 403)


@pytest.mark.parametrize("token", ["alice:wrong", "nobody:alice-secret", "what.azure.gave", "wlr_unknown"])
def test_what_the_registry_does_not_know_opens_nothing(server: TlsServer, token: str) -> None:
    with server.client(Credential(token)) as client, pytest.raises(ClientAuthenticationError):
        list(client.list_repository_names())


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/acr/v1/_catalog", "registry:catalog:*"),
        ("GET", "/acr/v1/team%2Fapp", "repository:team/app:metadata_read"),
        ("GET", "/acr/v1/team%2Fapp/_tags?n=1", "repository:team/app:metadata_read"),
        ("GET", "/acr/v1/team/app/_manifests", "repository:team/app:metadata_read"),
        ("PATCH", "/acr/v1/team%2Fapp/_tags/v1", "repository:team/app:metadata_write"),
        ("DELETE", "/acr/v1/team%2Fapp/_tags/v1", "repository:team/app:delete"),
        ("DELETE", "/acr/v1/team%2Fapp", "repository:team/app:delete"),
        ("GET", "/acr/v1/nowhere", "repository:nowhere:metadata_read"),
    ],
)
def test_a_challenge_says_which_scope_is_missing(server: TlsServer, method: str, path: str, scope: str) -> None:
    answer = server.request(method, path)
    assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")
    assert f'scope="{scope}"' in answer.headers["www-authenticate"]
    assert answer.headers["www-authenticate"].startswith("Bearer realm=")
    kind, name, action = scope.split(":")
    assert answer.json()["errors"][0]["detail"] == [{"Type": kind, "Name": name, "Action": action}]


def test_a_token_for_one_thing_is_not_one_for_another(server: TlsServer) -> None:
    headers = bearer(server, "repository:team/app:metadata_read")
    assert server.request("GET", "/acr/v1/team%2Fapp", headers=headers).status == 200
    for method, path in (
        ("DELETE", "/acr/v1/team%2Fapp"),
        ("GET", "/acr/v1/_catalog"),
        ("GET", "/acr/v1/public%2Fapp"),
    ):
        answer = server.request(method, path, headers=headers)
        assert answer.status == 401
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_what_az_acr_sends(spendable: TlsServer) -> None:
    """`az acr` with login, repository list, show-tags, show-manifests, update, untag, delete."""
    start = spendable.request("GET", "/v2/")
    assert start.status == 401
    assert "Bearer" in start.headers["www-authenticate"] and "service=" in start.headers["www-authenticate"]

    def ask(method: str, path: str, scope: str, status: int = 200, **options: Any) -> Any:
        headers = {**bearer(spendable, scope), **options.pop("headers", {})}
        answer = spendable.request(method, path, headers=headers, **options)
        assert answer.status == status, answer.data
        return answer

    read, write = "repository:team/app:metadata_read", "repository:team/app:metadata_write"
    assert ask("GET", "/v2/_catalog?n=100", "registry:catalog:*").json()["repositories"] == list(NAMES)
    tags = ask("GET", "/acr/v1/team/app/_tags?n=100&orderby=timedesc", read).json()
    assert (tags["registry"], tags["imageName"]) == (spendable.host, "team/app")
    assert [tag["name"] for tag in tags["tags"]] == ["v2", "v1"]
    manifests = ask("GET", "/acr/v1/team/app/_manifests?n=100&orderby=timedesc", read).json()["manifests"]
    assert [each["tags"] for each in manifests] == [["v2"], ["v1"]]
    change: dict[str, Any] = {"body": b'{"writeEnabled": false}', "headers": {"content-type": "application/json"}}
    locked = ask("PATCH", "/acr/v1/team/app/_tags/v1", write, **change).json()
    assert locked["tag"]["changeableAttributes"]["writeEnabled"] is False
    refused = ask("DELETE", "/acr/v1/team/app/_tags/v1", "repository:team/app:delete", 405)
    assert error_code(refused) == "REGISTRY_DISALLOWED_OPERATION"
    change["body"] = b'{"writeEnabled": true}'
    ask("PATCH", "/acr/v1/team/app/_tags/v1", write, **change)
    ask("DELETE", "/acr/v1/team/app/_tags/v1", "repository:team/app:delete", 202)  # untag
    digest = ask("GET", "/acr/v1/team/app/_tags/v2", read).json()["tag"]["digest"]
    ask("DELETE", f"/v2/team/app/manifests/{digest}", "repository:team/app:delete", 202)  # delete --image
    left = ask("GET", "/acr/v1/team/app/_manifests", read).json()["manifests"]
    assert [each.get("tags") for each in left] == [None]
    ask("DELETE", "/acr/v1/team/app", "repository:team/app:delete", 202)
    with spendable.client(Credential("alice:alice-secret")) as client, pytest.raises(ResourceNotFoundError):
        client.get_repository_properties("team/app")


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/oauth2/exchange", {}, 400),
        ("/oauth2/exchange", {"grant_type": "password"}, 400),
        ("/oauth2/exchange", {"grant_type": "access_token"}, 401),
        ("/oauth2/exchange", {"grant_type": "access_token", "access_token": ""}, 401),
        ("/oauth2/exchange", {"grant_type": "access_token", "access_token": "a.b.c"}, 401),
        ("/oauth2/exchange", {"grant_type": "refresh_token", "refresh_token": "a.b.c"}, 401),
        ("/oauth2/token", {}, 400),
        ("/oauth2/token", {"grant_type": "nonsense"}, 400),
        ("/oauth2/token", {"grant_type": "refresh_token", "scope": "x"}, 401),
        ("/oauth2/token", {"grant_type": "password", "username": "alice", "password": "wrong"}, 401),
        ("/oauth2/token", {"grant_type": "access_token", "access_token": "alice:wrong"}, 401),
        ("/oauth2/elsewhere", {"grant_type": "password"}, 404),
        ("/oauth2/token", {"grant_type": "password", "scope": "registry:catalog:* " * 200}, 400),
        ("/oauth2/token", {"grant_type": "x" * 70_000}, 413),
    ],
)
def test_a_form_that_is_wrong_gets_no_token(server: TlsServer, path: str, fields: dict[str, str], status: int) -> None:
    answer = post(server, path, **fields)
    assert answer.status == status, answer.data
    assert error_code(answer)
    assert "token" not in answer.json()


def test_a_password_gets_an_access_token(server: TlsServer) -> None:
    answer = post(
        server,
        "/oauth2/token",
        grant_type="password",
        username="alice",
        password="alice-secret",
        scope="registry:catalog:*",
    )
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert server.request("GET", "/acr/v1/_catalog", headers=headers).json()["repositories"] == list(NAMES)
