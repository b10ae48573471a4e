"""Cases of change detection by topic: an edit, and whether the image changes.

The planner is held to them in the unit tests, and the verdicts themselves to BuildKit in the engine tests: it builds
before and after the edit, and the digests are compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from windlass.model.project import BuildSecret, BuildSpec
from windlass.testing.contracts.change_case import BUSYBOX, STAGES, Case, app, copying, spec
from windlass.testing.contracts.changes_beyond import BEYOND
from windlass.testing.files import executable, link

_WITHIN: dict[str, tuple[Case, ...]] = {
    "Files and folders": (
        Case("a copied file changes", app("COPY app/main.py /"), {"app/main.py": "print(2)\n"}, True),
        Case("a file beside it changes", app("COPY app/main.py /"), {"other.txt": "new\n"}, False),
        Case("a file in a copied folder changes", app("COPY app /app"), {"app/data/a.txt": "A\n"}, True),
        Case("a file appears in a copied folder", app("COPY app /app"), {"app/data/new.txt": "\n"}, True),
        Case("a file vanishes from a copied folder", app("COPY app /app"), {"app/data/b.md": None}, True),
        Case("a file outside the copied folder changes", app("COPY app/data /app"), {"app/main.py": "\n"}, False),
        Case("a folder whose name only starts alike", app("COPY app /app"), {"app2/x": "x\n", "app.txt": "x\n"}, False),
        Case("the whole context is copied", app("COPY . /"), {"other.txt": "new\n"}, True),
        Case(
            "the whole context is copied, and the Dockerfile is part of it",
            app("COPY . /"),
            {"Dockerfile": "FROM scratch\n# a comment\nCOPY . /\n"},
            True,
        ),
        Case("a file becomes executable", app("COPY app /app"), {"app/main.py": executable("print(1)\n")}, True),
        Case("a file that is not copied becomes executable", app("COPY app /app"), {"other.txt": executable("x")}, False),
        Case("a file moves within a copied folder", app("COPY app /app"), {"app/main.py": None, "app/data/main.py": "print(1)\n"}, True),
        Case("two files of the same name swap contents", app("COPY app /app", more={"app/data/main.py": "x\n"}), {"app/main.py": "x\n", "app/data/main.py": "print(1)\n"}, True),
        Case("a source with dots and slashes", app("COPY ./app//data/../main.py /x"), {"app/main.py": "x\n"}, True),
        Case("a source that starts with a slash", app("COPY /app/main.py /x"), {"app/main.py": "x\n"}, True),
        Case("a source that climbs out of the context stays inside", app("COPY ../app/main.py /x"), {"app/main.py": "x\n"}, True),
        Case("ADD of a file", app("ADD app/main.py /x"), {"app/main.py": "x\n"}, True),
        Case("the JSON form with spaces in names", copying('COPY ["my file.txt", "/"]', **{"my file.txt": "a\n"}), {"my file.txt": "b\n"}, True),
        Case("several sources", app("COPY app/main.py other.txt /x/"), {"other.txt": "x\n"}, True),
    ),
    "Wildcards": (
        Case("a wildcard finds a new file", app("COPY app/data/*.txt /x/"), {"app/data/c.txt": "c\n"}, True),
        Case("a wildcard does not match", app("COPY app/data/*.txt /x/"), {"app/data/b.md": "B\n"}, False),
        Case("a wildcard matches a folder", app("COPY app/d* /x/"), {"app/data/a.txt": "A\n"}, True),
        Case("a wildcard does not cross folders", app("COPY a*/*.py /x/"), {"app/data/deep.py": "x\n"}, False),
        Case("a wildcard in the middle", app("COPY a*/data/a.txt /x/"), {"app/data/a.txt": "A\n"}, True),
        Case("a character class", app("COPY app/data/[a-b].txt /x/"), {"app/data/c.txt": "c\n"}, False),
        Case("a negated character class", app("COPY app/data/[^z].txt /x/"), {"app/data/c.txt": "c\n"}, True),
        Case("a question mark", app("COPY app/data/?.txt /x/"), {"app/data/cc.txt": "c\n"}, False),
        Case("a bracket that stands for itself", copying("COPY a[[]1] /x", **{"a[1]": "1\n", "a1": "1\n"}), {"a1": "2\n"}, False),
        Case("a backslash is gone before the pattern is read", copying("COPY a\\[1] /x/", **{"a[1]": "1\n", "a1": "1\n"}), {"a1": "2\n"}, True),
    ),
    "Symlinks": (
        Case("a symlink in a copied folder points elsewhere", app("COPY app /app", more={"app/now": link("main.py")}), {"app/now": link("data/a.txt")}, True),
        Case("what a symlink in a copied folder points at, outside of it, changes", app("COPY app /app", more={"app/now": link("../other.txt")}), {"other.txt": "x\n"}, False),
        Case("a copied symlink is followed", app("COPY now /x", more={"now": link("app/main.py")}), {"app/main.py": "x\n"}, True),
        Case("a copied symlink to another file of the same content", app("COPY now /x", more={"now": link("app/main.py"), "same": "print(1)\n"}), {"now": link("same")}, False, needless="the link itself is counted: its text decides what is copied"),
        Case("a symlinked folder on the way", app("COPY now/a.txt /x", more={"now": link("app/data")}), {"app/data/a.txt": "x\n"}, True),
        Case("a symlinked folder is copied", app("COPY now /x", more={"now": link("app/data")}), {"app/data/b.md": "x\n"}, True),
        Case("a symlink found by a wildcard is followed", app("COPY no* /x/", more={"now": link("app/main.py")}), {"app/main.py": "x\n"}, True),
    ),
    "Ignore files": (
        Case("an ignored file changes", app("COPY app /app", more={".dockerignore": "**/*.md\n"}), {"app/data/b.md": "B\n"}, False),
        Case("an ignored file appears", app("COPY . /", more={".dockerignore": "*.log\n.dockerignore\n"}), {"x.log": "x\n"}, False),
        Case("an exception from an ignored folder changes", app("COPY . /", more={".dockerignore": "app\n!app/data/a.txt\n"}), {"app/data/a.txt": "A\n"}, True),
        Case("beside an exception", app("COPY app /app", more={".dockerignore": "app\n!app/data/a.txt\n"}), {"app/main.py": "x\n"}, False),
        Case("a file is ignored from now on", app("COPY app /app", more={".dockerignore": "x\n"}), {".dockerignore": "x\n**/b.md\n"}, True),
        Case("the ignore file changes and means the same", app("COPY app /app", more={".dockerignore": "*.md\n"}), {".dockerignore": "# words\n*.md\n"}, False),
        Case("a Dockerfile's own ignore file wins", app("COPY app /app", more={".dockerignore": "app\n", "Dockerfile.dockerignore": "other.txt\n"}), {"app/main.py": "x\n"}, True),
        Case("the ignore file that loses changes", app("COPY app /app", more={".dockerignore": "app\n", "Dockerfile.dockerignore": "other.txt\n"}), {".dockerignore": "app/data\n"}, False),
        Case("the last file of an ignored pattern's folder vanishes, and the folder with it", app("COPY app /app", more={".dockerignore": "app/data/*\n"}), {"app/data/a.txt": None, "app/data/b.md": None}, True),
        Case("a folder ignored as a whole vanishes", app("COPY app /app", more={".dockerignore": "app/data\n"}), {"app/data/a.txt": None, "app/data/b.md": None}, False),
        Case("**/ at any depth", app("COPY . /x", more={".dockerignore": "**/data\n.dockerignore\n"}), {"app/data/a.txt": "A\n"}, False),
    ),
    "Instructions": (
        Case("an instruction changes", app("COPY app /app\nENV A=1"), {"Dockerfile": "FROM scratch\nCOPY app /app\nENV A=2\n"}, True),
        Case("a comment and a blank line", app("COPY app /app"), {"Dockerfile": "# why\nFROM scratch\n\nCOPY app /app\n"}, False),
        Case("a continuation line breaks elsewhere", app("RUN echo a && \\\n echo b", base=BUSYBOX), {"Dockerfile": f"FROM {BUSYBOX}\nRUN echo a \\\n&&  echo b\n"}, False),
        Case("a keyword in lower case", app("COPY app /app"), {"Dockerfile": "from scratch\ncopy app /app\n"}, False),
        Case("a heredoc's content changes", copying("COPY <<EOF /x\none\nEOF"), {"Dockerfile": "FROM scratch\nCOPY <<EOF /x\ntwo\nEOF\n"}, True),
        Case("a RUN heredoc's content changes", copying("RUN <<EOF\necho 1 > /x\nEOF", base=BUSYBOX), {"Dockerfile": f"FROM {BUSYBOX}\nRUN <<EOF\necho 2 > /x\nEOF\n"}, True),
        Case("a stage is renamed", app("", more={"Dockerfile": STAGES}), {"Dockerfile": STAGES.replace("assets", "files")}, False),
        Case("a stage nobody needs changes", app("", more={"Dockerfile": STAGES}), {"Dockerfile": STAGES.replace("COPY other.txt /", "COPY other.txt /there")}, False),
        Case("a file of a stage nobody needs changes", app("", more={"Dockerfile": STAGES}), {"other.txt": "x\n"}, False),
        Case("a file of a stage that is copied from changes", app("", more={"Dockerfile": STAGES}), {"app/data/a.txt": "A\n"}, True),
        Case("a stage is named by its number", app("", more={"Dockerfile": "FROM scratch\nCOPY app/data /d\nFROM scratch\nCOPY --from=0 /d /d\n"}), {"app/data/a.txt": "A\n"}, True),
        Case("only the target's stages count", app("", more={"Dockerfile": STAGES}), {"app/main.py": "x\n"}, False, before=spec(target="assets")),
        Case("the target changes", app("", more={"Dockerfile": STAGES}), {}, True, after=spec(target="docs")),
        Case("an unused global argument changes", app("", more={"Dockerfile": STAGES}), {"Dockerfile": STAGES.replace("plain", "fancy")}, False),
        Case("a stage chosen by an argument", app("", more={"Dockerfile": "ARG F=a\nFROM scratch AS a\nCOPY app/data /\nFROM scratch AS b\nCOPY other.txt /\nFROM $F\n"}), {"other.txt": "x\n"}, True, before=spec(args={"F": "b"})),
        Case("the Dockerfile moves", app("COPY app /app"), {"Dockerfile": None, "deploy/Dockerfile": "FROM scratch\nCOPY app /app\n"}, False, after=spec(dockerfile="deploy/Dockerfile")),
        Case("ONBUILD of a stage reads", app("", more={"Dockerfile": "FROM scratch AS base\nONBUILD COPY app/data /d\nFROM base\nCOPY other.txt /\n"}), {"app/data/a.txt": "A\n"}, True),
    ),
    "Arguments and variables": (
        Case("an argument that is declared changes", app("ARG V\nRUN echo $V > /v", base=BUSYBOX), {}, True, before=spec(args={"V": "1"}), after=spec(args={"V": "2"})),
        Case("an argument nobody declares changes", app("COPY app /app"), {}, False, before=spec(args={"V": "1"}), after=spec(args={"V": "2"})),
        Case("an argument declared in a stage nobody needs", app("", more={"Dockerfile": "FROM scratch AS x\nARG V\nCOPY other.txt /$V\nFROM scratch\nCOPY app /app\n"}), {}, False, before=spec(args={"V": "1"}), after=spec(args={"V": "2"})),
        Case("an argument names the source", app("ARG W=app/main.py\nCOPY $W /x"), {"other.txt": "x\n"}, True, before=spec(args={"W": "other.txt"})),
        Case("an argument's default names the source", app("ARG W=app/main.py\nCOPY ${W} /x"), {"other.txt": "x\n"}, False),
        Case("a global argument's default reaches a stage", app("", more={"Dockerfile": "ARG W=other.txt\nFROM scratch\nARG W\nCOPY ${W} /x\n"}), {"other.txt": "x\n"}, True),
        Case("an ENV names the source", app("ENV W=app\nCOPY ${W}/main.py /x"), {"app/main.py": "x\n"}, True),
        Case("a substitution with a default names the source", app("COPY ${W:-other}.txt /x"), {"other.txt": "x\n"}, True),
        Case("a platform argument names the source", app("ARG TARGETARCH\nCOPY bin-$TARGETARCH /x", more={"bin-amd64": "1\n", "bin-arm64": "1\n"}), {"bin-arm64": "2\n"}, True),
        Case("a source of another architecture", app("ARG TARGETARCH\nCOPY bin-$TARGETARCH /x", more={"bin-amd64": "1\n", "bin-arm64": "1\n", "bin-s390x": "1\n"}), {"bin-s390x": "2\n"}, False),
        Case("a heredoc with a variable", copying("ARG V\nCOPY <<EOF /x\n$V\nEOF"), {}, True, before=spec(args={"V": "1"}), after=spec(args={"V": "2"})),
        Case("a proxy argument changes", app("RUN true", base=BUSYBOX), {}, False, before=spec(args={"HTTP_PROXY": "http://a"}), after=spec(args={"HTTP_PROXY": "http://b"})),
    ),
    "Mounts": (
        Case("a bind-mounted file changes", app("RUN --mount=type=bind,source=app/main.py,target=/m cat /m > /x", base=BUSYBOX), {"app/main.py": "x\n"}, True),
        Case("a bind mount's default is the whole context", app("RUN --mount=target=/m cat /m/other.txt > /x", base=BUSYBOX), {"app/main.py": "x\n"}, True),
        Case("beside a bind-mounted folder", app("RUN --mount=type=bind,source=app/data,target=/m cat /m/a.txt > /x", base=BUSYBOX), {"app/main.py": "x\n"}, False),
        Case("a mount from a stage", app("", more={"Dockerfile": f"FROM scratch AS s\nCOPY app/data /d\nFROM {BUSYBOX}\nRUN --mount=from=s,source=/d,target=/m cat /m/a.txt > /x\n"}), {"app/data/a.txt": "A\n"}, True),
        Case("a cache mount reads nothing", app("RUN --mount=type=cache,target=/m true", base=BUSYBOX), {"app/main.py": "x\n"}, False),
        Case("a secret's id changes its source", app("RUN --mount=type=secret,id=t true", base=BUSYBOX), {}, False, before=spec(secrets=(BuildSecret("t", environment="HOME"),)), after=spec(secrets=(BuildSecret("t", environment="PATH"),))),
    ),
    "Contexts": (
        Case("the context is a folder", {"svc/Dockerfile": "FROM scratch\nCOPY . /\n", "svc/a": "a\n", "b": "b\n"}, {"b": "B\n"}, False, before=BuildSpec("svc", "svc/Dockerfile")),
        Case("a file in the context's folder changes", {"svc/Dockerfile": "FROM scratch\nCOPY a /\n", "svc/a": "a\n"}, {"svc/a": "A\n"}, True, before=BuildSpec("svc", "svc/Dockerfile")),
        Case("a named context is a folder", app("COPY --from=lib x /", more={"lib/x": "x\n", "lib/y": "y\n"}), {"lib/x": "X\n"}, True, before=spec(contexts={"lib": "lib"})),
        Case("beside what is copied from a named context", app("COPY --from=lib x /", more={"lib/x": "x\n", "lib/y": "y\n"}), {"lib/y": "Y\n"}, False, before=spec(contexts={"lib": "lib"})),
        Case("a named context nobody names", app("COPY app /", more={"lib/x": "x\n"}), {"lib/x": "X\n"}, False, before=spec(contexts={"lib": "lib"})),
        Case("a named context takes the place of a stage", app("", more={"Dockerfile": STAGES, "lib/data/x": "x\n"}), {"app/data/a.txt": "A\n"}, False, before=spec(contexts={"assets": "lib"})),
        Case("a named context's own ignore file", app("COPY --from=lib . /", more={"lib/x": "x\n", "lib/.dockerignore": "y\n", "lib/y": "y\n"}), {"lib/y": "Y\n"}, False, before=spec(contexts={"lib": "lib"})),
        Case("an inline Dockerfile", {"a": "a\n", "Dockerfile": "FROM x\n"}, {"Dockerfile": "FROM y\n"}, False, before=BuildSpec(".", "Dockerfile", dockerfile_inline="FROM scratch\nCOPY a /\n")),
    ),
    "Settings of the build": (
        Case("a label changes", app("COPY app /app"), {}, True, before=spec(labels={"a": "1"}), after=spec(labels={"a": "2"})),
    ),
    "How git writes files": (
        Case(
            "line ends are decided by git's attributes",
            app("COPY app/data/a.txt /", more={".gitattributes": "*.txt eol=lf\n"}),
            {".gitattributes": "*.txt eol=crlf\n"},
            True,
        ),
        Case(
            "git's attributes change and mean the same here",
            app("COPY app/data/a.txt /", more={".gitattributes": "*.txt text=auto\n"}),
            {".gitattributes": "*.txt text=auto\n*.md linguist-documentation\n"},
            False,
        ),
        Case(
            "git's attributes of another folder change",
            app("COPY app/data /", more={"lib/.gitattributes": "*.txt eol=lf\n", "lib/x": "x\n"}),
            {"lib/.gitattributes": "*.txt eol=crlf\n"},
            False,
        ),
    ),
    "Newer instructions": (
        Case("COPY --parents with **", app("COPY --parents app/**/*.txt /"), {"app/data/a.txt": "A\n"}, True, judged=False),
        Case("beside COPY --parents with **", app("COPY --parents app/**/*.txt /"), {"app/main.py": "A\n"}, False, judged=False),
        Case("COPY --parents of a folder", app("COPY --parents app/data /"), {"app/data/b.md": "A\n"}, True, judged=False),
        Case("COPY --parents with a pivot", app("COPY --parents app/./data/*.md /"), {"app/data/b.md": "A\n"}, True, judged=False),
        Case("beside COPY --parents with a pivot", app("COPY --parents app/./data/*.md /"), {"app/data/a.txt": "A\n"}, False, judged=False),
        Case("COPY --exclude", app("COPY --exclude=**/*.md app /app"), {"app/data/b.md": "B\n"}, False, judged=False),
        Case("beside COPY --exclude", app("COPY --exclude=**/*.md app /app"), {"app/data/a.txt": "B\n"}, True, judged=False),
        Case("ADD --exclude", app("ADD --exclude=data/b.md app /app"), {"app/data/b.md": "B\n"}, False, judged=False),
    ),
}  # fmt: skip

TOPICS: Mapping[str, tuple[Case, ...]] = {**_WITHIN, **BEYOND}
CASES: tuple[Case, ...] = tuple(case for cases in TOPICS.values() for case in cases)
