"""Health checks that find a healthy container soon."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.deploy.docker.health import seconds, with_quick_start, with_quick_starts

TEST = ["CMD", "true"]


def quick(check: dict[str, Any] | None, of_image: dict[str, Any] | None = None) -> dict[str, Any] | None:
    service: dict[str, Any] = {} if check is None else {"healthcheck": check}
    return with_quick_start(service, of_image).get("healthcheck")


def test_a_start_period_of_its_own_is_kept() -> None:
    assert quick({"test": TEST, "start_period": "1m0s"}) == {
        "test": TEST,
        "start_period": "1m0s",
        "start_interval": "0.2s",
    }


@pytest.mark.parametrize(
    ("interval", "period"), [({"interval": "1m30s"}, "90s"), ({}, "30s"), ({"interval": "500ms"}, "0.5s")]
)
def test_without_a_start_period_it_lasts_until_the_engine_would_have_probed(
    interval: dict[str, str], period: str
) -> None:
    check = quick({"test": TEST, **interval})
    assert check is not None and (check["start_period"], check["start_interval"]) == (period, "0.2s")


def test_the_image_s_own_check_is_made_quick_too() -> None:
    assert quick(None, {"Test": TEST, "Interval": 10 * 10**9}) == {"start_period": "10s", "start_interval": "0.2s"}


@pytest.mark.parametrize(
    ("check", "of_image"),
    [
        (None, None),
        (None, {}),
        ({"disable": True}, {"Test": TEST}),
        ({"test": ["NONE"]}, {"Test": TEST}),
        ({"test": TEST, "start_interval": "5s"}, None),
        (None, {"Test": TEST, "StartInterval": 10**9}),
        (None, {"Test": ["NONE"]}),
    ],
)
def test_nothing_is_added_where_there_is_no_check_or_the_user_has_said_how_often(
    check: dict[str, Any] | None, of_image: dict[str, Any] | None
) -> None:
    assert quick(check, of_image) == check


def test_only_what_starts_is_asked_often_and_rarer_the_more_start_together() -> None:
    model = {"services": {name: {"healthcheck": {"test": TEST}} for name in "abcdefgh"}, "networks": {}}

    def every(*starting: str) -> dict[str, str]:
        services = with_quick_starts(model, starting, {})["services"]
        return {name: s["healthcheck"]["start_interval"] for name, s in services.items() if len(s["healthcheck"]) > 1}

    assert every() == {}
    assert every("a") == {"a": "0.2s"}
    assert set(every(*"abcd").values()) == {"0.8s"}
    assert set(every(*"abcdefgh").values()) == {"1.6s"}
    assert model["services"]["a"] == {"healthcheck": {"test": TEST}}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1.5s", 1.5), (None, 0), ("", 0), ("250us", 0.00025)],
)
def test_durations_of_go_are_read(text: str | None, value: float) -> None:
    assert seconds(text) == pytest.approx(value)
