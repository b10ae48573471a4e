"""What a drill makes of what it saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from windlass.drill.cases import CASES, DONE, RESTORED, Report, Seen, chosen, failed, judge, noticed, until

BY_NAME = {case.name: case for case in CASES}
GOOD = Seen(4, "web: unhealthy", RESTORED, 0.0, 100, 0, 12.0)


def test_a_bad_release_that_nobody_noticed_is_as_it_should_be() -> None:
    report = judge(BY_NAME["never-ready"], GOOD)
    assert report.verdict == "as it should be"
    assert not failed([report])


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (replace(GOOD, code=0), "ended with 0"),
        (replace(GOOD, serves=DONE), "not as expected"),
        (replace(GOOD, noticed=0.2, failed=3), "users noticed it for 0.2 s (3 requests)"),
        (replace(GOOD, requests=0), "no request was sent"),
        (replace(GOOD, stray=("container x",)), "left over: container x"),
    ],
)
def test_what_is_not_as_it_should_be_is_said(seen: Seen, word: str) -> None:
    report = judge(BY_NAME["never-ready"], seen)
    assert report.verdict == "wrong"
    assert any(word in sentence for sentence in report.wrong)
    assert failed([report])


def test_a_release_that_fails_after_the_switch_may_be_noticed_for_a_while() -> None:
    case = BY_NAME["after-switch"]
    assert not judge(case, replace(GOOD, noticed=case.notice)).wrong
    assert judge(case, replace(GOOD, noticed=case.notice + 0.1)).wrong


def test_nothing_is_touched_while_somebody_else_deploys() -> None:
    assert not judge(BY_NAME["held"], replace(GOOD, code=6)).wrong
    assert judge(BY_NAME["held"], replace(GOOD, code=6, serves=DONE)).wrong


def test_a_drill_that_tried_nothing_proves_nothing() -> None:
    assert failed([Report(CASES[0], skipped="no reason")])
    assert failed([])


def test_cases_are_chosen_by_name_and_kept_in_order() -> None:
    assert chosen([]) == CASES
    assert [case.name for case in chosen(["killed", "never-ready"])] == ["never-ready", "killed"]
    with pytest.raises(KeyError):
        chosen(["flood"])


def test_an_outage_is_split_at_the_verdict() -> None:
    probes = [(0.0, 1.0, True), (1.0, 2.0, False), (2.0, 9.0, False), (9.0, 10.0, True)]
    assert until(probes, 6.0) == 5.0
    assert until(probes, None) is None
    assert until(probes, 0.5) is None
    assert until(probes[:1], 6.0) is None


@pytest.mark.parametrize(
    ("probes", "seconds"),
    [
        ([], 0.0),
        ([(0, 1, True), (1, 2, True)], 0.0),
        ([(0, 1, True), (1, 2, False), (2, 3, False), (3, 4, True)], 3.0),
        ([(0, 1, False), (1, 2, True), (2, 3, False), (3, 5, True)], 5.0),
        ([(0, 1, True), (1, 4, False)], 3.0),
    ],
)
def test_an_outage_lasts_from_the_first_request_without_an_answer_to_the_next_answer(
    probes: list[tuple[float, float, bool]], seconds: float
) -> None:
    assert noticed(probes) == seconds
