"""References are read as Docker reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.errors import UsageError
from windlass.oci.faults import InvalidReference
from windlass.oci.reference import Reference, is_host, is_repository, is_tag, parse

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("busybox:1", "docker.io/library/busybox:1"),
        ("grafana/loki:3", "docker.io/grafana/loki:3"),
        ("docker.io/busybox", "docker.io/library/busybox"),
        ("index.docker.io/busybox:1", "docker.io/library/busybox:1"),
        ("docker.io/library/busybox", "docker.io/library/busybox"),
        ("localhost/app", "localhost/app"),
        ("localhost:5077/app", "localhost:5077/app"),
        ("localhost:5077/team/app:v1", "localhost:5077/team/app:v1"),
        ("127.0.0.1:5077/app", "127.0.0.1:5077/app"),
        ("[::1]:5077/app:1", "[::1]:5077/app:1"),
        ("Registry/app", "Registry/app"),
        ("crankplatformregistry.azurecr.io/crank-platform:main-abc1234", None),
        (f"app@{DIGEST}", f"docker.io/library/app@{DIGEST}"),
        (f"host.example/app:tag@{DIGEST}", f"host.example/app:tag@{DIGEST}"),
        (f"app@sha512:{'0' * 128}", f"docker.io/library/app@sha512:{'0' * 128}"),
        ("a--b/c__d.e:T_.-x", "docker.io/a--b/c__d.e:T_.-x"),
    ],
)
def test_a_reference_is_completed_as_docker_does(text: str, full: str | None) -> None:
    assert str(parse(text)) == (full or text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        "app:",
        "app@",
        "UPPER",
        "team/UPPER",
        "app:tag:tag",
        "app@sha256:abc",
        f"app@sha256:{'g' * 64}",
        f"app@md5:{'a' * 32}",
        "app:-dash",
        "app:" + "t" * 129,
        "a" * 256,
        "ab" * 32,
        "a//b",
        "/app",
        "app/",
        "a..b",
        "../../etc/passwd",
        "localhost:port/app",
        "https://host/app",
        "app tag",
        "app\n",
        "app:tag\n",
        "-a.example/app",
        "ünïcode",
        "app:tág",
    ],
)
def test_what_docker_refuses_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse(text)
    assert caught.value.remedy
    assert isinstance(caught.value, UsageError)


def test_an_upper_case_name_is_told_the_lower_case_one() -> None:
    with pytest.raises(InvalidReference, match="write team/app"):
        parse("localhost:5077/Team/App")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("busybox:1", "busybox:1"),
        ("grafana/loki", "grafana/loki"),
        ("localhost:5077/app:1", "localhost:5077/app:1"),
        (f"busybox@{DIGEST}", f"busybox@{DIGEST}"),
    ],
)
def test_the_short_form_is_what_docker_prints(text: str, short: str) -> None:
    assert parse(text).familiar == short
    assert parse(parse(text).familiar) == parse(text)


def test_the_digest_goes_before_the_tag_when_the_registry_is_asked() -> None:
    assert parse("app").pointer == "latest"
    assert parse("app:1").pointer == "1"
    assert parse(f"app:1@{DIGEST}").pointer == DIGEST
    assert parse("app:1").pinned(DIGEST) == parse(f"app@{DIGEST}")


_PART = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
_REPOSITORY = st.lists(_PART, min_size=1, max_size=4).map("/".join)
_HOST = st.sampled_from(
    ["docker.io", "localhost", "localhost:5077", "127.0.0.1:80", "a.example", "[fe80::1]:443", "Upper"]
)
_TAG = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
_DIGEST = st.none() | st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)


@given(host=_HOST, repository=_REPOSITORY, tag=_TAG, digest=_DIGEST)
@settings(derandomize=True)
def test_writing_and_reading_gives_the_same_reference(
    host: str, repository: str, tag: str | None, digest: str | None
) -> None:
    if host == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    reference = Reference(host, repository, tag, digest)
    assert parse(str(reference)) == reference
    assert is_host(host)
    assert is_repository(repository)
    assert tag is None or is_tag(tag)


@given(st.text(max_size=60) | st.text("aA0.:/@-_[]sh256", max_size=100))
@settings(derandomize=True, max_examples=400)
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse(text)
    except InvalidReference:
        return
    assert parse(str(reference)) == reference
    assert not set("/.").issuperset(reference.repository)
    assert ".." not in reference.repository.split("/")
