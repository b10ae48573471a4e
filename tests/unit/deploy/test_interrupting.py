"""Which changes are announced because users notice them."""

from __future__ import annotations

from windlass.deploy.docker.changes import interrupting
from windlass.deploy.docker.edge.layout import RUNS_ONCE
from windlass.deploy.interface import Change


def test_what_users_notice_is_what_runs_well_and_cannot_run_twice() -> None:
    computed = [
        Change("db", "recreate", "its image changed; it is stopped and started: it is a singleton"),
        Change("sick", "recreate", "it is unhealthy"),
        Change("job", "recreate", "its image changed"),
        Change("web", "recreate", "its image changed"),
        Change("new", "create", "not there yet"),
        Change("same", "keep"),
        Change("plain", "recreate", "its image changed"),
    ]
    singleton = dict.fromkeys(("db", "sick", "new", "same"), "it is a singleton")
    in_place = {**singleton, "job": RUNS_ONCE, "plain": ""}
    assert [change.service for change in interrupting(computed, in_place)] == ["db"]
