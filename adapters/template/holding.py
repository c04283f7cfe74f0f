"""Read what the sample system shows of dossiers, and what a call of ours told it: the two sides of a reconciliation."""

import json

from adapters.template.codes import STATUSES
from adapters.template.outbound import SEND_DOSSIER
from adapters.template.reading import Fields, parse
from hub.canonical.held import HeldDossier
from hub.contract import HeldPage, Outgoing, Reply
from hub.errors import Busy, Fault, HubError, InDoubt, InvalidMessage, NotSent, Refused

#: The service whose delivered call says everything that a look-up shows.
TELLS = frozenset({SEND_DOSSIER})
#: Codes of the two look-ups.
SHOWN, NONE, REFUSED, BUSY = "00", "20", "10", "90"


def told(outgoing: Outgoing) -> HeldDossier | None:
    """Read what a delivered call told the partner; None where it told of no dossier."""
    if outgoing.service != SEND_DOSSIER:
        return None
    return _dossier(Fields(json.loads(outgoing.body)["hoSo"], "/hoSo", []), b"")


def shown(code: str, reply: Reply) -> HeldDossier:
    """Read the answer of ``TraCuuHoSo``, absent where the partner has none; raise where it cannot be read."""
    faults: list[Fault] = []
    fields = _answered(reply, "TraCuuHoSo", faults)
    if fields.tree.get("ma") == NONE:
        return HeldDossier(code=code, absent=True, shown=reply.body)
    found = _dossier(fields.object("hoSo"), reply.body)
    _raise(faults)
    return found


def page(reply: Reply) -> HeldPage:
    """Read one page of ``DanhSachHoSo``."""
    faults: list[Fault] = []
    fields = _answered(reply, "DanhSachHoSo", faults)
    found = tuple(_dossier(each, reply.body) for each in fields.objects("danhSach"))
    following = fields.text("tiep")
    _raise(faults)
    return HeldPage(dossiers=found, following=following)


def _answered(reply: Reply, service: str, faults: list[Fault]) -> Fields:
    code = ""
    if reply.status in (401, 403):
        raise NotSent("the partner refuses our token", "đối tác không chấp nhận token", partner_code=str(reply.status))
    if reply.status == 200:
        fields = Fields(parse(reply.body), "", faults)
        code = fields.text("ma")[:10]
        if code in (SHOWN, NONE) and not faults:
            return fields
    raise _problem(service, code, reply.status)


def _problem(service: str, code: str, status: int) -> HubError:
    told_vi, told_en = f"{service}: đối tác trả lời {code or status}", f"{service}: the partner answers {code or status}"
    kind: type[HubError] = {BUSY: Busy, REFUSED: Refused}.get(code, InDoubt)
    return kind(told_en, told_vi, where=service, partner_code=code or str(status))


def _dossier(fields: Fields, reply: bytes) -> HeldDossier:
    return HeldDossier(
        code=fields.text("soHoSo", required=True),
        status=fields.code("trangThai", STATUSES).value,
        procedure=fields.object("thuTuc").text("ma"),
        shown=reply,
    )


def _raise(faults: list[Fault]) -> None:
    if faults:
        raise InvalidMessage(faults)
