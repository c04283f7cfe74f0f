"""Options of an endpoint that speaks to the National Public Service Portal (DVCQG), first generation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from adapters.national_portal.field_map import load
from adapters.national_portal.services import NAME, NO_NAME, SHAPE_UNKNOWN, SHARED, is_agency
from hub.errors import BadSettings

#: How a province's own bus wraps the portal: one call, one address.
RELAY = "KetNoiMotCuaQuocGia"
#: The only service that is known to have another name behind a relay.
RELAY_NAMES = {"DongBoTrangThaiHoSo": "DongBoTrangThaiHoSoKM"}


class Options(BaseModel):
    """Table ``[options]`` of an endpoint's file. What is marked assumed has no public source: check it with the portal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # --- how ------------------------------------------------------------------------------------------------
    variant: Literal["session", "relay", "relay_bare"] = Field(
        "session",
        description="session: log-in and one address for all services. relay: a province's bus, one address for each service "
        "(GET reads, POST writes a bare list), Bearer token. relay_bare: a province's bus that only takes lists.",
    )
    door: Literal["portal", "agency"] = Field(
        "portal",
        description="Who calls our door: the portal, or an agency's software that was made for the portal or a province's relay.",
    )

    # --- where -----------------------------------------------------------------------------------------------
    base_url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="Address of the agency's security-server adapter up to the provider's own path, e.g. "
        "http://adapter:8080/XrdAdapter/RestService/forward. Empty: the portal only calls us.",
    )
    login_path: str = Field("mapi/login", description="Path of the log-in, under base_url.")
    service_path: str = Field("mapi/g", description="Path of the services for dossiers and single procedures.")
    share_path: str = Field("mapi/g", description="Path of the services for lists, such as LayDanhSachTTHC.")
    dstcode: str = Field("VN:GOV:000.00.00.G22:vpcpdvcprovider", description="Destination; empty: not sent.")
    dstcode_in: Literal["header", "query"] = Field(
        "header", description="Where dstcode goes: installations differ, both have been seen."
    )
    providerurl: str = Field("", description="Real address of a back end behind the same dstcode, sent in the query.")

    relay_paths: dict[str, str] = Field(
        default_factory=dict,
        description="Relay: paths under base_url of services whose path is another, by Service or Service.create and "
        "Service.update. Without: KetNoiMotCuaQuocGia/<Service> (relay), <Service> (relay_bare).",
    )
    relay_token: SecretStr = Field(
        SecretStr(""), description="Relay: Bearer token of the province's bus; in the file as env:NAME or file:/path."
    )

    # --- who -------------------------------------------------------------------------------------------------
    username: str = Field("", description="Name for the log-in; typically the agency code.")
    password: SecretStr = Field(SecretStr(""), description="Password for the log-in; in the file as env:NAME or file:/path.")
    madonvi: str = Field(
        "", description="Agency code in every call, in either form (H99 or 000.00.00.H99); one endpoint speaks for one agency."
    )

    # --- session ---------------------------------------------------------------------------------------------
    session_seconds: float = Field(600.0, gt=0, description="A session is made anew after so long; clients keep it 10 minutes.")
    session_expired_codes: tuple[str, ...] = Field(
        ("401",), description="Values of error_code that mean: session not known, nothing was done. Assumed."
    )
    session_expired_texts: tuple[str, ...] = Field(
        ("phiên làm việc", "phiên đăng nhập", "hết phiên", "session expired", "invalid session"),
        description="Parts of a message that, with a code that is no success, mean the same. Case does not matter. Assumed.",
    )

    # --- whose dossiers --------------------------------------------------------------------------------------
    numbering: str = Field(
        "national_portal",
        min_length=1,
        description="Name under which the portal's own numbers are kept. A dossier that has such a number counts as born on the "
        "portal: it is told status and results, never written there. Where the second generation numbers dossiers of an "
        "agency, that endpoint's numbering must be another.",
    )

    # --- what is told ----------------------------------------------------------------------------------------
    rows_per_call: int = Field(10, ge=1, le=1000, description="Progress rows in one call; the portal's limit is unknown.")
    refusal_before_reception: Literal["send", "skip"] = Field(
        "send",
        description="Refused (3) and never received: send writes it with NgayTuChoi, without NgayTiepNhan. Inferred.",
    )
    withdrawal_before_reception: Literal["send", "skip"] = Field(
        "skip",
        description="Withdrawn (7) and never received: the portal never heard of it and does not count it. Inferred.",
    )
    status_type: str = Field("2", description="Value of type in DongBoTrangThaiHoSo.")
    status_data: Literal["list", "object"] = Field(
        "list", description="Shape of data in DongBoTrangThaiHoSo: a list of one row, or the row itself. Assumed."
    )

    statistics_field: str = Field("data", min_length=1, description="Name of the list in DongBoThongKeHoSo. Assumed.")
    questions_field: str = Field(
        "data", min_length=1, description="Name of the list in DongBoHoiDap and DongBoKetQuaHoiDapGuiTuDVCQG. Assumed."
    )
    raw_services: tuple[str, ...] = Field(
        SHAPE_UNKNOWN, description="Services of unknown shape that are passed on as they come; all others are refused."
    )

    # --- what is pulled --------------------------------------------------------------------------------------
    pull: tuple[Literal["DanhSachHoSo", "LayDanhSachHoiDapGuiTuDVCQG"], ...] = Field(
        (), description="Lists that the portal keeps for us: dossiers of shared procedures, questions. Empty: nothing is pulled."
    )
    pull_seconds: float = Field(300.0, ge=10, description="A list is asked for so often.")
    pull_agencies: tuple[str, ...] = Field(
        (), description="Values of donViXuLy in DanhSachHoSo, one call for each; empty: madonvi alone."
    )
    pull_first_days: float = Field(7.0, gt=0, description="So far back the first question goes.")
    pull_window_days: float = Field(1.0, gt=0, description="So much time one question covers; the portal's limit is unknown.")
    pull_overlap_hours: float = Field(
        24.0, ge=0, description="So far every question goes back, since a list may learn of a dossier late. Assumed."
    )
    pull_map: str = Field(
        "",
        description="TOML file, in the configuration folder, that says which field of a row becomes what; empty: "
        "schemas/national_portal/gen1/shared_procedure.toml. Assumed.",
    )

    # --- codes -----------------------------------------------------------------------------------------------
    map_procedures: bool = Field(True, description="Translate local procedure codes by the table; false: they go as they are.")
    procedure_table: str = Field("procedures", description="Code list from local to national codes; its names become TenTTHC.")
    map_fields: bool = Field(True, description="Translate local field codes by the table; false: they go as they are.")
    field_table: str = Field("fields", description="Code list from local to national codes; its names become TenLinhVuc.")

    portal_agencies_table: str = Field(
        "national_portal_agencies", min_length=1, description="Code list that LayDanhMucCoQuan fills (codes pull)."
    )
    portal_fields_table: str = Field(
        "national_portal_fields", min_length=1, description="Code list that LayDanhMucLinhVuc fills (codes pull)."
    )

    # --- procedures ------------------------------------------------------------------------------------------
    write_procedure_service: str = Field(
        "", description="Service that takes a procedure's record: no public source names one, assumed; empty: none."
    )
    write_procedure_field: str = Field("data", min_length=1, description="Name of the list in that service's body. Assumed.")
    procedures_of: str = Field(
        "", description="Agency whose procedures are listed (LayDanhSachTTHCDonVi); empty: all of them (LayDanhSachTTHC)."
    )

    # --- results store ---------------------------------------------------------------------------------------
    results_path: str = Field("", description="Path of the results store's look-up; no public source names it; empty: none.")
    result_file_path: str = Field("", description="Path of the results store's files; no public source names it; empty: none.")

    @field_validator("raw_services")
    @classmethod
    def _names(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in given if not NAME.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} is no name of a service")
        return given

    @field_validator("pull_map")
    @classmethod
    def _readable(cls, given: str, info: ValidationInfo) -> str:
        folder = (info.context or {}).get("folder")
        found = str(Path(folder, given)) if folder and given else given
        try:
            load(found)
        except BadSettings as error:
            raise ValueError(error.en) from error
        return found

    @property
    def is_relay(self) -> bool:
        return self.variant != "session"

    def path_of(self, service: str, variant: str = "") -> str:
        """Give a service's path under ``base_url``."""
        if not self.is_relay:
            return self.share_path if service in SHARED else self.service_path
        own = self.relay_paths.get(f"{service}.{variant}") or self.relay_paths.get(service)
        name = RELAY_NAMES.get(service, service)
        return own or (f"{RELAY}/{name}" if self.variant == "relay" else name)

    @property
    def query(self) -> dict[str, str]:
        """Query parameters of every call."""
        if self.is_relay:
            return {"MaDinhDanhDV": self.madonvi}
        found = {"dstcode": self.dstcode if self.dstcode_in == "query" else "", "providerurl": self.providerurl}
        return {name: value for name, value in found.items() if value}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every call; ``Charset`` is not standard, the portal's own clients send it."""
        always = {"Accept": "application/json", "Content-Type": "application/json", "Charset": "utf-8"}
        if self.is_relay:
            token = self.relay_token.get_secret_value()
            return always | ({"Authorization": f"Bearer {token}"} if token else {})
        return always | ({"dstcode": self.dstcode} if self.dstcode and self.dstcode_in == "header" else {})


def check(options: Options) -> list[str]:
    """Say what an operator must know of these options: what nobody has published, and what is not right."""
    told = [
        f"shape unknown, passed on as it comes (assumed) / chưa rõ cấu trúc, chuyển nguyên trạng: {name}"
        for name in options.raw_services
    ]
    told.append(f"no service is known for {NO_NAME} (assumed) / chưa có mô tả dịch vụ")
    if options.madonvi and not is_agency(options.madonvi):
        en, vi = f"options.madonvi: {options.madonvi!r} is no agency code", "không phải mã định danh (H99, H99.07, 000.00.00.H99)"
        told.append(f"{en} / {vi}")
    if options.pull and options.variant == "relay_bare":
        told.append("options.pull: this relay only takes lists / trục này chỉ nhận, không cho lấy danh sách")
    return told


def pulls(options: Options) -> dict[str, float]:
    """Say which lists are pulled, and how often."""
    return dict.fromkeys(options.pull, options.pull_seconds)
