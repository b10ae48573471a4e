"""Collecting and scrubbing a root when somebody says so: by its server when there is one, otherwise here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from windlass.errors import Locked, RegistryUnavailable
from windlass.registry.server.storage.layout import LayoutIndex
from windlass.registry.server.storage.root_lock import RootInUse, RootLock
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.upkeep.collect import GRACE, collect
from windlass.registry.server.upkeep.control import Refused, ask
from windlass.registry.server.upkeep.scrub import scrub


def collect_root(root: Path, *, grace: float = GRACE, dry_run: bool = False) -> dict[str, Any]:
    """Collect the garbage of a root: by its server when there is one, otherwise here. The fields of `Collected`.

    Raises:
        Locked: it is served by a process that cannot be asked, or that collects already.
        RegistryUnavailable: the disk refuses.
    """
    question = {"do": "collect", "grace": grace, "dry_run": dry_run}
    return _asked_or_done(root, question, lambda storage: asdict(collect(storage, grace=grace, dry_run=dry_run)))


def scrub_root(root: Path, *, rate: float | None = None) -> dict[str, Any]:
    """Scrub a root: by its server when there is one, otherwise here. The fields of `Scrubbed`. Raises like `collect_root`."""
    return _asked_or_done(root, {"do": "scrub", "rate": rate}, lambda storage: asdict(scrub(storage, rate=rate)))


def _asked_or_done(root: Path, question: dict[str, Any], work: Callable[[Storage], dict[str, Any]]) -> dict[str, Any]:
    try:
        if (answer := ask(root, question)) is not None:
            return answer
        lock = RootLock(root, "no address: upkeep")
    except Refused as error:
        raise Locked(f"the registry that serves {root} refuses: {error}", remedy="try again") from error
    except RootInUse as error:
        by = f" by process {error.holder.pid} ({error.holder.listen})" if error.holder else ""
        raise Locked(f"{root} is in use{by}, which cannot be asked", remedy="stop it first, or try again") from None
    except OSError as error:
        raise _unwritable(root, error) from error
    try:
        storage = Storage(root)
        storage.prepare()
        done = work(storage)
        LayoutIndex(storage).write()
        return done
    except OSError as error:
        raise _unwritable(root, error) from error
    finally:
        lock.release()


def _unwritable(root: Path, error: OSError) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"the registry's files under {root} cannot be worked on: {error.strerror}",
        remedy="make the folder readable and writable, and free some space",
    )
