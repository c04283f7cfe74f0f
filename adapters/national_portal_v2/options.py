"""Options of an endpoint that speaks to the National Public Service Portal (DVCQG), second generation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub.canonical.party import PartyKind

#: Fields of ThongTinChiTiet: what ``form_fields`` may fill.
APPLICANT_FIELDS = (
    "TenNguoiNop",
    "SoDinhDanh",
    "NgayCapDinhDanh",
    "NgaySinh",
    "SoDienThoai",
    "Email",
    "Fax",
    "MaTinh",
    "MaHuyen",
    "MaXa",
    "DiaChiChiTiet",
    "TenChuHs",
    "SoDinhDanhChuHs",
    "MaTinhChuHs",
    "MaXaChuHs",
    "DiaChiChiTietChuHs",
)


class Options(BaseModel):
    """Table ``[options]`` of an endpoint's file. What is marked assumed has no public source: check it with the portal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # --- where -----------------------------------------------------------------------------------------------
    base_url: str = Field("", pattern="^(https?://.+)?$", description="Address under which all paths are. No source names one.")
    token_path: str = Field("token", min_length=1, description="Path of the token. Assumed.")
    number_path: str = Field("SoTiepTheo", min_length=1, description="Path of the next dossier number (GET). Assumed.")
    upload_path: str = Field("TaiTepTin", min_length=1, description="Path that takes one file. Assumed.")
    create_path: str = Field("NoiHoSo", min_length=1, description="Path that creates a dossier; word known, path assumed.")
    progress_path: str = Field("CapNhatTienTrinh", min_length=1, description="Path of progress rows; word known, path assumed.")
    status_path: str = Field("CapNhatTrangThai", min_length=1, description="Path of statuses; word known, path assumed.")

    # --- who -------------------------------------------------------------------------------------------------
    client_id: str = Field("", description="Name that the portal gave this hub.")
    client_secret: SecretStr = Field(SecretStr(""), description="Its secret; in the file as env:NAME or file:/path.")
    grant_format: Literal["json", "form"] = Field(
        "json", description="How a token is asked for: JSON of the two, or an OAuth 2.0 form (grant_type=client_credentials)."
    )
    bearer_in: Literal["header", "query"] = Field(
        "header", description="Where the token goes: as Bearer in the header, or in the query as one client does."
    )
    bearer_parameter: str = Field("access_token", pattern="^[A-Za-z_]+$", description="Its name in the query. Assumed.")
    token_seconds: float = Field(600.0, gt=0, description="How long a token lasts whose reply does not say so. Assumed.")
    token_margin_seconds: float = Field(30.0, ge=0, description="A token is made anew so long before its end.")

    # --- numbers ---------------------------------------------------------------------------------------------
    number_of: Literal["agency", "procedure"] = Field(
        "agency", description="By what code a number is drawn: agency_code, or the dossier's national procedure code."
    )
    agency_code: str = Field(
        "", max_length=35, description="Agency code for numbers, in the form that the portal knows, e.g. 000.00.04.G18."
    )
    numbering: str = Field(
        "national_portal",
        pattern="^[a-z][a-z0-9_]*$",
        description="Under what name the hub joins the portal's number to the local one.",
    )

    # --- what is told ----------------------------------------------------------------------------------------
    receiving_agency: str = Field("", description="MaDonViTiepNhan of dossiers that name no agency code, e.g. G09.20.")
    rows_per_call: int = Field(10, ge=1, le=1000, description="Progress rows in one call; the portal's limit is unknown.")
    refusal_before_reception: Literal["send", "skip"] = Field(
        "send", description="Refused (3) and never received: send creates the dossier without NgayTiepNhan. Inferred."
    )
    withdrawal_before_reception: Literal["send", "skip"] = Field(
        "skip", description="Withdrawn (7) and never received: the portal never heard of it. Inferred."
    )
    files_missing: Literal["refuse", "leave_out"] = Field(
        "refuse",
        description="A file that the hub does not hold, or whose upload was given up: refuse the dossier, or leave the file out.",
    )
    without_id: Literal["park", "send"] = Field(
        "park",
        description="Rows of a dossier whose idHoSo nobody knows (born on the portal, settled by hand): park them, or send them "
        "with an empty one.",
    )

    # --- codes -----------------------------------------------------------------------------------------------
    map_procedures: bool = Field(True, description="Translate local procedure codes by the table; false: they go as they are.")
    procedure_table: str = Field("procedures", description="Code list from local to national procedure codes.")
    service_suffix: str = Field(".01", description="MaDichVuCong is MaTTHC with this behind it.")
    component_table: str = Field("components", description="Code list of dossier components; its names become TenThanhPhanHoSo.")
    paper_kind: Literal[0, 1] = Field(0, description="LoaiBan of a paper that was handed in: 0 original, 1 copy. Assumed.")
    applicant_kind_table: str = Field(
        "national_portal_v2_applicants",
        description="Code list from our kinds of applicants to LoaiDoiTuong; a row wins over applicant_kinds.",
    )
    applicant_kinds: Mapping[PartyKind, Literal[0, 1, 2]] = Field(
        {PartyKind.CITIZEN: 0, PartyKind.BUSINESS: 1},
        description="LoaiDoiTuong by our kind (1 citizen, 2 business, 3 state agency, 4 other): this generation counts "
        "0 citizen, 1 business, 2 household business. A kind without a number needs a row of the list. Assumed but for 1 and 2.",
    )
    form_fields: Mapping[str, str] = Field(
        {}, description="Fields of ThongTinChiTiet that stand in the dossier's e-form: name -> place in it, parts parted by dots."
    )

    @field_validator("form_fields")
    @classmethod
    def _known_fields(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        if strange := sorted(set(given) - set(APPLICANT_FIELDS)):
            raise ValueError(f"{', '.join(strange)}: not among {', '.join(APPLICANT_FIELDS)}")
        return given


def check(options: Options) -> list[str]:
    """Tell an operator what is assumed beside options that say so themselves, and what is missing to draw a number."""
    lines = ["the values of code in the portal's replies (0, 200) are assumed; an unknown one leaves a call in doubt"]
    if options.numbering == "national_portal":
        lines.append(
            "options.numbering = 'national_portal': assumed that the first generation is not told of the same dossiers; "
            "where it is, use a name of its own, since there national_portal means born on the portal"
        )
    if options.number_of == "agency" and not options.agency_code:
        lines.append('options.agency_code is empty: no number can be drawn; set it, or number_of = "procedure"')
    return lines
