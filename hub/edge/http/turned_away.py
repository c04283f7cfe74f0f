"""Calls that are turned away before anything is recorded: why, with which HTTP status, and the answer's bytes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.responses import Response

from hub.errors import Fault, HubError, place
from hub.rules import json_door

#: A sender that is told to come again waits so long at least.
RETRY_SECONDS = 5

_SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
_SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


class TurnedAway(HubError):
    """The call does not come to the message: nothing is read, nothing is recorded."""

    code = "turned_away"
    who = "sender"
    status = 400

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that this answer needs beside its content type."""
        return {}


class Unidentified(TurnedAway):
    """Nothing proves who is calling; the same for a door that does not exist."""

    code = "unauthenticated"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            "nothing proves who is calling: give the token of your own door (Authorization: Bearer ...)",
            "không xác định được bên gọi: hãy gửi mã truy cập của cửa tiếp nhận đã cấp (Authorization: Bearer ...)",
            where="Authorization",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        # RFC 9110 11.6.1: a 401 names at least one way in.
        return {"WWW-Authenticate": 'Bearer realm="lienthong"'}


class BodyTooLarge(TurnedAway):
    """The body is larger than this door takes."""

    code = "body_too_large"
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the body is larger than {limit} bytes, the most this door takes",
            f"nội dung gửi lớn hơn {limit} byte, là mức tối đa của cửa tiếp nhận này",
            where="Content-Length",
        )


class BodyTooSlow(TurnedAway):
    """The body did not come to its end in time."""

    code = "body_too_slow"
    status = 408

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the body was not here after {seconds:g} seconds; nothing was accepted, send again",
            f"sau {seconds:g} giây vẫn chưa nhận đủ nội dung; chưa tiếp nhận gì, hãy gửi lại",
            where="body",
        )


class BodyCutOff(TurnedAway):
    """The caller went away before its body was here."""

    code = "body_cut_off"

    def __init__(self) -> None:
        super().__init__("the body was cut off", "nội dung bị ngắt giữa chừng", where="body")


class BodyEncoded(TurnedAway):
    """The body is compressed; the bytes that are recorded must be the ones that were meant."""

    code = "body_encoded"
    status = 415

    def __init__(self) -> None:
        super().__init__(
            "compressed bodies are not taken; send without Content-Encoding",
            "không nhận nội dung nén; hãy gửi không có Content-Encoding",
            where="Content-Encoding",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Accept-Encoding": "identity"}  # RFC 9110 12.5.3: in a 415 it says what would be taken


class TooManyAtOnce(TurnedAway):
    """This door holds as much as it may; the other doors must not suffer."""

    code = "too_many_at_once"
    who = "nobody"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "too many messages at once at this door; nothing was accepted, send again later",
            "cửa tiếp nhận này đang nhận quá nhiều thông điệp cùng lúc; chưa tiếp nhận gì, hãy gửi lại sau",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_SECONDS)}


class TooBusy(TurnedAway):
    """As many calls are being recorded as may wait for the ledger, and this door has its share of them."""

    code = "too_busy"
    who = "nobody"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "the hub is recording as much as it can; nothing was accepted, send again later",
            "trục liên thông đang ghi nhận hết mức; chưa tiếp nhận gì, hãy gửi lại sau",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_SECONDS)}


class TooOften(TurnedAway):
    """The caller has asked too often for what is not there, or for one file."""

    code = "not_there_too_often"
    who = "sender"
    status = 429

    def __init__(self) -> None:
        super().__init__(
            "too many addresses that lead nowhere, or too many calls at one; again later",
            "quá nhiều địa chỉ không tồn tại, hoặc quá nhiều lần gọi một địa chỉ; hãy thử lại sau",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_SECONDS)}


class BadCall(TurnedAway):
    """The call itself is wrong: a header that stands twice, a parameter that cannot be; says which, all at once."""

    code = "bad_call"

    def __init__(self, faults: tuple[Fault, ...], *, status: int = 400) -> None:
        super().__init__(
            "the call is wrong: " + "; ".join(f"{place(fault.path)[1]}: {fault.en}" for fault in faults),
            "lời gọi không đúng: " + "; ".join(f"{place(fault.path)[0]}: {fault.vi}" for fault in faults),
            where=faults[0].path,
        )
        self.status = status
        self._faults = faults

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self._faults


class NotThere(TurnedAway):
    """Nothing is there for this caller."""

    code = "not_there"
    status = 404

    def __init__(self) -> None:
        super().__init__("nothing is there", "không có nội dung này")


class Deleted(TurnedAway):
    """The caller may read it, but retention has deleted the bytes."""

    code = "deleted"
    who = "nobody"
    status = 410

    def __init__(self) -> None:
        super().__init__(
            "its time of retention has ended and its bytes were deleted; the digest remains",
            "đã hết thời hạn lưu nên nội dung đã bị xóa; chỉ còn mã băm",
        )


class WrongMethod(TurnedAway):
    """The address is right, the method is not."""

    code = "wrong_method"
    status = 405

    def __init__(self, allowed: str = "") -> None:
        super().__init__("this address takes another method", "địa chỉ này dùng phương thức khác", where="method")
        self._allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": self._allowed} if self._allowed else {}


class NotReady(TurnedAway):
    """The ledger does not answer: nothing was accepted."""

    code = "not_ready"
    who = "operator"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "the hub cannot record now; nothing was accepted, send again later",
            "trục liên thông tạm thời không ghi nhận được; chưa tiếp nhận gì, hãy gửi lại sau",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_SECONDS)}


class Broken(TurnedAway):
    """A bug of ours; the log holds it, the answer does not."""

    code = "internal"
    who = "developer"
    status = 500

    def __init__(self) -> None:
        super().__init__(
            "internal error of the hub; it was noted, a developer will look at it",
            "lỗi nội bộ của trục liên thông; đã ghi nhận, bộ phận kỹ thuật sẽ xử lý",
        )


def answer(error: TurnedAway, content_type: str = "") -> Response:
    """Write the answer in the caller's manner: a SOAP fault where it spoke SOAP, else JSON; both languages in each."""
    kind = content_type.partition(";")[0].strip().lower()
    writers = {"text/xml": _soap_11, "application/soap+xml": _soap_12}
    body, media_type = writers.get(kind, _json)(error)
    headers = {"Content-Type": media_type, "Cache-Control": "no-store", **error.headers}
    return Response(body, error.status, headers)


def _json(error: TurnedAway) -> tuple[bytes, str]:
    rows = [{"DuongDan": each.path, "Ma": each.code, "MoTa": each.vi, "MoTaEn": each.en} for each in error.faults]
    tree = {"error_code": "-1", "message": error.vi, "message_en": error.en, "DanhSachLoi": rows}
    return json_door.write_json(tree), json_door.CONTENT_TYPE


def _soap_11(error: TurnedAway) -> tuple[bytes, str]:
    code = "Server" if error.status >= 500 else "Client"
    text = (
        f'<soap:Envelope xmlns:soap="{_SOAP_11}"><soap:Body><soap:Fault><faultcode>soap:{code}</faultcode>'
        f"<faultstring>{escape(error.vi)} ({escape(error.en)})</faultstring></soap:Fault></soap:Body></soap:Envelope>"
    )
    return text.encode(), "text/xml; charset=utf-8"


def _soap_12(error: TurnedAway) -> tuple[bytes, str]:
    code = "Receiver" if error.status >= 500 else "Sender"
    text = (
        f'<soap:Envelope xmlns:soap="{_SOAP_12}"><soap:Body><soap:Fault>'
        f"<soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code><soap:Reason>"
        f'<soap:Text xml:lang="vi">{escape(error.vi)}</soap:Text><soap:Text xml:lang="en">{escape(error.en)}</soap:Text>'
        f"</soap:Reason></soap:Fault></soap:Body></soap:Envelope>"
    )
    return text.encode(), "application/soap+xml; charset=utf-8"
