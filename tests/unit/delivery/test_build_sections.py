"""Services that build the same image, and services with platforms of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.unit.delivery.world import PROJECT, World
from windlass.model.project import BuildSpec, Service


def world(folder: Path, *services: Service) -> World:
    return World(folder, replace(PROJECT, services=services, parallel=3))


def test_an_image_that_several_services_run_is_built_once(tmp_path: Path) -> None:
    spec = BuildSpec(".", "web/Dockerfile")
    shop = world(tmp_path, Service("web", "app", spec), Service("worker", "app", spec), Service("migrate", "app", spec))
    delivery = shop.run()
    assert delivery.outcome == "healthy"
    assert len(shop.built) == 1
    assert len({service.digest for service in delivery.services}) == 1
    assert {service.name for service in delivery.services} == {"web", "worker", "migrate"}


def test_a_shared_image_that_fails_to_build_fails_everybody_who_runs_it_and_nobody_else(tmp_path: Path) -> None:
    spec = BuildSpec(".", "web/Dockerfile")
    batch = Service("batch", "batch", BuildSpec(".", "batch/Dockerfile"))
    shop = world(tmp_path, Service("web", "app", spec), Service("worker", "app", spec), batch)
    shop.builder.failing = {"web": ("no",), "worker": ("no",)}
    delivery = shop.run()
    assert set(delivery.failures) == {"web", "worker"}
    assert "batch" in {service.name for service in delivery.services}


def test_an_image_is_scanned_for_the_platforms_it_is_built_for(tmp_path: Path) -> None:
    one = Service("web", "web", BuildSpec(".", "web/Dockerfile", platforms=("linux/amd64",)))
    shop = world(tmp_path, one, Service("batch", "batch", BuildSpec(".", "batch/Dockerfile")))
    delivery = shop.run()
    digests = {service.name: service.digest for service in delivery.services}
    scanned = {name: [p for digest, p in shop.scanner.scanned if digest == digests[name]] for name in digests}
    assert scanned == {"web": ["linux/amd64"], "batch": ["linux/amd64", "linux/arm64"]}


def test_what_failed_while_its_base_was_rebuilt_is_built_by_the_next_run(tmp_path: Path) -> None:
    base = Service("base", "base", BuildSpec(".", "web/Dockerfile"))
    app = Service("app", "app", BuildSpec(".", "app/Dockerfile"))
    shop = world(tmp_path, base, app)
    shop.edit("app/Dockerfile", "FROM base\nCOPY batch/app.py .\n")
    before = {service.name: service.digest for service in shop.run().services}
    shop.builder.packages = "newer"
    shop.builder.failing = {"app": ("no",)}
    assert set(shop.run(rebuild=["base"]).failures) == {"app"}
    shop.builder.failing = {}

    delivery = shop.run()

    after = {service.name: service.digest for service in delivery.services}
    assert shop.built == ["app"]
    assert all(after[name] != before[name] for name in after)
    shop.run()
    assert shop.built == []


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 9\n"


def test_pointers_of_git_lfs_stop_the_services_that_hold_them_and_no_other(tmp_path: Path) -> None:
    shop = World(tmp_path)
    shop.edit(".gitattributes", "*.bin filter=lfs\n")
    shop.edit("lib/model.bin", POINTER)

    delivery = shop.run(environment=None)

    assert set(delivery.failures) == {"api", "web"}  # both copy lib
    assert all("lib/model.bin" in str(error) for error in delivery.failures.values())
    assert {service.name for service in delivery.services} == {"batch"}


def test_a_text_like_a_pointer_without_the_attribute_is_a_text(tmp_path: Path) -> None:
    shop = World(tmp_path)
    shop.edit("lib/model.bin", POINTER)
    assert not shop.run(environment=None).failures
