"""What a case of change detection is: a small repository, an edit, and whether the image changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from windlass.model.project import BuildSpec
from windlass.testing.files import FakeFiles

BUSYBOX = "busybox:1"
"""The base image of cases that run something."""

PLAIN = BuildSpec(".", "Dockerfile")

APP = {"app/main.py": "print(1)\n", "app/data/a.txt": "a\n", "app/data/b.md": "b\n", "other.txt": "other\n"}

STAGES = """\
ARG FLAVOUR=plain
FROM scratch AS assets
COPY app/data /data
FROM scratch AS docs
COPY other.txt /
FROM scratch AS final
COPY --from=assets /data /data
COPY app/main.py /
"""


@dataclass(frozen=True)
class Case:
    """`edit` maps a path to its new text, None to delete it; `before` and `after` are the builds on both sides of it.

    `images` are base images that the test makes: a name, and the Dockerfiles of what it stands for before and after.
    `others` are services of the same repository, in build order, whose images go by their names.
    `changes` is BuildKit's verdict. `needless` gives the reason where Windlass builds although the image stays the same.
    A case that is not `judged` needs a frontend, an image or a network that a test engine may not have: then `changes` is what is documented.
    """

    name: str
    files: Mapping[str, str]
    edit: Mapping[str, str | None]
    changes: bool
    before: BuildSpec = PLAIN
    after: BuildSpec | None = None
    needless: str = ""
    judged: bool = True
    images: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    others: Mapping[str, BuildSpec] = field(default_factory=dict)

    @property
    def edited(self) -> dict[str, str]:
        return edited(self.files, self.edit)

    @property
    def rebuilds(self) -> bool:
        """What Windlass decides."""
        return self.changes or bool(self.needless)


def edited(files: Mapping[str, str], edit: Mapping[str, str | None]) -> dict[str, str]:
    """Files after an edit; None deletes one."""
    after = {**files, **{path: text for path, text in edit.items() if text is not None}}
    return {path: text for path, text in after.items() if edit.get(path, "") is not None}


def entries(files: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Path, git mode and text of each file, sorted by path."""
    tree = FakeFiles(files)
    return [(path, tree.entry(number).mode, tree.read(path) or "") for number, path in enumerate(tree.paths)]


def spec(**more: object) -> BuildSpec:
    return replace(PLAIN, **more)  # type: ignore[arg-type]


def copying(instruction: str, *, base: str = "scratch", **files: str) -> dict[str, str]:
    return {"Dockerfile": f"FROM {base}\n{instruction}\n", **files}


def app(instructions: str, *, base: str = "scratch", more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A Dockerfile with these instructions beside a small tree of files."""
    return {"Dockerfile": f"FROM {base}\n{instructions}\n", **APP, **(more or {})}
