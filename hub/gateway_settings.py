"""What ``[gateway]`` of an endpoint's file must be, beyond the shape of each field."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from hub.errors import BadSettings
from hub.file_settings import ReadFile, ReadText, check_alone
from hub.gateway_policy import GatewayPolicy
from hub.rules import folder_names
from hub.sections import EndpointFile


def resolved(folder: Path, path: Path, file: EndpointFile, referred: ReadFile, secret: ReadText) -> GatewayPolicy | None:
    """Resolve what ``[gateway]`` refers to; raise BadSettings where it cannot be used."""
    policy, where = file.gateway, f"{path} [gateway]"
    if policy is None:
        return None
    check_alone(file, where)
    if file.outbound is None:
        raise BadSettings(
            f"{where} needs [outbound]: fetching, marking and asking are calls with its deadline",
            f"{where} cần bảng [outbound]: nhận về, đánh dấu và tra cứu đều theo thời hạn ở đó",
            where=where,
        )
    _check_address(policy, where)
    _check_partners(policy, where)
    _check_unused(policy, where)
    files = {"key": policy.key, "known_hosts": policy.known_hosts}
    found = {name: str(referred(folder, given, f"{where} {name}")) for name, given in files.items() if given}
    reference = policy.password.get_secret_value()
    password = SecretStr(secret(folder, reference, f"{where} password") if reference else "")
    return policy.model_copy(update={**found, "password": password})


def _check_address(policy: GatewayPolicy, where: str) -> None:
    if policy.driver == "holodeck":
        address = folder_names.read_address(policy.url, where)
        if address.host and not (policy.known_hosts and (policy.key or policy.password.get_secret_value())):
            raise BadSettings(
                f"{where}: behind SFTP name known_hosts (the server's key), and a key or a password of ours",
                f"{where}: qua SFTP phải khai báo known_hosts (khóa máy chủ) và key hoặc password của trục",
                where=f"{where} known_hosts",
            )
        if len({policy.put, policy.take, policy.taken}) < 3:
            raise BadSettings(
                f"{where}: put, take and taken are folders of their own, each another one",
                f"{where}: put, take và taken phải là các thư mục khác nhau",
                where=f"{where} take",
            )
        return
    parts = urlsplit(policy.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise BadSettings(
            f"{where} url must be an http address of the gateway's port, without user and password",
            f"{where} url phải là địa chỉ http của cổng truyền nhận, không kèm tên và mật khẩu",
            where=f"{where} url",
        )


def _check_partners(policy: GatewayPolicy, where: str) -> None:
    """Refuse partners that what came could not be told apart by, or that Hermes has no partnership for."""
    for name, each in policy.partners.items():
        if policy.partner_of(each.party_id, each.party_type) != name:
            raise BadSettings(
                f"{where}: partners.{name} has the party_id of another one: what comes from it could not be told apart",
                f"{where}: partners.{name} trùng party_id với đối tác khác: không phân biệt được ai gửi",
                where=f"{where} partners.{name}",
            )
        if policy.driver == "hermes" and not each.partnerships:
            raise BadSettings(
                f'{where}: Hermes sends by partnerships: name partners.{name}.partnerships, e.g. {{ "*" = "vn-id" }}',
                f'{where}: Hermes gửi theo partnership: khai báo partners.{name}.partnerships, ví dụ {{ "*" = "vn-id" }}',
                where=f"{where} partners.{name}.partnerships",
            )
        if policy.driver == "ebms_core" and not each.agreement:
            raise BadSettings(
                f"{where}: ebms-core sends by agreements: name the CPA in partners.{name}.agreement",
                f"{where}: ebms-core gửi theo CPA: khai báo partners.{name}.agreement",
                where=f"{where} partners.{name}.agreement",
            )


def _check_unused(policy: GatewayPolicy, where: str) -> None:
    """Refuse keys that this product would silently leave alone."""
    only = {
        "holodeck": ("key", "known_hosts", "put", "take", "taken", "partners.pmode"),
        "domibus": ("version",),
        "hermes": ("conversation", "partners.partnerships"),
    }
    properties = ("properties", "partners.properties") if policy.driver in ("ebms_core", "hermes") else ()
    named = {*policy.model_fields_set, *(f"partners.{key}" for each in policy.partners.values() for key in each.model_fields_set)}
    others = [key for driver, keys in only.items() if driver != policy.driver for key in keys]
    wrong = sorted(key for key in (*others, *properties) if key in named)
    if wrong:
        keys = ", ".join(wrong)
        raise BadSettings(
            f"{where}: {keys} has no effect with driver {policy.driver!r}: take it out",
            f"{where}: {keys} không có tác dụng với driver {policy.driver!r}: hãy bỏ đi",
            where=f"{where} {wrong[0]}",
        )
