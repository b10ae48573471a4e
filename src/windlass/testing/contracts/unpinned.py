"""What cannot be pinned is counted as changed at every plan, and the reason is said; what is pinned is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from windlass.model.project import BuildSpec
from windlass.testing.contracts.change_case import PLAIN, spec

_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_SUM = "sha256:" + "ab" * 32


@dataclass(frozen=True)
class Origin:
    """Where a build takes something from. `reason` is what Windlass says (a part of it); empty where it is pinned."""

    name: str
    dockerfile: str
    reason: str = ""
    build: BuildSpec = PLAIN
    files: Mapping[str, str] = field(default_factory=dict)


ORIGINS = (
    Origin("ADD of a URL", "FROM scratch\nADD https://example.com/a /\n", "ADD https://example.com/a has no --checksum"),
    Origin("ADD of a URL with --checksum", f"FROM scratch\nADD --checksum={_SUM} https://example.com/a /\n"),
    Origin("ADD of a URL in a stage nobody needs", "FROM scratch AS x\nADD https://example.com/a /\nFROM scratch\nCOPY a /\n", files={"a": "1"}),
    Origin("ADD of a git branch", "FROM scratch\nADD https://example.com/a.git#main /\n", "ADD https://example.com/a.git#main has no --checksum"),
    Origin("ADD of a git commit", f"FROM scratch\nADD https://example.com/a.git#{_COMMIT} /\n"),
    Origin("ADD of a URL that an argument names", "FROM scratch\nARG V=1\nADD https://example.com/$V /\n", "ADD https://example.com/1 has no --checksum"),
    Origin("a context that is a git repository", "FROM scratch\nCOPY . /\n", "its context is fetched from https://example.com/a.git", BuildSpec("https://example.com/a.git", "Dockerfile")),
    Origin("a context outside the repository", "FROM scratch\nCOPY a /\n", "its context /elsewhere is outside the repository", BuildSpec("/elsewhere", "Dockerfile")),
    Origin("a named context that is fetched", "FROM scratch\nCOPY --from=x a /\n", "the build context 'x' is fetched from https://example.com/a.git", spec(contexts={"x": "https://example.com/a.git"})),
    Origin("a named context outside the repository", "FROM scratch\nCOPY --from=x a /\n", "the build context 'x' is outside the repository", spec(contexts={"x": "/elsewhere"})),
    Origin("a named context that is fetched and nobody names", "FROM scratch\nCOPY a /\n", build=spec(contexts={"x": "https://example.com/a.git"}), files={"a": "1"}),
    Origin("a frontend that is not Dockerfile's", "# syntax=example.com/pack\nFROM scratch\n", "the frontend example.com/pack reads its Dockerfile in its own way"),
    Origin("a base image named by digest", f"FROM example.com/a@{_SUM}\n"),
)  # fmt: skip
