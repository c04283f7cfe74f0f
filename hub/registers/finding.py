"""One box in which everything is found: by number, person, procedure, agency, identifier, digest, and by words of errors.

Each section is served by an index, or looks through a bounded set; what somebody may not see is not found.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from hub.errors import NotAllowed
from hub.registers import finding_bytes, finding_names, finding_words
from hub.registers.found import Found, Hit, Place, Section, Seek, Sought

__all__ = ["SECTIONS", "Found", "Hit", "Place", "Section", "Sought", "find"]

#: Letters of what is sought, at most.
LONGEST = 200
#: Name -> what seeks, and its title; in this order.
SECTIONS: Mapping[str, tuple[Seek, str, str]] = {
    "number": (finding_names.by_number, "Hồ sơ theo mã số", "Dossiers by number"),
    "person": (finding_names.by_person, "Hồ sơ của người nộp", "Dossiers of the applicant"),
    "message": (finding_names.by_message, "Thông điệp", "Messages"),
    "delivery": (finding_names.by_delivery, "Lượt chuyển", "Deliveries"),
    "native": (finding_names.by_native, "Theo mã phía đối tác", "By the partner's identifier"),
    "bytes": (finding_bytes.by_digest, "Theo mã băm", "By digest"),
    "procedure": (finding_names.by_procedure, "Thủ tục", "Procedures"),
    "agency": (finding_names.by_agency, "Cơ quan, điểm kết nối", "Agencies and endpoints"),
    "group": (finding_words.by_group, "Nhóm lỗi", "Failure groups"),
    "standing": (finding_words.by_standing, "Lượt chuyển đang dừng hoặc chờ", "Deliveries that stand still or wait"),
    "refused": (finding_words.by_refused, "Thông điệp bị từ chối", "Messages refused"),
}


def find(conn: Connection, sought: Sought, *, section: str = "", after: str = "", limit: int = 20) -> Found:
    """Find; ``section`` and ``after``: the next page of one section. Raises NotAllowed where there is no such section."""
    if section and section not in SECTIONS:
        raise NotAllowed(f"there is no section {section!r}", f"không có mục {section!r}", where="section")
    found = []
    for name in (section,) if section else SECTIONS:
        seek, vi, en = SECTIONS[name]
        hits, following = seek(conn, sought, after if section else "", limit)
        if hits or following:
            found.append(Section(name=name, vi=vi, en=en, hits=hits, next=following))
    number = bool(sought.number)
    return Found(
        sections=tuple(found),
        number_search="off" if sought.key is None else "asked" if number else "not_asked",
        looks_like_number=number,
    )
