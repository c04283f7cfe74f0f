"""The rules on phytosanitary certificates (ISPM 12, and the ePhyto Hub's mapping of it), one row each.

docs/border-rules.md shows the table; ``phyto_checks`` has the check of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from hub.canonical.border.phyto import Phyto
from hub.rules.border import phyto_checks as checks
from hub.rules.border.finding import REFUSE, WARN, Level, Rule, RuleFinding, findings
from hub.rules.border.phyto_checks import PhytoCase

_ISPM = ("ISPM 12", "ISPM 12")
_MODEL = ("ISPM 12, mẫu giấy chứng nhận", "ISPM 12, model certificate")
_MAPPING = ("hướng dẫn ánh xạ ePhyto", "ePhyto mapping guide")
_CODES = ("bảng mã UNTDID", "UNTDID code lists")


def judge_phyto(certificate: Phyto, today: date | None, *, outgoing: bool, prefix: str = "") -> tuple[RuleFinding, ...]:
    """Hold a certificate against every rule; without ``today`` days are not held against a clock."""
    return tuple(findings(RULES, PhytoCase(certificate, today), outgoing=outgoing, prefix=prefix))


def _row(
    number: str,
    clause: tuple[str, str],
    vi: str,
    en: str,
    check: Callable[[PhytoCase], Iterator[str]],
    out: Level = REFUSE,
    into: Level = WARN,
) -> Rule[PhytoCase]:
    return Rule(number=number, clause=clause, vi=vi, en=en, outgoing=out, incoming=into, check=check)


RULES: tuple[Rule[PhytoCase], ...] = (
    _row(
        "P01",
        _CODES,
        "Loại chứng từ là 851 (xuất khẩu) hoặc 657 (tái xuất)",
        "The type is 851 (export) or 657 (re-export)",
        checks.type_code,
        REFUSE,
        REFUSE,
    ),
    _row("P02", _CODES, "Trạng thái nằm trong danh mục 4405", "The status is one of list 4405", checks.status),
    _row(
        "P03",
        _MODEL,
        "Có ngày cấp đọc được, không sau ngày hôm nay",
        "There is a readable day of issue, not after today",
        checks.issued_at,
    ),
    _row("P04", _MODEL, "Có tên cán bộ kiểm dịch và nơi cấp", "Officer and place of issue are named", checks.signed),
    _row(
        "P05",
        _MAPPING,
        "Giấy 851 có điều khoản chứng nhận số 1",
        "A certificate for export certifies clause 1",
        checks.clauses,
        WARN,
    ),
    _row(
        "P06",
        _MODEL,
        "Người xuất khẩu và người nhận có tên và địa chỉ",
        "Exporter and consignee have name and address",
        checks.parties,
    ),
    _row(
        "P07",
        _MODEL,
        "Có nước xuất khẩu và nước nhập khẩu, hai nước khác nhau",
        "Exporting and importing country are named, and differ",
        checks.countries,
    ),
    _row("P08", _MODEL, "Có phương tiện vận chuyển", "The means of conveyance is declared", checks.conveyance, WARN),
    _row("P09", _MODEL, "Có cửa khẩu nhập", "The point of entry is declared", checks.point_of_entry, WARN),
    _row(
        "P10",
        _MAPPING,
        "Giấy thay thế (ADRP, ADRPR, ADRD) nêu số giấy bị thay thế (ADRPN)",
        "What replaces a certificate (ADRP, ADRPR, ADRD) names its number (ADRPN)",
        checks.replaced_number,
    ),
    _row("P11", _MAPPING, "Giấy không thay thế chính nó", "A certificate does not replace itself", checks.replaces_itself),
    _row(
        "P12",
        _ISPM,
        "Giấy tái xuất 657 dẫn chiếu giấy gốc (AWR, hoặc ghi chú RPCRF)",
        "A certificate for re-export refers to the original (AWR, or a note RPCRF)",
        checks.original_named,
    ),
    _row(
        "P13",
        _MAPPING,
        "Ghi chú RPC… chỉ có trong giấy tái xuất",
        "Notes RPC… stand only in a certificate for re-export",
        checks.reexport_notes,
        WARN,
    ),
    _row("P14", _MODEL, "Có ít nhất một dòng hàng", "There is at least one line of goods", checks.no_lines),
    _row("P15", _MAPPING, "Số dòng hàng không trùng nhau", "The numbers of lines are different", checks.line_numbers),
    _row("P16", _MODEL, "Mỗi dòng hàng có tên", "Each line names its goods", checks.goods_named),
    _row("P17", _MODEL, "Mỗi dòng hàng có tên khoa học", "Each line has a botanical name", checks.botanical_name, WARN),
    _row("P18", _MODEL, "Mỗi dòng hàng có nước xuất xứ", "Each line has its place of origin", checks.origin_named),
    _row(
        "P19",
        _MODEL,
        "Mỗi dòng hàng có khối lượng, thể tích, số kiện hoặc lượng khác (OQV)",
        "Each line has a weight, a volume, a number of packages, or another quantity (OQV)",
        checks.quantity,
    ),
    _row("P20", _CODES, "Khối lượng, thể tích có mã đơn vị", "Weights and volumes have the code of their unit", checks.units),
    _row("P21", _ISPM, "Lượng tịnh không lớn hơn lượng cả bì", "Net is not above gross", checks.net_and_gross),
    _row(
        "P22",
        _MAPPING,
        "Bao bì ghi một cách: hoặc kiện có mã, hoặc chữ (OPTND)",
        "Packaging is said one way: coded packages, or text (OPTND)",
        checks.packed_twice,
    ),
    _row("P23", _MODEL, "Mỗi dòng hàng có bao bì", "Each line says how it is packed", checks.not_packed, WARN),
    _row(
        "P24",
        _MAPPING,
        "Lượng khác (OQV) và đơn vị của nó (OQU) đi cùng nhau",
        "Another quantity (OQV) and its unit (OQU) come together",
        checks.other_quantity,
    ),
    _row(
        "P25",
        _MAPPING,
        "Mỗi biện pháp xử lý (ZZZ) có toàn văn (TTFT)",
        "Each treatment (ZZZ) has its whole text (TTFT)",
        checks.treatment_text,
    ),
    _row(
        "P26",
        _MODEL,
        "Xử lý kết thúc không trước khi bắt đầu",
        "A treatment does not end before it starts",
        checks.treatment_period,
    ),
    _row("P27", _MAPPING, "Không ghi chữ “NULL” thay cho nội dung trống", "No text says NULL for nothing", checks.says_null),
)
