"""What is wrong with a value that a person wrote, in Vietnamese: in a configuration file, a form, a call of the API."""

from __future__ import annotations

import re
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
    "folder": "{path!r} phải là đường dẫn nằm dưới thư mục của url, ví dụ out/dossiers",
    "pattern": "{pattern!r} phải có ít nhất ba ký tự riêng ngoài * và ?, ví dụ TEST-*",
    "no_text": "có ký tự không hợp lệ (NUL)",
    "date_from_datetime_inexact": "phải là ngày, không kèm giờ",
}


#: The same in English, where pydantic's own words are for programmers.
_IN_ENGLISH = {
    "extra_forbidden": "there is no such key (look at its spelling)",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list [...]",
    "list_type": "must be a list [...]",
}
#: Patterns of settings in people's words, Vietnamese and English, each with an example.
_PATTERNS = {
    "^(([01][0-9]|2[0-3]):[0-5][0-9])?$": ("phải là giờ:phút, ví dụ 02:30", "must be hours:minutes, e.g. 02:30"),
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": ("phải là giờ:phút, ví dụ 02:30", "must be hours:minutes, e.g. 02:30"),
    "^[A-Za-z0-9_-]{1,50}$": (
        "chỉ gồm chữ không dấu, chữ số, - và _, tối đa 50 ký tự, ví dụ truc_bo",
        "has letters a-z, digits, - and _ only, 50 at most, e.g. hub_bo",
    ),
    "^[0-9a-fA-F]{64}$": (
        "phải là 64 chữ số thập lục phân (SHA-256), như sha256sum in ra",
        "must be 64 hex digits (SHA-256), as sha256sum prints them",
    ),
    "^https?://[!-~]+$": (
        "phải là địa chỉ đầy đủ, ví dụ https://doi-tac.example.org/ws",
        "must be a whole address, e.g. https://partner.example.org/ws",
    ),
}
_PATTERNS["^([0-9a-fA-F]{64})?$"] = _PATTERNS["^[0-9a-fA-F]{64}$"]
_PATTERNS["^(https?://[!-~]+)?$"] = _PATTERNS["^(https?://.+)?$"] = _PATTERNS["^https?://[!-~]+$"]
#: A pattern that is nothing but a choice of words.
_CHOICE = re.compile(r"\^\(([A-Za-z0-9_-]+(?:\|[A-Za-z0-9_-]+)*)\)\??\$")


def _of_pattern(wrong: Mapping[str, Any]) -> tuple[str, str] | None:
    pattern = str(wrong.get("ctx", {}).get("pattern", "")) if wrong["type"] == "string_pattern_mismatch" else ""
    if choice := _CHOICE.fullmatch(pattern):
        listed = choice[1].replace("|", ", ")
        return f"phải là một trong: {listed}", f"must be one of: {listed}"
    return _PATTERNS.get(pattern)


def in_english(wrong: Mapping[str, Any]) -> str:
    """Say the same in English."""
    if said := _of_pattern(wrong):
        return said[1]
    return _IN_ENGLISH.get(wrong["type"]) or str(wrong["msg"])


def in_vietnamese(wrong: Mapping[str, Any]) -> str:
    """Say one of pydantic's errors (an item of ``errors()``) in Vietnamese; never its value."""
    if said := _of_pattern(wrong):
        return said[0]
    text = WRONG_VALUES.get(wrong["type"])
    return text.format(**wrong.get("ctx", {})) if text else str(wrong["msg"])


def wrong_fields(error: ValidationError) -> tuple[Wrong, ...]:
    """List what is wrong with what was asked, field by field, in both languages."""
    found = error.errors(include_input=False, include_url=False, include_context=True)
    return tuple(Wrong(".".join(str(part) for part in each["loc"]), in_vietnamese(each), in_english(each)) for each in found)
