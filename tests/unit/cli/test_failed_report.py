"""What a person reads after a release that did not stay."""

from __future__ import annotations

import io

from windlass.cli import report
from windlass.cli.output import Output
from windlass.errors import DeploymentFailed
from windlass.model.delivery import Delivery, RollOut
from windlass.model.release import Release


def test_the_remedy_of_a_failed_release_is_told() -> None:
    release = Release("main-abc1234", "production", "abc1234" * 5, "0" * 40, ("docker-compose.yml",), (), "2026-01-01")
    failure = DeploymentFailed("web: not ready after 180 s: starting", remedy="raise ready_timeout")
    told = io.StringIO()
    report.tell(
        Delivery(release.commit, "production", "failed", (), (), rollout=RollOut(release, "failed", failure=failure)),
        Output(told, width=80),
    )
    assert "not ready after 180 s" in told.getvalue()
    assert "do raise ready_timeout" in told.getvalue()


def test_after_a_failed_way_back_it_is_told_what_runs_and_what_to_do() -> None:
    release = Release("main-abc1234", "production", "abc1234" * 5, "0" * 40, ("docker-compose.yml",), (), "2026-01-01")
    back = DeploymentFailed("the edge does not answer", remedy="windlass rollback production main-0000001 tries again")
    rollout = RollOut(
        release,
        "failed",
        failure=DeploymentFailed("web: crash loop"),
        restore_failure=back,
        running=release,
        now="main-abc1234 runs now",
    )
    delivery = Delivery(release.commit, "production", "failed", (), (), rollout=rollout)
    told = io.StringIO()
    report.tell(delivery, Output(told, width=200))
    assert "the edge does not answer; main-abc1234 runs now" in told.getvalue()
    assert "do  windlass rollback production main-0000001 tries again" in told.getvalue()
    document = report.document(delivery)
    assert (document["running"], document["now"]) == ("main-abc1234", "main-abc1234 runs now")
    assert document["restore_failure"]["message"] == "the edge does not answer"
