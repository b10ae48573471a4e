"""What `windlass dev` says of words, ports and services that are not what they should be."""

from __future__ import annotations

import json

import pytest

from windlass.cli.main import main
from windlass.dev.choice import set_aside
from windlass.dev.compose import taken_port
from windlass.model.observation import Health, Observation, ServiceState


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ps", "did you mean windlass dev status?"),
        ("up", "did you mean windlass dev start?"),
        ("down", "did you mean windlass dev stop?"),
        ("build", "did you mean windlass dev start --build?"),
        ("monitr", "did you mean windlass dev monitor?"),
        ("xyzzy", "there are: setup, start, start-min"),
    ],
)
def test_a_word_that_is_no_verb_is_refused_with_the_one_that_was_meant(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dev", word]) == 64
    said = " ".join(capsys.readouterr().err.split())
    assert f"there is no verb '{word}'" in said and meant in said


@pytest.mark.parametrize(
    ("said", "port"),
    [
        (
            "driver failed programming external connectivity on endpoint shop-api-1 (64f8): "
            "Bind for 0.0.0.0:39104 failed: port is already allocated",
            39104,
        ),
        ("Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use", 8080),
        ("listen tcp6 [::]:8443: bind: address already in use", 8443),
        ("exit code 3", None),
        ("dial tcp 127.0.0.1:5432: connection refused", None),
        ("", None),
    ],
)
def test_a_port_that_somebody_else_has_is_found_in_what_the_engine_says(said: str, port: int | None) -> None:
    assert taken_port(said) == port


@pytest.mark.parametrize(
    ("name", "health", "code", "aside"),
    [
        ("brain", "exited", 137, True),
        ("brain", "exited", 143, True),
        ("brain", "exited", 0, True),
        ("brain", "exited", 3, False),
        ("brain", "restarting", 0, False),
        ("brain", "healthy", None, False),
        ("web", "exited", 137, False),
    ],
)
def test_only_heavy_services_that_somebody_stopped_are_meant_to_be_down(
    name: str, health: Health, code: int | None, aside: bool
) -> None:
    running = Observation((ServiceState(name, health, exit_code=code),))
    assert set_aside(running, frozenset({"brain"})) == ((name,) if aside else ())


@pytest.mark.parametrize("command", [["logs", "production"], ["dev", "logs"]])
def test_one_document_of_what_never_ends_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--follow", "--json"]) == 64
    assert "--follow never ends" in json.loads(capsys.readouterr().out)["error"]["message"]
