"""`windlass dev status`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windlass.cli.output import Output
    from windlass.model.observation import Observation, ServiceState

EXAMPLE = "windlass dev status"

_STYLE = {"healthy": "green", "running": "green", "completed": "dim", "starting": "yellow", "created": "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import open_bench
    from windlass.cli.output import output, print_json
    from windlass.dev.choice import set_aside

    bench = open_bench(arguments)
    observation = bench.observe()
    if arguments.json:
        print_json({"project": bench.compose_project, "services": [row(state) for state in observation.services]})
    elif observation.services:
        table(observation, output(), set_aside(observation, bench.heavy))
    else:
        output().say("nothing runs here; [bold]windlass dev start[/] starts it")
    return 0


def table(observation: Observation, out: Output, aside: Sequence[str] = ()) -> None:
    """One row a service, and below them what there is to say. `aside` are services that are meant to be down."""
    rows = [
        (
            f"[bold]{state.service}[/]",
            health(state),
            ", ".join(f"{place.host}:{place.port}" for _, place in state.ports) or "-",
            out.plain(image(state)),
        )
        for state in observation.services
    ]
    out.table(("service", "health", "reached at", "image"), rows)
    for state in observation.services:
        if state.service in aside:
            out.say(f"[dim]{state.service}[/]  it is heavy, and stopped", indent=4, first=2)
        elif state.detail and not state.well:
            out.say(f"[red]{state.service}[/]  {out.plain(state.detail)}", indent=4, first=2)


def health(state: ServiceState) -> str:
    """The state as markup, with what there is to say about one that is not well."""
    said = f"[{_STYLE.get(state.health, 'red')}]{state.health}[/]"
    if state.restarts:
        said += f", {state.restarts} restart{'' if state.restarts == 1 else 's'}"
    return said


def image(state: ServiceState) -> str:
    """Where the image comes from, short: a digest of the registry, the checkout, or another's image by name."""
    from windlass.cli.output import short
    from windlass.dev.load import PREFIX

    name = state.image.removeprefix("docker.io/")
    if name.startswith(f"{PREFIX}/"):
        return f"checkout {name.rpartition(':')[2]}"
    return short(state.digest) if state.digest else name


def row(state: ServiceState) -> dict[str, Any]:
    return {
        "name": state.service,
        "health": state.health,
        "image": state.image,
        "digest": state.digest,
        "since": state.since,
        "restarts": state.restarts,
        "ports": {str(port): f"{place.host}:{place.port}" for port, place in state.ports},
        "detail": state.detail,
    }
