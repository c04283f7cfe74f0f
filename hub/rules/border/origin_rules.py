"""The rules on certificates of origin Form D (ATIGA Annex 7 and the operational certification procedures), one row each.

Circular 10/2022/TT-BCT has the same rules for Vietnam. docs/border-rules.md shows the table; ``origin_checks`` has the check of
each row, a small function that gives the places at which its sentence is not true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hub.rules.border import origin_checks as checks
from hub.rules.border.finding import REFUSE, WARN, Level, Rule
from hub.rules.border.origin_facts import OriginCase

_BOX = ("Phụ lục 7 ATIGA, ô {0}", "ATIGA Annex 7, box {0}")


def _box(number: str) -> tuple[str, str]:
    return _BOX[0].format(number), _BOX[1].format(number)


def _rule(number: int) -> tuple[str, str]:
    return f"Quy tắc {number} OCP", f"OCP Rule {number}"


def _row(
    number: str,
    clause: tuple[str, str],
    vi: str,
    en: str,
    check: Callable[[OriginCase], Iterator[str]],
    out: Level = REFUSE,
    into: Level = WARN,
    *,
    overridable: bool = False,
) -> Rule[OriginCase]:
    return Rule(number=number, clause=clause, vi=vi, en=en, outgoing=out, incoming=into, check=check, overridable=overridable)


RULES: tuple[Rule[OriginCase], ...] = (
    _row("D01", _box("12"), "Ngày cấp không sau ngày hôm nay", "It is not issued after today", checks.issued_in_future),
    _row(
        "D02",
        _rule(14),
        "Form D được nộp trong 12 tháng kể từ ngày cấp; nộp muộn do cán bộ quyết định",
        "A Form D is presented within 12 months of its issue; an officer may accept a late one",
        checks.expired,
        overridable=True,
    ),
    _row(
        "D03",
        _rule(10),
        "Cấp sau ngày xuất hàng thì phải đánh dấu “cấp sau”",
        "What is issued after the shipment is ticked as issued retroactively",
        checks.retroactive_not_ticked,
    ),
    _row(
        "D04",
        _rule(10),
        "Cấp sau không quá 1 năm kể từ ngày xuất hàng",
        "Retroactive issue is within 1 year of the shipment",
        checks.retroactive_too_late,
    ),
    _row(
        "D05",
        _rule(10),
        "Chỉ đánh dấu “cấp sau” khi cấp sau ngày xuất hàng",
        "Issued retroactively is ticked only where it is issued after the shipment",
        checks.retroactive_without_cause,
        WARN,
    ),
    _row(
        "D06",
        _box("1, 2"),
        "Người gửi và người nhận có tên, địa chỉ và nước",
        "Consignor and consignee have name, address and country",
        checks.parties,
    ),
    _row("D07", _box("5"), "Có ít nhất một dòng hàng", "There is at least one item", checks.no_items, REFUSE, REFUSE),
    _row(
        "D08",
        _box("5"),
        "Số thứ tự dòng hàng từ 1 đến 9999 và không trùng nhau: hải quan trả lời theo từng dòng",
        "Item numbers are from 1 to 9999 and different: customs answer item by item",
        checks.item_numbers,
        REFUSE,
        REFUSE,
    ),
    _row("D09", _box("7"), "Mỗi dòng hàng có mô tả", "Each item is described", checks.goods_not_described),
    _row(
        "D10",
        _box("7"),
        "Mỗi dòng hàng có mã HS từ 6 đến 12 chữ số",
        "Each item has an HS code of 6 to 12 digits",
        checks.hs_code,
    ),
    _row(
        "D11",
        _box("8"),
        "Tiêu chí xuất xứ là WO, RVC, CC, CTH, CTSH, SP hoặc PC",
        "The origin criterion is WO, RVC, CC, CTH, CTSH, SP or PC",
        checks.unknown_criterion,
    ),
    _row(
        "D12",
        _box("8"),
        "RVC kèm tỷ lệ phần trăm lớn hơn 0, không quá 100",
        "RVC comes with its percentage, above 0 and at most 100",
        checks.rvc_without_percent,
    ),
    _row("D13", _box("8"), "PC kèm tỷ lệ dưới 40 %", "PC comes with a percentage below 40", checks.pc_percent),
    _row(
        "D14",
        _box("8, 13"),
        "Ô “cộng gộp từng phần” được đánh dấu khi và chỉ khi có dòng hàng PC",
        "Partial cumulation is ticked where, and only where, an item has PC",
        checks.pc_ticked,
        WARN,
    ),
    _row(
        "D15",
        _box("9"),
        "Mỗi dòng hàng có trọng lượng cả bì hoặc số lượng khác",
        "Each item has its gross weight or another quantity",
        checks.no_quantity,
    ),
    _row(
        "D16",
        _rule(25),
        "Có trị giá FOB khi dùng RVC và một trong hai nước yêu cầu (Campuchia, Indonesia, Lào)",
        "The FOB value stands where RVC is used and one of the two countries asks for it (Cambodia, Indonesia, Lao PDR)",
        checks.fob_missing,
    ),
    _row(
        "D17",
        _rule(25),
        "Không ghi trị giá FOB trong các trường hợp khác",
        "The FOB value does not stand anywhere else",
        checks.fob_not_wanted,
    ),
    _row(
        "D18",
        _box("9"),
        "Trị giá FOB lớn hơn 0 và có đồng tiền",
        "A FOB value is above 0 and has its currency",
        checks.fob_amount,
    ),
    _row(
        "D19",
        _box("10"),
        "Có ít nhất một hóa đơn, mỗi hóa đơn có số và ngày",
        "There is an invoice, and each has number and date",
        checks.no_invoice,
    ),
    _row(
        "D20",
        _box("10"),
        "Dòng hàng chỉ dẫn chiếu hóa đơn có trong chứng từ, số thứ tự hóa đơn không trùng",
        "Items refer to invoices of the certificate only, whose places are different",
        checks.unknown_invoice,
    ),
    _row(
        "D21",
        _box("11"),
        "Khai báo có nước sản xuất và đúng nước nhập khẩu",
        "The declaration names the country of production, and the importing country as the message does",
        checks.declaration,
    ),
    _row(
        "D22", _box("12"), "Có cơ quan cấp và ngày xác nhận", "The issuing authority and the day are named", checks.not_certified
    ),
    _row(
        "D23",
        _rule(22),
        "Hàng triển lãm: có tên, địa chỉ và nước của triển lãm",
        "Exhibition: its name, address and country are given",
        checks.exhibition,
    ),
    _row(
        "D24",
        _rule(23),
        "Hóa đơn nước thứ ba: có tên và nước của công ty phát hành",
        "Third-country invoicing: the company's name and country are given",
        checks.third_country,
    ),
    _row(
        "D25",
        _box("13"),
        "Có nêu triển lãm hoặc hóa đơn nước thứ ba thì ô tương ứng được đánh dấu",
        "Where an exhibition or a third-country invoicer is named, its box is ticked",
        checks.not_ticked,
        WARN,
    ),
    _row(
        "D26",
        _rule(11),
        "Giáp lưng: có chứng từ gốc, mỗi chứng từ có số và ngày cấp",
        "Back-to-back: the original proofs are named, each with number and date of issue",
        checks.originals,
    ),
    _row(
        "D27",
        _rule(11),
        "Có chứng từ gốc thì ô “giáp lưng” được đánh dấu",
        "Where original proofs are named, back-to-back is ticked",
        checks.back_to_back_not_ticked,
    ),
    _row(
        "D28",
        _rule(11),
        "Giáp lưng được cấp khi mọi chứng từ gốc còn hiệu lực (ngày hết hạn sớm nhất)",
        "Back-to-back is issued while every original is valid (the earliest expiry counts)",
        checks.original_expired,
    ),
    _row(
        "D29",
        _rule(11),
        "Giáp lưng: lượng của mỗi dòng hàng không vượt tổng lượng trên các chứng từ gốc",
        "Back-to-back: no item has more than its originals have together",
        checks.above_originals,
    ),
    _row(
        "D30",
        _rule(11),
        "Giáp lưng: chứng từ gốc nêu lượng của mỗi dòng hàng theo cùng đơn vị",
        "Back-to-back: the originals state the quantity of each item in a unit that it has, too",
        checks.not_comparable,
        WARN,
    ),
    _row(
        "D31",
        ("Điều 33 ATIGA", "ATIGA Article 33"),
        "De minimis chỉ dùng với tiêu chí chuyển đổi mã số (CC, CTH, CTSH)",
        "De minimis is ticked only with a change of tariff classification (CC, CTH, CTSH)",
        checks.de_minimis_criterion,
    ),
    _row(
        "D32",
        ("Điều 33 ATIGA", "ATIGA Article 33"),
        "De minimis: nguyên liệu không chuyển đổi mã số không quá 10 % trị giá FOB, nếu cơ quan cấp có nêu",
        "De minimis: materials without the change are at most 10 % of the FOB value, where the issuer states the share",
        checks.de_minimis_share,
    ),
    _row(
        "D33",
        _rule(15),
        "Lô hàng không quá 200 USD (FOB) không cần Form D",
        "A consignment of at most US$ 200 (FOB) needs no Form D",
        checks.not_needed,
        WARN,
    ),
)
