"""Bad input of every kind, at a real server: the specification's errors ("Error Codes"), never a 500, and nothing stored."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.registry.serving import Server, content, free_port
from windlass.registry.server.names import digest_of, is_name
from windlass.registry.server.storage.manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from windlass.waiting import wait_for

CODES = {
    *("BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"),
    *("MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED"),
    *("DENIED", "UNSUPPORTED", "TOOMANYREQUESTS"),
}
CONFIG, LAYER = b"{}", b"layer"

fuzzed = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("fuzz") / "root", free_port())
    server.start()
    for data in (CONFIG, LAYER):
        server.push_blob("a", data)
    yield server
    server.end()


def refused(answer: urllib3.BaseHTTPResponse) -> str:
    """Assert that this is an error as the specification writes it; its code."""
    assert 400 <= answer.status < 500, (answer.status, answer.data)
    assert answer.headers["content-type"] == "application/json"
    errors = answer.json()["errors"]
    assert errors and all(set(error) <= {"code", "message", "detail"} for error in errors)
    assert errors[0]["code"] in CODES
    return str(errors[0]["code"])


def stored(server: Server) -> list[str]:
    repositories = server.root / "repositories"
    names = [name for name in content(server.root) if not name.startswith("write-")]  # index.json may be on its way
    return [*names, *sorted(str(path) for path in repositories.rglob("*"))]


def manifest(**changes: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "c", "digest": digest_of(CONFIG), "size": len(CONFIG)},
        "layers": [{"mediaType": "l", "digest": digest_of(LAYER), "size": len(LAYER)}],
        "annotations": {"a": "b"},
        **changes,
    }


def put(
    server: Server, data: bytes, media_type: str | None = OCI_MANIFEST, tag: str = "fuzz"
) -> urllib3.BaseHTTPResponse:
    headers = {"content-type": media_type} if media_type is not None else {}
    return server.request("PUT", f"/v2/a/manifests/{tag}", body=data, headers=headers)


WRONG: dict[tuple[str | int, ...], list[Any]] = {
    ("schemaVersion",): [None, 1, "2", 3, 2.5, [], {}, 10**40],
    ("mediaType",): [1, True, [], {}, "application/json", "x" * 5000, OCI_INDEX],
    ("config",): [None, 1, "x", [], {}, True],
    ("config", "digest"): [
        None,
        1,
        "",
        "sha256:",
        "sha256:xyz",
        "md5:00",
        "sha256:" + "A" * 64,
        "../../etc",
        [],
        {},
        "\u0000",
    ],
    ("config", "size"): [None, -1, "2", 2.0, 1e400, True, [], {}, 10**30, 3],
    ("config", "mediaType"): [1, None, [], {}],
    ("config", "urls"): [1, "x", {}, [1], [None]],
    ("layers",): [1, "x", {}, True, [None], [1], ["x"], [[]], [{}]],
    ("layers", 0, "digest"): [None, 1, "sha256:" + "0" * 64, "sha512:" + "0" * 64],
    ("layers", 0, "size"): [None, 0, -5, "5", 10**18],
    ("subject",): [1, "x", [], {}, {"digest": "x", "size": 1}, {"digest": digest_of(LAYER)}],
    ("annotations",): [1, "x", [], {"a": 1}, {"a": None}, {"a": {}}],
    ("artifactType",): [1, [], {}, True],
    ("manifests",): [[], {}, 1],
}


@pytest.mark.parametrize("place", WRONG, ids=lambda place: ".".join(map(str, place)))
def test_every_wrong_value_in_every_place_of_a_manifest_is_refused(running: Server, place: tuple[Any, ...]) -> None:
    before = stored(running)
    for value in WRONG[place]:
        document: Any = copy.deepcopy(manifest())
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        if value is None and place == ("config", "mediaType"):
            continue
        data = json.dumps(document).replace("Infinity", "1e999").encode()
        answer = put(running, data)
        assert answer.status != 201, value
        code = refused(answer)
        assert code in ("MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN"), (value, code)
    assert stored(running) == before


GOOD = json.dumps(manifest()).encode()
NOT_MANIFESTS = {
    "empty": b"",
    "text": b"hello",
    "cut": GOOD[:-1],
    "twice": GOOD + GOOD,
    "list": b"[" + GOOD + b"]",
    "null": b"null",
    "number": b"2",
    "string": b'"x"',
    "deep": b"[" * 200_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "duplicate key": GOOD.replace(b'"schemaVersion": 2', b'"schemaVersion": 1, "schemaVersion": 2'),
    "duplicate digest": GOOD.replace(b'"config": {', b'"config": {"digest": "x", '),
    "not a number": GOOD.replace(b": 2", b": NaN", 1),
    "infinite": GOOD.replace(b": 2", b": -Infinity", 1),
    "long number": GOOD.replace(b": 2", b": " + b"9" * 100_000, 1),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "utf-32": GOOD.decode().encode("utf-32"),
    "latin-1": GOOD.replace(b'"a": "b"', b'"a": "\xe9"'),
    "nul": GOOD + b"\0",
    "comment": b"/**/" + GOOD,
    "trailing comma": GOOD[:-1] + b",}",
}


@pytest.mark.parametrize("data", NOT_MANIFESTS.values(), ids=NOT_MANIFESTS)
def test_what_is_not_exactly_one_json_object_is_refused(running: Server, data: bytes) -> None:
    before = stored(running)
    assert refused(put(running, data)) == "MANIFEST_INVALID"
    assert stored(running) == before


@pytest.mark.parametrize("declared", [OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "text/plain", "x/" + "y" * 3000, "*/*"])
def test_a_content_type_that_is_not_the_manifests_is_refused(running: Server, declared: str) -> None:
    assert refused(put(running, GOOD, declared)) == "MANIFEST_INVALID"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([OCI_INDEX, OCI_MANIFEST]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "subject", "annotations", "manifests", "artifactType", "blobs"]
)


@fuzzed
@given(
    st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.sampled_from([None, OCI_MANIFEST, OCI_INDEX, DOCKER_LIST])
)
def test_a_manifest_with_anything_anywhere_is_whole_or_refused(
    running: Server, changes: dict[str, Any], declared: str | None
) -> None:
    data = json.dumps(manifest(**changes)).encode()
    answer = put(running, data, declared)
    if answer.status == 201:
        assert running.request("GET", "/v2/a/manifests/fuzz").data == data
    else:
        assert refused(answer) in ("MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN")


def raw(server: Server, data: bytes, cut: bool = False) -> bytes:
    """Send these bytes, say no more when they are `cut` short, and read to the end of the connection."""
    with server.connect() as connection:
        connection.sendall(data)
        if cut:
            connection.shutdown(socket.SHUT_WR)
        parts = []
        try:
            while part := connection.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


NAMES = [
    *("..", "../..", "a/..", "a/../b", "./a", "a//b", "/a", "a/", "A", "a/B", "a_", "_a", "-a", "a..b", "a___b", "é"),
    *("a b", "a\\b", "a:b", "a@b", "a%b", "a\0b", "a\nb", "a\rb", "a" * 256, "a/" * 128 + "a", "_blobs", "a/_tags/x"),
    *("%2e%2e", "..%2f..", "a%00b", "%2e%2e/%2e%2e/etc/passwd"),
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:30])
@pytest.mark.parametrize("once", [True, False], ids=["encoded once", "as it is"])
def test_no_name_leads_out_of_the_repositories(running: Server, name: str, once: bool) -> None:
    before = stored(running)
    outside = sorted(running.root.parent.iterdir())
    spelt = quote(name, safe="") if once else quote(name, safe="/%.\\:@")
    for method, rest in (
        ("POST", "blobs/uploads/"),
        ("PUT", "manifests/x"),
        ("GET", "manifests/x"),
        ("GET", f"blobs/{digest_of(LAYER)}"),
        ("DELETE", "manifests/x"),
        ("GET", "tags/list"),
        ("GET", f"referrers/{digest_of(LAYER)}"),
    ):
        head = f"{method} /v2/{spelt}/{rest} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        answer = raw(running, head.encode())
        status = int(answer.split(b" ", 2)[1])
        assert 400 <= status < 500, answer
        body = answer.partition(b"\r\n\r\n")[2]
        if body and b"application/json" in answer:
            assert json.loads(body)["errors"][0]["code"] in CODES
    assert stored(running) == before
    assert sorted(running.root.parent.iterdir()) == outside


@fuzzed
@given(
    st.text(max_size=40),
    st.sampled_from(["manifests", "blobs", "blobs/uploads", "referrers"]),
    st.sampled_from(["GET", "HEAD", "DELETE", "PUT", "PATCH", "POST"]),
)
def test_any_reference_is_answered_or_refused(running: Server, item: str, kind: str, method: str) -> None:
    answer = running.request(method, f"/v2/fuzz/{kind}/{quote(item, safe='')}")
    if method == "HEAD" or answer.status < 300:
        assert answer.status < 500
    elif answer.status != 414:
        refused(answer)


@fuzzed
@given(
    st.text(max_size=30),
    st.sampled_from(["n", "last", "artifactType", "digest", "mount", "from", "digest-algorithm", "tag"]),
    st.sampled_from(
        [
            "GET /v2/a/tags/list",
            "GET /v2/_catalog",
            f"GET /v2/a/referrers/{digest_of(LAYER)}",
            "POST /v2/fuzz/blobs/uploads/",
        ]
    ),
)
def test_any_query_is_answered_or_refused(running: Server, value: str, key: str, what: str) -> None:
    method, path = what.split(" ")
    answer = running.request(method, f"{path}?{key}={quote(value, safe='')}")
    if answer.status >= 300:
        refused(answer)
    elif method == "POST" and "location" in answer.headers:
        running.request("DELETE", answer.headers["location"])


@fuzzed
@given(st.lists(st.tuples(st.integers(-3, 60), st.integers(-3, 60), st.binary(max_size=30)), max_size=6))
def test_chunks_in_any_order_leave_only_what_followed_on(running: Server, chunks: list[tuple[int, int, bytes]]) -> None:
    where = running.begin("fuzz")
    held = b""
    for start, end, data in chunks:
        answer = running.request("PATCH", where, body=data, headers={"content-range": f"{start}-{end}"})
        if start == len(held) and end - start + 1 == len(data):
            assert answer.status == 202
            held += data
        else:
            assert refused(answer) in ("BLOB_UPLOAD_INVALID", "SIZE_INVALID")
        status = running.request("GET", where).headers
        assert (status["range"], status["upload-offset"]) == (f"0-{max(0, len(held) - 1)}", str(len(held)))
    wrong = running.request("PUT", f"{where}?digest={digest_of(held + b'x')}")
    assert refused(wrong) == "DIGEST_INVALID"
    assert running.request("GET", where).status == 404


@pytest.mark.parametrize(
    "head",
    [
        "content-length: 99",
        "content-length: -1",
        "content-length: x",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked",
        "content-length: 99999999999999999999999",
    ],
)
def test_a_body_that_is_not_as_long_as_it_says_is_no_blob(running: Server, head: str) -> None:
    before = stored(running)
    digest = digest_of(b"short")
    head = f"POST /v2/fuzz/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: x\r\n{head}\r\nconnection: close\r\n\r\n"
    answer = raw(running, head.encode() + b"short", cut=True)
    assert not answer or 400 <= int(answer.split(b" ", 2)[1]) < 500
    assert running.request("HEAD", f"/v2/fuzz/blobs/{digest}").status == 404
    wait_for(lambda: list((running.root / "uploads").glob("write-*")), lambda found: not found, seconds=60, every=0.02)
    assert stored(running) == before


@pytest.mark.parametrize(
    "digest",
    [
        "md5:" + "0" * 32,
        "sha256:" + "0" * 63,
        "sha256:" + "G" * 64,
        "sha512:" + "0" * 64,
        "sha256",
        ":",
        "sha256+b64u:x",
    ],
)
def test_a_digest_that_is_none_stores_nothing(running: Server, digest: str) -> None:
    before = stored(running)
    quoted = quote(digest, safe="")
    assert refused(running.request("POST", f"/v2/fuzz/blobs/uploads/?digest={quoted}", body=b"x")) == "DIGEST_INVALID"
    assert refused(running.request("POST", f"/v2/fuzz/blobs/uploads/?mount={quoted}&from=a")) == "DIGEST_INVALID"
    if ":" in digest and len(digest) > 1:
        refused(running.request("PUT", f"/v2/a/manifests/{quoted}", body=GOOD, headers={"content-type": OCI_MANIFEST}))
    assert stored(running) == before


def test_a_manifest_beyond_the_limit_is_refused_before_it_is_read(running: Server, tmp_path: Path) -> None:
    answer = put(running, b" " * (4 * 1024 * 1024 + 1))
    assert (answer.status, refused(answer)) == (413, "SIZE_INVALID")


def test_names_that_are_none_here_are_none_in_the_rule() -> None:
    assert not any(is_name(name) for name in NAMES if name != "a%b")
