"""What the planner asks of the outside: the registry's memory, and base images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from windlass.model.plan import BaseImage, Input


@dataclass(frozen=True, slots=True)
class Remembered:
    """The registry knows this fingerprint and holds its image: the index digest."""

    digest: str


class Memory(Protocol):
    """Drivers: `oci.memory.RegistryMemory` and `testing.memory.FakeMemory`.

    Fingerprints are `sha256:<64 hex>`; a fingerprint includes its platforms and the repository it was published in.
    """

    def recall(self, wanted: Sequence[tuple[str, str]]) -> dict[str, Remembered | str]:
        """For (repository, fingerprint) pairs: what is remembered, by fingerprint. A known one whose image is missing or damaged maps to a reason (str) instead.

        Raises:
            RegistryUnavailable, CredentialsMissing
        """

    def remember(
        self, repository: str, fingerprint: str, digest: str, inputs: Sequence[Input], branch: str | None
    ) -> None:
        """Store a fingerprint of a published image, with its inputs for `why`."""

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
