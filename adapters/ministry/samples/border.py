"""Invents border documents that a ministry issues, in the canonical JSON of the door: a Form D, a phytosanitary certificate.

Pure: the same moment and number give the same document. Names, addresses and numbers are invented, and without Vietnamese
letters, which other countries' systems may not take.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]

#: Ports of discharge, by country.
_PORTS = {"ID": ("IDSUB", "Surabaya"), "TH": ("THLCH", "Laem Chabang"), "MY": ("MYPKG", "Port Klang")}
_EXPORTER = {"name": "CONG TY TNHH THU NGHIEM XUAT KHAU", "lines": ["1 DUONG THU NGHIEM", "CAN THO"], "country": "VN"}
_IMPORTER = {"name": "SAMPLE IMPORTER", "lines": ["2 Test Street"]}


def said(event: str, kind: str, number: str, issuing: str, importing: str, moment: datetime, **more: Any) -> Document:
    """Write what is said of a document, without its wrapping."""
    head = {"SuKien": event, "Loai": kind, "So": number, "NuocCap": issuing, "NuocNhap": importing}
    return {**head, "ThoiDiem": f"{moment:%Y%m%d%H%M%S}", **more}


def invented(kind: str, importing: str, moment: datetime, number: str, serial: int) -> Document:
    """Invent the content of a document; without a number it gets one by its serial."""
    if kind == "origin":
        return form_d(importing, moment, number or f"VN-{importing} {moment:%y}/09/{serial:05d}")
    return phyto(importing, moment, number or f"VN-TN-{moment:%Y}-{serial:06d}")


def form_d(importing: str, moment: datetime, number: str) -> Document:
    """Invent a Form D with two items: one wholly obtained, one by regional value content."""
    asks_fob = importing in ("KH", "ID", "LA")
    day = moment.date()
    juice: Document = {
        "number": 2,
        "packages": [{"kind": "CT", "count": "40", "marks": "LOT 7"}],
        "description": "DRAGON FRUIT JUICE IN BOTTLES",
        "hs_code": "20098999",
        "nomenclature": "AHTN",
        "criterion": {"code": "RVC", "percent": "45.5"},
        "gross_weight": {"value": "812", "unit": "KGM"},
        "invoices": [1],
    }
    if asks_fob:
        juice["fob"] = {"value": "6400.00", "currency": "USD"}
    fruit = {
        "number": 1,
        "packages": [{"kind": "CT", "count": "2300", "marks": "N/M"}],
        "description": "FRESH DRAGON FRUIT",
        "hs_code": "08109092",
        "nomenclature": "AHTN",
        "criterion": {"code": "WO"},
        "gross_weight": {"value": "20010.5", "unit": "KGM"},
        "invoices": [1],
    }
    return {
        "number": number,
        "issuing_country": "VN",
        "issued_on": f"{day}",
        "consignor": {**_EXPORTER, "tax_id": "0000000000"},
        "consignee": {**_IMPORTER, "country": importing},
        "carriage": {"mode": "1", "departs_on": f"{day + timedelta(days=1)}", "conveyance": "MV TEST STAR", **_ports(importing)},
        "items": [fruit, juice],
        "invoices": [{"sequence": 1, "number": "INV-TN-031", "issued_on": f"{day - timedelta(days=2)}"}],
        "declared": {
            "country_of_production": "VN",
            "importing_country": importing,
            "place": "CAN THO",
            "on": f"{day - timedelta(days=1)}",
            "signatory": "TRAN KIEM THU",
        },
        "certified": {"authority": "09", "place": "CAN THO", "on": f"{day}", "officer": "LE THU VIEC"},
    }


def _ports(importing: str) -> Document:
    code, name = _PORTS.get(importing, ("", "Port of discharge"))
    return {"loading": {"code": "VNHPH", "name": "HAI PHONG"}, "discharge": {"code": code, "name": name}}


def phyto(importing: str, moment: datetime, number: str) -> Document:
    """Invent a phytosanitary certificate for export, with one line of goods."""
    code, name = _PORTS.get(importing, ("", "Port of entry"))
    line = {
        "sequence": 1,
        "descriptions": [{"text": "Fresh dragon fruit", "language": "en"}],
        "scientific_names": [{"text": "Selenicereus undatus"}],
        "net_weight": {"value": "18400", "unit": "KGM"},
        "packages": [{"kind": "CT", "count": "2300", "level": "1"}],
        "origins": [{"code": "VN"}],
    }
    return {
        "number": number,
        "type_code": "851",
        "status": "70",
        "issued_at": moment.isoformat(timespec="seconds"),
        "issuer": "CUC THU NGHIEM",
        "signing": {
            "at": moment.isoformat(timespec="seconds"),
            "place": {"name": "HAI PHONG"},
            "authority": "CUC THU NGHIEM",
            "officer": "LE THU VIEC",
            "clauses": [{"id": 1}],
        },
        "consignor": _EXPORTER,
        "consignee": {**_IMPORTER, "country": importing},
        "export_country": {"code": "VN"},
        "import_country": {"code": importing},
        "unloading": {"code": code, "name": name},
        "movements": [{"mode": "1", "voyage": "V0042", "means": "MV TEST STAR"}],
        "items": [{"lines": [line]}],
    }
