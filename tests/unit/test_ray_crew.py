"""Which node gets how many actors, and what becomes of them; ray itself is a stand-in that only hires."""

from __future__ import annotations

from typing import Any

import pytest

from trailcam.detect.ray_crew import Crew, RayOptions
from trailcam.errors import UsageError


class Ray:
    """What a crew asks of ray. ``hired``: what each actor was given."""

    def __init__(self, **resources: dict[str, float]) -> None:
        self.found = [
            {"NodeID": f"{n:056x}", "NodeName": name, "Alive": True, "Resources": given}
            for n, (name, given) in enumerate(resources.items())
        ]
        self.hired: list[dict[str, Any]] = []

    def nodes(self) -> list[dict[str, Any]]:
        return self.found

    def remote(self, _: type) -> Ray:
        return self

    def options(self, **given: Any) -> Hiring:  # noqa: ANN401
        return Hiring(self, given)


class Hiring:
    def __init__(self, ray: Ray, given: dict[str, Any]) -> None:
        self._ray, self._given = ray, given

    def remote(self) -> object:
        self._ray.hired.append(self._given)
        return object()


def crew(ray: Ray, options: RayOptions) -> Crew:
    return Crew(ray, options, object, ())


def placed(found: Crew) -> dict[str, int]:
    return {node.name: len(node.actors) for node in found.nodes.values()}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (RayOptions(), {"a": 1, "b": 1}),
        (RayOptions(actors=1), {"a": 1}),
        (RayOptions(actors=5), {"a": 3, "b": 2}),
    ],
)
def test_without_gpus_one_to_each_node_or_as_many_as_asked_for(
    options: RayOptions, expected: dict[str, int]
) -> None:
    assert placed(crew(Ray(a={"CPU": 8}, b={"CPU": 4}), options)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (RayOptions(), {"a": 4, "b": 1}),
        (RayOptions(gpus_per_actor=2), {"a": 2}),
        (RayOptions(gpus_per_actor=0.5, actors=3), {"a": 2, "b": 1}),
    ],
)
def test_with_gpus_as_many_as_have_room(options: RayOptions, expected: dict[str, int]) -> None:
    ray = Ray(a={"CPU": 16, "GPU": 4}, b={"CPU": 8, "GPU": 1}, c={"CPU": 8})
    assert placed(crew(ray, options)) == expected


def test_the_actors_of_a_node_share_its_cores() -> None:
    ray = Ray(a={"CPU": 16, "GPU": 4}, b={"CPU": 8, "GPU": 1})
    crew(ray, RayOptions())
    assert [given["num_cpus"] for given in ray.hired] == [4, 4, 4, 4, 8]


def test_no_machine_has_so_many_gpus() -> None:
    with pytest.raises(UsageError, match="No machine of the cluster has 8 GPUs"):
        crew(Ray(a={"CPU": 16, "GPU": 4}), RayOptions(gpus_per_actor=8))


def test_a_lost_node_takes_all_its_actors_along_and_a_dead_process_is_replaced() -> None:
    ray = Ray(a={"CPU": 4, "GPU": 1}, b={"CPU": 4, "GPU": 2})
    found = crew(ray, RayOptions())
    first, second = next(node for node in found.nodes.values() if node.name == "b").actors
    ray.found[1]["Alive"] = False
    assert found.replace(first) is None
    assert found.replace(second) is None  # its node is gone from the crew by now
    assert placed(found) == {"a": 1}
    (left,) = next(iter(found.nodes.values())).actors
    assert found.replace(left) not in (None, left)
    assert placed(found) == {"a": 1}
