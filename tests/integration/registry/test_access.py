"""Users of a real server: challenges, tokens, scopes, refusals, and what each caller gets to see."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.guarded import ACCESS, PASSWORD, GuardedServer, basic, bearer, write_users
from tests.integration.registry.serving import error_code, free_port
from windlass.model.secret import Secret
from windlass.registry.server.access.editing import add_user, create_token, remove_user, revoke_token
from windlass.registry.server.access.files import AccessFiles
from windlass.registry.server.access.grants import make_grant
from windlass.registry.server.access.signing import ACCESS as ACCESS_TOKEN
from windlass.registry.server.access.signing import Signer
from windlass.registry.server.daemon import probe
from windlass.registry.server.listen import Listen
from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.wire import WHOLE
from windlass.waiting import wait_for

LAYER = b"a layer"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": digest_of(b"{}"),
            "size": 2,
        },
        "layers": [{"mediaType": "application/x", "digest": digest_of(LAYER), "size": len(LAYER)}],
    }
).encode()
OCI = {"content-type": "application/vnd.oci.image.manifest.v1+json"}
NAMES = ("base", "other/app", "public/app", "team/app")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    """One server for all tests of this file: each changes repositories and users of its own at most."""
    root = tmp_path_factory.mktemp("guarded") / "root"
    write_users(root, "alice", "bob", "carol", "dave")
    (root / "access.yaml").write_text(ACCESS)
    found = GuardedServer(root, free_port())
    found.start()
    for name in NAMES:
        push(found, name)
    yield found
    found.end()
    assert PASSWORD not in found.log.read_text()


def push(server: GuardedServer, name: str) -> None:
    for data in (LAYER, b"{}"):
        path = f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}"
        assert server.request("POST", path, body=data, headers=basic("alice")).status == 201
    answer = server.request("PUT", f"/v2/{name}/manifests/1", body=MANIFEST, headers=basic("alice") | OCI)
    assert answer.status == 201


def pull(server: GuardedServer, name: str, headers: dict[str, str]) -> int:
    return server.request("GET", f"/v2/{name}/manifests/1", headers=headers).status


def files(server: GuardedServer) -> AccessFiles:
    return AccessFiles.of(server.root)


def test_who_did_not_log_in_is_told_where_tokens_are(server: GuardedServer) -> None:
    answer = server.request("GET", "/v2/")
    assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")
    realm = f"http://127.0.0.1:{server.port}/token"
    assert answer.headers["www-authenticate"] == f'Bearer realm="{realm}",service="windlass-registry"'
    answer = server.request("PUT", "/v2/team/app/manifests/1", body=MANIFEST)
    assert answer.status == 401
    assert 'scope="repository:team/app:pull,push"' in answer.headers["www-authenticate"]
    assert 'scope="registry:catalog:*"' in server.request("GET", "/v2/_catalog").headers["www-authenticate"]


def test_a_registry_with_users_is_still_recognised(server: GuardedServer) -> None:
    assert probe(Listen("127.0.0.1", server.port)).kind == "windlass"


def test_tls_ended_in_front_is_in_the_challenge(server: GuardedServer) -> None:
    headers = {"host": "registry.example", "x-forwarded-proto": "https"}
    answer = server.request("GET", "/v2/", headers=headers)
    assert 'realm="https://registry.example/token"' in answer.headers["www-authenticate"]


def test_a_host_that_is_none_does_not_get_into_the_challenge(server: GuardedServer) -> None:
    said = server.request("GET", "/v2/", headers={"host": 'x",realm="http://evil'}).headers
    assert "evil" not in said.get("www-authenticate", "")


@pytest.mark.parametrize(
    ("user", "name", "read", "write"),
    [
        ("alice", "other/app", 200, 202),
        ("bob", "team/app", 200, 202),
        ("bob", "base", 200, 403),
        ("bob", "other/app", 403, 403),
        ("carol", "team/app", 403, 403),
        ("dave", "team/app", 403, 403),
    ],
)
def test_a_password_lets_a_user_do_what_was_granted(
    server: GuardedServer, user: str, name: str, read: int, write: int
) -> None:
    assert pull(server, name, basic(user)) == read
    began = server.request("POST", f"/v2/{name}/blobs/uploads/", headers=basic(user))
    assert began.status == write
    if write == 403:
        assert error_code(began) == "DENIED"


def test_what_was_asked_before_is_not_answered_to_whoever_asks_next(server: GuardedServer) -> None:
    for _ in range(2):
        assert pull(server, "other/app", basic("alice")) == 200
        assert pull(server, "other/app", basic("bob")) == 403
        assert pull(server, "other/app", basic("alice", "wrong")) == 401
        assert pull(server, "other/app", {}) == 401


def test_nothing_is_said_about_what_is_there_to_those_who_may_not_see_it(server: GuardedServer) -> None:
    for user in ("bob", None):
        headers = basic(user) if user else {}
        answers = {
            (server.request(method, f"/v2/{name}/{path}", headers=headers).status)
            for name in ("other/app", "other/missing")
            for method, path in (("GET", "manifests/1"), ("GET", "tags/list"), ("HEAD", f"blobs/{digest_of(LAYER)}"))
        }
        assert answers == {403 if user else 401}


def test_anonymous_pull_is_possible_where_it_was_granted(server: GuardedServer) -> None:
    assert pull(server, "public/app", {}) == 200
    token = server.token(None, "repository:public/app:pull,push")
    assert server.request("GET", "/v2/", headers=bearer(token)).status == 200
    assert pull(server, "public/app", bearer(token)) == 200
    refused = server.request("POST", "/v2/public/app/blobs/uploads/", headers=bearer(token))
    assert refused.status == 401


def test_a_token_is_for_its_scopes_only(server: GuardedServer) -> None:
    token = server.token("bob", "repository:team/app:pull", "repository:other/app:pull")
    assert pull(server, "team/app", bearer(token)) == 200
    assert pull(server, "other/app", bearer(token)) == 403
    answer = server.request("POST", "/v2/team/app/blobs/uploads/", headers=bearer(token))
    assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert pull(server, "base", bearer(token)) == 401
    assert server.request("GET", "/v2/_catalog", headers=bearer(token)).status == 401


def test_a_push_with_a_token_goes_through(server: GuardedServer) -> None:
    headers = bearer(server.token("bob", "repository:team/new:pull,push"))
    for data in (LAYER, b"{}"):
        path = f"/v2/team/new/blobs/uploads/?digest={digest_of(data)}"
        assert server.request("POST", path, body=data, headers=headers).status == 201
    assert server.request("PUT", "/v2/team/new/manifests/1", body=MANIFEST, headers=headers | OCI).status == 201
    assert server.request("DELETE", "/v2/team/new/manifests/1", headers=headers).status == 403


def test_the_catalog_lists_what_the_caller_may_pull(server: GuardedServer) -> None:
    def listed(headers: dict[str, str]) -> set[str]:
        answer = server.request("GET", "/v2/_catalog", headers=headers)
        assert answer.status == 200
        return set(answer.json()["repositories"])

    assert set(NAMES) <= listed(basic("alice"))
    assert {"team/app", "base"} <= listed(basic("bob"))
    assert not any(name.startswith(("other", "public")) for name in listed(basic("bob")))
    assert listed(bearer(server.token(None, "registry:catalog:*"))) == {"public/app"}
    assert server.request("GET", "/v2/_catalog", headers=basic("carol")).status == 403
    first = server.request("GET", "/v2/_catalog?n=1", headers=basic("bob"))
    assert first.json()["repositories"] == ["base"]


@pytest.mark.parametrize(("source", "status"), [("base", 201), ("other/app", 202), ("missing", 202)])
def test_a_mount_needs_pull_on_its_source_and_is_an_upload_otherwise(
    server: GuardedServer, source: str, status: int
) -> None:
    name = f"team/mounted-{source.replace('/', '-')}"
    path = f"/v2/{name}/blobs/uploads/?mount={digest_of(LAYER)}&from={source}"
    assert server.request("POST", path, headers=basic("bob")).status == status
    limited = bearer(server.token("bob", f"repository:{name}-2:pull,push"))
    path = path.replace(name, f"{name}-2")
    assert server.request("POST", path, headers=limited).status == 202


def test_a_mount_from_anywhere_looks_only_where_the_caller_may_pull(server: GuardedServer) -> None:
    hidden = b"only in a repository that bob may not pull from"
    path = f"/v2/other/hidden/blobs/uploads/?digest={digest_of(hidden)}"
    assert server.request("POST", path, body=hidden, headers=basic("alice")).status == 201
    path = f"/v2/team/x/blobs/uploads/?mount={digest_of(hidden)}"
    assert server.request("POST", path, headers=basic("bob")).status == 202
    assert server.request("POST", path, headers=basic("alice")).status == 201


def test_the_question_about_whole_images_answers_only_for_what_may_be_pulled(server: GuardedServer) -> None:
    images = [[name, digest_of(MANIFEST)] for name in ("team/app", "other/app")]

    def ask(headers: dict[str, str]) -> tuple[int, object]:
        answer = server.request("POST", WHOLE, body=json.dumps({"images": images}).encode(), headers=headers)
        return answer.status, answer.json().get("whole")

    assert ask({}) == (401, None)
    assert ask(basic("alice")) == (200, [True, True])
    assert ask(basic("bob")) == (200, [True, False])
    assert ask(bearer(server.token("bob", "repository:base:pull"))) == (401, None)
    assert ask(bearer(server.token("bob", "repository:team/app:pull"))) == (200, [True, False])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"nobody:x").decode(),
        "Basic " + base64.b64encode(b"alice:").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + base64.b64encode(b"alice:" + b"x" * 10_000).decode(),
        "Digest username=alice",
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer " + "a" * 30_000,
        "Negotiate abc",
    ],
)
def test_bad_credentials_are_refused_with_a_challenge(server: GuardedServer, header: str) -> None:
    for path in ("/v2/", "/v2/public/app/manifests/1", "/v2/team/app/blobs/uploads/"):
        method = "POST" if path.endswith("uploads/") else "GET"
        answer = server.request(method, path, headers={"authorization": header})
        assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Bearer realm=")


def test_forged_and_expired_tokens_are_refused(server: GuardedServer) -> None:
    key = bytes.fromhex((server.root / "token.key").read_text().strip())
    scopes = ()
    forged = Signer(b"x" * 32).issue(ACCESS_TOKEN, "alice", scopes).token
    expired = Signer(key, lambda: time.time() - 1000).issue(ACCESS_TOKEN, "alice", scopes).token
    ghost = Signer(key).issue(ACCESS_TOKEN, "ghost", scopes).token
    unbound = Signer(key).issue(ACCESS_TOKEN, "alice", scopes).token
    for token, said in ((forged, "not signed"), (expired, "expired"), (ghost, "gone"), (unbound, "gone")):
        answer = server.request("GET", "/v2/", headers=bearer(token))
        assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")
        assert said in answer.json()["errors"][0]["message"]
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_the_token_endpoint_refuses_a_wrong_password(server: GuardedServer) -> None:
    answer = server.request("GET", "/token", headers=basic("alice", "wrong"))
    assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")
    answer = server.post_token(grant_type="password", username="alice", password="wrong", service="windlass-registry")
    assert (answer.status, answer.json()["error"]) == (401, "invalid_grant")


def test_oauth_gives_a_refresh_token_that_gives_access_tokens(server: GuardedServer) -> None:
    common = {"service": "windlass-registry", "client_id": "test"}
    first = server.post_token(
        grant_type="password", username="bob", password=PASSWORD, access_type="offline", **common
    ).json()
    assert first["scope"] == ""
    again = server.post_token(
        grant_type="refresh_token",
        refresh_token=first["refresh_token"],
        scope="repository:team/app:pull repository:other/app:pull",
        **common,
    ).json()
    assert again["scope"] == "repository:team/app:pull"
    assert again["refresh_token"] == first["refresh_token"]
    assert again["expires_in"] >= 60
    assert pull(server, "team/app", bearer(again["access_token"])) == 200
    assert pull(server, "team/app", bearer(first["refresh_token"])) == 401
    got = server.ask_token("bob", offline_token="true").json()
    assert server.post_token(grant_type="refresh_token", refresh_token=got["refresh_token"], **common).status == 200
    assert "refresh_token" not in server.ask_token("bob").json()
    assert "refresh_token" not in server.ask_token(None, offline_token="true").json()


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password"}, 401, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 401, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x.y.z"}, 401, "invalid_grant"),
        ({"grant_type": "password", "service": "another"}, 400, "invalid_request"),
    ],
)
def test_a_bad_form_is_refused_as_oauth_says(
    server: GuardedServer, form: dict[str, str], status: int, error: str
) -> None:
    answer = server.post_token(**form)
    assert (answer.status, answer.json()["error"]) == (status, error)


def test_a_form_that_is_too_large_or_no_text_is_refused(server: GuardedServer) -> None:
    assert server.request("POST", "/token", body=b"x" * 100_000).status == 413
    assert server.request("POST", "/token", body=b"\xff\xff").status == 400
    assert server.request("PUT", "/token").status == 405
    assert server.ask_token("alice", *(f"repository:a{n}:pull" for n in range(101))).status == 400


def test_a_long_lived_token_is_a_password_until_it_is_revoked(server: GuardedServer) -> None:
    grants = [make_grant("team/**", ["pull"])]
    token, text = create_token(files(server), "ci", grants, 1)
    headers = basic("whoever", text.reveal())
    wait_for(lambda: pull(server, "team/app", headers), lambda status: status == 200, seconds=60, every=0.1)
    assert pull(server, "base", headers) == 403
    assert server.request("POST", "/v2/team/app/blobs/uploads/", headers=headers).status == 403
    answer = server.request("GET", "/token?scope=repository:team/app:pull,push", headers=headers)
    short = bearer(answer.json()["token"])
    assert pull(server, "team/app", short) == 200
    revoke_token(files(server), token.id)
    wait_for(lambda: pull(server, "team/app", headers), lambda status: status == 401, seconds=60, every=0.1)
    assert pull(server, "team/app", short) == 401
    assert text.reveal() not in server.log.read_text()


def test_a_changed_password_ends_what_the_old_one_gave(server: GuardedServer) -> None:
    add_user(files(server), "eve", Secret("first"))
    old = basic("eve", "first")
    wait_for(lambda: server.request("GET", "/v2/", headers=old).status, lambda seen: seen == 200, seconds=60, every=0.1)
    got = server.request("GET", "/token?offline_token=true", headers=old).json()
    assert server.request("GET", "/v2/", headers=bearer(got["token"])).status == 200
    add_user(files(server), "eve", Secret("second"))
    wait_for(lambda: server.request("GET", "/v2/", headers=old).status, lambda seen: seen == 401, seconds=60, every=0.3)
    assert server.request("GET", "/v2/", headers=basic("eve", "second")).status == 200
    assert server.request("GET", "/v2/", headers=bearer(got["token"])).status == 401
    assert server.post_token(grant_type="refresh_token", refresh_token=got["refresh_token"]).status == 401
    remove_user(files(server), "eve")
    new = basic("eve", "second")
    wait_for(lambda: server.request("GET", "/v2/", headers=new).status, lambda seen: seen == 401, seconds=60, every=0.3)


def test_too_many_wrong_passwords_are_not_even_looked_at(server: GuardedServer) -> None:
    statuses = [server.request("GET", "/v2/", headers=basic("frank", f"guess{n}")).status for n in range(12)]
    assert statuses[0] == 401
    answer = server.request("GET", "/v2/", headers=basic("frank", "guess"))
    assert (answer.status, error_code(answer)) == (429, "TOOMANYREQUESTS")
    assert 0 < int(answer.headers["retry-after"]) <= 61
    assert pull(server, "team/app", basic("bob")) == 200


def test_a_file_that_became_wrong_leaves_what_was_right(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_users(root, "alice")
    server = GuardedServer(root, free_port())
    server.start()
    try:
        (root / "htpasswd").write_text("alice:plain\n")
        wait_for(
            lambda: (server.request("GET", "/v2/").status, server.log.read_text())[1],
            lambda log: "line 1" in log,
            seconds=60,
            every=0.1,
        )
        assert server.request("GET", "/v2/", headers=basic("alice")).status == 200
        old = server.token("alice", "registry:catalog:*")
        (root / "token.key").unlink()
        write_users(root, "alice")
        wait_for(
            lambda: server.request("GET", "/v2/_catalog", headers=bearer(old)).status,
            lambda status: status == 401,
            seconds=60,
            every=0.1,
        )
        assert (root / "token.key").stat().st_mode & 0o777 == 0o600
    finally:
        server.end()


def test_without_users_nobody_is_asked(tmp_path: Path) -> None:
    server = GuardedServer(tmp_path / "root", free_port())
    server.start()
    try:
        for headers in ({}, basic("anybody"), bearer("x"), {"authorization": "junk"}):
            assert server.request("GET", "/v2/", headers=headers).status == 200
        assert server.request("GET", "/token").status == 404
        assert not (server.root / "token.key").exists()
        digest: Digest = digest_of(LAYER)
        assert server.push_blob("a", LAYER) == digest
    finally:
        server.end()
