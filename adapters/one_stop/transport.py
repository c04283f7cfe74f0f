"""Speak to one-stop software over HTTP: a plain JSON service, which takes procedures and may give its own."""

from functools import partial

from hub.json_transport import open_catalogue

open_transport = partial(open_catalogue, writes=True)

__all__ = ["open_transport"]
