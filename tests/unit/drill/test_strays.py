"""What a case of a drill has left behind."""

from __future__ import annotations

from windlass.deploy.docker.edge.board import Board
from windlass.drill.rehearse import strays


def test_a_network_that_was_not_there_at_the_beginning_is_left_over() -> None:
    assert strays(Board(()), ["shop_default", "shop_left"], {"shop_default"}) == ["network shop_left"]


def test_networks_of_every_release_are_as_they_should_be() -> None:
    assert strays(Board(()), ["shop_default"], {"shop_default", "shop_gone"}) == []
