"""The demo: the main job on this machine, against simulators that are real servers on loopback ports."""

from hub.edge.demo.run import run

__all__ = ["run"]
