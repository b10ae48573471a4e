"""What people call images, and what is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.unit.registry.manage.inventories import image, repository

from windlass.errors import UsageError
from windlass.model.project import BuildSpec, Project, RegistrySpec, Service
from windlass.registry.manage.naming import Named, pointer_in, repository_of, split, without_pointer
from windlass.registry.retention.model import Repository

HOST = "localhost:5077"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def project(prefix: str = "") -> Project:
    build = BuildSpec(".", "Dockerfile")
    services = (
        Service("platform", "crank-platform", build),
        Service("worker", "worker", build),
        Service("db", "postgres"),
    )
    return Project("shop", Path("/shop"), RegistrySpec(HOST, prefix), (), (), services, ())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("platform", Named("platform")),
        ("platform:main-abc1234", Named("platform", "main-abc1234")),
        (f"platform@{DIGEST}", Named("platform", None, DIGEST)),
        ("platform@0123456789ab", Named("platform", None, "0123456789ab")),
        ("platform@sha256:0123456789ab", Named("platform", None, "sha256:0123456789ab")),
        ("localhost:5077/team/app:1", Named("team/app", "1")),
        ("team/app", Named("team/app")),
    ],
)
def test_names_are_taken_apart(text: str, found: Named) -> None:
    assert split(text, HOST) == found


@pytest.mark.parametrize(
    "text",
    ["", ":", "@", "platform:", "platform@", "platform@12345", "Platform:a", "a b", "platform:a/b", "platform@md5:0123456789",
     "../x:y", "platform@sha256:0123456789ABCDEF", f"platform@{DIGEST}0", "other:5000/app:1:2", "platform:" + "x" * 129],
)  # fmt: skip
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        split(text, HOST)
    assert caught.value.remedy


@given(st.text(max_size=40))
@examples(derandomize=True)
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    try:
        found = split(text, HOST)
    except UsageError:
        return
    assert found.name
    assert found.tag is None or found.tag
    assert found.digest is None or len(found.digest) >= 6


def test_a_service_is_known_by_its_name_and_its_image_by_its_own() -> None:
    assert repository_of("platform", project(), ()) == "crank-platform"
    assert repository_of("crank-platform", project(), ()) == "crank-platform"
    assert repository_of("someone/else", project(), ["someone/else"]) == "someone/else"


def test_a_prefix_may_be_left_out() -> None:
    known = ["team/crank-platform", "team/cache", "elsewhere"]
    assert repository_of("platform", project("team"), known) == "team/crank-platform"
    assert repository_of("crank-platform", project("team"), known) == "team/crank-platform"
    assert repository_of("team/crank-platform", project("team"), known) == "team/crank-platform"
    assert repository_of("cache", project("team"), known) == "team/cache"
    assert repository_of("elsewhere", project("team"), known) == "elsewhere"


@pytest.mark.parametrize(
    ("name", "said"),
    [("plattform", "did you mean platform?"), ("crank", "there are"), ("db", "there are"), ("zz", "platform, worker")],
)
def test_what_is_not_there_is_suggested_or_listed(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        repository_of(name, project(), ["something"])
    assert said in str(caught.value.remedy)


def test_a_service_named_as_another_repository_is_ambiguous() -> None:
    with pytest.raises(UsageError, match="also a repository") as caught:
        repository_of("platform", project(), ["platform", "crank-platform"])
    assert caught.value.remedy == "write crank-platform, or localhost:5077/platform"
    assert repository_of("worker", project(), ["worker"]) == "worker", "where both are one there is no doubt"


def stored() -> Repository:
    return repository("app", {"main-abc1234": image("1"), "latest": image("2")})


def test_a_tag_or_the_first_digits_say_which_image() -> None:
    found = stored()
    digest = found.manifests[0].digest
    assert pointer_in(found, Named("app", "latest")) == "latest"
    for text in (digest, digest[:20], digest.removeprefix("sha256:")[:12]):
        assert pointer_in(found, Named("app", None, text)) == digest


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (Named("app"), "registry tags app"),
        (Named("app", "main-abc123"), "did you mean main-abc1234?"),
        (Named("app", "zzz"), "registry tags app"),
        (Named("app", None, "000000000000"), "registry tags app"),
    ],
)
def test_an_image_that_is_not_there_is_said(named: Named, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        pointer_in(stored(), named)
    assert said in str(caught.value.remedy)


def test_digits_of_several_are_not_guessed() -> None:
    from dataclasses import replace

    one = replace(image("1"), digest="sha256:" + "a" * 64)
    other = replace(image("2"), digest="sha256:" + "a" * 63 + "b")
    with pytest.raises(UsageError, match="first digits of several"):
        pointer_in(repository("app", {}, one, other), Named("app", None, "aaaaaaaaaaaa"))


@pytest.mark.parametrize("text", ["platform:latest", "platform@0123456789ab", "localhost:5077/app:1"])
def test_a_tag_where_a_service_is_asked_for_is_not_overlooked(text: str) -> None:
    with pytest.raises(UsageError, match="names one image"):
        without_pointer(text, "localhost:5077")
    assert without_pointer("localhost:5077/team/app", "localhost:5077") == "team/app"
