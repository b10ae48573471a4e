"""Random repositories, Dockerfiles and edits, for whoever can say what BuildKit makes of them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from windlass.model.project import BuildSpec
from windlass.testing.contracts.change_case import BUSYBOX, PLAIN, Case
from windlass.testing.files import executable, link

_PATHS = ("a", "b.txt", "c/a", "c/b.txt", "c/d/a", "c/d/b.md", "d/a", "d/d/d", "e", "f/g/h.txt", "c/e.md")
_LINKS = ("now", "c/now", "d/now")
_SOURCES = (
    "c", "c/d", "d", "f", ".", "c/*", "*.txt", "*/a", "c/d/*.md", "[a-c]*", "./c/../d", "?", "c/*/a", "d/*", "n*", "*/now", "f/g", "[^c]", "c/**"
)  # fmt: skip
_IGNORE = (
    "a", "**/a", "*.txt", "c", "!c/d", "c/*", "!**/a", "**/*.md", "d/d", "!d", "e", "*", "!e", "!c", "c/d/", "/f", "**/g", "# c", "!c/d/a", "?", "n*"
)  # fmt: skip


def random_case(random: Random, name: str = "random") -> Case:
    """A case whose verdict nobody knows: `changes` says nothing. Some of them do not build, before or after."""
    files = {path: random.choice("123") for path in random.sample(_PATHS, random.randint(6, len(_PATHS)))}
    for path in random.sample(_LINKS, random.randint(0, 2)):
        files[path] = link(random.choice(["a", "c/a", "c", "../c/a", "d", "/c/d", "nowhere"]))
    if random.random() < 0.5:
        files[".dockerignore"] = "".join(f"{random.choice(_IGNORE)}\n" for _ in range(random.randint(1, 4)))
    files["Dockerfile"] = _dockerfile(random, files)
    before = replace(PLAIN, args={"V": random.choice("12")} if random.random() < 0.4 else {})
    after = before
    edit: dict[str, str | None] = {}
    for _ in range(random.randint(1, 2)):
        after = _edit(random, files, edit, after)
    return Case(name, files, edit, False, before, after)


def _dockerfile(random: Random, files: dict[str, str]) -> str:
    lines = ["ARG W=c"] if random.random() < 0.3 else []
    stages = random.choice([1, 1, 2, 3])
    for number in range(stages):
        # A shell where something runs; RUN costs, so seldom.
        shell = random.random() < 0.2
        base = f"s{random.randrange(number)}" if number and random.random() < 0.3 else BUSYBOX if shell else "scratch"
        lines.append(f"FROM {base} AS s{number}")
        lines += [_instruction(random, files, number, base == BUSYBOX) for _ in range(random.randint(1, 3))]
        lines.append(f"COPY Dockerfile* /keep{number}/" if random.random() < 0.1 else f"LABEL n={number}")
    return "\n".join(lines) + "\n"


def _instruction(random: Random, files: dict[str, str], stage: int, shell: bool) -> str:
    there = [path for path in files if path != ".dockerignore"] + ["c", "d"]
    source = random.choice([random.choice(_SOURCES), random.choice(there)])
    kind = random.randrange(12)
    if kind < 5:
        return f"{random.choice(['COPY', 'COPY', 'ADD'])} {source} /{random.choice('xyz')}/"
    if kind == 5:
        return f"COPY {random.choice(['a* b*', 'c/* d/*', 'e* f'])} /many/"
    if kind == 6:
        return f"ENV E={random.choice(['a', 'c', 'd'])}\nCOPY $E* /env/"
    if kind == 7:
        return "ARG V=c\nCOPY ${V}* /arg/"
    if kind == 8 and stage:
        return f"COPY --from=s{random.randrange(stage)} / /from/"
    if kind == 9 and shell:
        return f"RUN --mount=source={random.choice(['c', 'd', '.'])},target=/m ls -R /m > /seen"
    if kind == 10:
        return f"COPY <<E /heredoc\n{random.choice('123')}\nE"
    return f"WORKDIR /{random.choice('wv')}"


def _edit(random: Random, files: dict[str, str], edit: dict[str, str | None], build: BuildSpec) -> BuildSpec:
    paths = sorted(path for path in files if path not in ("Dockerfile", ".dockerignore"))
    path = random.choice(paths)
    text = files[path]
    kind = random.randrange(12)
    if kind < 4:
        edit[path] = link("e") if text.startswith("\x00") else random.choice("456")
    elif kind == 4:
        edit[random.choice(["new", "c/new.txt", "d/d/new.md", "f/new", "c/d/a2"])] = "new"
    elif kind == 5:
        edit[path] = None
    elif kind == 6:
        edit[path], edit[f"{path}-moved"] = None, text
    elif kind == 7 and not text.startswith("\x00"):
        edit[path] = executable(text)
    elif kind == 8:
        edit[".dockerignore"] = files.get(".dockerignore", "") + random.choice(_IGNORE) + "\n"
    elif kind == 9:
        edit["Dockerfile"] = "# a comment\n" + files["Dockerfile"].replace(
            "LABEL n=0", random.choice(["LABEL n=0", "LABEL n=9"])
        )
    elif kind == 10:
        return replace(build, args={"V": random.choice("cde")})
    else:
        edit[path] = text  # written again as it was
    return build
