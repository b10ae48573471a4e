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
