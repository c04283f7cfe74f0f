"""The words of the model phytosanitary certificates (annex to the Convention, ISPM 12), Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping

from hub.canonical.border import phyto_words as words

Words = tuple[str, str]

#: What each certified clause says; the consignment was inspected, and is practically free from other pests.
CLAUSES: Mapping[int, Words] = {
    1: (
        "Chứng nhận rằng thực vật, sản phẩm thực vật hoặc vật thể khác thuộc diện kiểm dịch mô tả tại đây đã được kiểm tra"
        " và/hoặc phân tích theo quy trình chính thức thích hợp, được coi là không nhiễm dịch hại kiểm dịch thực vật do bên nhập"
        " khẩu quy định và phù hợp với các yêu cầu kiểm dịch thực vật hiện hành của bên nhập khẩu, kể cả yêu cầu đối với dịch hại"
        " không phải kiểm dịch thực vật phải được kiểm soát.",
        "This is to certify that the plants, plant products or other regulated articles described herein have been inspected"
        " and/or tested according to appropriate official procedures and are considered to be free from the quarantine pests"
        " specified by the importing contracting party and to conform with the current phytosanitary requirements of the"
        " importing contracting party, including those for regulated non-quarantine pests.",
    ),
    2: (
        "Lô hàng được coi là hầu như không có các dịch hại khác.",
        "They are deemed to be practically free from other pests.",
    ),
}
#: The sentence of a certificate for re-export, in its parts; between them stand countries, number and boxes to tick.
RE_EXPORTED: Mapping[str, Words] = {
    "imported": (
        "Chứng nhận rằng thực vật, sản phẩm thực vật hoặc vật thể khác thuộc diện kiểm dịch mô tả trên đây đã được nhập khẩu vào",
        "This is to certify that the plants, plant products or other regulated articles described above were imported into",
    ),
    "from": ("từ", "from"),
    "covered": (
        "kèm theo giấy chứng nhận kiểm dịch thực vật số",
        "covered by Phytosanitary certificate No.",
    ),
    "attached": ("đính kèm:", "of which is attached to this certificate:"),
    "packed": ("hàng được:", "that they are:"),
    "containers": ("trong bao bì:", "in containers:"),
    "based": ("căn cứ:", "that based on:"),
    "conform": (
        "lô hàng được coi là phù hợp với các yêu cầu kiểm dịch thực vật hiện hành của bên nhập khẩu, và trong thời gian lưu giữ"
        " tại nước tái xuất khẩu không bị đặt vào nguy cơ nhiễm dịch hại.",
        "they are considered to conform with the current phytosanitary requirements of the importing contracting party, and that"
        " during storage in the contracting party of re-export the consignment has not been subjected to the risk of infestation"
        " or infection.",
    ),
}
ORIGINAL: Words = ("bản gốc", "original")
TRUE_COPY: Words = ("bản sao có chứng thực", "certified true copy")
PACKED: Words = ("đóng gói", "packed")
REPACKED: Words = ("đóng gói lại", "repacked")
IN_ORIGINAL: Words = ("gốc", "original")
IN_NEW: Words = ("mới", "new")
BY_ORIGINAL: Words = ("giấy chứng nhận kiểm dịch thực vật gốc", "the original phytosanitary certificate")
BY_INSPECTION: Words = ("kiểm tra bổ sung", "additional inspection")

TITLES: Mapping[str, Words] = {
    words.EXPORT: ("GIẤY CHỨNG NHẬN KIỂM DỊCH THỰC VẬT", "PHYTOSANITARY CERTIFICATE"),
    words.RE_EXPORT: ("GIẤY CHỨNG NHẬN KIỂM DỊCH THỰC VẬT TÁI XUẤT KHẨU", "PHYTOSANITARY CERTIFICATE FOR RE-EXPORT"),
}
#: Status -> what stands across a print, so that nobody takes it for one that counts. What is issued or approved has none.
STAMPS: Mapping[str, Words] = {
    words.WITHDRAWN: ("ĐÃ THU HỒI, KHÔNG CÒN GIÁ TRỊ", "WITHDRAWN, NO LONGER VALID"),
    words.REPLACED: ("ĐÃ ĐƯỢC THAY THẾ, KHÔNG CÒN GIÁ TRỊ", "REPLACED, NO LONGER VALID"),
    words.REJECTED: ("BỊ TỪ CHỐI, KHÔNG CÓ GIÁ TRỊ", "REJECTED, NOT VALID"),
    words.DRAFT: ("BẢN NHÁP, KHÔNG CÓ GIÁ TRỊ", "DRAFT, NOT VALID"),
    words.PENDING: ("CHỜ CHẤP THUẬN, CHƯA CÓ GIÁ TRỊ", "APPROVAL PENDING, NOT YET VALID"),
    "64": ("ĐÃ HỦY YÊU CẦU, KHÔNG CÓ GIÁ TRỊ", "REQUEST CANCELLED, NOT VALID"),
}
UNKNOWN_STATUS: Words = ("TRẠNG THÁI KHÔNG RÕ, XEM CHỨNG TỪ ĐIỆN TỬ", "STATUS NOT KNOWN, SEE THE ELECTRONIC DOCUMENT")
GOOD = frozenset({words.ISSUED, words.APPROVED, "71"})

LABELS: Mapping[str, Words] = {
    "number": ("Số", "No."),
    "from": ("Cơ quan bảo vệ và kiểm dịch thực vật của", "Plant Protection Organization of"),
    "to": ("Kính gửi: Cơ quan bảo vệ và kiểm dịch thực vật của", "TO: Plant Protection Organization(s) of"),
    "description": ("Mô tả lô hàng", "Description of Consignment"),
    "consignor": ("Tên và địa chỉ người xuất khẩu", "Name and address of exporter"),
    "consignee": ("Tên và địa chỉ người nhận (theo khai báo)", "Declared name and address of consignee"),
    "packages": ("Số lượng và mô tả bao gói", "Number and description of packages"),
    "marks": ("Ký mã hiệu", "Distinguishing marks"),
    "origin": ("Nơi xuất xứ", "Place of origin"),
    "conveyance": ("Phương tiện vận chuyển (theo khai báo)", "Declared means of conveyance"),
    "entry": ("Cửa khẩu nhập (theo khai báo)", "Declared point of entry"),
    "produce": ("Tên sản phẩm và khối lượng (theo khai báo)", "Name of produce and quantity declared"),
    "botanical": ("Tên khoa học của thực vật", "Botanical name of plants"),
    "declaration": ("Khai báo bổ sung", "Additional Declaration"),
    "treatment": ("Xử lý diệt trừ và/hoặc khử trùng", "Disinfestation and/or Disinfection Treatment"),
    "date": ("Ngày", "Date"),
    "treated": ("Biện pháp xử lý", "Treatment"),
    "chemical": ("Hóa chất (hoạt chất)", "Chemical (active ingredient)"),
    "duration": ("Thời gian và nhiệt độ", "Duration and temperature"),
    "concentration": ("Nồng độ", "Concentration"),
    "information": ("Thông tin thêm", "Additional information"),
    "place": ("Nơi cấp", "Place of issue"),
    "stamp": ("(Dấu của cơ quan)", "(Stamp of Organization)"),
    "officer": ("Tên cán bộ có thẩm quyền", "Name of authorized officer"),
    "signature": ("(Chữ ký)", "(Signature)"),
    "issued": ("Ngày cấp", "Date of issue"),
    "signed": ("Ngày ký", "Date of signature"),
    "line": ("Dòng", "Line"),
    "none": ("Không có", "None"),
    "not_certified": (
        "Giấy chứng nhận điện tử không nêu điều khoản chứng nhận nào.",
        "The electronic certificate certifies no clause.",
    ),
    "other": ("Nội dung khác của giấy chứng nhận", "What else the certificate says"),
    "replaces": ("Thay thế giấy chứng nhận", "Replaces certificate"),
    "references": ("Chứng từ liên quan", "Documents referred to"),
    "unplaced": ("Nội dung không có chỗ trong mẫu", "Content that the form has no place for"),
    "liability": ("Điều khoản trách nhiệm tài chính (số thứ tự hoặc nội dung)", "Financial liability clause (number or text)"),
    "container": ("Công-ten-nơ, niêm phong", "Container, seals"),
    "transit": ("Nước quá cảnh", "Transit countries"),
    "examination": ("Nơi kiểm tra", "Place of examination"),
    "cargo": ("Loại hàng chuyên chở (mã)", "Nature of cargo (code)"),
    "use": ("Mục đích sử dụng", "Intended use"),
    "certificate_name": ("Tên chứng từ", "Name of the document"),
    "party_types": ("Loại chủ thể", "Kinds of party"),
}
