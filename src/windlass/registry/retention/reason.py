"""Why something stays or goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Because: TypeAlias = Literal[
    # stays, strongest first
    "runs",  # an environment serves it now
    "deploying",  # an environment may be half way to it
    "rollback",  # one of the last healthy releases of an environment
    "waiting",  # for approvals, before an environment takes it
    "locked",  # the registry's own lock
    "moving",  # a tag without a commit, such as latest
    "newest",  # of its service and branch
    "young",  # younger than the user's limit
    "clock",  # its time lies in the future
    "undated",  # nothing tells how old it is
    "pending",  # pushed just now without a tag: a push may be under way
    "damaged",  # it cannot be read, or what it belongs to cannot
    "part",  # of a kept index
    "refers",  # to a kept image
    "subject",  # of something kept
    "record",  # of a kept image
    "recent",  # cache or test record in use
    "foreign",  # another project's
    "name",  # the newest name of a kept image, or one that the registry cannot take away alone
    # goes
    "beyond",  # the number of newest ones
    "idle",  # its branch
    "unused",  # untagged, or left over by something that is gone
    "expired",  # cache or test record
]
RANKS = {key: rank for rank, key in enumerate(get_args(Because))}


@dataclass(frozen=True, slots=True)
class Reason:
    """`because` is for programs, `text` a short phrase for people."""

    because: Because
    text: str

    @property
    def rank(self) -> int:
        return RANKS[self.because]
