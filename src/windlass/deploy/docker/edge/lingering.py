"""Services that a release no longer has, until it has proved well: what ran before it may still call them. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from windlass.deploy.docker.edge.render import Carried


def lingering(before: Carried, after: Carried, gone: Collection[str]) -> Carried:
    """What an edge comes to carry, and beside it what it carried of services that go; not where one of their ports is needed.

    Args:
        before: what it carries; after: what it is to carry for the release.
        gone: services that the release does not have.
    """
    needed = {port for ports in after.ports.values() for port in ports} | set(after.routes)
    stay = [n for n in before.ports if n in gone and n not in after.ports and not needed & before.ports[n].keys()]
    return replace(
        after,
        ports={**after.ports, **{name: before.ports[name] for name in stay}},
        slots={**after.slots, **{name: before.slots[name] for name in stay if name in before.slots}},
        tls={**after.tls, **{name: before.tls[name] for name in stay if name in before.tls}},
    )


def closed(carried: Carried, gone: Collection[str]) -> Carried:
    """The same without these services."""
    return replace(
        carried,
        ports={name: ports for name, ports in carried.ports.items() if name not in gone},
        slots={name: slots for name, slots in carried.slots.items() if name not in gone},
        tls={name: ends for name, ends in carried.tls.items() if name not in gone},
    )
