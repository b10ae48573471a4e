# ruff: noqa: T201
"""Stand-ins for Docker Hub's base images, made from Debian's packages, where Docker Hub is out of reach.

    script/base-images               busybox, debian:bookworm-slim, python:3.12-slim, haproxy:lts
    script/base-images caddy …       these too: caddy nginx postgres redis
    script/base-images --status      are they to be had? (exit 0 or 7)

Where the engine can pull them itself, there is nothing to do. Otherwise every image is an index of linux/amd64 and
linux/arm64 in a registry on loopback, which `script/engine` names to the engine as its mirror, so that an unmodified
`FROM python:3.12-slim` resolves. They are for trying and testing, never for publishing: the Python in `python:3.12-slim`
is really Debian's 3.11.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from base_images import mirror
from base_images.debian import NATIVE
from base_images.image import Image, make, make_busybox
from base_images.programs import STATE, CannotMake, run

COMMON = ("ca-certificates",)
BUSYBOX = Image(("busybox:1", "busybox:latest", "busybox:stable"), (), ("sh",))
DEBIAN = Image(("debian:bookworm-slim", "debian:bookworm", "debian:12-slim", "debian:stable-slim"), COMMON, ("bash",))
PYTHON_TAGS = ("3.12-slim", "3.12-slim-bookworm", "3.12", "3.11-slim", "3.11-slim-bookworm", "3.11")
PYTHON = Image(
    tuple(f"python:{tag}" for tag in (*PYTHON_TAGS, "3.13-slim", "3.9-slim")),
    (*COMMON, "python3", "python3-pip", "python3-venv"),
    ("python3",),
    {"PIP_DEFAULT_TIMEOUT": os.environ.get("PIP_DEFAULT_TIMEOUT", "60")},
)
HAPROXY = Image(
    ("haproxy:lts",), (*COMMON, "haproxy"), ("haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg")
)
EXTRAS = {
    "caddy": Image(("caddy:2",), (*COMMON, "caddy"), ("caddy", "run", "--config", "/etc/caddy/Caddyfile")),
    "nginx": Image(("nginx:1",), (*COMMON, "nginx-light"), ("nginx", "-g", "daemon off;")),
    "postgres": Image(("postgres:15",), (*COMMON, "postgresql-15"), ("bash",)),
    "redis": Image(("redis:7",), (*COMMON, "redis-server"), ("redis-server", "--protected-mode", "no")),
}


def main(words: list[str]) -> int:
    words = [word for word in words if word != "haproxy"]  # an extra once
    if unknown := [word for word in words if word not in EXTRAS and word != "--status"]:
        print((__doc__ or "").strip())
        return 0 if unknown == ["--help"] else 64
    wanted = [BUSYBOX, DEBIAN, PYTHON, HAPROXY, *(EXTRAS[word] for word in words if word in EXTRAS)]
    if not mirror.answers() and engine_can_pull():
        print("base-images: the engine pulls them itself")
        return 0
    missing = [image for image in wanted if not mirror.present(image.names[0])]
    if missing and "--status" in words:
        print(f"base-images: missing: {', '.join(image.names[0] for image in missing)}")
        return 7
    if missing:
        prepare()
        missing = [image for image in missing if not mirror.present(image.names[0])]  # it may only have been down
    if missing:
        began = time.monotonic()
        make_all(missing)
        print(f"base-images: made in {time.monotonic() - began:.0f} s")
    check_mirror()
    print(f"base-images: at {mirror.REGISTRY}: {', '.join(image.names[0] for image in wanted)}")
    return 0


def engine_can_pull() -> bool:
    try:
        done = subprocess.run(["docker", "pull", "-q", "busybox:1"], capture_output=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def prepare() -> None:
    """Install what is needed, and start the registry."""
    if not NATIVE or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotMake("Docker Hub is out of reach, and base images can be made only as root on Debian")
    if not shutil.which("mmdebstrap"):
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap", "ca-certificates")
    if not mirror.answers():
        mirror.start()


def make_all(images: list[Image]) -> None:
    """All at once: one waits for a download while another unpacks."""
    with ThreadPoolExecutor(3) as pool:
        base = pool.submit(make, DEBIAN, None) if DEBIAN in images else None
        jobs = [pool.submit(make, image, base) for image in images if image not in (DEBIAN, BUSYBOX)]
        if BUSYBOX in images:
            make_busybox(BUSYBOX)
        for job in [*([base] if base else []), *jobs]:
            job.result()


def check_mirror() -> None:
    """The engine must look there, or all of this is for nothing."""
    mirrors = run("docker", "info", "--format", "{{json .RegistryConfig.Mirrors}}", check=False)
    if f"127.0.0.1:{mirror.PORT}" not in mirrors:
        raise CannotMake(
            f"the base images are at {mirror.REGISTRY}, but the engine does not look there\n"
            f'  add "registry-mirrors": ["{mirror.REGISTRY}"] to its daemon.json, and restart it'
        )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CannotMake as error:
        sys.exit(f"base-images: {error}")
    finally:
        shutil.rmtree(STATE / "scratch", ignore_errors=True)
