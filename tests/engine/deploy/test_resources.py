"""A network or a volume that is declared otherwise stays as it is, and it is said."""

from __future__ import annotations

from typing import Any

from windlass.model.events import Notice

COMPOSE = """
services:
  db:
    image: busybox:1
    command: sleep 1000
    stop_signal: SIGKILL
    networks: [back]
    volumes: [data:/data]
networks: {{back: {network}}}
volumes: {{data: {volume}}}
"""


def test_it_is_said_with_every_deployment_and_not_before(world: Any) -> None:
    target = world.target()

    def said(id: str, network: str, volume: str) -> list[str]:
        text = COMPOSE.format(network=network, volume=volume)
        world.events.clear()
        prepared = target.prepare(world.release(id, world.write({"compose.yml": text})), world.events.append)
        if id == "r1":
            target.switch(target.check(prepared, world.events.append, 1), 1, world.events.append)
        return [event.text for event in world.events if isinstance(event, Notice) and "stays as it was" in event.text]

    plain = "{driver_opts: {com.docker.network.driver.mtu: 1400}}", "{driver_opts: {type: tmpfs, device: tmpfs}}"
    assert said("r1", *plain) == []
    assert said("r2", *plain) == []
    assert said("r3", "{internal: true}", "{}") == [
        "the network back stays as it was made: internal in the Compose file is not taken over",
        "the volume data stays as it was made: driver_opts.device, driver_opts.type in the Compose file are not taken over",
    ]
