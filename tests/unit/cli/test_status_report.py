"""What is told of an environment whose engine is away."""

from __future__ import annotations

import io

from windlass.cli import status
from windlass.cli.output import Output
from windlass.errors import EngineUnavailable
from windlass.model.observation import Observation, ServiceState
from windlass.model.release import Record, Release, ReleasedService

SERVICES = (ReleasedService("web", "localhost:5077/web", "sha256:" + "1" * 64),)
RELEASE = Release("main-abc1234", "production", "abc1234" * 5, "0" * 40, ("compose.yml",), SERVICES, "2026-01-01")
RECORD = Record(1, RELEASE, "healthy", "2026-01-01T10:00:00+00:00", "dev@host", RELEASE.id)
AWAY = status.Standing(
    "production",
    (RECORD,),
    Observation(()),
    (("cyan", "frozen", "no deployments until Monday"),),
    EngineUnavailable("the container engine does not answer", remedy="start it"),
)


def test_what_git_knows_is_told_and_no_service_is_called_missing() -> None:
    told = io.StringIO()
    status.tell(AWAY, Output(told, width=80))
    said = " ".join(told.getvalue().split())
    assert "production main-abc1234, commit abc1234, since 2026-01-01 10:00:00 UTC" in said
    assert "frozen no deployments until Monday" in said
    assert "unknown what runs: the container engine does not answer do start it" in said
    assert "missing" not in said


def test_the_document_has_the_error_and_what_git_knows() -> None:
    document = status.document(AWAY)
    assert (document["release"], document["outcome"], document["services"]) == (RELEASE.id, "healthy", [])
    assert document["unknown"]["message"] == "the container engine does not answer"
    assert document["unknown"]["exit_code"] == 7


def test_where_the_engine_answers_a_service_that_is_not_there_is_missing() -> None:
    document = status.document(status.Standing("production", (RECORD,), Observation(())))
    assert [(one["name"], one["health"]) for one in document["services"]] == [("web", "missing")]
    assert document["unknown"] is None


def test_one_that_is_not_built_here_is_missing_as_well() -> None:
    web = ServiceState("web", "healthy", SERVICES[0].reference, SERVICES[0].digest)
    standing = status.Standing("production", (RECORD,), Observation((web,), ("db",)))
    rows = status.document(standing)["services"]
    assert [(one["name"], one["health"], one["digest"]) for one in rows[1:]] == [("db", "missing", None)]
    told = io.StringIO()
    status.tell(standing, Output(told, width=80))
    assert "db missing - - -" in " ".join(told.getvalue().split())
