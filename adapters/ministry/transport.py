"""Speak to a ministry's system over HTTP: a plain JSON service, which may give its procedures and takes none."""

from functools import partial

from hub.json_transport import open_catalogue

open_transport = partial(open_catalogue, writes=False)

__all__ = ["open_transport"]
