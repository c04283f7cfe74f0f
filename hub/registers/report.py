"""The readable report of a container of evidence: one HTML page in Vietnamese and English, which prints on A4.

It shows codes, agencies, moments, digests and who signed; the content of messages, which may name citizens, stands in the
container's files and not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from hub.canonical.base import local
from hub.registers.evidence import DELETED, NOT_ASKED, PERSONAL, Evidence, LeftOut
from hub.registers.guides import STYLE
from hub.registers.records import AttemptRow, DeliveryDetail, JournalRow, MessageDetail
from hub.registers.seals import SealProof
from hub.registers.words import EVENTS, INDICATIONS, OUTCOMES, REVOCATION, STATES, Words, called
from hub.rules import certificates
from hub.rules.trust import Signer

_GOOD = ("delivered", "acknowledged")
_BAD = ("refused_late", "abandoned")
_FINGERPRINT = ("Mã băm SHA-256 của chứng thư số", "SHA-256 of the certificate")
_WHY_LEFT_OUT: dict[str, Words] = {
    DELETED: ("đã xóa theo thời hạn lưu", "deleted by retention"),
    PERSONAL: ("có thể chứa dữ liệu cá nhân", "may hold personal data"),
    NOT_ASKED: ("tệp đính kèm, không được yêu cầu", "a partner's file, not asked for"),
}


def html(evidence: Evidence, *, hub: str, signer: Signer, now: datetime) -> bytes:
    """Write the report."""
    parts = (
        _head(evidence, hub, signer, now),
        _left_out_note(evidence),
        _timeline(evidence),
        *(_message(each) for each in evidence.messages),
        *(_delivery(each) for each in evidence.deliveries),
        _journal(evidence),
        _left_out(evidence.left_out),
        _how_to_verify(evidence),
    )
    title = escape(f"Bằng chứng điện tử {evidence.given}")
    page = (
        '<!DOCTYPE html>\n<html lang="vi">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Nothing is loaded and nothing runs, whatever a partner wrote.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{''.join(parts)}</body>\n</html>\n"
    )
    return page.encode()


# --- pieces ------------------------------------------------------------------------------------------------------


def _both(words: Words) -> str:
    """Write Vietnamese, and English behind it."""
    vi, en = words
    return escape(vi) if vi == en else f'{escape(vi)} <span class="en" lang="en">{escape(en)}</span>'


def _heading(level: int, words: Words, name: str = "") -> str:
    more = f" <code>{escape(name)}</code>" if name else ""
    return f"<h{level}>{_both(words)}{more}</h{level}>\n"


def _facts(*facts: tuple[Words, str]) -> str:
    """Write names and values; values are HTML already, those that are empty are left out."""
    rows = "".join(f"<dt>{_both(words)}</dt><dd>{value}</dd>\n" for words, value in facts if value)
    return f"<dl>\n{rows}</dl>\n"


def _table(columns: Sequence[Words], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{_both(each)}</th>" for each in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td data-label="{escape(words[0])}">{cell}</td>' for words, cell in zip(columns, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _moment(seconds: float | None) -> str:
    """Write a moment in Vietnamese time, as officials read it."""
    return _written(datetime.fromtimestamp(seconds, UTC)) if seconds else ""


def _written(moment: datetime) -> str:
    return local(moment).strftime("%d/%m/%Y %H:%M:%S (UTC+7)")


def _hash(digest: str) -> str:
    return f'<span class="hash">{escape(digest.removeprefix("sha256:"))}</span>' if digest else ""


def _coloured(words: Words, kind: str) -> str:
    return f'<span class="{kind}">{escape(words[0])}</span> <span class="en" lang="en">{escape(words[1])}</span>'


# --- sections ----------------------------------------------------------------------------------------------------


def _head(evidence: Evidence, hub: str, signer: Signer, now: datetime) -> str:
    accepted = sum(each.row.accepted for each in evidence.messages)
    done = sum(each.state in _GOOD for each in evidence.deliveries)
    messages = f"{len(evidence.messages)} (đã nhận {accepted})", f"{accepted} accepted"
    deliveries = f"{len(evidence.deliveries)} (đã chuyển {done})", f"{done} delivered"
    return (
        _heading(1, ("Bằng chứng điện tử", "Electronic evidence"))
        + f'<p class="number"><code>{escape(evidence.given)}</code></p>\n'
        + _facts(
            (("Hệ thống xuất", "Exported by"), escape(hub)),
            (("Thời điểm xuất", "Exported at"), _written(now)),
            (("Chứng thư số đóng dấu", "Certificate of the seal"), escape(signer.certificate.subject.rfc4514_string())),
            (("Nơi cấp", "Issuer"), escape(signer.certificate.issuer.rfc4514_string())),
            (_FINGERPRINT, _hash(certificates.fingerprint(signer.certificate))),
            (("Số thông điệp", "Messages"), _both(messages)),
            (("Số lượt chuyển", "Deliveries"), _both(deliveries)),
        )
    )


def _left_out_note(evidence: Evidence) -> str:
    if evidence.wanted.personal_data:
        vi = "Tệp bằng chứng này có dữ liệu cá nhân: chỉ giao cho người có thẩm quyền."
        en = "This container holds personal data: hand it only to those who may see it."
    else:
        vi = (
            "Nội dung có thể chứa dữ liệu cá nhân đã được bỏ ra, chỉ còn mã băm; nhật ký và con dấu vẫn chứng minh được. "
            "Chứng thư số được giữ lại vì cho biết ai đã ký."
        )
        en = (
            "Content that may name persons was left out, its digests are here; journal and seal still prove it. "
            "Certificates were kept: they say who signed."
        )
    return f'<p class="note">{_both((vi, en))}</p>\n'


def _timeline(evidence: Evidence) -> str:
    every = (row for chain in evidence.journal.values() for row in chain)
    rows = sorted(every, key=lambda row: (row.at, row.subject, row.number))
    columns = (
        ("Thời điểm", "Moment"),
        ("Sự kiện", "Event"),
        ("Về", "About"),
        ("Người thực hiện", "Actor"),
    )
    cells = ((_moment(row.at), _both(called(EVENTS, row.event)), _about(row), escape(row.actor)) for row in rows)
    return _heading(2, ("Diễn biến", "What happened")) + _table(columns, cells)


def _about(row: JournalRow) -> str:
    """Name the delivery or the message that a row is about; else its subject."""
    kinds = (("delivery", ("lượt chuyển", "delivery")), ("message", ("thông điệp", "message")))
    for name, words in kinds:
        if found := row.entry.get(name):
            return f"{_both(words)} <code>{escape(str(found))}</code>"
    return f"<code>{escape(row.subject)}</code>"


def _message(message: MessageDetail) -> str:
    row, verdict = message.row, message.verdict
    signed = message.signed_digest if message.signed_digest != message.raw_digest else ""
    state = _coloured(("đã nhận", "accepted"), "good") if row.accepted else _coloured(("từ chối", "refused"), "bad")
    return (
        _heading(2, ("Thông điệp đã nhận", "Message received"), row.id)
        + _facts(
            (("Bên gửi", "Sender"), escape(row.endpoint)),
            (("Nhận lúc", "Received at"), _moment(row.received_at)),
            (("Kết quả", "Result"), state + (f" <code>{escape(row.error_code)}</code>" if row.error_code else "")),
            (("Loại", "Kind"), escape(" / ".join(filter(None, (row.kind, row.event, row.procedure))))),
            (("Mã băm SHA-256 khi nhận", "SHA-256 as received"), _hash(message.raw_digest)),
            (("Mã băm SHA-256 phần đã ký", "SHA-256 of the signed part"), _hash(signed)),
            (("Mã băm SHA-256 của trả lời", "SHA-256 of the answer"), _hash(message.answer_digest)),
        )
        + _verdict(verdict)
    )


def _verdict(verdict: object) -> str:
    told = dict(verdict) if isinstance(verdict, dict) else {}
    indication = str(told.get("indication", ""))
    kind = {"TOTAL-PASSED": "good", "TOTAL-FAILED": "bad"}.get(indication, "wait")
    sub = "/".join(filter(None, (indication, str(told.get("sub_indication", "")))))
    value = {name: escape(str(told.get(name) or "")) for name in (*told, "signer", "issuer", "serial", "algorithm", "level")}
    weak = _coloured(("thuật toán hoặc khóa yếu, chỉ chấp nhận với hệ thống cũ", "weak, accepted from an old system"), "bad")
    outcome = f"{_coloured(called(INDICATIONS, indication), kind)} <code>{escape(sub)}</code>"
    algorithm = " ".join(filter(None, (value["level"], value["algorithm"], weak if told.get("weak") else "")))
    revocation = str(told.get("revocation") or "") if told.get("signer") else ""
    return _heading(3, ("Chữ ký số của bên gửi", "The sender's signature")) + _facts(
        (("Kết luận lúc nhận", "Verdict on reception"), outcome),
        (("Người ký", "Signer"), value["signer"]),
        (("Nơi cấp chứng thư số", "Issuer"), value["issuer"]),
        (("Số sê-ri", "Serial number"), f"<code>{value['serial']}</code>" if value["serial"] else ""),
        (_FINGERPRINT, _hash(str(told.get("fingerprint", "")))),
        (("Thuật toán", "Algorithm"), algorithm),
        (("Ký lúc (người ký khai)", "Signed at (claimed)"), value.get("signed_at", "")),
        (("Dấu thời gian", "Time stamp"), value.get("stamped_at", "")),
        (("Tình trạng thu hồi", "Revocation"), _both(called(REVOCATION, revocation)) if revocation else ""),
        (("Ghi chú", "Note"), value.get("reason", "")),
    )


def _delivery(delivery: DeliveryDetail) -> str:
    kind = "good" if delivery.state in _GOOD else "bad" if delivery.state in _BAD else "wait"
    columns = (
        ("Lần gửi", "Attempt"),
        ("Bắt đầu", "Began"),
        ("Kết thúc", "Ended"),
        ("Kết quả", "Result"),
        ("Mã của đối tác", "Partner's code"),
        ("SHA-256 nội dung gửi / trả lời", "SHA-256 sent / reply"),
    )
    attempts = _table(columns, map(_attempt, delivery.attempts)) if delivery.attempts else ""
    return (
        _heading(2, ("Lượt chuyển", "Delivery"), delivery.id)
        + _facts(
            (("Nơi nhận", "Recipient"), escape(delivery.endpoint)),
            (("Dịch vụ", "Service"), escape(" ".join(filter(None, (delivery.service, delivery.variant))))),
            (("Của thông điệp", "Of message"), f"<code>{escape(delivery.message_id)}</code>"),
            (("Trạng thái khi xuất", "State on export"), _coloured(called(STATES, delivery.state), kind)),
            (("Lập lúc", "Made at"), _moment(delivery.created_at)),
            (("Thay đổi sau cùng", "Last changed"), _moment(delivery.updated_at)),
            (("Mã lỗi", "Error"), f"<code>{escape(delivery.error_code)}</code>" if delivery.error_code else ""),
        )
        + (_heading(3, ("Các lần gửi", "Attempts")) + attempts if attempts else "")
    )


def _attempt(attempt: AttemptRow) -> tuple[str, ...]:
    digests = "<br>".join(filter(None, (_hash(attempt.business_digest), _hash(attempt.reply_digest))))
    error = f" <code>{escape(attempt.error_code)}</code>" if attempt.error_code else ""
    result = _both(called(OUTCOMES, attempt.outcome)) + error
    began, ended = _moment(attempt.started_at), _moment(attempt.ended_at)
    return str(attempt.number), began, ended, result, escape(attempt.partner_code), digests


def _journal(evidence: Evidence) -> str:
    columns = (
        ("Đối tượng", "Subject"),
        ("Thư mục", "Folder"),
        ("Số dòng", "Rows"),
        ("Mã băm dòng cuối", "Hash of the last row"),
    )
    chains = (
        (escape(subject), f"<code>journal/{number}</code>", str(len(chain)), _hash(chain[-1].hash) if chain else "")
        for number, (subject, chain) in enumerate(evidence.journal.items(), start=1)
    )
    return _heading(2, ("Nhật ký", "Journal")) + _table(columns, chains) + _seals(evidence.seals)


def _seals(proofs: Sequence[SealProof]) -> str:
    """Say below which seals of the ledger rows of these chains are."""
    if not proofs:
        return ""
    columns = (
        ("Niêm phong sổ cái", "Seal of the ledger"),
        ("Đối tượng", "Subject"),
        ("Đến dòng", "Up to row"),
        ("Lập lúc", "Made at"),
        ("Dấu thời gian", "Time stamp"),
        ("Gốc Merkle", "Merkle root"),
    )
    rows = (
        (
            str(each.seal),
            escape(each.subject),
            str(each.number),
            _moment(each.at),
            _moment(each.stamped_at),
            _hash(each.root.hex()),
        )
        for each in proofs
    )
    return _heading(3, ("Niêm phong sổ cái", "Seals of the ledger")) + _table(columns, rows)


def _left_out(left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return ""
    columns = (
        ("Tệp", "File"),
        ("Vì sao không có", "Why it is not here"),
        ("Mã băm SHA-256", "SHA-256"),
    )
    rows = (
        (
            f"<code>{escape(each.path)}</code>",
            " ".join(filter(None, (_both(_WHY_LEFT_OUT[each.why]), _moment(each.deleted_at)))),
            _hash(each.digest),
        )
        for each in left_out
    )
    return _heading(2, ("Những gì chỉ còn mã băm", "What is here by its digest only")) + _table(columns, rows)


def _how_to_verify(evidence: Evidence) -> str:
    vi = (
        "Bản in này chỉ để đọc; bằng chứng là tệp .asice. Kiểm tra bằng công cụ phổ biến (unzip, openssl, sha256sum, "
        "xmlsec1), hoặc bằng lienthong trên một máy bất kỳ, không cần mạng và không cần sổ cái:"
    )
    en = (
        "This page is for reading; the evidence is the .asice file. Verify it with public tools (unzip, openssl, sha256sum, "
        "xmlsec1), or with lienthong on any machine, without network and without the ledger:"
    )
    commands = f"sh verify.sh {evidence.name}.asice\nlienthong evidence verify {evidence.name}.asice"
    return _heading(2, ("Cách kiểm tra", "How to verify")) + f"<p>{_both((vi, en))}</p>\n<pre>{escape(commands)}</pre>\n"
