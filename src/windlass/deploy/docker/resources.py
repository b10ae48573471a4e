"""Networks and volumes that are there under a name, and that Compose leaves as they are whatever is declared now. Pure.

Compose specification, "networks" and "volumes"; Docker Engine API, "List networks" and "List volumes".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from windlass.compose.load import ComposeModel, unescape

_REMEDY = {
    "network": "give it another name in the Compose file: services move to the new one, and the old one goes",
    "volume": "give it another name in the Compose file and copy what it holds: it starts empty",
}


def unchanged(
    model: ComposeModel, networks: Iterable[Mapping[str, Any]], volumes: Iterable[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """(sentence, remedy) for each network and volume that is declared otherwise than it was made.

    Args:
        model: as Compose loads it.
        networks: those of the environment, as the engine describes them; `volumes` likewise.
    """
    found = []
    for kind, there, differs in (("network", networks, _network), ("volume", volumes, _volume)):
        declared = unescape(model.get(f"{kind}s") or {})
        for resource in there:
            key = (resource.get("Labels") or {}).get(f"com.docker.compose.{kind}", "")
            wanted = declared.get(key) or {}
            if key not in declared or wanted.get("external"):
                continue
            if words := differs(wanted, resource):
                said = f"the {kind} {key} stays as it was made: {', '.join(words)} in the Compose file {'is' if len(words) == 1 else 'are'} not taken over"  # fmt: skip
                found.append((said, _REMEDY[kind]))
    return sorted(found)


def _network(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Engines add options and addresses of their own: only what is declared is compared, and what has a plain default."""
    words = _driver(wanted, there, "bridge")
    for key, name in (("internal", "Internal"), ("attachable", "Attachable")):
        if bool(wanted.get(key)) != bool(there.get(name)):
            words.append(key)
    if "enable_ipv6" in wanted and bool(wanted["enable_ipv6"]) != bool(there.get("EnableIPv6")):
        words.append("enable_ipv6")
    options = there.get("Options") or {}
    words += [f"driver_opts.{k}" for k, v in _said(wanted.get("driver_opts")).items() if options.get(k) != v]
    pools = (there.get("IPAM") or {}).get("Config") or []
    for pool in (wanted.get("ipam") or {}).get("config") or ():
        said = {name: str(pool[key]) for key, name in _POOL.items() if pool.get(key)}
        if said and not any(all(one.get(name) == value for name, value in said.items()) for one in pools):
            words.append("ipam.config")
            break
    return words


_POOL = {"subnet": "Subnet", "gateway": "Gateway", "ip_range": "IPRange"}


def _volume(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    said, options = _said(wanted.get("driver_opts")), there.get("Options") or {}
    names = sorted(name for name in said.keys() | options.keys() if said.get(name) != options.get(name))
    return [*_driver(wanted, there, "local"), *(f"driver_opts.{name}" for name in names)]


def _driver(wanted: Mapping[str, Any], there: Mapping[str, Any], usual: str) -> list[str]:
    asked = wanted.get("driver") or "default"
    return [] if (usual if asked == "default" else asked) == there.get("Driver") else ["driver"]


def _said(options: Mapping[str, Any] | None) -> dict[str, str]:
    """Options as the engine keeps them: text."""
    return {name: str(value) for name, value in (options or {}).items()}
