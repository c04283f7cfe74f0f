"""Act ``evidence export``: the evidence of a message, a delivery or a dossier as one sealed file."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import Field
from sqlalchemy import Connection

from hub.app import Hub
from hub.edge.acts.act import Act, WithWhy
from hub.errors import NotAllowed
from hub.operations import exports
from hub.operations.exports import Exported
from hub.registers import history
from hub.registers.evidence import Wanted
from hub.registers.names import Named
from hub.rules import people
from hub.rules.people import Person

#: A larger container is had from the console or by the command line: an answer in JSON stands in memory whole.
LARGEST_BYTES = 50_000_000


class Exporting(WithWhy):
    """Whose evidence is wanted, and how much of it."""

    name: str = Field(
        min_length=1, max_length=300, description="Mã hồ sơ, thông điệp hoặc lượt chuyển (dossier, message or delivery)"
    )
    without_personal_data: bool = Field(
        False, description="Chỉ giữ mã băm của nội dung có thể có dữ liệu cá nhân (digests of what may name persons)"
    )
    with_files: bool = Field(False, description="Kèm các tệp đính kèm mà đối tác đã gửi (partners' files too)")
    without_timestamp: bool = Field(
        False, description="Không xin dấu thời gian, khi tổ chức cấp không trả lời (no time token)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedContainer:
    """What was written, and the container itself."""

    about: Exported
    #: The ASiC-E file.
    container_base64: str


def write(hub: Hub, person: Person, asked: Exporting, file: BinaryIO) -> Exported:
    """Write the evidence for a person into an empty file; raise Forbidden where the verb or a part of it is not theirs."""
    people.check(person, "evidence export")

    def sees(named: Named, conn: Connection) -> None:
        _check_scope(person, named, conn)

    wanted = Wanted(personal_data=not asked.without_personal_data, files=asked.with_files)
    stamped = not asked.without_timestamp
    return exports.export(
        hub, asked.name, file, wanted=wanted, stamped=stamped, sees=sees, actor=person.login, why=asked.why
    )


def _check_scope(person: Person, named: Named, conn: Connection) -> None:
    """Raise Forbidden where a message or delivery of it concerns only others: evidence holds all of them."""
    received = history.message_details(conn, named.messages)
    sent = history.delivery_details(conn, named.deliveries)
    passed_on: dict[str, set[str]] = {}
    for each in sent:
        passed_on.setdefault(each.message_id, set()).add(each.endpoint)
    ours = [{each.origin, each.endpoint} for each in sent]
    ours += [{each.row.endpoint, *passed_on.get(each.row.id, ())} for each in received]
    for concerned in ours:
        if not any(map(person.sees, concerned)):
            people.check(person, "evidence export", concerned)


def _export(hub: Hub, person: Person, asked: Exporting) -> ExportedContainer:
    with tempfile.TemporaryFile() as file:
        about = write(hub, person, asked, file)
        if file.tell() > LARGEST_BYTES:
            raise NotAllowed(
                f"the container has {file.tell()} bytes; take it from the console or by `lienthong evidence export`",
                f"tệp bằng chứng có {file.tell()} byte; hãy tải từ trang điều hành hoặc dùng `lienthong evidence export`",
                where="with_files",
            )
        file.seek(0)
        return ExportedContainer(about=about, container_base64=base64.b64encode(file.read()).decode())


ACTS = (Act(verb="evidence export", asked=Exporting, do=_export),)
