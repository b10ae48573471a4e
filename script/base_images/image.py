# ruff: noqa: T201
"""Making one image: both platforms' files, packed into layers and pushed."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from base_images import mirror
from base_images.debian import FOREIGN, NATIVE, TRIPLETS, bootstrap, download
from base_images.programs import CannotMake, run, scratch
from base_images.transplant import transplant

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Contents = dict[str, str]
"""Every path below a folder, with what it is made of."""


@dataclass(frozen=True)
class Image:
    """A base image: its names, the first one the best known, and the Debian packages it holds beyond the minimum."""

    names: tuple[str, ...]
    packages: tuple[str, ...]
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def repository(self) -> str:
        return self.names[0].partition(":")[0]


@dataclass(frozen=True)
class Made:
    """What an image on top of this one needs to know, by platform."""

    layers: dict[str, list[mirror.Layer]]
    contents: dict[str, Contents]


def make(image: Image, base: Future[Made] | None) -> Made:
    """Install the packages for both platforms and push the image, on top of `base` as soon as that is made."""
    made = Made({}, {})
    manifests = []
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        roots = {NATIVE: Path(folder) / NATIVE, FOREIGN: Path(folder) / FOREIGN}
        bootstrap(NATIVE, image.packages, roots[NATIVE])
        try:
            transplant(roots[NATIVE], roots[FOREIGN])
        except (CannotMake, subprocess.CalledProcessError, OSError, KeyError) as error:
            print(f"base-images: {image.names[0]} for {FOREIGN} has to be emulated: {error}", flush=True)
            shutil.rmtree(roots[FOREIGN], ignore_errors=True)
            bootstrap(FOREIGN, image.packages, roots[FOREIGN])
        below = base.result() if base is not None else Made({}, {})
        for architecture, root in sorted(roots.items()):
            _settle(image, root)
            contents = _contents(root)
            known = below.contents.get(architecture, {})
            new = [path for path, what in contents.items() if known.get(path) != what]
            made.contents[architecture] = contents
            made.layers[architecture] = [*below.layers.get(architecture, []), _push_layer(root, new)]
            manifests.append(_push_manifest(image, architecture, made.layers[architecture]))
    _finish(image, manifests)
    return made


def make_busybox(image: Image) -> None:
    """One program, and a link to it for every name it goes by."""
    manifests = []
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        roots = {architecture: Path(folder) / architecture for architecture in TRIPLETS}
        for architecture, root in roots.items():
            (deb,) = download(architecture, ["busybox-static"], Path(folder) / f"{architecture}-debs")
            run("dpkg", "-x", str(deb), str(root))
        applets = run(str(roots[NATIVE] / "bin/busybox"), "--list").split()
        for architecture, root in roots.items():
            shutil.rmtree(root / "usr")
            for applet in set(applets) - {"busybox"}:
                (root / "bin" / applet).symlink_to("busybox")
            (root / "tmp").mkdir()
            (root / "tmp").chmod(0o1777)
            (root / "etc").mkdir(exist_ok=True)
            (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
            manifests.append(_push_manifest(image, architecture, [_push_layer(root, list(_contents(root)))]))
    _finish(image, manifests)


def _settle(image: Image, root: Path) -> None:
    """What Docker Hub's images have and Debian's packages have not."""
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")  # this machine's own trust, so that pip works inside
    if trusted.exists():
        shutil.copyfile(trusted, root / "etc/ssl/certs/ca-certificates.crt")
    if "python3-pip" in image.packages:
        for marker in root.glob("usr/lib/python3.*/EXTERNALLY-MANAGED"):
            marker.unlink()
        for name, target in (("python", "python3"), ("pip", "pip3")):
            (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{target}")
    for name in ("resolv.conf", "hostname"):
        (root / "etc" / name).unlink(missing_ok=True)


def _contents(root: Path) -> Contents:
    found = {}
    for parent, folders, files in os.walk(root):
        if Path(parent) == root / "dev":
            folders.clear()  # the engine makes the devices
            continue
        for name in [*folders, *files]:
            path = Path(parent) / name
            state = path.lstat()
            what = f"{state.st_mode} {state.st_uid} {state.st_gid}"
            if path.is_symlink():
                what += f" {path.readlink()}"
            elif path.is_file():
                what += f" {hashlib.sha256(path.read_bytes()).hexdigest()}"
            found[str(path.relative_to(root))] = what
    return dict(sorted(found.items()))


def _push_layer(root: Path, files: list[str]) -> mirror.Layer:
    tar = ["tar", "-c", "-C", str(root), "--no-recursion", "--numeric-owner", "--mtime=@0", "--null", "-T", "-"]
    plain = subprocess.run(tar, input="\0".join(files).encode(), capture_output=True, check=True).stdout
    return mirror.upload_layer(gzip.compress(plain, 3, mtime=0), f"sha256:{hashlib.sha256(plain).hexdigest()}")


def _push_manifest(image: Image, architecture: str, layers: list[mirror.Layer]) -> mirror.Descriptor:
    environment = {"PATH": PATH, **image.environment}
    return mirror.upload_manifest(image.repository, architecture, layers, image.command, environment)


def _finish(image: Image, manifests: list[mirror.Descriptor]) -> None:
    mirror.upload_index(image.names, manifests)
    print(f"base-images: {image.names[0]}", flush=True)
