"""The portal's side of our door: nothing of this generation that comes to an agency has been described, so nothing is read."""

from __future__ import annotations

from typing import NoReturn

from adapters.national_portal_v2.options import Options
from hub.contract import Answer, Incoming, Opened, Outcome, Request
from hub.errors import Fault, InvalidMessage
from hub.rules import json_door


def open_request(request: Request, options: Options) -> NoReturn:
    """Refuse any call: raises InvalidMessage."""
    raise InvalidMessage(
        [
            Fault(
                "",
                "not_served",
                "thế hệ 2 của Cổng chưa có dịch vụ nào gọi về hệ thống của cơ quan",
                "the portal's second generation has no service that calls an agency",
            )
        ]
    )


def read_message(document: bytes, opened: Opened, options: Options) -> Incoming:
    """Refuse any document, as ``open_request`` does."""
    open_request(Request(endpoint="", body=document), options)


def answer(outcome: Outcome, opened: Opened | None, request: Request, options: Options) -> Answer:
    """Answer in JSON with what is wrong."""
    return Answer(
        status=json_door.http_status(outcome.error),
        body=json_door.write_answer(outcome.error, outcome.message_id, outcome.received_at),
        content_type=json_door.CONTENT_TYPE,
    )
