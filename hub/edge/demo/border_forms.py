"""What the demo's ministries fill in: plant quarantine's forms of the Single Window, and a Form D with a mistake."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.canonical.base import VIETNAM

_MOMENT = "%Y-%m-%d %H:%M:%S"


def registration(reference: str) -> dict[str, Any]:
    """Confirm the registration: the whole of it goes back to the Single Window (13/07)."""
    goods = {"Sort": "1", "Id": "1", "NameOfGoods": "Thanh long tươi", "Manufacture": "Công ty TNHH Thử Nghiệm"}
    goods |= {"ManufactureAddress": "1 Đường Thử Nghiệm, Cần Thơ", "HsCode": "08109092"}
    at = f"{datetime.now(VIETNAM):{_MOMENT}}"
    form = {
        **{"NSWFileCode": reference, "NameOfRegistration": "Công ty TNHH Thử Nghiệm"},
        **{"AddressOfRegistration": "1 Đường Thử Nghiệm, Cần Thơ", "GoodsList": {"Goods": [goods]}},
        **{"TransportType": "Đường biển", "Exporter": "Công ty TNHH Thử Nghiệm"},
        **{"ExporterAddress": "1 Đường Thử Nghiệm, Cần Thơ", "PortOfDepartureName": "Hải Phòng"},
        **{"PortOfDepartureCode": "VNHPH", "Importer": "PT Contoh Penerima", "ImporterAddress": "Jalan Uji 2, Surabaya"},
        **{"PortOfDestinationName": "Surabaya", "PortOfDestinationCode": "IDSUB", "ImporterStateName": "Indonesia"},
        **{"ImporterStateCode": "ID", "Uses": "Tiêu dùng", "PlaceOfPhytosanitary": "Hải Phòng", "DateOfPhytosanitar": at},
        **{"SignDate": at, "SignName": "Nguyễn Thử Nghiệm", "DispatchNo": "17/XN", "SignConfirmDate": at},
        **{"SignConfirmName": "Lê Thử Việc"},
    }
    return {"Phytosanitary": form}


def certificate(reference: str, number: str) -> dict[str, Any]:
    """Tell the Single Window of the certificate that was issued (21/18)."""
    ticks = ("Original", "Copy", "Packed", "Repacked", "InOriginal", "NewContainer", "BasedOnOriPhytoCer", "AddInspection")
    product = {"ProductName": "Fresh dragon fruit", "BotanicalName": "Selenicereus undatus", "NetWeight": "18400"}
    product |= {"NetWeightUnitCode": "KGM", "GrossWeight": "20010.5", "GrossWeightUnitCode": "KGM"}
    form = {
        **{"NSWFileCode": reference, "TypeCer": "1", "CountryExportName": "Indonesia", "CountryExportCode": "ID"},
        **{"DispatchNo": number, "ExporterName": "Cong ty TNHH Thu Nghiem", "ExporterAddress": "1 Duong Thu Nghiem, Can Tho"},
        **{"ConsigneeName": "PT Contoh Penerima", "ConsigneeAddress": "Jalan Uji 2, Surabaya", "QuantityOfPackage": "2300"},
        **{"TypeOfPackageName": "Carton", "TypeOfPackageCode": "CT", "LevelOfPackage": "1", "NameOfOriginCountry": "Viet Nam"},
        **{"CodeOfOriginCountry": "VN", "ModeOfTransport": "1", "EntryPoint": "Surabaya", "ProductList": {"Product": [product]}},
        **dict.fromkeys(ticks, "0"),
        **{"TreatmentCode": "0", "PlaceOfIssue": "Hai Phong", "DateIssue": f"{datetime.now(VIETNAM):%d/%m/%Y}"},
        **{"NameOfOfficer": "Le Thu Viec"},
    }
    return {"PhytosanitaryCer": form}


def items_without_value() -> list[dict[str, Any]]:
    """Write the item of a Form D by regional value, and forget its FOB value."""
    by_value = {"code": "RVC", "percent": "45.5"}
    weight = {"value": "812", "unit": "KGM"}
    juice = {"number": 1, "description": "DRAGON FRUIT JUICE", "hs_code": "20098999", "criterion": by_value, "invoices": [1]}
    return [{**juice, "gross_weight": weight}]
