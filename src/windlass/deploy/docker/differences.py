"""How a container differs from the service it should be, in words: names only, since values may be secret. Pure.

The engine's side is `docker inspect`, the wanted side a service of the model that Compose is given (`$` comes as `$$`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_OURS = ("com.docker.", "dev.windlass.", "desktop.docker.")


_FOLDERS = {"configs": "/", "secrets": "/run/secrets/"}
"""Where Compose puts what a service uses, unless it says a target (Compose specification, "configs", "secrets")."""


def differences(
    service: Mapping[str, Any],
    container: Mapping[str, Any],
    image: Mapping[str, Any] | None,
    model: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """What is different, such as "environment: LEVEL changed, DEBUG not there"; empty where nothing is found.

    Args:
        model: where the service's `configs` and `secrets` are declared.
        container: an entry of `docker inspect`.
        image: the entry of `docker image inspect` for what the container runs: what comes from there is no difference. None
            where it is gone: then nothing is too much.
    """
    has = container.get("Config") or {}
    own = _own(container) if image is None else image.get("Config") or {}
    host = container.get("HostConfig") or {}
    given = {kind: _given(kind, service, model or {}) for kind in _FOLDERS}
    placed = {target for targets in given.values() for target in targets}
    mounts = [mount for mount in container.get("Mounts") or [] if mount.get("Destination") not in placed]
    found = [
        ("image", _image(service, has)),
        ("environment", _environment(service.get("environment") or {}, has, own)),
        ("ports", _ports(service.get("ports") or [], host)),
        ("command", _words(service.get("command"), has.get("Cmd"), own.get("Cmd"))),
        ("entrypoint", _words(service.get("entrypoint"), has.get("Entrypoint"), own.get("Entrypoint"))),
        ("user", _text(service.get("user"), has.get("User"), own.get("User"))),
        ("working_dir", _text(service.get("working_dir"), has.get("WorkingDir"), own.get("WorkingDir"))),
        ("volumes", _mounts(service.get("volumes") or [], mounts, own)),
        *((kind, _resources(given[kind], container.get("Mounts") or [])) for kind in _FOLDERS),
        ("labels", _named(_labels(service.get("labels")), _labels(has.get("Labels")), _labels(own.get("Labels")))),
        ("restart", _restart(service.get("restart"), host)),
    ]
    return tuple(f"{what}: {how}" for what, how in found if how)


def _own(container: Mapping[str, Any]) -> dict[str, Any]:
    """What a container may have from its image, where nobody knows that any more: all of it."""
    mounted: dict[str, Any] = {str(mount.get("Destination")): {} for mount in container.get("Mounts") or ()}
    return {**(container.get("Config") or {}), "Volumes": mounted}


def _image(service: Mapping[str, Any], has: Mapping[str, Any]) -> str:
    wanted, there = str(service.get("image") or ""), str(has.get("Image") or "")
    return "" if not wanted or wanted == there else f"{_short(there)}, not {_short(wanted)}"


def _short(reference: str) -> str:
    """An image's name, with 12 digits of its digest."""
    name, _, digest = reference.partition("@sha256:")
    return f"{name}@{digest[:12]}" if digest else name


def _environment(wanted: Mapping[str, Any], has: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    expected = {name: _plain(value) for name, value in wanted.items() if value is not None}
    return _named(expected, _pairs(has.get("Env")), _pairs(own.get("Env")))


def _named(wanted: Mapping[str, str], there: Mapping[str, str], own: Mapping[str, str]) -> str:
    """Differences of two mappings by name; what an image brings along is expected."""
    expected = {**own, **wanted}
    said = [f"{name} changed" for name in sorted(expected.keys() & there.keys()) if expected[name] != there[name]]
    said += [f"{name} not there" for name in sorted(wanted.keys() - there.keys())]
    said += [f"{name} too much" for name in sorted(there.keys() - expected.keys())]
    return ", ".join(said)


def _pairs(lines: Iterable[str] | None) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in lines or ())}


def _labels(labels: Any) -> dict[str, str]:
    found = _pairs(labels) if isinstance(labels, list) else {str(k): str(v) for k, v in (labels or {}).items()}
    return {name: _plain(value) for name, value in found.items() if not name.startswith(_OURS)}


def _ports(wanted: Iterable[Mapping[str, Any]], host: Mapping[str, Any]) -> str:
    expected = {
        (f"{port['target']}/{port.get('protocol') or 'tcp'}", str(port["published"]))
        for port in wanted
        if port.get("published")
    }
    there = {
        (target, str(binding.get("HostPort") or ""))
        for target, bindings in (host.get("PortBindings") or {}).items()
        for binding in bindings or ()
    }
    said = [
        f"{published} → {target} not published"
        for target, published in sorted(expected - there)
        if "-" not in published
    ]
    said += [f"{published} → {target} too much" for target, published in sorted(there - expected) if published]
    return ", ".join(said) if not any("-" in published for _, published in expected) else ""


def _words(wanted: Any, there: Any, own: Any) -> str:
    """A command: what the service says, or else the image's own."""
    expected = [_plain(word) for word in wanted] if isinstance(wanted, list) else own
    return "" if list(expected or []) == list(there or []) else "another one"


def _text(wanted: Any, there: Any, own: Any) -> str:
    expected = _plain(wanted) if wanted else str(own or "")
    return "" if expected == str(there or "") else "another one"


def _mounts(wanted: Iterable[Mapping[str, Any]], there: Iterable[Mapping[str, Any]], own: Mapping[str, Any]) -> str:
    expected = {str(mount.get("target")): mount for mount in wanted if isinstance(mount, Mapping)}
    found = {str(mount.get("Destination")): mount for mount in there}
    said = [f"{target} not mounted" for target in sorted(expected.keys() - found.keys()) if _lasting(expected[target])]
    said += [f"{target} too much" for target in sorted(found.keys() - expected.keys() - set(own.get("Volumes") or ()))]
    return ", ".join([*said, *_moved(expected, found)])


def _given(kind: str, service: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Path in the container → (name of the config or secret, its file on the engine's host or "")."""
    found = {}
    for one in service.get(kind) or ():
        name, declared = str(one["source"]), (model.get(kind) or {}).get(one["source"]) or {}
        target = _plain(one.get("target") or name)
        at = target if target.startswith("/") else _FOLDERS[kind] + target
        found[at] = name, _plain(declared.get("file") or "")
    return found


def _resources(given: Mapping[str, tuple[str, str]], there: Iterable[Mapping[str, Any]]) -> str:
    """Those from files, which are mounted; the values of others are not looked at."""
    found = {str(mount.get("Destination")): mount.get("Source") for mount in there}
    said = [
        f"{name} {'changed' if target in found else 'not there'}"
        for target, (name, file) in sorted(given.items())
        if file and found.get(target) != file
    ]
    return ", ".join(said)


def _lasting(mount: Mapping[str, Any]) -> bool:
    return mount.get("type") in ("bind", "volume")


def _moved(expected: Mapping[str, Mapping[str, Any]], found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for target in sorted(expected.keys() & found.keys()):
        source = _plain(expected[target].get("source") or "")
        if expected[target].get("type") == "bind" and source and source != found[target].get("Source"):
            yield f"{target} from elsewhere"


def _restart(wanted: Any, host: Mapping[str, Any]) -> str:
    there = (host.get("RestartPolicy") or {}).get("Name") or "no"
    expected = str(wanted or "no").partition(":")[0]
    return "" if expected == there else f"{there}, not {expected}"


def _plain(value: Any) -> str:
    """A value of the model as the container gets it."""
    text = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return text.replace("$$", "$")


def hidden(service: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[str, ...]:
    """What may be different where nothing is seen: the values of configs and secrets that are not made from files. They are
    part of the configuration, and nobody reads them in a container."""
    names = {
        kind: sorted(name for name, file in _given(kind, service, model).values() if not file) for kind in _FOLDERS
    }
    return tuple(f"{kind}: another value of {' or '.join(found)}" for kind, found in names.items() if found)
