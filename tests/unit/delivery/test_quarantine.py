"""A release that failed, or was rolled back from, is not deployed again until somebody says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.delivery.world import World
from windlass.errors import ConfigError, ExitCode, Refused, UsageError
from windlass.model.events import Notice
from windlass.model.times import moment
from windlass.state.interface import running_release
from windlass.state.quarantine import quarantined


@pytest.fixture
def world(tmp_path: Path) -> World:
    """main-0000001 serves."""
    world = World(tmp_path)
    world.run()
    return world


def serving(world: World) -> str | None:
    release = running_release(world.state.records("production"))
    return release.id if release else None


def fail(world: World, text: str = "broken") -> None:
    """main-0000002 does not pass its checks."""
    world.edit("api/app.py", text)
    world.wrong["main-0000002"] = "500"
    assert world.run().exit_code == ExitCode.RESTORED


def said(world: World) -> list[str]:
    return [event.text for event in world.events if isinstance(event, Notice)]


class TestAfterAFailure:
    def test_the_same_release_is_refused_and_nothing_is_touched(self, world: World) -> None:
        fail(world)
        records = world.state.records("production")

        delivery = world.run(same_commit=True)

        assert (delivery.outcome, delivery.exit_code) == ("refused", ExitCode.REFUSED)
        assert "1 of 1 checks failed" in str(delivery.refusal)
        assert moment(records[0].at) in str(delivery.refusal)
        assert "--retry" in str(delivery.refusal.remedy)  # type: ignore[union-attr]
        assert world.target.calls == []
        assert world.state.records("production") == records

    def test_the_same_files_under_another_commit_are_the_same_release(self, world: World) -> None:
        fail(world)
        world.commits = 1  # the next commit has the tree of main-0000002
        assert world.run().exit_code == ExitCode.REFUSED

    def test_another_commit_with_other_files_is_deployed(self, world: World) -> None:
        fail(world)
        world.edit("api/app.py", "mended")
        assert world.run().outcome == "healthy"

    def test_with_retry_it_is_deployed_and_that_is_recorded(self, world: World) -> None:
        fail(world)
        world.wrong.clear()

        assert world.run(same_commit=True, retry=True).outcome == "healthy"

        assert [record.retry for record in world.state.records("production")[:2]] == [True, True]
        assert quarantined(world.state.records("production")) == ()
        assert world.run(same_commit=True).outcome == "healthy"

    def test_what_fails_again_is_in_quarantine_again(self, world: World) -> None:
        fail(world)
        assert world.run(same_commit=True, retry=True).exit_code == ExitCode.RESTORED
        assert world.run(same_commit=True).exit_code == ExitCode.REFUSED

    def test_a_retry_of_what_is_in_none_is_an_ordinary_deployment(self, world: World) -> None:
        world.edit("api/app.py", "second")
        world.run(retry=True)
        assert not world.state.records("production")[0].retry

    @pytest.mark.parametrize("trouble", ["never ready", "crash loop", "check fails"])
    def test_what_does_not_get_ready_is_to_blame(self, world: World, trouble: str) -> None:
        world.target.troubles["main-0000002"] = trouble  # type: ignore[assignment]
        world.edit("api/app.py", "second")
        world.run()
        assert world.run(same_commit=True).exit_code == ExitCode.REFUSED

    def test_an_image_that_cannot_be_pulled_may_be_there_tomorrow(self, world: World) -> None:
        world.target.troubles["main-0000002"] = "missing image"
        world.edit("api/app.py", "second")
        assert world.run().exit_code == ExitCode.RESTORED
        world.target.troubles.clear()
        assert world.run(same_commit=True).outcome == "healthy"

    def test_a_check_that_could_not_be_made_is_no_verdict(self, world: World) -> None:
        world.unable["main-0000002"] = ConfigError("no such suite")
        world.edit("api/app.py", "second")
        assert world.run().exit_code == ExitCode.RESTORED
        world.unable.clear()
        assert world.run(same_commit=True).outcome == "healthy"

    def test_who_interrupts_a_deployment_condemns_nothing(self, world: World) -> None:
        world.target.troubles["main-0000002"] = "interrupted"
        world.edit("api/app.py", "second")
        with pytest.raises(KeyboardInterrupt):
            world.run()
        world.target.troubles.clear()
        assert world.run(same_commit=True).outcome == "healthy"

    def test_a_first_release_that_fails_is_in_quarantine_too(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        world.wrong["main-0000001"] = "500"
        assert world.run().exit_code == ExitCode.NOTHING_TO_RESTORE
        assert world.run(same_commit=True).exit_code == ExitCode.REFUSED

    def test_another_environment_has_a_mind_of_its_own(self, world: World) -> None:
        fail(world)
        assert world.run("staging", same_commit=True).outcome == "healthy"


class TestAfterARollback:
    @pytest.fixture
    def world(self, world: World) -> World:
        """main-0000002 served, and was rolled back from."""
        world.edit("api/app.py", "second")
        world.run()
        assert world.roll_back().outcome == "healthy"
        return world

    def test_it_stays_where_it_is(self, world: World) -> None:
        assert serving(world) == "main-0000001"
        delivery = world.run(same_commit=True)
        assert delivery.exit_code == ExitCode.REFUSED
        assert "rolled back from by hand, to main-0000001" in str(delivery.refusal)
        assert serving(world) == "main-0000001"

    def test_nothing_is_built_or_uploaded_for_a_rollback(self, world: World) -> None:
        world.edit("api/app.py", "third")
        world.run()
        published = set(world.images.published)
        world.builder.built.clear()
        world.roll_back()
        assert world.built == []
        assert world.images.published == published

    def test_rolling_back_to_what_was_left_needs_a_word(self, world: World) -> None:
        with pytest.raises(Refused, match="main-0000002 is in quarantine"):
            world.roll_back("main-0000002")
        assert world.roll_back("main-0000002", retry=True).outcome == "healthy"
        assert serving(world) == "main-0000002"

    def test_the_next_commit_is_deployed(self, world: World) -> None:
        world.edit("api/app.py", "third")
        assert world.run().outcome == "healthy"

    def test_a_restore_does_not_go_back_to_it(self, world: World) -> None:
        world.edit("api/app.py", "third")
        world.wrong["main-0000003"] = "500"
        assert world.run().exit_code == ExitCode.RESTORED
        assert serving(world) == "main-0000001"


class TestWhatARollbackGoesBackTo:
    def test_a_release_that_would_change_nothing_is_skipped_and_that_is_said(self, world: World) -> None:
        world.edit("api/app.py", "second")
        world.run()
        world.run()  # a commit that changes no image: main-0000003

        assert world.roll_back().outcome == "healthy"

        assert serving(world) == "main-0000001"
        assert [text for text in said(world) if "skipped main-0000002" in text]

    def test_the_same_images_with_other_files_are_a_difference(self, world: World) -> None:
        world.run()  # the same images; what else the commit changed, the target knows
        prepare = world.target.prepare

        def differs(release, emit, **how):  # type: ignore[no-untyped-def]
            prepared = prepare(release, emit, **how)
            changed = tuple(replace(change, action="recreate") for change in prepared.changes)
            return replace(prepared, changes=changed)

        world.target.prepare = differs  # type: ignore[method-assign]
        world.roll_back()
        assert serving(world) == "main-0000001"
        assert not [text for text in said(world) if "skipped" in text]

    def test_when_all_would_change_nothing_it_is_said(self, world: World) -> None:
        world.run()
        with pytest.raises(UsageError, match=r"no earlier healthy release that differs.*main-0000001"):
            world.roll_back()

    def test_a_name_that_never_ran_is_refused(self, world: World) -> None:
        with pytest.raises(UsageError, match="no release 'v9' was healthy"):
            world.roll_back("v9")
