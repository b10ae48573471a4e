"""What the registry commands show fits any terminal, and nothing of it is cut."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from windlass.cli.output import Output
from windlass.cli.registry import copy, cost, ls, rm, tags
from windlass.cli.registry.look import Disk, Listing, Saving, ago, tell_partial
from windlass.model.prices import AZURE, Prices, Tier
from windlass.oci.copy import Copied
from windlass.registry.manage.cost import GIB, RepositoryUse, TagUse, Usage, compare
from windlass.registry.manage.overview import RepositoryRow, TagRow
from windlass.registry.manage.uses import Use
from windlass.registry.manage.withdrawal import Deletion, Withdrawal
from windlass.registry.manage.withdrawing import Withdrawn

NAME = "team/crank-philosophical-analyzer-with-a-name-as-long-as-labels-allow"
TAG = "feature-a-branch-with-quite-a-long-name-abc1234-dirty-def5678"
HOST = "crankplatformregistryinaustraliaeast.azurecr.io"
DIGEST = "sha256:" + "0123456789abcdef" * 4
LONG = "the remote is away: " + "https://example.org/" + "x" * 90 + " [red]not markup[/]"
USES = (
    Use("production-in-australia-east", TAG, "runs"),
    Use("staging", TAG, "rollback"),
    Use("this machine", "", "container"),
)
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7")


def report(gib: float, **options: object) -> cost.Report:
    stored = int(gib * GIB)
    tag = TagUse(TAG, DIGEST, stored, stored // 2)
    repository = RepositoryUse(NAME, 1200, 300, 2 * stored, stored, stored // 2, stored // 4, (tag,), True)
    prices = options.get("prices", AZURE)
    assert isinstance(prices, Prices)
    return cost.Report(
        HOST,
        Usage(3 * stored, stored, (repository,)),
        {NAME: "service"},
        prices,
        compare(prices, stored),
        Listing((NAME,), LONG),
        Saving(1234, stored // 3),
        Disk("/home/somebody/.local/share/windlass/" + "deep/" * 12 + "registry", stored, stored // 5),
    )


ROWS = [
    TagRow(TAG, DIGEST, PLATFORMS, 10**12, 10**11, 0.0, None, USES, True, ("latest",)),
    TagRow("latest", DIGEST, ("linux/s390x",), 1, 0, None, None, (), False, (TAG,)),
]
WITHDRAWAL = Withdrawal(
    NAME,
    TAG,
    DIGEST,
    (TAG, "latest"),
    (
        Deletion(DIGEST, "image"),
        Deletion(DIGEST, "referrer", "application/vnd.a-very-long-type-of-an-artifact.v1+json"),
        *(Deletion(DIGEST, "platform", name) for name in PLATFORMS),
    ),
    10**12,
    uses=USES,
)
UNTAGS = Withdrawal(NAME, TAG, DIGEST, ("latest",), (), 0)
SOURCE, TARGET = copy.Named(HOST, NAME, TAG, None), copy.Named("localhost:5077", NAME, None, DIGEST)


def _copied(out: Output) -> None:
    for line in copy.words(SOURCE, TARGET, Copied(DIGEST, PLATFORMS, (TAG,), 10**12, 12, 34, 5)):
        out.say(out.plain(line), indent=2)


SCREENS: dict[str, Callable[[Output], None]] = {
    "ls": lambda out: ls.tell([RepositoryRow(NAME, None, 12345, 12345, 10**12, 0.0, True)], HOST, 10**13, out, 1e9),
    "partial": lambda out: tell_partial(Listing((NAME,), LONG), HOST, out),
    "tags": lambda out: tags.tell(ROWS, 12345, f"{HOST}/{NAME}", out, 1e9),
    "cost": lambda out: cost.tell(report(123456.7), out),
    "cost of little": lambda out: cost.tell(report(0.001), out),
    "cost of a service": lambda out: cost.tell_repository(report(600), NAME, out),
    "rm": lambda out: rm.tell(WITHDRAWAL, out),
    "rm of a tag": lambda out: rm.tell(UNTAGS, out),
    "rm done": lambda out: rm.tell_done(WITHDRAWAL, Withdrawn((), ((WITHDRAWAL.deletes[0], LONG),)), True, out),
    "copy": _copied,
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
    narrow, endless = screen(SCREENS[name], 80), screen(SCREENS[name], 4000)

    def letters(lines: list[str]) -> list[str]:
        return sorted(re.sub(r"\s", "", "".join(lines)))

    assert letters(narrow) == letters(endless)


def text(show: Callable[[Output], None]) -> str:
    return " ".join(" ".join(screen(show, 4000)).split())


def test_usual_names_take_one_line_each_at_80_columns() -> None:
    rows = [
        TagRow(
            f"main-abc123{n}",
            DIGEST,
            PLATFORMS[:2],
            312_000_000,
            12_000_000,
            1e9 - 90000 * n,
            None,
            USES[1:2],
            False,
            (),
        )
        for n in range(5)
    ]
    assert len(screen(lambda out: tags.tell(rows, 5, "localhost:5077/platform", out, 1e9), 80)) == 1 + 5 + 2


def test_what_a_clean_up_saves_is_money_in_the_tier_that_is_paid_for() -> None:
    tiers = (Tier("small", 5, 10, 0.1), Tier("large", 50, 500, 0.1))
    for tier, saved in ((None, 30.0), ("small", 30.0), ("large", 0.0)):
        found = report(310, prices=Prices("EUR", "2026-06", tiers, tier))
        found = cost.Report(**{**{f: getattr(found, f) for f in found.__slots__}, "saving": Saving(9, 300 * GIB)})
        assert cost.saved_month(found) == pytest.approx(saved)
        assert cost.document(found)["prune"] == {
            "manifests": 9,
            "frees_bytes": 300 * GIB,
            "saves_month": pytest.approx(saved),
            "unknown": None,
        }
        said = text(lambda out, found=found: cost.tell(found, out))  # type: ignore[misc]
        assert ("30.00 EUR a month less" in said) == (saved > 0)
        assert ("changes no price" in said) == (saved == 0)


def test_prices_carry_their_date_and_say_what_they_leave_out() -> None:
    said = text(SCREENS["cost of little"])
    assert "prices of 2026-06, for storage alone" in said
    assert "basic 10 GiB 5.00 cheapest" in said


def test_where_nothing_holds_that_much_no_tier_is_called_cheapest() -> None:
    said = text(SCREENS["cost"])
    assert "too small" in said
    assert "cheapest" not in said


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (None, "-"),
        (1e9, "0 s ago"),
        (1e9 + 50, "0 s ago"),
        (1e9 - 99, "99 s ago"),
        (1e9 - 100, "1 min ago"),
        (1e9 - 7200, "2 hours ago"),
        (1e9 - 3 * 86400, "3 days ago"),
        (0.0, "1970-01-01"),
    ],
)
def test_times_are_told_as_ages(moment: float | None, said: str) -> None:
    assert ago(moment, 1e9) == said
