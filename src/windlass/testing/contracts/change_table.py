"""The tables of `docs/change-detection.md`, from the cases: `python -m windlass.testing.contracts.change_table` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from windlass.testing.contracts.changes import TOPICS
from windlass.testing.contracts.histories import GIT, HISTORIES, REGISTRY
from windlass.testing.contracts.unpinned import ORIGINS

BEGIN, END = "<!-- written from the suite: begin -->", "<!-- written from the suite: end -->"
_TOOLS = ("werf", "Skaffold", "path filters", "Turborepo, Nx")

ELSEWHERE: dict[str, dict[str, str]] = {
    "a base image moves under its tag": {"werf": "missed: counted by name (werf#4626)", "Skaffold": "missed (skaffold#5063)"},
    "a bind-mounted file changes": {"werf": "missed", "Skaffold": "missed (skaffold#6091, #9151)"},
    "ADD of a URL": {"werf": "missed: its content is not counted"},
    "COPY --parents with **": {"Skaffold": "missed (skaffold#9411)"},
    "two files of the same name swap contents": {"Skaffold": "missed: hashes base names"},
    "a file moves within a copied folder": {"Skaffold": "missed where the name stays: hashes base names"},
    "a symlink in a copied folder points elsewhere": {"Skaffold": "missed"},
    "a file of a stage nobody needs changes": {"werf": "counts the target's stages", "Skaffold": "rebuilds: counts sources of all stages"},
    "an ignored file changes": {"werf": "counted with ignore rules", "Skaffold": "counted with ignore rules"},
    "an edit that is not committed": {"werf": "counts committed files"},
    "a new machine with an empty home": {"werf": "asks the registry", "Skaffold": "rebuilds everything: a local cache file (skaffold#8803, #7139)"},
    "platforms in another order": {"Skaffold": "builds for several platforms are never skipped"},
    "a base image's tag is given more platforms, the same image on ours": {"Skaffold": "a multi-platform retag leaves only amd64 (skaffold#8380, #7681)"},
    "a shallow clone of one commit": {"Turborepo, Nx": "Turborepo: everything is changed (turborepo#12426)"},
    "a merge commit that brings a change of this service": {"path filters": "missed: a merge commit shows no files"},
    "a branch that is behind the one it came from": {"path filters": "compares with a stale base"},
    "a commit of other files after a run that failed": {"path filters": "missed: the failed run is forgotten"},
    "a file beside it changes": {"path filters": "as the globs say that somebody keeps by hand"},
    "a lockfile of the repository changes, and this image does not copy it": {"Turborepo, Nx": "Nx: everything is affected (nx#15116)"},
    "the build system's own configuration changes, and this image copies it": {"Turborepo, Nx": "Nx: `nx.json` once affected nothing (nx#23036)"},
}  # fmt: skip
"""What is documented of other tools, by case."""


def decisions() -> dict[str, str]:
    """What Windlass decides in each case, as the suite holds it to."""
    found = {case.name: _word(case.rebuilds, case.needless) for cases in TOPICS.values() for case in cases}
    found |= {history.name: _word(history.rebuilds, history.needless) for history in HISTORIES}
    return found | {origin.name: "builds every time, and says so" if origin.reason else "reuses" for origin in ORIGINS}


def render() -> str:
    """Everything between the marks."""
    return "\n".join([BEGIN, "", *_beside_others(), *_needless(), *_all(), END])


def _word(rebuilds: bool, needless: str) -> str:
    return "builds, though the image stays the same" if needless else "builds" if rebuilds else "reuses"


def _beside_others() -> Iterator[str]:
    yield "## Beside other tools"
    yield ""
    yield "An empty field says that nothing is documented there, not that the tool is right or wrong."
    yield ""
    yield f"| case | Windlass | {' | '.join(_TOOLS)} |"
    yield "|---" * (2 + len(_TOOLS)) + "|"
    known = decisions()
    for name, tools in ELSEWHERE.items():
        yield f"| {_escaped(name)} | {known[name]} | {' | '.join(tools.get(tool, '') for tool in _TOOLS)} |"
    yield ""


def _needless() -> Iterator[str]:
    yield "## Builds that give the same image"
    yield ""
    named = [(case.name, case.needless) for cases in TOPICS.values() for case in cases if case.needless]
    named += [(history.name, history.needless) for history in HISTORIES if history.needless]
    yield from (f"- {name}: {reason}." for name, reason in named)
    yield ""


def _all() -> Iterator[str]:
    total = sum(len(cases) for cases in TOPICS.values()) + len(HISTORIES) + len(ORIGINS)
    judged = sum(case.judged for cases in TOPICS.values() for case in cases)
    yield f"## All {total} cases"
    yield ""
    yield f"{judged} edits are judged by BuildKit: built before and after, and the digests compared. Those marked \\* need a"
    yield "frontend newer than the one BuildKit has built in, and are held to its documentation."
    known = decisions()
    for topic, cases in TOPICS.items():
        yield from _table(
            topic, ((_escaped(case.name) + ("" if case.judged else " \\*"), known[case.name]) for case in cases)
        )
    yield from _table("Git and the machine", ((_escaped(history.name), known[history.name]) for history in GIT))
    yield from _table("The registry", ((history.name, known[history.name]) for history in REGISTRY))
    yield from _table("What cannot be pinned", ((origin.name, known[origin.name]) for origin in ORIGINS))
    yield ""


def _table(topic: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from ("", f"### {topic}", "", "| case | Windlass |", "|---|---|")
    yield from (f"| {name} | {word} |" for name, word in rows)


def _escaped(name: str) -> str:
    return name.replace("*", "\\*").replace("_", "\\_")


def replaced(text: str) -> str:
    """A document with what stands between the marks written anew."""
    before, _, rest = text.partition(BEGIN)
    return before + render() + rest.partition(END)[2]


if __name__ == "__main__":
    document = Path("docs/change-detection.md")
    document.write_text(replaced(document.read_text(encoding="utf-8")), encoding="utf-8")
