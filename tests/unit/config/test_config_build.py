"""Compose's build section, as Compose prints it, becomes a BuildSpec relative to the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from windlass.config.build import build_spec
from windlass.errors import ConfigError
from windlass.model.project import BuildSecret, BuildSpec

ROOT = Path("/home/me/shop")
TREE = Path("/tmp/tree")


def spec(section: dict[str, Any], directory: Path = ROOT, **secrets: dict[str, str]) -> BuildSpec:
    return build_spec("app", section, secrets, directory=directory, root=ROOT, environ={"FROM_OUTSIDE": "1"})


@pytest.mark.parametrize(
    ("section", "context", "dockerfile"),
    [
        ({"context": "/home/me/shop", "dockerfile": "Dockerfile"}, ".", "Dockerfile"),
        ({"context": "/home/me/shop/a", "dockerfile": "Dockerfile"}, "a", "a/Dockerfile"),
        ({"context": "/home/me/shop/a", "dockerfile": "../docker/a.Dockerfile"}, "a", "docker/a.Dockerfile"),
        ({"context": "/home/me/shop/a", "dockerfile": "/home/me/shop/b/D"}, "a", "b/D"),
        ({"context": "/home/me/shop/a"}, "a", "a/Dockerfile"),
        ({"context": "/home/me/other", "dockerfile": "D"}, "/home/me/other", "/home/me/other/D"),
        ({"context": "https://github.com/x/y.git#main:sub", "dockerfile": "D"}, "https://github.com/x/y.git#main:sub", "D"),
        ({"context": "git@github.com:x/y.git", "dockerfile": "D"}, "git@github.com:x/y.git", "D"),
    ],
)  # fmt: skip
def test_paths_are_relative_to_the_repository(section: dict[str, Any], context: str, dockerfile: str) -> None:
    built = spec(section)
    assert (built.context, built.dockerfile) == (context, dockerfile)


def test_a_materialised_commit_gives_the_same_paths_as_the_checkout() -> None:
    built = spec({"context": "/tmp/tree/a", "additional_contexts": {"lib": "/tmp/tree/lib"}}, TREE)
    assert (built.context, built.dockerfile, built.contexts) == ("a", "a/Dockerfile", {"lib": "lib"})


def test_a_context_beside_a_materialised_commit_is_the_one_beside_the_checkout() -> None:
    assert spec({"context": "/tmp/lib"}, TREE).context == "/home/me/lib"


def test_named_contexts_keep_what_is_not_a_path() -> None:
    contexts = {
        "base": "docker-image://debian:12",
        "other": "service:other",
        "web": "https://example.com/x.git",
        "lib": "/home/me/shop/lib",
        "all": "/home/me/shop",
        "out": "/srv/lib",
    }
    assert spec({"context": "/home/me/shop", "additional_contexts": contexts}).contexts == {
        "base": "docker-image://debian:12",
        "other": "service:other",
        "web": "https://example.com/x.git",
        "lib": "lib",
        "all": ".",
        "out": "/srv/lib",
    }


def test_an_argument_without_a_value_takes_it_from_the_environment_or_is_left_out() -> None:
    built = spec({"context": "/home/me/shop", "args": {"A": "x", "FROM_OUTSIDE": None, "NOWHERE": None}})
    assert built.args == {"A": "x", "FROM_OUTSIDE": "1"}


def test_build_secrets_come_from_a_variable_or_a_file() -> None:
    section = {"context": "/home/me/shop", "secrets": [{"source": "a"}, {"source": "b", "target": "token"}]}
    built = spec(section, a={"environment": "TOKEN"}, b={"file": "/home/me/shop/secret.txt"})
    assert built.secrets == (BuildSecret("a", environment="TOKEN"), BuildSecret("token", file="secret.txt"))


def test_a_build_secret_without_a_source_is_refused() -> None:
    with pytest.raises(ConfigError, match="the build secret 'a' has no file and no environment"):
        spec({"context": "/home/me/shop", "secrets": [{"source": "a"}]}, a={"external": "true"})


@pytest.mark.parametrize(
    ("value", "ssh"),
    [
        (["default"], ("default",)),
        (["default", "k: /home/me/shop/key"], ("default", "k=/home/me/shop/key")),
        ({"default": None, "k": "/key"}, ("default", "k=/key")),
        (["k=/tmp/key"], ("k=/tmp/key",)),
        (None, ()),
    ],
)
def test_ssh_keys_are_given_as_the_builder_wants_them(value: Any, ssh: tuple[str, ...]) -> None:
    assert spec({"context": "/home/me/shop", "ssh": value}).ssh == ssh


def test_a_key_in_a_materialised_commit_is_the_checkouts_own() -> None:
    assert spec({"context": "/tmp/tree", "ssh": ["k: /tmp/tree/key"]}, TREE).ssh == ("k=/home/me/shop/key",)


def test_the_rest_is_taken_over() -> None:
    section = {
        "context": "/home/me/shop",
        "dockerfile_inline": "FROM scratch\n",
        "target": "prod",
        "labels": {"a": "b", "n": 1},
        "network": "host",
        "platforms": ["linux/amd64"],
    }
    built = spec(section)
    assert built.dockerfile_inline == "FROM scratch\n"
    assert (built.target, built.labels, built.network) == ("prod", {"a": "b", "n": "1"}, "host")
    assert built.platforms == ("linux/amd64",)


@pytest.mark.parametrize(
    ("section", "option"),
    [
        ({"extra_hosts": ["db=10.0.0.1"]}, ("add-host", "db:10.0.0.1")),
        ({"extra_hosts": {"db": ["10.0.0.1"]}}, ("add-host", "db:10.0.0.1")),
        ({"extra_hosts": ["db=::1"]}, ("add-host", "db:::1")),
        ({"shm_size": "67108864"}, ("shm-size", "67108864")),
        ({"ulimits": {"nofile": {"soft": 10, "hard": 20}}}, ("ulimit", "nofile=10:20")),
        ({"ulimits": {"nproc": 5}}, ("ulimit", "nproc=5")),
        ({"privileged": True}, ("allow", "security.insecure")),
        ({"entitlements": ["network.host"]}, ("allow", "network.host")),
    ],
)
def test_settings_of_the_build_reach_the_builder(section: dict[str, Any], option: tuple[str, str]) -> None:
    assert spec({"context": "/home/me/shop", **section}).options == (option,)
