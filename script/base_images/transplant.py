"""An installed system for the other platform, without running any of its programs.

Installing packages for another platform means running their scripts under emulation, which is most of the time that base
images cost. What those scripts leave behind (users, links, certificates, compiled Python) is the same on both platforms,
so it is taken from a system installed here; only what packages themselves hold is replaced.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from base_images.debian import DROPPED, FOREIGN, NATIVE, TRIPLETS, download
from base_images.programs import CannotMake, run

DATABASE = "var/lib/dpkg"
ELF_MACHINE = {"amd64": 0x3E, "arm64": 0xB7}
"""`e_machine` of the ELF header, low byte; System V ABI, processor supplements."""

Stanza = dict[str, str]
"""The fields of one entry of dpkg's database. A value that continues on further lines starts with a line break."""


def transplant(native: Path, foreign: Path) -> None:
    """Copy an installed system, every package that is built per platform replaced by its counterpart.

    Raises:
        CannotMake: a package has no counterpart, or the result is not whole.
    """
    run("cp", "-a", str(native), str(foreign))
    status = foreign / DATABASE / "status"
    stanzas = [parse_stanza(text) for text in status.read_text().strip().split("\n\n")]
    names = {stanza["Package"] for stanza in stanzas if stanza["Architecture"] == NATIVE}
    debs = download(FOREIGN, sorted(names), foreign.parent / f"{FOREIGN}-debs")
    for name in names:
        _remove_package(foreign, name)
    _remove_empty_folders(foreign)
    _link_libraries(foreign)
    controls = {control["Package"]: control for control in (_unpack_package(foreign, deb) for deb in debs)}
    if missing := names - set(controls):
        raise CannotMake(f"no {FOREIGN} package for {', '.join(sorted(missing))}")
    merged = [_installed(stanza, controls.get(stanza["Package"])) for stanza in stanzas]
    status.write_text("".join(format_stanza(stanza) + "\n\n" for stanza in merged))
    for name in (f"{DATABASE}/arch", "var/lib/apt/extended_states"):
        if (path := foreign / name).exists():
            path.write_text(re.sub(rf"\b{NATIVE}\b", FOREIGN, path.read_text()))
    for name in (f"{DATABASE}/status-old", "etc/ld.so.cache"):
        (foreign / name).unlink(missing_ok=True)
    _check(foreign)


def parse_stanza(text: str) -> Stanza:
    fields: Stanza = {}
    name = ""
    for line in text.splitlines():
        if line.startswith((" ", "\t")):
            fields[name] += "\n" + line
        else:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def format_stanza(stanza: Stanza) -> str:
    return "\n".join(f"{name}:{'' if value.startswith(chr(10)) else ' '}{value}" for name, value in stanza.items())


def _installed(stanza: Stanza, control: Stanza | None) -> Stanza:
    """A package's entry: what its counterpart says of itself, and that it is installed."""
    if control is None:
        return stanza
    kept: Stanza = {name: stanza[name] for name in ("Package", "Status", "Conffiles") if name in stanza}
    return {**kept, **{name: value for name, value in control.items() if name != "Package"}}


def _remove_package(root: Path, name: str) -> None:
    info = root / DATABASE / "info"
    listing = next(path for path in (info / f"{name}.list", info / f"{name}:{NATIVE}.list") if path.exists())
    for line in listing.read_text().splitlines():
        path = root / line.lstrip("/")
        if path.parent != root and (path.is_symlink() or path.is_file()):  # never /bin itself, a link to usr/bin
            path.unlink()
    for path in info.iterdir():
        if re.fullmatch(rf"{re.escape(name)}(:{NATIVE})?\.\w+", path.name):
            path.unlink()


def _remove_empty_folders(root: Path) -> None:
    for path in sorted(root.rglob(TRIPLETS[NATIVE]), key=lambda path: -len(path.parts)):
        if path.is_dir() and not any(not below.is_dir() for below in path.rglob("*")):
            shutil.rmtree(path)


def _link_libraries(root: Path) -> None:
    """`/lib64` and its like are links that only x86-64 has; its program loader stands behind one of them."""
    for name in ("lib32", "lib64", "libx32"):
        if FOREIGN == "amd64":
            (root / "usr" / name).mkdir(exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")
        else:
            (root / name).unlink(missing_ok=True)
            shutil.rmtree(root / "usr" / name, ignore_errors=True)


def _unpack_package(root: Path, deb: Path) -> Stanza:
    """Extract a package as dpkg would, enter its files into dpkg's database, and return its control file."""
    info = root / DATABASE / "info"
    with tempfile.TemporaryDirectory() as folder:
        run("dpkg-deb", "--control", str(deb), folder)
        control = parse_stanza((Path(folder) / "control").read_text().strip())
        stem = control["Package"] + (f":{FOREIGN}" if control.get("Multi-Arch") == "same" else "")
        for part in Path(folder).iterdir():
            if part.name != "control":
                shutil.copy(part, info / f"{stem}.{part.name}")
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], capture_output=True, check=True).stdout
    extract = ["tar", "-x", "-p", "-C", str(root), "--keep-directory-symlink", "--numeric-owner"]
    excluded = [f"--exclude=./usr/share/{name}/*" for name in DROPPED]
    subprocess.run([*extract, *excluded], input=packed, check=True)
    notices = [*extract, "--wildcards", "./usr/share/doc/*/copyright"]
    subprocess.run(notices, input=packed, capture_output=True, check=False)  # a package may have none
    listed = subprocess.run(["tar", "-t"], input=packed, capture_output=True, check=True).stdout.decode().splitlines()
    (info / f"{stem}.list").write_text("".join((line.removeprefix(".").rstrip("/") or "/.") + "\n" for line in listed))
    return control


def _check(root: Path) -> None:
    """No program of this machine's own platform is left, and dpkg finds its database whole."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(20)
            if head[:4] == b"\x7fELF" and head[18] != ELF_MACHINE[FOREIGN]:
                raise CannotMake(f"/{path.relative_to(root)} is for {NATIVE}")
    if found := run("dpkg", f"--root={root}", "--audit"):
        raise CannotMake(found.splitlines()[0])
