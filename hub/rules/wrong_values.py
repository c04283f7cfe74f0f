"""What is wrong with a value that a person wrote, in Vietnamese: in a configuration file, a form, a call of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Wrong:
    """One field that cannot be taken."""

    #: ``field`` or ``field.0.name``.
    field: str
    vi: str
    en: str


#: Kinds of pydantic's errors that a misspelt or forgotten line makes -> Vietnamese; of the others pydantic's own words are shown.
WRONG_VALUES = {
    "extra_forbidden": "không có khóa cấu hình này (kiểm tra chính tả)",
    "missing": "thiếu khóa bắt buộc",
    "string_type": "phải là chuỗi ký tự",
    "string_pattern_mismatch": "giá trị không có dạng {pattern}",
    "int_type": "phải là số nguyên",
    "int_parsing": "phải là số nguyên",
    "int_from_float": "phải là số nguyên",
    "float_type": "phải là số",
    "float_parsing": "phải là số",
    "bool_type": "phải là true hoặc false",
    "bool_parsing": "phải là true hoặc false",
    "tuple_type": "phải là danh sách […]",
    "list_type": "phải là danh sách […]",
    "dict_type": "phải là một bảng",
    "model_type": "phải là một bảng",
    "literal_error": "phải là một trong: {expected}",
    "enum": "phải là một trong: {expected}",
    "greater_than": "phải lớn hơn {gt}",
    "greater_than_equal": "phải từ {ge} trở lên",
    "less_than": "phải nhỏ hơn {lt}",
    "less_than_equal": "không được quá {le}",
    "window": "{vi}",
    "signer": "{vi}",
    "string_too_short": "không được để trống (ít nhất {min_length} ký tự)",
    "string_too_long": "dài quá {max_length} ký tự",
    "too_long": "có quá {max_length} mục",
    "too_short": "phải có ít nhất {min_length} mục",
    "event": "{pattern!r} không khớp sự kiện nào; hiện có: {known}",
    "date_type": "phải là ngày dạng \"2026-09-02\"",
    "date_from_datetime_parsing": "phải là ngày dạng \"2026-09-02\"",
    "no_text": "có ký tự không hợp lệ (NUL)",
    "date_from_datetime_inexact": "phải là ngày, không kèm giờ",
}


def in_vietnamese(wrong: Mapping[str, Any]) -> str:
    """Say one of pydantic's errors (an item of ``errors()``) in Vietnamese; never its value."""
    text = WRONG_VALUES.get(wrong["type"])
    return text.format(**wrong.get("ctx", {})) if text else str(wrong["msg"])


def wrong_fields(error: ValidationError) -> tuple[Wrong, ...]:
    """List what is wrong with what was asked, field by field, in both languages."""
    found = error.errors(include_input=False, include_url=False, include_context=True)
    return tuple(Wrong(".".join(str(part) for part in each["loc"]), in_vietnamese(each), each["msg"]) for each in found)
