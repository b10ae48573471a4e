"""What a drill takes away, and that it is never anything else."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from windlass.deploy.docker.engine import Docker
from windlass.drill import removal
from windlass.drill.twin import choose_ports, shared_ports, with_own_ports
from windlass.errors import EngineUnavailable
from windlass.model.project import EdgeSpec, SniSpec
from windlass.process import Completed
from windlass.testing.clock import ManualClock

NAME = "shop-a1b2c3-drill"


class Shelf(Docker):
    """An engine with things of projects on it: {(kind, id): project}. `growing` appear at the next listings."""

    def __init__(self, things: dict[tuple[str, str], str], growing: Sequence[tuple[str, str]] = ()) -> None:
        self.things, self.growing, self.images_gone = dict(things), list(growing), list[str]()
        self.answers = True

    def run(self, argv: Sequence[str], **more: object) -> Completed:
        kind, verb, *words = argv[1:]
        if not self.answers:
            return Completed(tuple(argv), 1, "", "Cannot connect to the Docker daemon")
        if kind == "image":
            self.images_gone.append(words[-1])
        elif verb == "ls":
            if kind == "volume" and self.growing:
                self.things[self.growing.pop()] = NAME
            project = next(word for word in words if word.startswith("label=")).rpartition("=")[2]
            found = [id for (one, id), owner in self.things.items() if one == kind and owner == project]
            return Completed(tuple(argv), 0, "\n".join(found), "")
        else:
            for id in (word for word in words if not word.startswith("-")):
                self.things.pop((kind, id), None)
        return Completed(tuple(argv), 0, "", "")

    def refusal(self, stderr: str) -> EngineUnavailable:
        return EngineUnavailable(stderr)


REAL = {("container", "r1"): "shop-production", ("volume", "r2"): "shop-production", ("network", "r3"): "shop-drill"}
MINE = {("container", "c"): NAME, ("network", "n"): NAME, ("volume", "v"): NAME}


def test_everything_of_the_copy_goes_and_nothing_else() -> None:
    shelf = Shelf({**REAL, **MINE})
    removal.remove(shelf, NAME, ["127.0.0.1:1/web@sha256:0"], clock=ManualClock())
    assert shelf.things == REAL
    assert shelf.images_gone == ["127.0.0.1:1/web@sha256:0"]


def test_what_a_killed_deployer_was_still_making_goes_too() -> None:
    shelf = Shelf(MINE, growing=[("container", "late"), ("network", "later")])
    removal.remove(shelf, NAME, clock=ManualClock())
    assert shelf.things == {}


@pytest.mark.parametrize("name", ["shop-production", "shop-drill", "a1b2c3-drill", "", "shop-a1b2c3-drill-2"])
def test_no_other_project_is_ever_removed(name: str) -> None:
    shelf = Shelf({("container", "r"): name})
    with pytest.raises(ValueError, match="no copy"):
        removal.remove(shelf, name, clock=ManualClock())
    assert shelf.things


def test_what_cannot_be_removed_is_named() -> None:
    class Firm(Shelf):
        def run(self, argv: Sequence[str], **more: object) -> Completed:
            return super().run(argv, **more) if argv[2] == "ls" else Completed(tuple(argv), 1, "", "busy")

    with pytest.raises(EngineUnavailable, match="container c"):
        removal.remove(Firm(MINE), NAME, clock=ManualClock())


def left(place: Path, name: str, *, noted: str | None = None) -> Path:
    folder = place / f"{removal.PREFIX}{name}"
    folder.mkdir()
    removal.note(folder, NAME, None, ["alias"])
    if noted is not None:
        (folder / "copy.json").write_text(noted)
    return folder


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf({**REAL, **MINE})
    monkeypatch.setattr(removal, "engine_of", lambda spec: shelf)
    return shelf


def test_what_a_killed_drill_left_goes_with_the_next_one(tmp_path: Path, shelf: Shelf) -> None:
    folder = left(tmp_path, "x")
    assert removal.sweep(tmp_path) == (NAME,)
    assert not folder.exists()
    assert shelf.things == REAL and shelf.images_gone == ["alias"]


def test_a_drill_that_goes_on_is_left_alone(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with removal.folder() as folder:
        removal.note(folder, NAME, None, [])
        assert removal.sweep(tmp_path) == ()
    assert set(MINE) <= set(shelf.things) and folder.exists()


@pytest.mark.parametrize(
    "noted",
    [
        "", "[]", "{}", '{"name": "shop-production", "engine": null, "images": []}',
        '{"name": 3, "engine": null, "images": []}', '{"name": "x", "engine": {"y": 1}, "images": []}',
    ],
)  # fmt: skip
def test_a_note_that_names_no_copy_removes_nothing(tmp_path: Path, shelf: Shelf, noted: str) -> None:
    left(tmp_path, "x", noted=noted)
    assert removal.sweep(tmp_path) == ()
    assert shelf.things == {**REAL, **MINE}


def test_a_folder_is_kept_while_the_engine_does_not_answer(tmp_path: Path, shelf: Shelf) -> None:
    folder = left(tmp_path, "x")
    shelf.answers = False
    assert removal.sweep(tmp_path) == ()
    assert folder.exists()
    shelf.answers = True
    assert removal.sweep(tmp_path) == (NAME,)


def test_a_link_is_not_followed(tmp_path: Path, shelf: Shelf) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = tmp_path / "place"
    place.mkdir()
    left(elsewhere, "x")
    (place / f"{removal.PREFIX}y").symlink_to(elsewhere / f"{removal.PREFIX}x")
    assert removal.sweep(place) == ()


def test_a_second_ctrl_c_does_not_stop_the_cleaning_up() -> None:
    before = signal.getsignal(signal.SIGINT)
    with removal.undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def test_ports_elsewhere_differ_and_are_none_that_the_engine_publishes() -> None:
    published = "0.0.0.0:20000-31994->80/tcp, :::31995->443/tcp\n127.0.0.1:31996->1/tcp"
    assert sorted(choose_ports(3, published)) == [31997, 31998, 31999]


def test_ports_that_services_share_are_the_copys_own_too() -> None:
    edge = EdgeSpec(sni=(SniSpec(443, "a", "web", 1), SniSpec(443, "b", "api", 2), SniSpec(8443, "c", "web", 3)))
    assert shared_ports(edge) == [443, 8443]
    own = with_own_ports(edge, {443: 20001, 8443: 20002})
    assert own is not None and [one.port for one in own.sni] == [20001, 20001, 20002]
    assert shared_ports(None) == [] and with_own_ports(None, {}) is None
