"""What containers were made from stays, on whichever engine of the project they run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from windlass.errors import EngineUnavailable
from windlass.process import Completed
from windlass.registry.retention import here
from windlass.registry.retention.here import Run, with_running
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.reason import Reason

HOST = "registry.test"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def engine(*numbers: int, code: int = 0) -> Run:
    def run(argv: Sequence[str]) -> Completed:
        assert argv[:3] == ["docker", "ps", "--all"]
        return Completed(tuple(argv), code, "".join(f"{HOST}/api@{digest(n)}\n" for n in numbers), "")

    return run


def unreachable(argv: Sequence[str]) -> Completed:
    raise EngineUnavailable("nobody there", remedy="")


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "_own", engine(1))


def test_the_engines_of_environments_are_asked_beside_the_user_s_own() -> None:
    found = with_running(Protected(), HOST, [engine(2, 3), engine(3)]).digests
    assert set(found) == {digest(1), digest(2), digest(3)}
    assert found[digest(1)].text != found[digest(2)].text


def test_what_a_history_says_already_keeps_its_reason() -> None:
    known = Protected({digest(2): Reason("rollback", "production can go back to it")})
    assert with_running(known, HOST, [engine(2)]).digests[digest(2)] == known.digests[digest(2)]


def test_an_engine_that_cannot_be_asked_adds_nothing_and_hides_nobody() -> None:
    found = with_running(Protected(), HOST, [unreachable, engine(2, code=1), engine(4)]).digests
    assert set(found) == {digest(1), digest(4)}
