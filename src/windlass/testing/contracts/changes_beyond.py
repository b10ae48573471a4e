"""More cases of change detection: those that other tools are known to get wrong, base images, and edges between services."""

from __future__ import annotations

from windlass.model.project import BuildSecret, BuildSpec
from windlass.testing.contracts.change_case import APP, BUSYBOX, STAGES, Case, app, copying, spec
from windlass.testing.files import executable, link

_BASE = ("FROM scratch\nCOPY <<E /base\n1\nE\n", "FROM scratch\nCOPY <<E /base\n2\nE\n")
_FROM = {"base": _BASE}
_LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n"
_TWO = {
    "lib/Dockerfile": "FROM scratch\nCOPY lib/code /code\n",
    "lib/code": "1\n",
    "lib/notes": "1\n",
    "Dockerfile": "FROM lib\nCOPY other.txt /\n",
    **APP,
}
_LIB = {"lib": BuildSpec(".", "lib/Dockerfile")}
_ALLOW = "*\n!app\n!app/data\napp/data/*.md\n"

BEYOND: dict[str, tuple[Case, ...]] = {
    "Base images": (
        Case("a base image moves under its tag", app("COPY app /app", base="base"), {}, True, images=_FROM),
        Case("the image that COPY --from names moves", app("COPY --from=base /base /b"), {}, True, images=_FROM),
        Case("the image that a mount is from moves", app("RUN --mount=from=base,target=/m cat /m/base > /x", base=BUSYBOX), {}, True, images=_FROM),
        Case("the base image of a stage nobody needs moves", app("", more={"Dockerfile": "FROM base AS x\nFROM scratch\nCOPY app /app\n"}), {}, False, images=_FROM),
        Case("a base image that an argument names moves", app("", more={"Dockerfile": "ARG B=busybox\nFROM $B\nCOPY app /app\n"}), {}, True, before=spec(args={"B": "base"}), images=_FROM),
        Case("another base image is named, and it is the same", app("", base="base", more={"Dockerfile": "FROM base\nCOPY app /app\n"}), {"Dockerfile": "FROM same\nCOPY app /app\n"}, False, images={"base": (_BASE[0], _BASE[0]), "same": (_BASE[0], _BASE[0])}, needless="a base image is counted by its name too, which the build may show"),
        Case("a base image gets an ONBUILD that reads files", app("COPY other.txt /", base="base"), {}, True, images={"base": (_BASE[0], f"{_BASE[0]}ONBUILD COPY app /app\n")}),
        Case("ONBUILD of a base image reads a file that changes", app("COPY other.txt /", base="base"), {"app/main.py": "x\n"}, True, images={"base": (f"{_BASE[0]}ONBUILD COPY app /app\n",) * 2}),
        Case("beside what ONBUILD of a base image reads", app("COPY other.txt /", base="base"), {"app/main.py": "x\n"}, False, images={"base": (f"{_BASE[0]}ONBUILD COPY app/data /d\n",) * 2}),
        Case("a base image of a named context moves", app("COPY --from=x /base /b"), {}, True, before=spec(contexts={"x": "docker-image://base"}), images=_FROM),
    ),
    "Edges between services": (
        Case("a service this one is built FROM changes", _TWO, {"lib/code": "2\n"}, True, others=_LIB),
        Case("beside the files of a service this one is built FROM", _TWO, {"lib/notes": "2\n"}, False, others=_LIB),
        Case("a service that COPY --from names changes", {**_TWO, "Dockerfile": "FROM scratch\nCOPY --from=lib /code /\n"}, {"lib/code": "2\n"}, True, others=_LIB),
        Case("a service that is a named context changes", {**_TWO, "Dockerfile": "FROM scratch\nCOPY --from=parts /code /\n"}, {"lib/code": "2\n"}, True, before=spec(contexts={"parts": "service:lib"}), others=_LIB),
        Case("a service that only stands beside this one changes", {**_TWO, "Dockerfile": "FROM scratch\nCOPY other.txt /\n"}, {"lib/code": "2\n"}, False, others=_LIB),
        Case("a service two steps below changes", {**_TWO, "mid/Dockerfile": "FROM lib\nCOPY app/main.py /\n", "Dockerfile": "FROM mid\nCOPY other.txt /\n"}, {"lib/code": "2\n"}, True, others={**_LIB, "mid": BuildSpec(".", "mid/Dockerfile")}),
        Case("a mount from a service that changes", {**_TWO, "Dockerfile": f"FROM {BUSYBOX}\nRUN --mount=from=lib,target=/m cat /m/code > /x\n"}, {"lib/code": "2\n"}, True, others=_LIB),
    ),
    "Files that become others": (
        Case("a file is renamed within a wildcard", app("COPY app/data/*.txt /x/"), {"app/data/a.txt": None, "app/data/z.txt": "a\n"}, True),
        Case("a file's name changes its case", app("COPY app /app"), {"app/main.py": None, "app/Main.py": "print(1)\n"}, True),
        Case("a copied file is renamed, and its destination has a name", app("COPY app/main.py /x"), {"app/main.py": None, "app/new.py": "print(1)\n", "Dockerfile": "FROM scratch\nCOPY app/new.py /x\n"}, True),
        Case("a file becomes a symlink to the same content", app("COPY app /app"), {"app/data/b.md": link("a.txt")}, True),
        Case("a symlink becomes a file of the same content", app("COPY app /app", more={"app/now": link("main.py")}), {"app/now": "print(1)\n"}, True),
        Case("a file becomes a folder", app("COPY app /app"), {"app/main.py": None, "app/main.py/x": "x\n"}, True),
        Case("a folder becomes a symlink to another one", app("COPY app /app", more={"lib/a.txt": "a\n"}), {"app/data/a.txt": None, "app/data/b.md": None, "app/data": link("../lib")}, True),
        Case("an empty file appears", app("COPY app /app"), {"app/__init__.py": ""}, True),
        Case("a line end at the end of a file", app("COPY app /app"), {"app/main.py": "print(1)"}, True),
        Case("an edit that keeps a file's size", app("COPY app /app"), {"app/main.py": "print(9)\n"}, True),
        Case("a name beyond ASCII", copying("COPY ä /x/", **{"ä/中.txt": "1\n"}), {"ä/中.txt": "2\n"}, True),
        Case("a chain of symlinks, its middle points elsewhere", app("COPY one /x", more={"one": link("two"), "two": link("app/main.py")}), {"two": link("other.txt")}, True),
        Case("a symlink that leads out of the context and back in", app("COPY up /x", more={"up": link("../../app/main.py")}), {"app/main.py": "x\n"}, True),
        Case("a committed file that .gitignore names", app("COPY app /app", more={".gitignore": "*.log\n", "app/x.log": "1\n"}), {"app/x.log": "2\n"}, True),
        Case("an LFS pointer to other content", app("COPY app /app", more={".gitattributes": "*.bin filter=lfs\n", "app/x.bin": _LFS.format("a" * 64)}), {"app/x.bin": _LFS.format("b" * 64)}, True),
        Case("an LFS pointer outside of what is copied", app("COPY app /app", more={".gitattributes": "*.bin filter=lfs\n", "x.bin": _LFS.format("a" * 64)}), {"x.bin": _LFS.format("b" * 64)}, False),
    ),
    "Files that mean something to other tools": (
        Case("a lockfile of the repository changes, and this image copies it", app("COPY package-lock.json app /app/", more={"package-lock.json": "1\n"}), {"package-lock.json": "2\n"}, True),
        Case("a lockfile of the repository changes, and this image does not copy it", app("COPY app /app", more={"package-lock.json": "1\n"}), {"package-lock.json": "2\n"}, False),
        Case("another service's lockfile changes", app("COPY app /app", more={"web/package-lock.json": "1\n"}), {"web/package-lock.json": "2\n"}, False),
        Case("the build system's own configuration changes, and this image copies it", app("COPY nx.json /", more={"nx.json": "1\n"}), {"nx.json": "2\n"}, True),
        Case("windlass.yaml and the Compose file change", app("COPY app /app", more={"windlass.yaml": "1\n", "compose.yml": "1\n"}), {"windlass.yaml": "2\n", "compose.yml": "2\n"}, False),
        Case("a workflow file changes", app("COPY app /app", more={".github/workflows/x.yml": "1\n"}), {".github/workflows/x.yml": "2\n"}, False),
        Case("an env file changes", app("COPY app /app", more={".env": "A=1\n"}), {".env": "A=2\n"}, False),
    ),
    "Ignore files, further": (
        Case("the ignore file is removed", app("COPY app /app", more={".dockerignore": "**/*.md\n"}), {".dockerignore": None}, True),
        Case("an ignore file appears that takes nothing away here", app("COPY app /app"), {".dockerignore": "nothing\n"}, False),
        Case("everything is ignored but a folder, in which a file changes", app("COPY . /", more={".dockerignore": _ALLOW}), {"app/data/a.txt": "A\n"}, True),
        Case("everything is ignored but a folder, and beside it a file changes", app("COPY . /", more={".dockerignore": _ALLOW}), {"other.txt": "x\n", "new": "x\n"}, False),
        Case("ignored again after an exception", app("COPY . /", more={".dockerignore": _ALLOW}), {"app/data/b.md": "x\n"}, False),
        Case("a later exception wins over an earlier rule", app("COPY app /app", more={".dockerignore": "**/*.md\n!app/data/b.md\n"}), {"app/data/b.md": "x\n"}, True),
        Case("an ignore file in a subfolder is a plain file", app("COPY app /app", more={"app/.dockerignore": "data\n"}), {"app/data/a.txt": "x\n"}, True),
        Case("an ignored Dockerfile gets a comment", app("COPY . /x", more={".dockerignore": "Dockerfile\n"}), {"Dockerfile": "# why\nFROM scratch\nCOPY . /x\n"}, False),
        Case("a Dockerfile's own ignore file appears", app("COPY app /app", more={".dockerignore": "**/*.md\n"}), {"Dockerfile.dockerignore": "**/*.txt\n"}, True),
        Case("a bind mount of a context with ignored files", app("RUN --mount=target=/m cat /m/other.txt > /x", base=BUSYBOX, more={".dockerignore": "app\n"}), {"app/main.py": "x\n"}, False),
        Case("an ignore rule with a leading slash and a trailing one", app("COPY . /x", more={".dockerignore": "/app/data/\n.dockerignore\n"}), {"app/data/a.txt": "x\n"}, False),
        Case("an ignore rule ** in the middle", app("COPY app /app", more={".dockerignore": "app/**/a.txt\n"}), {"app/data/a.txt": "x\n"}, False),
    ),
    "Instructions, further": (
        Case("the command changes", app("COPY app /app\nCMD one"), {"Dockerfile": "FROM scratch\nCOPY app /app\nCMD two\n"}, True),
        Case("a health check changes", app("COPY app /app\nHEALTHCHECK CMD one"), {"Dockerfile": "FROM scratch\nCOPY app /app\nHEALTHCHECK --interval=3s CMD one\n"}, True),
        Case("an entry point goes from shell form to JSON form", app("COPY app /app\nENTRYPOINT one"), {"Dockerfile": 'FROM scratch\nCOPY app /app\nENTRYPOINT ["one"]\n'}, True),
        Case("a port is exposed", app("COPY app /app"), {"Dockerfile": "FROM scratch\nCOPY app /app\nEXPOSE 80\n"}, True),
        Case("two instructions swap places", app("COPY app /app\nCOPY other.txt /"), {"Dockerfile": "FROM scratch\nCOPY other.txt /\nCOPY app /app\n"}, True),
        Case("COPY gets --chmod", app("COPY app /app"), {"Dockerfile": "FROM scratch\nCOPY --chmod=600 app /app\n"}, True),
        Case("COPY gets --chown", app("COPY app /app"), {"Dockerfile": "FROM scratch\nCOPY --chown=1:1 app /app\n"}, True),
        Case("the destination changes", app("COPY app /app"), {"Dockerfile": "FROM scratch\nCOPY app /srv\n"}, True),
        Case("the folder that relative destinations are below changes", app("WORKDIR /a\nCOPY app ."), {"Dockerfile": "FROM scratch\nWORKDIR /b\nCOPY app .\n"}, True),
        Case("a stage is added in between that nobody needs", app("", more={"Dockerfile": STAGES}), {"Dockerfile": STAGES.replace("FROM scratch AS docs", "FROM scratch AS more\nCOPY app /\nFROM scratch AS docs")}, False),
        Case("the last stage is named as the target", app("", more={"Dockerfile": STAGES}), {}, False, after=spec(target="final")),
        Case("a target in upper case", app("", more={"Dockerfile": STAGES}), {}, False, before=spec(target="docs"), after=spec(target="DOCS")),
        Case("a file three stages down", app("", more={"Dockerfile": "FROM scratch AS a\nCOPY app/data /d\nFROM a AS b\nFROM scratch AS c\nCOPY --from=b /d /e\nFROM c\nCOPY other.txt /\n"}), {"app/data/a.txt": "x\n"}, True),
        Case("an earlier stage reads a file that the last one does not copy", app("", more={"Dockerfile": "FROM scratch AS a\nCOPY app /app\nFROM scratch\nCOPY --from=a /app/data /d\n"}), {"app/main.py": "x\n"}, False, needless="a stage is counted as a whole: what it makes of a file is known when it has run"),
        Case("the escape character is said, and it is the usual one", app("COPY app /app"), {"Dockerfile": "# escape=\\\nFROM scratch\nCOPY app /app\n"}, False),
        Case("two files of one heredoc instruction, the second changes", copying("COPY <<A <<B /x/\n1\nA\n2\nB"), {"Dockerfile": "FROM scratch\nCOPY <<A <<B /x/\n1\nA\n3\nB\n"}, True),
        Case("a heredoc's file gets another name", copying("COPY <<A /x/\n1\nA"), {"Dockerfile": "FROM scratch\nCOPY <<B /x/\n1\nB\n"}, True),
        Case("a heredoc's variables are no longer replaced", copying("ARG V=1\nCOPY <<E /x\n$V\nE"), {"Dockerfile": "FROM scratch\nARG V=1\nCOPY <<'E' /x\n$V\nE\n"}, True),
        Case("the Dockerfile becomes executable", app("COPY app /app"), {"Dockerfile": executable("FROM scratch\nCOPY app /app\n")}, False),
        Case("the Dockerfile is a symlink now", app("COPY app /app"), {"Dockerfile": link("real"), "real": "FROM scratch\nCOPY app /app\n"}, False),
        Case("Windows line ends in the Dockerfile", app("COPY app /app"), {"Dockerfile": "FROM scratch\r\nCOPY app /app\r\n"}, False),
    ),
    "Arguments and settings, further": (
        Case("a declared argument nobody uses changes", app("ARG V\nCOPY app /app"), {}, False, before=spec(args={"V": "1"}), after=spec(args={"V": "2"}), needless="the value of a declared argument is counted, whoever uses it"),
        Case("a declared argument changes, and a RUN comes after it", app("ARG V\nRUN true", base=BUSYBOX), {}, True, before=spec(args={"V": "1"}), after=spec(args={"V": "2"})),
        Case("an argument is given its own default", app("ARG V=1\nCOPY app /app"), {}, False, after=spec(args={"V": "1"})),
        Case("an argument's default changes, and the build gives it", app("ARG V=1\nCOPY other.txt /$V"), {"Dockerfile": "FROM scratch\nARG V=2\nCOPY other.txt /$V\n"}, True, before=spec(args={"V": "7"})),
        Case("an argument replaces a platform's", app("ARG TARGETARCH\nCOPY bin-$TARGETARCH /x", more={"bin-x": "1\n"}), {"bin-x": "2\n"}, True, before=spec(args={"TARGETARCH": "x"})),
        Case("a proxy argument that a stage declares changes", app("ARG HTTP_PROXY\nRUN echo $HTTP_PROXY > /x", base=BUSYBOX), {}, True, before=spec(args={"HTTP_PROXY": "http://a"}), after=spec(args={"HTTP_PROXY": "http://b"})),
        Case("an argument of two global steps", app("", more={"Dockerfile": "ARG A=other\nARG B=$A.txt\nFROM scratch\nARG B\nCOPY $B /x\n"}), {"other.txt": "x\n"}, True),
        Case("an ENV of the stage below names the source", app("", more={"Dockerfile": "FROM scratch AS a\nENV W=other.txt\nFROM a\nCOPY $W /x\n"}), {"other.txt": "x\n"}, True),
        Case("a secret that no stage mounts is added", app("COPY app /app"), {}, False, after=spec(secrets=(BuildSecret("t", environment="HOME"),))),
        Case("a platform is added", app("COPY app /app"), {}, True, before=spec(platforms=("linux/amd64",)), after=spec(platforms=("linux/amd64", "linux/arm64"))),
        Case("platforms in another order", app("COPY app /app"), {}, False, before=spec(platforms=("linux/amd64", "linux/arm64")), after=spec(platforms=("linux/arm64", "linux/amd64"))),
        Case("a label with another name and the same value", app("COPY app /app"), {}, True, before=spec(labels={"a": "1"}), after=spec(labels={"b": "1"})),
        Case("a named context replaces a base image", app("COPY other.txt /", base="base", more={"lib/x": "1\n"}), {"lib/x": "2\n"}, True, before=spec(contexts={"base": "lib"})),
        Case("the Dockerfile lies outside the context", {"docker/Dockerfile": "FROM scratch\nCOPY . /\n", "svc/a": "1\n"}, {"docker/note": "x\n"}, False, before=BuildSpec("svc", "docker/Dockerfile")),
        Case("two contexts with a file of the same name", app("COPY --from=lib x /1\nCOPY x /2", more={"x": "1\n", "lib/x": "1\n"}), {"lib/x": "2\n"}, True, before=spec(contexts={"lib": "lib"})),
        Case("a mount of a named context", app("RUN --mount=from=lib,target=/m cat /m/x > /x", base=BUSYBOX, more={"lib/x": "1\n"}), {"lib/x": "2\n"}, True, before=spec(contexts={"lib": "lib"})),
        Case("a mount whose source an argument names", app("ARG W=other.txt\nRUN --mount=source=$W,target=/m cat /m > /x", base=BUSYBOX), {"other.txt": "x\n"}, True),
        Case("a tmpfs reads nothing", app("RUN --mount=type=tmpfs,target=/m true", base=BUSYBOX), {"app/main.py": "x\n"}, False),
    ),
}  # fmt: skip
