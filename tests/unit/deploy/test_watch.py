"""Judging containers while they start."""

from __future__ import annotations

import dataclasses
from typing import Any

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.watch import SETTLE, Watch

RUNNING = Container(
    id="1",
    name="web-1",
    service="web",
    status="running",
    health="",
    restarts=0,
    exit_code=0,
    image="web",
    image_id="",
    config_hash="new",
    digest=None,
    started="t1",
    finished="",
    error="",
    health_output="",
    may_end=False,
    ports=(),
)


def seen(**how: Any) -> Container:
    return dataclasses.replace(RUNNING, **how)


class Story:
    """What the watch says while time goes on."""

    def __init__(self, changed: tuple[str, ...] = ("web",)) -> None:
        self.watch = Watch({"web": "new"}, changed, began=0.0)

    def at(self, now: float, *containers: Container) -> tuple[str, str]:
        verdict = self.watch.judge(containers, now)["web"]
        return verdict.kind, verdict.message


def test_a_container_without_a_health_check_counts_when_it_stays() -> None:
    story = Story()
    assert story.at(0.0) == ("waiting", "waiting for its turn")
    assert story.at(1.0, seen()) == ("waiting", "starting")
    assert story.at(1.0 + SETTLE, seen()) == ("well", "running after 3.0 s")


def test_a_restart_starts_the_count_again() -> None:
    story = Story()
    story.at(0.0, seen())
    assert story.at(SETTLE, seen(started="t2", restarts=1)) == ("waiting", "starting, restarted once")


def test_restarts_of_an_earlier_try_are_no_crash_loop_of_this_one() -> None:
    story = Story()
    story.watch = Watch({"web": "new"}, ("web",), 0.0, [seen(health="starting", restarts=7)])
    assert story.at(0.0, seen(health="starting", restarts=7)) == ("waiting", "starting")
    assert story.at(1.0, seen(health="healthy", restarts=8))[0] == "well"
    assert story.at(2.0, seen(health="starting", restarts=10))[0] == "failed"


def test_a_health_check_decides_where_there_is_one() -> None:
    story = Story()
    assert story.at(0.5, seen(health="starting")) == ("waiting", "starting")
    assert story.at(60, seen(health="starting"))[0] == "waiting"
    assert story.at(3.1, seen(health="healthy")) == ("well", "healthy after 3.1 s")
    assert story.at(4, seen(health="unhealthy", health_output="no disk")) == ("failed", "unhealthy: no disk")


def test_the_old_container_is_not_taken_for_the_new_one() -> None:
    assert Story().at(1.0, seen(config_hash="old", health="healthy")) == ("waiting", "waiting for its turn")


def test_restarts_are_told_and_three_of_them_are_a_crash_loop() -> None:
    story = Story()
    assert story.at(1, seen(status="restarting", restarts=2, exit_code=3)) == (
        "waiting",
        "restarted 2 times (exit code 3)",
    )
    assert story.at(2, seen(restarts=3, exit_code=3)) == ("failed", "crash loop: restarted 3 times, exit code 3")


def test_the_exit_code_of_a_crash_loop_is_that_of_when_it_was_down() -> None:
    story = Story()
    story.at(1, seen(status="restarting", restarts=2, exit_code=3))
    assert story.at(2, seen(restarts=3, exit_code=0)) == ("failed", "crash loop: restarted 3 times, exit code 3")
    assert Story().at(2, seen(restarts=3, exit_code=0)) == ("failed", "crash loop: restarted 3 times")


def test_a_container_that_ends_is_given_up_at_once() -> None:
    assert Story().at(1, seen(status="exited", exit_code=0)) == ("failed", "exited with exit code 0")
    assert Story().at(1, seen(status="created", error="no such program")) == ("failed", "exited with no such program")


def test_a_one_shot_is_well_when_it_has_ended_with_success() -> None:
    assert Story().at(1, seen(status="exited", exit_code=0, may_end=True)) == ("well", "completed")
    assert Story().at(1, seen(status="exited", exit_code=1, may_end=True))[0] == "failed"


def test_a_kept_service_is_well_while_it_runs_whatever_it_went_through_before() -> None:
    story = Story(changed=())
    assert story.at(0, seen(restarts=9))[0] == "well"
    assert story.at(1, seen(restarts=12))[0] == "failed"
    assert Story(changed=()).at(0, seen(status="exited", exit_code=1))[0] == "failed"


def test_a_kept_service_that_misses_a_replaced_one_may_get_well_again() -> None:
    story = Story(changed=())
    assert story.at(0, seen(health="unhealthy", health_output="no api")) == ("waiting", "unhealthy: no api")
    assert story.at(9, seen(health="healthy"))[0] == "well"


class TestLate:
    """Each service has its time from when its container begins."""

    def test_a_service_that_waits_for_a_slow_one_has_its_own_time(self) -> None:
        watch = Watch({"base": "new", "web": "new"}, ("base", "web"), began=0.0)
        base = seen(id="0", service="base", health="starting")
        watch.judge([base], 1.0)
        assert not watch.late(10.9, 10.0)
        assert watch.late(11.0, 10.0)
        watch.judge([seen(id="0", service="base", health="healthy"), seen(health="starting")], 10.5)
        assert not watch.late(20.4, 10.0)
        assert watch.late(20.5, 10.0)

    def test_nothing_begins_at_all(self) -> None:
        watch = Watch({"web": "new"}, ("web",), began=0.0)
        watch.judge([], 0.0)
        watch.judge([], 9.0)
        assert not watch.late(9.9, 10.0)
        assert watch.late(10.0, 10.0)

    def test_one_that_is_started_again_and_again_does_not_get_more_time(self) -> None:
        watch = Watch({"web": "new"}, ("web",), began=0.0)
        for moment in range(10):
            watch.judge([seen(started=f"t{moment}", restarts=0)], float(moment))
        assert watch.late(10.0, 10.0)

    def test_what_stays_and_comes_and_goes_for_ever_ends_too(self) -> None:
        watch = Watch({"web": "new"}, (), began=0.0)
        for moment in range(40):
            watch.judge([seen(health="healthy" if moment % 2 else "unhealthy")], float(moment))
        assert watch.late(39.0, 10.0)
