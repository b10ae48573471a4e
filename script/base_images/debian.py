"""Debian's packages: where they come from, a root file system made of them, and the packages themselves."""

from __future__ import annotations

import platform
from pathlib import Path
from threading import Lock

from base_images.programs import CannotMake, run, scratch

SUITE = "bookworm"
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
FOREIGN = {"amd64": "arm64", "arm64": "amd64"}.get(NATIVE, "")

DROPPED = ("doc", "man", "locale", "info", "lintian")
"""Folders of /usr/share that slim images leave out, but for copyright notices."""

_apt = Lock()


def sources() -> list[str]:
    """Where this machine's apt installs from, for the release the images hold: its mirror and keyring are honoured."""
    lines = _sources()
    if SUITE not in lines:  # apt learns the labels of its sources from the lists, which a bare machine may not have yet
        run("apt-get", "update", "-qq")
        lines = _sources()
    if SUITE not in lines:
        raise CannotMake("apt knows no Debian archive; check /etc/apt/sources.list.d")
    return list(lines.values())


def _sources() -> dict[str, str]:
    form = "$(LABEL)|$(REPO_URI)|$(SIGNED_BY)"
    lines: dict[str, str] = {}
    for line in run("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines():
        label, uri, key = line.split("|")
        key = key if key.startswith("/") else "/usr/share/keyrings/debian-archive-keyring.gpg"
        for suite in {"Debian": (SUITE, f"{SUITE}-updates"), "Debian-Security": (f"{SUITE}-security",)}.get(label, ()):
            lines.setdefault(suite, f"deb [signed-by={key}] {uri} {suite} main")
    return lines


def bootstrap(architecture: str, packages: tuple[str, ...], root: Path) -> None:
    """Install a minimal Debian with some packages to a folder; another platform's scripts run under emulation."""
    options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in DROPPED]
    options += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    options += [f"--architectures={architecture}", f"--include={','.join(packages)}"]
    lines = "\n".join(sources()) + "\n"
    run("mmdebstrap", "--quiet", "--variant=minbase", *options, SUITE, str(root), "-", input=lines)


def download(architecture: str, packages: list[str], folder: Path) -> list[Path]:
    """Packages for a platform, the newest of the release."""
    lists = scratch() / f"apt-{architecture}"
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Dir::Cache": lists / "cache",
        "Dir::Etc::SourceList": lists / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": lists / "state",
        "Dir::State::status": "/dev/null",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    with _apt:
        if not (lists / "sources.list").exists():
            for part in ("state/lists/partial", "cache/archives/partial"):
                (lists / part).mkdir(parents=True, exist_ok=True)
            (lists / "sources.list").write_text("\n".join(sources()) + "\n")
            run(*apt, "update")
        folder.mkdir(parents=True)
        run(*apt, "download", *packages, cwd=str(folder))
    return sorted(folder.glob("*.deb"))
