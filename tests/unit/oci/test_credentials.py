"""Credentials as Docker keeps them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from windlass import process
from windlass.model.secret import Secret
from windlass.oci.azure import AzureCredentials
from windlass.oci.credentials import Credential, DockerCredentials, basic, helper_for, parse_helper


def _auth(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes Docker's configuration file."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def write(document: object) -> Path:
        file = tmp_path / "config.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return file

    return write


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stands for the helper program: what it prints, and what it was asked."""
    asked: list[tuple[list[str], str | None]] = []

    def answer(stdout: str, code: int = 0) -> list[tuple[list[str], str | None]]:
        def run(argv: list[str], *, input: str | None = None, timeout: float | None = None) -> process.Completed:
            asked.append((argv, input))
            return process.Completed(tuple(argv), code, stdout, "")

        monkeypatch.setattr(process, "run", run)
        return asked

    return answer


@pytest.mark.parametrize(
    "key", ["registry.example:5077", "https://registry.example:5077", "http://registry.example:5077/v2/"]
)
def test_a_login_is_found_under_every_way_docker_writes_the_host(config: Any, key: str) -> None:
    file = config({"auths": {"other.example": {"auth": _auth("x:y")}, key: {"auth": _auth("ann:pass:word")}}})
    found = DockerCredentials().find("registry.example:5077")
    assert (found.username, found.password, found.origin) == ("ann", Secret("pass:word"), str(file))


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"])
def test_docker_hub_goes_by_several_names(config: Any, key: str) -> None:
    config({"auths": {key: {"auth": _auth("ann:secret")}}})
    assert DockerCredentials().find("docker.io").username == "ann"


def test_tokens_are_told_from_passwords(config: Any) -> None:
    config(
        {
            "auths": {
                "a.example": {"auth": _auth("00000000-0000-0000-0000-000000000000:"), "identitytoken": "refresh"},
                "b.example": {"registrytoken": "bearer"},
                "c.example": {"username": "ann", "password": "plain"},
            }
        }
    )
    credentials = DockerCredentials()
    assert credentials.find("a.example").identity == Secret("refresh")
    assert credentials.find("b.example").bearer == Secret("bearer")
    assert credentials.find("c.example").password == Secret("plain")


def test_a_helper_of_the_host_goes_before_the_store_and_the_file(config: Any, helper: Any) -> None:
    document = {
        "credsStore": "desktop",
        "credHelpers": {"a.example": "acr-env"},
        "auths": {"a.example": {"auth": _auth("file:file")}},
    }
    config(document)
    asked = helper(json.dumps({"ServerURL": "a.example", "Username": "ann", "Secret": "hidden"}))
    found = DockerCredentials().find("a.example")
    assert (found.username, found.password) == ("ann", Secret("hidden"))
    assert asked == [(["docker-credential-acr-env", "get"], "a.example")]
    assert helper_for(document, "b.example") == "desktop"


def test_a_store_is_asked_for_docker_hub_by_its_old_url(config: Any, helper: Any) -> None:
    config({"credsStore": "desktop"})
    asked = helper(json.dumps({"Username": "ann", "Secret": "hidden"}))
    DockerCredentials().find("docker.io")
    assert asked[0][1] == "https://index.docker.io/v1/"


def test_a_helper_without_an_entry_leaves_the_file_to_answer(config: Any, helper: Any) -> None:
    config({"credsStore": "desktop", "auths": {"a.example": {"auth": _auth("ann:secret")}}})
    helper("credentials not found in native keychain\n", code=1)
    assert DockerCredentials().find("a.example").username == "ann"


def test_an_identity_token_from_a_helper_is_one() -> None:
    found = parse_helper(json.dumps({"Username": "<token>", "Secret": "refresh"}), "helper")
    assert isinstance(found, Credential)
    assert found.identity == Secret("refresh")


@pytest.mark.parametrize(
    "stdout", ["", "{}", "[]", "null", '{"Username": "a", "Secret": ""}', '{"Username": 1, "Secret": 2}']
)
def test_a_helper_that_talks_nonsense_is_said_so(config: Any, helper: Any, stdout: str) -> None:
    config({"credsStore": "odd"})
    helper(stdout)
    found = DockerCredentials().find("a.example")
    assert not found.present
    assert "docker-credential-odd" in found.who


def test_a_missing_or_hanging_helper_is_said_so(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config({"credsStore": "gone"})

    def missing(argv: list[str], **_: object) -> process.Completed:
        raise process.ProgramMissing("the program 'docker-credential-gone' was not found")

    monkeypatch.setattr(process, "run", missing)
    assert "docker-credential-gone" in DockerCredentials().find("a.example").who

    def hanging(argv: list[str], **_: object) -> process.Completed:
        raise process.ProgramTimedOut("it did not end in time")

    monkeypatch.setattr(process, "run", hanging)
    assert "did not answer" in DockerCredentials().find("a.example").who


def test_a_helpers_name_cannot_be_a_path(config: Any) -> None:
    config({"credsStore": "../../bin/sh"})
    assert "not the name of a credential helper" in DockerCredentials().find("a.example").who


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        {},
        {"auths": []},
        {"auths": {"a.example": []}},
        {"auths": {"a.example": {}}},
        {"auths": {"a.example": {"auth": "%%%"}}},
        {"auths": {"a.example": {"auth": _auth("nobody")}}},
        {"credHelpers": [], "credsStore": 5},
    ],
)
def test_a_broken_configuration_means_no_credentials_and_a_reason(config: Any, document: object) -> None:
    file = config(document)
    found = DockerCredentials().find("a.example")
    assert not found.present
    assert str(file) in found.who


def test_no_configuration_means_no_credentials_and_a_reason(tmp_path: Path) -> None:
    found = DockerCredentials(tmp_path).find("a.example")
    assert not found.present
    assert str(tmp_path / "config.json") in found.who


def test_a_secret_is_never_shown() -> None:
    credential = basic("ann", "hunter2").credential
    assert "hunter2" not in f"{credential!r} {credential} {credential.who}"
    assert "ann" in credential.who


# -- the Azure CLI ------------------------------------------------------------------------------------------------------

ACR = "crankplatformregistry.azurecr.io"


def test_az_login_alone_is_enough_for_acr(config: Any, helper: Any) -> None:
    config({"auths": {}})
    asked = helper(json.dumps({"accessToken": "aad", "tenant": "t", "expiresOn": "2026-01-01"}))
    found = AzureCredentials(DockerCredentials()).find(ACR)
    assert (found.azure, found.tenant) == (Secret("aad"), "t")
    assert [argv for argv, _ in asked] == [["az", "account", "get-access-token", "--output", "json"]]


def test_az_is_asked_only_for_acr_and_only_when_docker_knows_nothing(config: Any, helper: Any) -> None:
    config({"auths": {ACR: {"auth": _auth("ann:secret")}}})
    asked = helper("{}")
    credentials = AzureCredentials(DockerCredentials())
    assert credentials.find(ACR).username == "ann"
    assert not credentials.find("registry.example").present
    assert asked == []


@pytest.mark.parametrize(
    ("stdout", "code"),
    [("", 0), ("{}", 0), ("[]", 0), ("null", 0), ('{"accessToken": ""}', 0), ("please run az login", 1)],
)
def test_an_azure_cli_that_gives_nothing_is_told_next_to_what_docker_said(
    config: Any, helper: Any, stdout: str, code: int
) -> None:
    file = config({"auths": {}})
    helper(stdout, code)
    found = AzureCredentials(DockerCredentials()).find(ACR)
    assert not found.present
    assert str(file) in found.who
    assert "az" in found.who.lower()


def test_without_the_azure_cli_it_is_said_so(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config({"auths": {}})

    def missing(argv: list[str], **_: object) -> process.Completed:
        raise process.ProgramMissing("the program 'az' was not found")

    monkeypatch.setattr(process, "run", missing)
    assert "the program 'az' was not found" in AzureCredentials(DockerCredentials()).find(ACR).who
