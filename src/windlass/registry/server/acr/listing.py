"""Pages of lists in the order of names or of time. Pure.

A page ends with a marker from which the next one goes on, whatever was added or removed meanwhile: the name, and in an
order of time also the time it had (`last=1700000000000000000$v1`). Clients pass it on as they find it in `Link`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

from windlass.registry.server.problems import Problem
from windlass.registry.server.wire import Query

PAGE = 100
"""Entries without `n`."""
PAGE_LIMIT = 1000

_ORDERS = ("", "none", "timeasc", "timedesc")
_MARK = re.compile(r"([0-9]{1,20})\$(.+)", re.DOTALL)

K = TypeVar("K", bound=str)


@dataclass(frozen=True, slots=True)
class Paging:
    """A page that was asked for: at most `size` entries after `last` (None for the first), in this order."""

    size: int
    last: str | None
    order: str = ""

    @property
    def by_time(self) -> bool:
        return self.order in ("timeasc", "timedesc")


@dataclass(frozen=True, slots=True)
class Page(Generic[K]):
    """The keys of one page; `last` is what to go on from, None at the end."""

    keys: tuple[K, ...]
    last: str | None


def read_paging(query: Query) -> Paging:
    """Raises Problem 400: `n` is not a positive number, `orderby` is unknown."""
    text = query.get("n")
    size = PAGE
    if text is not None:
        if not text.isascii() or not text.isdigit() or not text.strip("0"):
            raise Problem(400, "PAGINATION_NUMBER_INVALID", "n is not a positive number", {"n": text[:100]})
        size = PAGE_LIMIT if len(text.lstrip("0")) > 9 else min(int(text), PAGE_LIMIT)
    order = query.get("orderby") or ""
    if order not in _ORDERS:
        raise Problem(400, "UNSUPPORTED", "orderby is none of timeasc, timedesc and none", {"orderby": order[:100]})
    return Paging(size, query.get("last") or None, order)


def page_of_names(names: list[K], paging: Paging) -> Page[K]:
    """One page of a sorted list."""
    start = 0 if paging.last is None else bisect_right(names, paging.last)
    chosen = names[start : start + paging.size]
    return Page(tuple(chosen), chosen[-1] if start + paging.size < len(names) else None)


def page_of_times(entries: list[tuple[int, K]], paging: Paging, unknown: Problem) -> Page[K]:
    """One page of a sorted list of times with keys, in an order of time; keys of one time follow their names.

    Raises:
        Problem: `unknown`, when `last` is a bare key that is not among them: nobody knows where it was.
    """
    mark: tuple[int, str] | None = None
    if paging.last is not None and (mark := _mark(entries, paging.last)) is None:
        raise unknown
    if paging.order == "timedesc":
        end = len(entries) if mark is None else bisect_left(entries, mark)
        chosen, more = entries[max(0, end - paging.size) : end][::-1], end > paging.size
    else:
        start = 0 if mark is None else bisect_right(entries, mark)
        chosen, more = entries[start : start + paging.size], start + paging.size < len(entries)
    return Page(tuple(key for _, key in chosen), f"{chosen[-1][0]}${chosen[-1][1]}" if more else None)


def link(path: str, paging: Paging, last: str, **filters: str | None) -> tuple[str, str]:
    """The `Link` header to the next page: relative, as the SDKs need it, with the name's slashes encoded."""
    kept = {name: value for name, value in filters.items() if value is not None}
    query = urlencode({"last": last, "n": paging.size, "orderby": paging.order, **kept})
    return ("link", f'<{path}?{query}>; rel="next"')


def path_of(name: str, collection: str) -> str:
    return f"/acr/v1/{quote(name, safe='')}/{collection}"


def _mark(entries: list[tuple[int, K]], last: str) -> tuple[int, str] | None:
    if (found := _MARK.fullmatch(last)) is not None:
        return int(found[1]), found[2]
    return next(((time, key) for time, key in entries if key == last), None)
