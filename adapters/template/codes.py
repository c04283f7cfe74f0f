"""The sample system's own codes beside the hub's (README, section 3)."""

from collections.abc import Mapping

from hub.canonical.codes import Event, Status

#: ``suKien``: what happened to the dossier.
EVENTS: Mapping[str, Event] = {
    "NOP": Event.SUBMITTED,
    "BOSUNG": Event.SUPPLEMENTED,
    "TRANGTHAI": Event.STATUS,
    "RUT": Event.WITHDRAWN,
}

#: ``trangThai``: state of the dossier, or the state that a step of progress led to.
STATUSES: Mapping[str, Status] = {
    "MOI": Status.REGISTERED,
    "TIEPNHAN": Status.RECEIVED,
    "TUCHOI": Status.NOT_RECEIVED,
    "XULY": Status.PROCESSING,
    "CHOBOSUNG": Status.SUPPLEMENT_ASKED,
    "CHOPHI": Status.FEE_ASKED,
    "RUT": Status.WITHDRAWN,
    "DUNG": Status.STOPPED,
    "XONG": Status.DONE,
    "DATRA": Status.RETURNED,
}

#: The same table, read the other way.
STATUS_CODES: Mapping[Status, str] = {status: code for code, status in STATUSES.items()}
