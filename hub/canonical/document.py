"""Files and papers of a dossier, by reference (Claim Check)."""

from __future__ import annotations

from hub.canonical.base import Frozen


class Attachment(Frozen):
    """A file the applicant submitted."""

    id: str = ""
    #: Name as the citizen gave it; shown, never used as a path.
    name: str
    #: Code of the dossier component (MaThanhPhanHoSo).
    component_code: str = ""
    #: Where a partner can fetch it; one URL per file.
    url: str = ""
    #: ``sha256:`` and 64 hex digits where it is known: of a file that was given to the hub (``url`` is its address there), or
    #: that travels inside the message; else empty.
    digest: str = ""
    size: int = 0
    deleted: bool = False
    digitised: bool = False
    #: 0 no, 1 reused from a component, 2 reused from a result of another dossier.
    reused: str = "0"
    from_national_store: bool = False
    #: Code of the result that replaces this paper.
    replaced_by_result: str = ""


class Paper(Frozen):
    """A paper-only item (DanhSachTepDinhKemKhac)."""

    name: str
    count: int = 1
    kind: int = 0


class ResultDocument(Frozen):
    """A paper or file that results from the dossier (DanhSachGiayToKetQua)."""

    name: str
    component_code: str = ""
    id: str = ""
    url: str = ""
    #: MaGiayToKetQua, shape ``KQ.G15.000034``; the agency inside may be a closed one.
    code: str = ""
    number: str = ""


class Fee(Frozen):
    """A fee: amount in VND as written by the sender (a string of digits)."""

    name: str
    code: str = ""
    amount: str = "0"
    #: HinhThucThu: 1 when received, 2 when supplemented, 4 when the result is returned.
    collected: str = ""
    #: LoaiPhiLePhi: 1 ordinary, 2 appraisal, 3 extension.
    kind: str = ""
