from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from windlass.build.buildx_command import buildx_command, buildx_environment
from windlass.build.interface import BuildRequest
from windlass.model.project import BuildSecret

PLATFORMS = ("linux/arm64", "linux/amd64")


def request(**fields: Any) -> BuildRequest:
    given: dict[str, Any] = {
        "service": "web",
        "context": "/tree/web",
        "dockerfile": Path("/tree/web/Dockerfile"),
        "layout": Path("/layouts/web"),
        "platforms": PLATFORMS,
    }
    return BuildRequest(**(given | fields))


def values(argv: list[str], option: str) -> list[str]:
    return [argv[i + 1] for i, word in enumerate(argv) if word == option]


def test_the_command_of_a_plain_request() -> None:
    assert buildx_command(request(), builder="own", metadata=Path("/m.json"), progress="rawjson") == [
        *("docker", "buildx", "build", "--builder", "own", "--progress=rawjson", "--provenance=false", "--sbom=false"),
        *("--platform", "linux/amd64,linux/arm64", "--build-arg", "SOURCE_DATE_EPOCH", "--metadata-file", "/m.json"),
        *("--output", "type=oci,tar=false,dest=/layouts/web", "--file", "/tree/web/Dockerfile", "/tree/web"),
    ]


def test_values_of_arguments_stay_off_the_command_line() -> None:
    wanted = request(args={"TOKEN": "sesame"})
    assert not any("sesame" in word for word in buildx_command(wanted))
    assert buildx_environment(wanted)["TOKEN"] == "sesame"


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "HTTP_PROXY", "no_proxy", "DOCKER_HOST", "BUILDKIT_SYNTAX", "LD_PRELOAD", "GODEBUG"]
)
def test_arguments_named_like_the_clients_own_variables_do_not_reach_its_environment(name: str) -> None:
    wanted = request(args={name: "x"})
    assert f"{name}=x" in values(buildx_command(wanted), "--build-arg")
    assert name not in buildx_environment(wanted)


def test_the_source_date_is_constant_unless_the_user_sets_it() -> None:
    assert buildx_environment(request())["SOURCE_DATE_EPOCH"] == "315532800"
    assert buildx_environment(request(args={"SOURCE_DATE_EPOCH": "0"}))["SOURCE_DATE_EPOCH"] == "0"


def test_secrets_are_named_by_their_source_and_files_are_found_from_the_checkout() -> None:
    secrets = (BuildSecret("token", environment="TOKEN"), BuildSecret("key", file="keys/id,rsa"))
    options = values(buildx_command(request(secrets=secrets, secret_root=Path("/checkout"))), "--secret")
    assert [next(csv.reader([option])) for option in options] == [
        ["id=token", "env=TOKEN"],
        ["id=key", "src=/checkout/keys/id,rsa"],
    ]


def test_paths_with_commas_and_quotes_are_quoted() -> None:
    argv = buildx_command(request(layout=Path('/a,b/"c"')))
    assert next(csv.reader(values(argv, "--output"))) == ["type=oci", "tar=false", 'dest=/a,b/"c"']


def test_everything_else_of_a_request_becomes_an_option() -> None:
    argv = buildx_command(
        request(
            target="final",
            contexts={"busybox:1": "docker-image://busybox:1@sha256:0"},
            labels={"b": "2", "a": "1"},
            network="host",
            ssh=("default",),
            fresh=True,
        )
    )
    assert values(argv, "--target") == ["final"]
    assert values(argv, "--build-context") == ["busybox:1=docker-image://busybox:1@sha256:0"]
    assert values(argv, "--label") == ["a=1", "b=2"]
    assert (values(argv, "--network"), values(argv, "--allow")) == (["host"], ["network.host"])
    assert values(argv, "--ssh") == ["default"]
    assert "--no-cache" in argv


def test_the_cache_is_imported_and_exported_only_when_asked() -> None:
    wanted = request(cache="localhost:5077/windlass/cache:web")
    assert "--cache-from" not in buildx_command(wanted, cache="none")
    assert values(buildx_command(wanted), "--cache-from") == ["type=registry,ref=localhost:5077/windlass/cache:web"]
    assert "--cache-to" not in buildx_command(wanted)
    (export,) = values(buildx_command(wanted, cache="export"), "--cache-to")
    assert {"mode=max", "image-manifest=true", "oci-mediatypes=true", "ignore-error=true"} <= set(export.split(","))


def test_a_plain_http_registry_that_is_not_on_loopback_is_said_to_be_one() -> None:
    far = request(cache="registry.lan:5000/windlass/cache:web", insecure=("registry.lan:5000",))
    assert "registry.insecure=true" in values(buildx_command(far), "--cache-from")[0]
    near = request(cache="127.0.0.1:5077/windlass/cache:web", insecure=("127.0.0.1:5077",))
    assert "registry.insecure" not in values(buildx_command(near), "--cache-from")[0]


def test_an_execution_writes_no_image() -> None:
    argv = buildx_command(request(target="test"), export=False, platforms=())
    assert values(argv, "--output") == ["type=cacheonly"]
    assert "--platform" not in argv


def test_settings_of_the_build_are_passed_on() -> None:
    argv = buildx_command(request(options=(("add-host", "db:10.0.0.1"), ("ulimit", "nofile=10:20"))))
    assert values(argv, "--add-host") == ["db:10.0.0.1"]
    assert values(argv, "--ulimit") == ["nofile=10:20"]
