"""HAProxy takes a new configuration under load, and nobody notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import write
from tests.engine.deploy.edge_alone import Alone, alone, web
from tests.engine.deploy.serving import Load, fresh, get, keeping
from tests.engine.deploy.test_edge_tls import edge, own, release, shown
from windlass.deploy.docker import engine
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for


@pytest.fixture
def here(port: Callable[[], int]) -> Iterator[Alone]:
    with alone(port()) as made:
        yield made


def _since(load: Load, asked: int) -> int:
    return load.total - asked


def test_a_reload_fails_no_request_over_kept_and_fresh_connections(here: Alone) -> None:
    one, two = here.server("one"), here.server("two")
    state = web(one)
    here.lead(state)
    wait_for(lambda: get(here.port), lambda said: said == "one", seconds=30)
    clients = [client(here.port, pause=0.01 * n) for client in (keeping, fresh) for n in range(1, 7)]
    with Load().running(*clients) as load:
        for more, server in (((9000,), one), ((), two), ((9001,), two), ((), one)):
            asked = load.total
            after = web(server, more=more)
            here.lead(after, state)
            state = after
            wait_for(partial(_since, load, asked), lambda count: count > 100, seconds=30)
    assert load.failures == []
    assert set(load.answers) == {"one", "two"}


@pytest.mark.needs("openssl")
def test_that_tls_comes_to_end_at_the_edge_and_no_longer_does_fails_no_request(
    world: Any, port: Callable[[], int], tmp_path: Path
) -> None:
    at, (upstream, _) = port(), own(tmp_path)
    certificate, key = write(tmp_path / "shown", "shop.example.org")
    ends, passes = edge(certificate, key), EdgeSpec(drain=4.0, watch=0.5)
    target = world.target(edge=passes)
    world.deploy(target, release(world, "r0", at, upstream, "0"))
    before = {c.id for c in engine.containers(target.name) if c.edge}
    clients = [client(at, tls=True) for client in (keeping, fresh, keeping, fresh)]
    with Load().running(*clients) as load:
        for turn, settings in enumerate((ends, passes, ends), 2):
            target = world.target(edge=settings)
            world.deploy(target, release(world, "r0", at, upstream, "0"), turn)
            assert (shown(at) == certificate.read_text().strip()) is bool(settings.tls)
    assert load.failures == []
    assert load.total > 50
    assert {c.id for c in engine.containers(target.name) if c.edge} == before
