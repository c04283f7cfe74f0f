"""Speak to one-stop software over HTTP: this system is a plain JSON service."""

from hub.json_transport import open_transport

__all__ = ["open_transport"]
