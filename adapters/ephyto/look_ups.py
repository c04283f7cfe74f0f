"""What people can ask the Hub, by its own names, and what of its code lists becomes rows of the hub's (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.ephyto import soap
from adapters.ephyto.operations import CHANNELS, HEADERS, NPPOS, PROFILE, TRACKING, UNDER_DELIVERY, VALIDATE
from hub.contract import LookUp
from hub.rules import xml

_NUMBER, _COUNTRY, _DOCUMENT = "hubTrackingNumber", "countryCode", "ePhytoXML"
LOOK_UPS: Mapping[str, LookUp] = {
    NPPOS: LookUp(vi="Các nước đang kết nối và loại giấy họ nhận", en="Countries that are connected, and what they take"),
    PROFILE: LookUp(vi="Khai báo của nước ta tại Hub", en="Our own profile at the Hub"),
    CHANNELS: LookUp(vi="Các kênh chuyển tiếp", en="Channels that envelopes are forwarded to"),
    UNDER_DELIVERY: LookUp(vi="Giấy của ta đang trên đường", en="Our envelopes under way"),
    HEADERS: LookUp(vi="Giấy đang chờ ta lấy", en="Envelopes that wait for us", fields=(_COUNTRY,)),
    TRACKING: LookUp(vi="Trạng thái một giấy đã gửi", en="State of an envelope", fields=(_NUMBER,), required=(_NUMBER,)),
    VALIDATE: LookUp(
        vi="Kiểm tra thử một giấy (không gửi)", en="Validate a certificate (not sent)", fields=(_DOCUMENT,), required=(_DOCUMENT,)
    ),
}
#: What may be asked by, for each.
ASKED: Mapping[str, tuple[str, ...]] = {name: each.fields for name, each in LOOK_UPS.items()}
#: Which child of a code's row is its name, and the language that is taken where there are several.
_NAMES = ("text", "name", "description")
_LANGUAGE = "en"


def records_in(named: xml.Tree) -> tuple[Any, ...]:
    """Give the records of an answer, without namespaces: the rows of its list, else the answer as one record."""
    tree = _plain(named)
    lists = [value for value in tree.values() if isinstance(value, list | dict)]
    if len(tree) == 1 and lists:
        return tuple(lists[0]) if isinstance(lists[0], list) else (lists[0],)
    return (tree,) if tree else ()


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name.rsplit("}", 1)[-1]: _plain(value) for name, value in tree.items()}
    return [_plain(each) for each in tree] if isinstance(tree, list) else tree


def codes_in(answered: etree._Element) -> tuple[tuple[str, str], ...]:
    """Read a code list: active codes with their names, each once; English stands before other languages."""
    found: dict[str, tuple[bool, str]] = {}
    for element in answered.iter("*"):
        code = " ".join(soap.text_of(soap.child(element, "code")).split())
        if not code or soap.text_of(soap.child(element, "active")).lower() == "false":
            continue
        english = soap.text_of(soap.child(element, "lang")).lower() in ("", _LANGUAGE)
        if code not in found or (english and not found[code][0]):
            found[code] = (english, _name(element))
    return tuple((code, name) for code, (_, name) in found.items())


def _name(element: etree._Element) -> str:
    texts = (" ".join(soap.text_of(soap.child(element, name)).split()) for name in _NAMES)
    return next((text for text in texts if text), "")
