"""What one-stop software answers to a call of the hub, read."""

from __future__ import annotations

from collections.abc import Mapping

from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.rules import json_door
from hub.rules.json_door import ALREADY, REFUSED, TAKEN

#: Ours (assumed), in the portal's manner: OpenCPS answers 0 and 1 (duplicate reference) and -1. Others are in doubt.
CODES: Mapping[str, str] = {"0": TAKEN, "00": TAKEN, "1": ALREADY, "-1": REFUSED}


def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
    """Read ``{error_code, message}``; raise Refused, Busy, NotSent or InDoubt."""
    return json_door.read_receipt(reply.status, reply.body, CODES, where=outgoing.service)


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Read the answer of traCuuThongDiep."""
    return json_door.read_finding(reply.status, reply.body, where="traCuuThongDiep")
