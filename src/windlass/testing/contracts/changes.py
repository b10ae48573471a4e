"""Cases of change detection: a small repository, an edit, and whether the image changes.

The planner is held to them in the unit tests, and the verdicts themselves to BuildKit in the engine tests: it builds
before and after the edit, and the digests are compared. Cases that need an image, a frontend or a network that a test
engine may not have are not `judged` there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from windlass.model.project import BuildSecret, BuildSpec
from windlass.testing.files import executable, link

BUSYBOX = "busybox:1"
"""The base image of cases that run something."""


_PLAIN = BuildSpec(".", "Dockerfile")


@dataclass(frozen=True)
class Case:
    """`edit` maps a path to its new text, None to delete it; `before` and `after` are the builds on both sides of it.

    `changes` is BuildKit's verdict. `needless` gives the reason where Windlass builds although the image stays the same.
    """

    name: str
    files: Mapping[str, str]
    edit: Mapping[str, str | None]
    changes: bool
    before: BuildSpec = _PLAIN
    after: BuildSpec | None = None
    needless: str = ""
    judged: bool = True

    @property
    def edited(self) -> dict[str, str]:
        files = {**self.files, **{path: text for path, text in self.edit.items() if text is not None}}
        return {path: text for path, text in files.items() if self.edit.get(path, "") is not None}


def _spec(**more: object) -> BuildSpec:
    return replace(_PLAIN, **more)  # type: ignore[arg-type]


def _copying(instruction: str, *, base: str = "scratch", **files: str) -> dict[str, str]:
    return {"Dockerfile": f"FROM {base}\n{instruction}\n", **files}


_APP = {"app/main.py": "print(1)\n", "app/data/a.txt": "a\n", "app/data/b.md": "b\n", "other.txt": "other\n"}


def _app(instructions: str, *, base: str = "scratch", more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"Dockerfile": f"FROM {base}\n{instructions}\n", **_APP, **(more or {})}


_STAGES = """\
ARG FLAVOUR=plain
FROM scratch AS assets
COPY app/data /data
FROM scratch AS docs
COPY other.txt /
FROM scratch AS final
COPY --from=assets /data /data
COPY app/main.py /
"""

CASES: tuple[Case, ...] = (
    # Files and folders
    Case("a copied file changes", _app("COPY app/main.py /"), {"app/main.py": "print(2)\n"}, True),
    Case("a file beside it changes", _app("COPY app/main.py /"), {"other.txt": "new\n"}, False),
    Case("a file in a copied folder changes", _app("COPY app /app"), {"app/data/a.txt": "A\n"}, True),
    Case("a file appears in a copied folder", _app("COPY app /app"), {"app/data/new.txt": "\n"}, True),
    Case("a file vanishes from a copied folder", _app("COPY app /app"), {"app/data/b.md": None}, True),
    Case("a file outside the copied folder changes", _app("COPY app/data /app"), {"app/main.py": "\n"}, False),
    Case("a folder whose name only starts alike", _app("COPY app /app"), {"app2/x": "x\n", "app.txt": "x\n"}, False),
    Case("the whole context is copied", _app("COPY . /"), {"other.txt": "new\n"}, True),
    Case(
        "the whole context is copied, and the Dockerfile is part of it",
        _app("COPY . /"),
        {"Dockerfile": "FROM scratch\n# a comment\nCOPY . /\n"},
        True,
    ),
    Case("a file becomes executable", _app("COPY app /app"), {"app/main.py": executable("print(1)\n")}, True),
    Case("a file that is not copied becomes executable", _app("COPY app /app"), {"other.txt": executable("x")}, False),
    Case("a file moves within a copied folder", _app("COPY app /app"), {"app/main.py": None, "app/data/main.py": "print(1)\n"}, True),
    Case("two files of the same name swap contents", _app("COPY app /app", more={"app/data/main.py": "x\n"}), {"app/main.py": "x\n", "app/data/main.py": "print(1)\n"}, True),
    Case("a source with dots and slashes", _app("COPY ./app//data/../main.py /x"), {"app/main.py": "x\n"}, True),
    Case("a source that starts with a slash", _app("COPY /app/main.py /x"), {"app/main.py": "x\n"}, True),
    Case("a source that climbs out of the context stays inside", _app("COPY ../app/main.py /x"), {"app/main.py": "x\n"}, True),
    Case("ADD of a file", _app("ADD app/main.py /x"), {"app/main.py": "x\n"}, True),
    Case("the JSON form with spaces in names", _copying('COPY ["my file.txt", "/"]', **{"my file.txt": "a\n"}), {"my file.txt": "b\n"}, True),
    Case("several sources", _app("COPY app/main.py other.txt /x/"), {"other.txt": "x\n"}, True),
    # Wildcards
    Case("a wildcard finds a new file", _app("COPY app/data/*.txt /x/"), {"app/data/c.txt": "c\n"}, True),
    Case("a wildcard does not match", _app("COPY app/data/*.txt /x/"), {"app/data/b.md": "B\n"}, False),
    Case("a wildcard matches a folder", _app("COPY app/d* /x/"), {"app/data/a.txt": "A\n"}, True),
    Case("a wildcard does not cross folders", _app("COPY a*/*.py /x/"), {"app/data/deep.py": "x\n"}, False),
    Case("a wildcard in the middle", _app("COPY a*/data/a.txt /x/"), {"app/data/a.txt": "A\n"}, True),
    Case("a character class", _app("COPY app/data/[a-b].txt /x/"), {"app/data/c.txt": "c\n"}, False),
    Case("a negated character class", _app("COPY app/data/[^z].txt /x/"), {"app/data/c.txt": "c\n"}, True),
    Case("a question mark", _app("COPY app/data/?.txt /x/"), {"app/data/cc.txt": "c\n"}, False),
    Case("a bracket that stands for itself", _copying("COPY a[[]1] /x", **{"a[1]": "1\n", "a1": "1\n"}), {"a1": "2\n"}, False),
    Case("a backslash is gone before the pattern is read", _copying("COPY a\\[1] /x/", **{"a[1]": "1\n", "a1": "1\n"}), {"a1": "2\n"}, True),
    # Symlinks
    Case("a symlink in a copied folder points elsewhere", _app("COPY app /app", more={"app/now": link("main.py")}), {"app/now": link("data/a.txt")}, True),
    Case("what a symlink in a copied folder points at, outside of it, changes", _app("COPY app /app", more={"app/now": link("../other.txt")}), {"other.txt": "x\n"}, False),
    Case("a copied symlink is followed", _app("COPY now /x", more={"now": link("app/main.py")}), {"app/main.py": "x\n"}, True),
    Case("a copied symlink to another file of the same content", _app("COPY now /x", more={"now": link("app/main.py"), "same": "print(1)\n"}), {"now": link("same")}, False, needless="the link itself is counted: its text decides what is copied"),
    Case("a symlinked folder on the way", _app("COPY now/a.txt /x", more={"now": link("app/data")}), {"app/data/a.txt": "x\n"}, True),
    Case("a symlinked folder is copied", _app("COPY now /x", more={"now": link("app/data")}), {"app/data/b.md": "x\n"}, True),
    Case("a symlink found by a wildcard is followed", _app("COPY no* /x/", more={"now": link("app/main.py")}), {"app/main.py": "x\n"}, True),
    # Ignore files
    Case("an ignored file changes", _app("COPY app /app", more={".dockerignore": "**/*.md\n"}), {"app/data/b.md": "B\n"}, False),
    Case("an ignored file appears", _app("COPY . /", more={".dockerignore": "*.log\n.dockerignore\n"}), {"x.log": "x\n"}, False),
    Case("an exception from an ignored folder changes", _app("COPY . /", more={".dockerignore": "app\n!app/data/a.txt\n"}), {"app/data/a.txt": "A\n"}, True),
    Case("beside an exception", _app("COPY app /app", more={".dockerignore": "app\n!app/data/a.txt\n"}), {"app/main.py": "x\n"}, False),
    Case("a file is ignored from now on", _app("COPY app /app", more={".dockerignore": "x\n"}), {".dockerignore": "x\n**/b.md\n"}, True),
    Case("the ignore file changes and means the same", _app("COPY app /app", more={".dockerignore": "*.md\n"}), {".dockerignore": "# words\n*.md\n"}, False),
    Case("a Dockerfile's own ignore file wins", _app("COPY app /app", more={".dockerignore": "app\n", "Dockerfile.dockerignore": "other.txt\n"}), {"app/main.py": "x\n"}, True),
    Case("the ignore file that loses changes", _app("COPY app /app", more={".dockerignore": "app\n", "Dockerfile.dockerignore": "other.txt\n"}), {".dockerignore": "app/data\n"}, False),
    Case("the last file of an ignored pattern's folder vanishes, and the folder with it", _app("COPY app /app", more={".dockerignore": "app/data/*\n"}), {"app/data/a.txt": None, "app/data/b.md": None}, True),
    Case("a folder ignored as a whole vanishes", _app("COPY app /app", more={".dockerignore": "app/data\n"}), {"app/data/a.txt": None, "app/data/b.md": None}, False),
    Case("**/ at any depth", _app("COPY . /x", more={".dockerignore": "**/data\n.dockerignore\n"}), {"app/data/a.txt": "A\n"}, False),
    # Instructions
    Case("an instruction changes", _app("COPY app /app\nENV A=1"), {"Dockerfile": "FROM scratch\nCOPY app /app\nENV A=2\n"}, True),
    Case("a comment and a blank line", _app("COPY app /app"), {"Dockerfile": "# why\nFROM scratch\n\nCOPY app /app\n"}, False),
    Case("a continuation line breaks elsewhere", _app("RUN echo a && \\\n echo b", base=BUSYBOX), {"Dockerfile": f"FROM {BUSYBOX}\nRUN echo a \\\n&&  echo b\n"}, False),
    Case("a keyword in lower case", _app("COPY app /app"), {"Dockerfile": "from scratch\ncopy app /app\n"}, False),
    Case("a heredoc's content changes", _copying("COPY <<EOF /x\none\nEOF"), {"Dockerfile": "FROM scratch\nCOPY <<EOF /x\ntwo\nEOF\n"}, True),
    Case("a RUN heredoc's content changes", _copying("RUN <<EOF\necho 1 > /x\nEOF", base=BUSYBOX), {"Dockerfile": f"FROM {BUSYBOX}\nRUN <<EOF\necho 2 > /x\nEOF\n"}, True),
    Case("a stage is renamed", _app("", more={"Dockerfile": _STAGES}), {"Dockerfile": _STAGES.replace("assets", "files")}, False),
    Case("a stage nobody needs changes", _app("", more={"Dockerfile": _STAGES}), {"Dockerfile": _STAGES.replace("COPY other.txt /", "COPY other.txt /there")}, False),
    Case("a file of a stage nobody needs changes", _app("", more={"Dockerfile": _STAGES}), {"other.txt": "x\n"}, False),
    Case("a file of a stage that is copied from changes", _app("", more={"Dockerfile": _STAGES}), {"app/data/a.txt": "A\n"}, True),
    Case("a stage is named by its number", _app("", more={"Dockerfile": "FROM scratch\nCOPY app/data /d\nFROM scratch\nCOPY --from=0 /d /d\n"}), {"app/data/a.txt": "A\n"}, True),
    Case("only the target's stages count", _app("", more={"Dockerfile": _STAGES}), {"app/main.py": "x\n"}, False, before=_spec(target="assets")),
    Case("the target changes", _app("", more={"Dockerfile": _STAGES}), {}, True, after=_spec(target="docs")),
    Case("an unused global argument changes", _app("", more={"Dockerfile": _STAGES}), {"Dockerfile": _STAGES.replace("plain", "fancy")}, False),
    Case("a stage chosen by an argument", _app("", more={"Dockerfile": "ARG F=a\nFROM scratch AS a\nCOPY app/data /\nFROM scratch AS b\nCOPY other.txt /\nFROM $F\n"}), {"other.txt": "x\n"}, True, before=_spec(args={"F": "b"})),
    Case("the Dockerfile moves", _app("COPY app /app"), {"Dockerfile": None, "deploy/Dockerfile": "FROM scratch\nCOPY app /app\n"}, False, after=_spec(dockerfile="deploy/Dockerfile")),
    Case("ONBUILD of a stage reads", _app("", more={"Dockerfile": "FROM scratch AS base\nONBUILD COPY app/data /d\nFROM base\nCOPY other.txt /\n"}), {"app/data/a.txt": "A\n"}, True),
    # Arguments and variables
    Case("an argument that is declared changes", _app("ARG V\nRUN echo $V > /v", base=BUSYBOX), {}, True, before=_spec(args={"V": "1"}), after=_spec(args={"V": "2"})),
    Case("an argument nobody declares changes", _app("COPY app /app"), {}, False, before=_spec(args={"V": "1"}), after=_spec(args={"V": "2"})),
    Case("an argument declared in a stage nobody needs", _app("", more={"Dockerfile": "FROM scratch AS x\nARG V\nCOPY other.txt /$V\nFROM scratch\nCOPY app /app\n"}), {}, False, before=_spec(args={"V": "1"}), after=_spec(args={"V": "2"})),
    Case("an argument names the source", _app("ARG W=app/main.py\nCOPY $W /x"), {"other.txt": "x\n"}, True, before=_spec(args={"W": "other.txt"})),
    Case("an argument's default names the source", _app("ARG W=app/main.py\nCOPY ${W} /x"), {"other.txt": "x\n"}, False),
    Case("a global argument's default reaches a stage", _app("", more={"Dockerfile": "ARG W=other.txt\nFROM scratch\nARG W\nCOPY ${W} /x\n"}), {"other.txt": "x\n"}, True),
    Case("an ENV names the source", _app("ENV W=app\nCOPY ${W}/main.py /x"), {"app/main.py": "x\n"}, True),
    Case("a substitution with a default names the source", _app("COPY ${W:-other}.txt /x"), {"other.txt": "x\n"}, True),
    Case("a platform argument names the source", _app("ARG TARGETARCH\nCOPY bin-$TARGETARCH /x", more={"bin-amd64": "1\n", "bin-arm64": "1\n"}), {"bin-arm64": "2\n"}, True),
    Case("a source of another architecture", _app("ARG TARGETARCH\nCOPY bin-$TARGETARCH /x", more={"bin-amd64": "1\n", "bin-arm64": "1\n", "bin-s390x": "1\n"}), {"bin-s390x": "2\n"}, False),
    Case("a heredoc with a variable", _copying("ARG V\nCOPY <<EOF /x\n$V\nEOF"), {}, True, before=_spec(args={"V": "1"}), after=_spec(args={"V": "2"})),
    Case("a proxy argument changes", _app("RUN true", base=BUSYBOX), {}, False, before=_spec(args={"HTTP_PROXY": "http://a"}), after=_spec(args={"HTTP_PROXY": "http://b"})),
    # Mounts
    Case("a bind-mounted file changes", _app("RUN --mount=type=bind,source=app/main.py,target=/m cat /m > /x", base=BUSYBOX), {"app/main.py": "x\n"}, True),
    Case("a bind mount's default is the whole context", _app("RUN --mount=target=/m cat /m/other.txt > /x", base=BUSYBOX), {"app/main.py": "x\n"}, True),
    Case("beside a bind-mounted folder", _app("RUN --mount=type=bind,source=app/data,target=/m cat /m/a.txt > /x", base=BUSYBOX), {"app/main.py": "x\n"}, False),
    Case("a mount from a stage", _app("", more={"Dockerfile": f"FROM scratch AS s\nCOPY app/data /d\nFROM {BUSYBOX}\nRUN --mount=from=s,source=/d,target=/m cat /m/a.txt > /x\n"}), {"app/data/a.txt": "A\n"}, True),
    Case("a cache mount reads nothing", _app("RUN --mount=type=cache,target=/m true", base=BUSYBOX), {"app/main.py": "x\n"}, False),
    Case("a secret's id changes its source", _app("RUN --mount=type=secret,id=t true", base=BUSYBOX), {}, False, before=_spec(secrets=(BuildSecret("t", environment="HOME"),)), after=_spec(secrets=(BuildSecret("t", environment="PATH"),))),
    # Contexts
    Case("the context is a folder", {"svc/Dockerfile": "FROM scratch\nCOPY . /\n", "svc/a": "a\n", "b": "b\n"}, {"b": "B\n"}, False, before=BuildSpec("svc", "svc/Dockerfile")),
    Case("a file in the context's folder changes", {"svc/Dockerfile": "FROM scratch\nCOPY a /\n", "svc/a": "a\n"}, {"svc/a": "A\n"}, True, before=BuildSpec("svc", "svc/Dockerfile")),
    Case("a named context is a folder", _app("COPY --from=lib x /", more={"lib/x": "x\n", "lib/y": "y\n"}), {"lib/x": "X\n"}, True, before=_spec(contexts={"lib": "lib"})),
    Case("beside what is copied from a named context", _app("COPY --from=lib x /", more={"lib/x": "x\n", "lib/y": "y\n"}), {"lib/y": "Y\n"}, False, before=_spec(contexts={"lib": "lib"})),
    Case("a named context nobody names", _app("COPY app /", more={"lib/x": "x\n"}), {"lib/x": "X\n"}, False, before=_spec(contexts={"lib": "lib"})),
    Case("a named context takes the place of a stage", _app("", more={"Dockerfile": _STAGES, "lib/data/x": "x\n"}), {"app/data/a.txt": "A\n"}, False, before=_spec(contexts={"assets": "lib"})),
    Case("a named context's own ignore file", _app("COPY --from=lib . /", more={"lib/x": "x\n", "lib/.dockerignore": "y\n", "lib/y": "y\n"}), {"lib/y": "Y\n"}, False, before=_spec(contexts={"lib": "lib"})),
    Case("an inline Dockerfile", {"a": "a\n", "Dockerfile": "FROM x\n"}, {"Dockerfile": "FROM y\n"}, False, before=BuildSpec(".", "Dockerfile", dockerfile_inline="FROM scratch\nCOPY a /\n")),
    # Settings of the build
    Case("a label changes", _app("COPY app /app"), {}, True, before=_spec(labels={"a": "1"}), after=_spec(labels={"a": "2"})),
    # How git writes files
    Case(
        "line ends are decided by git's attributes",
        _app("COPY app/data/a.txt /", more={".gitattributes": "*.txt eol=lf\n"}),
        {".gitattributes": "*.txt eol=crlf\n"},
        True,
    ),
    Case(
        "git's attributes change and mean the same here",
        _app("COPY app/data/a.txt /", more={".gitattributes": "*.txt text=auto\n"}),
        {".gitattributes": "*.txt text=auto\n*.md linguist-documentation\n"},
        False,
    ),
    Case(
        "git's attributes of another folder change",
        _app("COPY app/data /", more={"lib/.gitattributes": "*.txt eol=lf\n", "lib/x": "x\n"}),
        {"lib/.gitattributes": "*.txt eol=crlf\n"},
        False,
    ),
    # Newer instructions
    Case("COPY --parents with **", _app("COPY --parents app/**/*.txt /"), {"app/data/a.txt": "A\n"}, True, judged=False),
    Case("beside COPY --parents with **", _app("COPY --parents app/**/*.txt /"), {"app/main.py": "A\n"}, False, judged=False),
    Case("COPY --parents of a folder", _app("COPY --parents app/data /"), {"app/data/b.md": "A\n"}, True, judged=False),
    Case("COPY --parents with a pivot", _app("COPY --parents app/./data/*.md /"), {"app/data/b.md": "A\n"}, True, judged=False),
    Case("beside COPY --parents with a pivot", _app("COPY --parents app/./data/*.md /"), {"app/data/a.txt": "A\n"}, False, judged=False),
    Case("COPY --exclude", _app("COPY --exclude=**/*.md app /app"), {"app/data/b.md": "B\n"}, False, judged=False),
    Case("beside COPY --exclude", _app("COPY --exclude=**/*.md app /app"), {"app/data/a.txt": "B\n"}, True, judged=False),
    Case("ADD --exclude", _app("ADD --exclude=data/b.md app /app"), {"app/data/b.md": "B\n"}, False, judged=False),
)  # fmt: skip
