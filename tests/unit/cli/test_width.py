"""Nothing on the screen is longer than the terminal, and nothing is cut."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from windlass.cli import approve, diff, doctor, drill, history, plan, report, status, verify
from windlass.cli import init as init_command
from windlass.cli.dev import status as dev_status
from windlass.cli.dev import test as dev_test
from windlass.cli.help import rendered
from windlass.cli.help.__main__ import render
from windlass.cli.main import COMMANDS, overview
from windlass.cli.output import Output, fold
from windlass.cli.progress.live import whole_words
from windlass.cli.progress.plain import PlainLines
from windlass.config.init import Decision, Derived
from windlass.deploy.interface import Change
from windlass.doctor.examine import Verdict
from windlass.drill.cases import CASES, RESTORED, Report, Seen, judge
from windlass.errors import BuildFailed, DeploymentFailed, EngineUnavailable, Refused
from windlass.model.delivery import DeliveredService, Delivery, RollOut, StageReport
from windlass.model.events import Notice, ServiceFinished, ServiceStarted, StageFinished
from windlass.model.observation import CheckResult, Endpoint, Observation, ServiceState
from windlass.model.plan import Fingerprint, Plan, ServicePlan
from windlass.model.project import BuildSpec, Environment, Service
from windlass.model.release import Lease, Record, Release, ReleasedService
from windlass.model.rules import ApprovalRule, Person
from windlass.model.source import Source
from windlass.state.interface import Approval
from windlass.steps.approval import Standing
from windlass.steps.foreseeing import Foreseen

# As long as people make them: a 63-character service, a path, a URL without spaces, markup characters.
NAME = "crank-philosophical-analyzer-with-a-name-as-long-as-labels-allow"[:63]
LONG = "services/" + "deeply/" * 12 + "file.py does not exist [red]not markup[/] and https://example.org/" + "x" * 90
DIGEST = "sha256:" + "0123456789abcdef" * 4
ID = "feature-a-branch-with-quite-a-long-name-abc1234-dirty-def5678"
COMMIT = "abc1234" + "0" * 33
STAMP = "2026-01-31T14:05:00+00:00"

SERVICE = Service(NAME, NAME, BuildSpec(".", "Dockerfile"))
RELEASE = Release(
    ID,
    "production",
    COMMIT,
    COMMIT,
    ("compose.yml",),
    (ReleasedService(NAME, f"localhost:5077/{NAME}", DIGEST, (ID, "latest")),),
    STAMP,
    excluded=((NAME + "-2", LONG),),
)
CHECK = CheckResult(LONG, NAME, "https://localhost:18443/health/live", False, 12, 60.0, LONG)
RECORD = Record(7, RELEASE, "restored", STAMP, "somebody@a-host-with-a-long-name.example.org", ID, LONG)
BLAMED = replace(RECORD, blamed=True, retry=True, lease=Lease(LONG, 1, STAMP, run="https://ci.example.org/" + "x" * 90))
STANDING = Standing(ApprovalRule(2, (LONG,)), (), (Person(LONG, LONG),))
ENVIRONMENT = Environment("production", "main", ("compose.yml",), ("main-{sha}",))
FAILED = RollOut(
    RELEASE,
    "failed",
    checks=(CHECK,),
    failure=DeploymentFailed(LONG, where="production", remedy=LONG, evidence={NAME: (LONG, LONG)}),
    restore_failure=DeploymentFailed(LONG),
    evidence="/home/somebody/.local/share/windlass/evidence/shop/production/" + ID,
)
DELIVERY = Delivery(
    COMMIT,
    "production",
    "failed",
    (DeliveredService(NAME, DIGEST, NAME, (ID, "latest"), True, "3 findings (1 critical)"),),
    (StageReport("plan", 0.2, "ok"),),
    {NAME: BuildFailed(LONG, where=NAME, remedy=LONG, log=(LONG, LONG))},
    FAILED,
    "12 images not scanned for vulnerabilities",
)
WENT_BACK = replace(
    DELIVERY,
    outcome="restored",
    failures={},
    rollout=replace(FAILED, outcome="restored", restored=replace(RELEASE, id=ID[::-1]), restore_failure=None),
)
WAITS = replace(DELIVERY, outcome="refused", failures={}, rollout=None, refusal=Refused(LONG, where=ID, remedy=LONG))
HEALTHY = replace(
    DELIVERY,
    outcome="healthy",
    failures={},
    rollout=RollOut(RELEASE, "healthy", checks=(replace(CHECK, passed=True),)),
    not_scanned=None,
)
DRILLED = (
    *(judge(case, Seen(case.codes[0], LONG, case.ends, 0.0, 90, 0, 9.5)) for case in CASES[:3]),
    judge(CASES[3], Seen(4, LONG, RESTORED, 184.2, 400, 31, 99.0, 4.4, 180.0, (f"container {NAME}",))),
    judge(CASES[5], Seen(1, LONG, "nothing serves", 184.2, 400, 31, 99.0)),
    Report(CASES[7], skipped=LONG),
)
STATE = ServiceState(
    NAME,
    "restarting",
    digest=DIGEST,
    restarts=12,
    ports=((8443, Endpoint("127.0.0.1", 18443)), (80, Endpoint("::", 80))),
)
PLAN = Plan(
    Source(COMMIT, COMMIT, "feature/" + "x" * 60, True, 0),
    "production",
    ("linux/amd64", "linux/arm64"),
    (ServicePlan(SERVICE, "build", (LONG, "first build"), Fingerprint(DIGEST, ())),),
    notes=(LONG,),
    failed={NAME + "-2": LONG},
)


def _events(out: Output) -> None:
    sink = PlainLines(out)
    sink(ServiceStarted("build", NAME))
    sink(ServiceFinished("build", NAME, "failed", 12.0, LONG))
    sink(StageFinished("verify", "failed", 3600.0, LONG))
    sink(Notice(LONG, "warning", LONG))


FORESEEN = Foreseen(
    (Change(NAME, "recreate", LONG), Change(NAME, "recreate", LONG, True), Change(NAME, "update", LONG)),
    {NAME: (LONG,)},
)

SCREENS: dict[str, Callable[[Output], None]] = {
    "run": lambda out: report.tell(DELIVERY, out),
    "plan": lambda out: plan.tell(PLAN, None, out),
    "plan of what users notice": lambda out: plan.tell(PLAN, None, out, FORESEEN),
    "plan without an engine": lambda out: plan.tell(PLAN, None, out, Foreseen(unknown=LONG)),
    "status": lambda out: status.tell(status.Standing("production", (RECORD,), Observation((STATE,))), out),
    "status with remarks": lambda out: status.tell(
        status.Standing("production", (BLAMED,), Observation((STATE,)), (("cyan", "frozen", LONG),)), out
    ),
    "status that nobody knows": lambda out: status.tell(
        status.Standing("production", (RECORD,), Observation(()), (), EngineUnavailable(LONG, remedy=LONG)), out
    ),
    "history": lambda out: history.tell((RECORD,), "production", out),
    "history with marks": lambda out: history.tell(
        (BLAMED,), "production", out, frozenset([ID]), {ID: (Approval(RELEASE, Person(LONG, LONG), STAMP),)}
    ),
    "approve": lambda out: approve.tell_waiting([(RELEASE, STANDING)], ENVIRONMENT, out),
    "diff": lambda out: diff.tell(
        (Change(NAME, "recreate", LONG),),
        "production",
        ID,
        out,
        {NAME: (LONG, LONG)},
        (Notice(LONG, "warning", LONG),),
    ),
    "verify": lambda out: verify.tell((CHECK,), out),
    "doctor": lambda out: doctor.tell([Verdict("engine", "broken", LONG, LONG)], out),
    "init": lambda out: init_command.tell(Derived("", (Decision(LONG, LONG),), (LONG,)), True, out),
    "progress": _events,
    "run that went back": lambda out: report.tell(WENT_BACK, out),
    "run that waits for approvals": lambda out: report.tell(WAITS, out),
    "run that is healthy": lambda out: report.tell(HEALTHY, out),
    "status of nothing": lambda out: status.tell(status.Standing("production", (), Observation(())), out),
    "plan that is saved": lambda out: plan.tell(PLAN, Path(LONG), out),
    "drill": lambda out: drill.tell("production", ID, DRILLED, out, patience=60.0),
    "dev status": lambda out: dev_status.table(Observation((replace(STATE, detail=LONG),)), out),
}


def screen(show: Callable[[Output], None], width: int) -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    show(Output(stream, width=width))
    stream.flush()
    stream.seek(0)
    return stream.read().splitlines()


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("name", SCREENS)
def test_no_line_is_longer_than_the_terminal(name: str, width: int) -> None:
    lines = screen(SCREENS[name], width)
    assert lines
    assert [line for line in lines if len(line) > width] == []


@pytest.mark.parametrize("name", SCREENS)
def test_nothing_is_cut(name: str) -> None:
    """The same characters come out at 80 columns as on an endless line."""
    narrow, endless = screen(SCREENS[name], 80), screen(SCREENS[name], 4000)

    def letters(lines: list[str]) -> list[str]:
        return sorted(re.sub(r"\s", "", "".join(lines)))

    assert letters(narrow) == letters(endless)


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("name", SCREENS)
def test_colour_changes_neither_words_nor_lines(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = screen(SCREENS[name], width)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = screen(SCREENS[name], width)
    assert "\x1b[" in "".join(coloured)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", "".join(screen(SCREENS[name], width)))


@pytest.mark.parametrize("width", [80, 140])
def test_addresses_and_titles_are_not_broken_up_in_tables(width: int) -> None:
    url = "http://localhost:39203/a-path-of-some-length"
    checks = [
        replace(CHECK, service="worker", url=url),
        replace(CHECK, passed=True, service="web", url=url, last="200 OK"),
    ]
    asked = screen(lambda out: dev_test.tell(checks, ("brain",), out), width)
    assert max(map(len, asked)) <= width
    assert sum(url in line for line in asked) == 2
    drilled = screen(lambda out: drill.tell("production", "main-abc1234", DRILLED, out), width)
    assert all(any(line.startswith(one.case.title) for line in drilled) for one in DRILLED)


@pytest.mark.parametrize("name", SCREENS)
def test_without_a_terminal_there_is_no_colour(name: str) -> None:
    assert "\x1b" not in "".join(screen(SCREENS[name], 80))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_and_has_an_example(name: str) -> None:
    text = render(name)
    assert f"windlass {name}" in text.partition("example:")[2]
    assert [line for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_rendered_help_is_current(name: str) -> None:
    assert rendered(name) == render(name), "run python -m windlass.cli.help"


def test_the_overview_fits() -> None:
    assert [line for line in overview().splitlines() if len(line) > 80] == []


@given(
    st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=300),
    st.integers(30, 140),
    st.integers(0, 8),
    st.integers(0, 8),
)
@settings(derandomize=True)
def test_folding_keeps_every_word(text: str, width: int, indent: int, first: int) -> None:
    text = " ".join(text.split())
    lines = fold(Text(text), width, indent=indent, first=first)
    assert all(line.cell_len <= width for line in lines)
    assert "".join("".join(line.plain.split()) for line in lines) == "".join(text.split())


def test_a_path_that_is_too_long_is_broken_between_its_folders_and_else_left_whole() -> None:
    path = "/home/somebody/.local/share/windlass/evidence/shop/production/" + ID
    lines = [line.plain.strip() for line in fold(Text(f"kept in {path} for now"), 80, indent=8, first=8)]
    assert lines == ["kept in /home/somebody/.local/share/windlass/evidence/shop/production/", f"{ID} for now"]
    short = "~/.local/share/windlass/evidence/shop/production/main-abc1234-12"
    assert short in [line.plain.strip() for line in fold(Text(f"kept in the {short}"), 80, indent=8, first=8)]


@given(st.text(alphabet="ab ", max_size=60), st.integers(0, 60))
@settings(derandomize=True)
def test_a_passing_line_is_shortened_at_whole_words(text: str, room: int) -> None:
    short = whole_words(text, room)
    assert len(short) <= max(room, 0) or len(text) <= room
    assert text.startswith(short.removesuffix(" …"))


@pytest.mark.parametrize("width", range(24, 60))
def test_a_figure_and_its_unit_stay_on_one_line(width: int) -> None:
    told = "restored  it serves again, in 17 s, after 3 min 20 s, with 4.1 MB of 12 services, for 3 stages"
    lines = [line.plain for line in fold(Text(told), width, indent=0, first=0)]
    assert " ".join(line.strip() for line in lines) == told
    for figure in ("17 s,", "3 min", "20 s,", "4.1 MB"):
        assert any(figure in line for line in lines), lines
    assert Text(told).plain == told
