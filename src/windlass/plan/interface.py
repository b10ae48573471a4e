"""What the planner asks of the outside: the registry's memory, and base images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from windlass.model.plan import BaseImage, Input


@dataclass(frozen=True, slots=True)
class Remembered:
    """The registry knows this fingerprint and holds its image: the index digest, and when that was recorded, in seconds since 1970."""

    digest: str
    created: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a source tree. `path` is relative to the repository root, POSIX style; `mode` six octal digits ("100644",
    "100755", "120000" symlink, "160000" submodule); `oid` git's object id, whose content is the symlink's target for a symlink.
    """

    path: str
    mode: str
    oid: str


class Files(Protocol):
    """The source tree to plan from. Drivers: `git.tree.GitFiles` and `testing.files.FakeFiles`.

    Folders are not listed: one exists where a file is below it.
    """

    @property
    def paths(self) -> Sequence[str]:
        """Paths of all files, symlinks and submodules, sorted by code point."""

    @property
    def submodules(self) -> bool:
        """Whether any of them is a submodule."""

    def containing(self, word: str) -> list[str]:
        """Paths with a word (without a line end) somewhere in them, sorted."""

    def entry(self, index: int) -> FileEntry:
        """What is at `paths[index]`."""

    def listing(self, low: int, high: int) -> str:
        """What is at `paths[low:high]`, as `git ls-tree -r -z` prints it: `MODE TYPE OID<TAB>PATH`, joined by NUL."""

    def read(self, path: str) -> str | None:
        """The text of a file, or the target of a symlink, at exactly this path; None when there is none."""

    def prepare(self, paths: Sequence[str]) -> None:
        """These are about to be read, if they exist: a hint that lets a driver bring them all at once."""

    def lfs(self) -> Mapping[str, bool]:
        """Paths that attributes give to git LFS and that hold a pointer → whether a checkout here gives their content."""


class Memory(Protocol):
    """Drivers: `oci.memory.RegistryMemory` and `testing.memory.FakeMemory`.

    Fingerprints are `sha256:<64 hex>`, as `plan.fingerprint.built_on` gives them; one includes its platforms and the
    repository it was published in.
    """

    def recall(self, wanted: Sequence[tuple[str, str]], *, again: bool = False) -> dict[str, Remembered | str]:
        """For (repository, fingerprint) pairs: what is remembered, by fingerprint. A known one whose image is missing or damaged maps to a reason (str) instead.

        Args:
            again: the question goes on with the last one: records that were listed for it may be used.

        Raises:
            RegistryUnavailable, CredentialsMissing
        """

    def remember(
        self, repository: str, fingerprint: str, digest: str, inputs: Sequence[Input], branch: str | None
    ) -> None:
        """Store a fingerprint of a published image, with its inputs for `why`. The newest record of a fingerprint is the one recalled."""

    def tests_passed(self, fingerprints: Sequence[str]) -> frozenset[str]:
        """Those of the test fingerprints whose tests have passed before."""

    def remember_tests(self, fingerprint: str) -> None: ...

    def last_inputs(self, repository: str, branch: str | None) -> tuple[Input, ...] | None:
        """Inputs of the image published last from this branch (or, without one there, from any), for `why`."""


class BaseImages(Protocol):
    """Drivers: `oci.bases.RegistryBaseImages` and `testing.bases.FakeBaseImages`."""

    def resolve(self, name: str, platforms: Sequence[str]) -> BaseImage:
        """Pin a base image as the builder would see it, its mirrors included. Answers are kept for the life of the object.

        Raises:
            EnvironmentUnusable: no registry answers for it (exit 7), naming the image.
        """
