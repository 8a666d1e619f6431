"""A Ray cluster and the actors that trailcam has there. ray is imported when a detect asks for it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import Any

from trailcam.errors import UsageError
from trailcam.machine import add_extra
from trailcam.words.text import printable

SHARE = 8192
"""Photos of a share: minutes on a GPU, so that handing out costs nothing and a lost one little."""
_KNOCK_S = 10.0


@dataclass(frozen=True, slots=True)
class RayOptions:
    """``address``: a cluster's, or "auto": the one that this machine belongs to, else one of this machine.

    ``actors``: how many look at once; None: one for each GPU, or each node without any. ``share`` is how many
    photos a share has. ``limit`` and ``accept_failures`` are those of every detect.
    """

    address: str = "auto"
    actors: int | None = None
    gpus_per_actor: float = 1.0
    share: int = SHARE
    limit: int | None = None
    accept_failures: bool = False


def ray_module() -> Any:  # noqa: ANN401 - a module that may not be installed
    """The package ray. Raises UsageError where it isn't installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers of each cluster
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--ray needs the package ray.",
            f"Install it: {add_extra('ray')}. Ray runs on Linux and macOS, on Windows it is a trial of its"
            " makers'. Without it, --plan and --shards do the same by hand: docs/scale.md.",
        ) from error
    return ray


def connect(ray: Any, address: str) -> None:  # noqa: ANN401
    """Join a cluster, or make one of this machine. Raises UsageError where there is none."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == "auto":
        try:
            ray.init(address="auto", **quiet)
        except ConnectionError:
            ray.init(include_dashboard=False, **quiet)
        return
    try:
        _knock(address)
        ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        why = printable(str(error)).partition("\n")[0]
        raise UsageError(
            f"There is no Ray cluster at {printable(address)}: {why}",
            "Start one (`ray start --head`, and `ray start --address=HEAD:6379` on the others), or give --ray"
            " auto.",
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: ray itself would wait for minutes, and end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("an address is HOST:PORT, as `ray start` shows it")
    socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


@dataclass(slots=True)
class Node:
    """A node of the cluster and its actors, which share its ``cores``."""

    node_id: str
    name: str
    room: int
    cores: int
    planned: int = 0
    actors: list[Any] = field(default_factory=list)


class Crew:
    """The actors, each bound to a node, so that a node can be left out."""

    def __init__(self, ray: Any, options: RayOptions, looker: type, arguments: tuple[Any, ...]) -> None:  # noqa: ANN401
        self.ray = ray
        self._looker = looker
        self._arguments = arguments
        alive = [node for node in ray.nodes() if node["Alive"]]
        self._gpus = options.gpus_per_actor if any(n["Resources"].get("GPU") for n in alive) else 0.0
        self.nodes = {node["NodeID"]: self._node(node) for node in alive}
        self._place(options.actors)
        self.nodes = {key: node for key, node in self.nodes.items() if node.actors}
        if not self.nodes:
            raise UsageError(
                f"No machine of the cluster has {self._gpus:g} GPUs.", "Give a smaller --gpus-per-actor."
            )

    @property
    def size(self) -> int:
        """How many actors there are."""
        return sum(len(node.actors) for node in self.nodes.values())

    def node_of(self, actor: Any) -> Node:  # noqa: ANN401
        """The node of an actor that is still with us."""
        return next(node for node in self.nodes.values() if actor in node.actors)

    def replace(self, actor: Any) -> Any | None:  # noqa: ANN401
        """A new actor in the place of one that died; None where its node died with it, or is left out."""
        node = next((node for node in self.nodes.values() if actor in node.actors), None)
        if node is None:  # another actor of the same node told before
            return None
        node.actors.remove(actor)
        if not any(n["NodeID"] == node.node_id and n["Alive"] for n in self.ray.nodes()):
            self.nodes.pop(node.node_id, None)
            return None
        node.actors.append(self._hire(node))
        return node.actors[-1]

    def leave_out(self, node: Node) -> list[Any]:
        """Give a node nothing more; returns the actors that it had."""
        self.nodes.pop(node.node_id, None)
        for actor in node.actors:
            self.ray.kill(actor)
        return node.actors

    def _node(self, node: dict[str, Any]) -> Node:
        room = int(node["Resources"].get("GPU", 0) / self._gpus) if self._gpus else 1
        name = node["NodeName"] or node["NodeManagerHostname"]
        return Node(node["NodeID"], name, room, int(node["Resources"].get("CPU", 0)))

    def _place(self, wanted: int | None) -> None:
        """One to each node in turn, until there are as many as asked for, or as there is room for."""
        nodes = [node for node in self.nodes.values() if node.room]
        total = wanted if wanted is not None and not self._gpus else sum(node.room for node in nodes)
        total = total if wanted is None else min(wanted, total)
        while sum(node.planned for node in nodes) < total:
            for node in nodes:
                if sum(n.planned for n in nodes) < total and (not self._gpus or node.planned < node.room):
                    node.planned += 1
        for node in nodes:
            node.actors = [self._hire(node) for _ in range(node.planned)]

    def _hire(self, node: Node) -> Any:  # noqa: ANN401
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return (
            self.ray.remote(self._looker)
            .options(
                # Ray lets a process compute with as many threads as it asked for cores, with one for none.
                num_cpus=node.cores // max(node.planned, 1),
                num_gpus=self._gpus,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.node_id, soft=False),
            )
            .remote(*self._arguments)
        )
