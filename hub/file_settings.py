"""What ``[folder]`` and ``[outbox]`` of an endpoint's file must be, beyond the shape of each field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from hub.endpoint import FolderPolicy, OutboxPolicy
from hub.errors import BadSettings
from hub.rules import folder_names
from hub.sections import EndpointFile

#: (configuration folder, reference, where it stands) -> what it names.
ReadFile = Callable[[Path, str, str], Path]
ReadText = Callable[[Path, str, str], str]


def resolved(folder: Path, path: Path, file: EndpointFile, referred: ReadFile, secret: ReadText) -> FolderPolicy | None:
    """Resolve what ``[folder]`` refers to; raise BadSettings where it cannot be used."""
    policy, where = file.folder, f"{path} [folder]"
    if policy is None:
        return None
    folder_names.read_address(policy.url, where)
    check_alone(file, where)
    _check_used(file, policy, where)
    _check_apart(policy, where)
    if not policy.is_local:
        _check_proofs(policy, where)
    found = {name: str(referred(folder, given, f"{where} {name}")) for name, given in _files(policy).items() if given}
    reference = policy.password.get_secret_value()
    password = SecretStr(secret(folder, reference, f"{where} password") if reference else "")
    return policy.model_copy(update={**found, "password": password})


def checked(path: Path, file: EndpointFile) -> OutboxPolicy | None:
    """Give ``[outbox]``; raise BadSettings where it would have no effect."""
    where = f"{path} [outbox]"
    if file.outbox is None:
        return None
    check_alone(file, where)
    if file.inbound is None or file.outbound is None:
        raise BadSettings(
            f"{where} needs [inbound] (by which the partner is known at its door) and [outbound] (how it is sent to)",
            f"{where} cần bảng [inbound] (để nhận biết đối tác ở cửa) và [outbound] (cách gửi cho đối tác)",
            where=where,
        )
    _check_not_asked(file, where)
    return file.outbox


def _files(policy: FolderPolicy) -> dict[str, str]:
    return {"key": policy.key, "known_hosts": policy.known_hosts}


def check_alone(file: EndpointFile, where: str) -> None:
    """Refuse two ways by which the partner would be given the same."""
    tables = {
        "amqp": file.amqp,
        "member": file.member,
        "folder": file.folder,
        "outbox": file.outbox,
        "gateway": file.gateway,
    }
    if len(named := [name for name, table in tables.items() if table is not None]) > 1:
        both = ", ".join(f"[{name}]" for name in named)
        raise BadSettings(
            f"{where}: the endpoint has {both}; a partner is spoken with in one way",
            f"{where}: điểm kết nối có {both}; mỗi đối tác chỉ dùng một cách kết nối",
            where=where,
        )


def _check_used(file: EndpointFile, policy: FolderPolicy, where: str) -> None:
    if not (policy.take or policy.put):
        raise BadSettings(
            f"{where} does nothing: name take (the partner's files for us), put (ours for the partner), or both",
            f"{where} không có tác dụng: khai báo take (tệp đối tác gửi), put (tệp gửi đối tác), hoặc cả hai",
            where=where,
        )
    for name, other, vi, en in (
        ("take", "inbound", "không có gì được nhận", "nothing is received from it"),
        ("put", "outbound", "không có gì được gửi đi", "nothing is sent to it"),
    ):
        if getattr(policy, name) and getattr(file, other) is None:
            raise BadSettings(
                f"{where} names {name}, but the endpoint has no [{other}] table: {en}",
                f"{where} khai báo {name} nhưng điểm kết nối không có bảng [{other}]: {vi}",
                where=f"{where} {name}",
            )
    folder_names.check_template(policy.name, f"{where} name")


def _check_apart(policy: FolderPolicy, where: str) -> None:
    """Refuse folders of which one would take what was put into another."""
    used = [policy.take, policy.taken, policy.refused, policy.answers] if policy.take else []
    used += [policy.put] if policy.put else []
    used += [policy.replies] if policy.put and policy.delivered == "answered" else []
    named = [each for each in used if each]
    if len(set(named)) < len(named) or (policy.take and not (policy.taken and policy.refused)):
        raise BadSettings(
            f"{where}: take, taken, refused, answers, put and replies are folders of their own, each another one",
            f"{where}: take, taken, refused, answers, put và replies phải là các thư mục khác nhau",
            where=where,
        )


def _check_proofs(policy: FolderPolicy, where: str) -> None:
    """Refuse an SFTP server that could be anybody, or that nothing proves us to."""
    if not policy.known_hosts:
        raise BadSettings(
            f"{where}: known_hosts must name the server's host key (ssh-keyscan HOST, compared with what its people say)",
            f"{where}: known_hosts phải nêu khóa của máy chủ SFTP (ssh-keyscan HOST, đối chiếu với đơn vị quản trị)",
            where=f"{where} known_hosts",
        )
    if not (policy.key or policy.password.get_secret_value()):
        raise BadSettings(
            f"{where}: name a password or a key, by which the SFTP server knows us",
            f"{where}: khai báo password hoặc key để máy chủ SFTP nhận biết trục",
            where=f"{where} key",
        )


def _check_not_asked(file: EndpointFile, where: str) -> None:
    asked = [name for name, each in file.outbound.services.items() if each.on_doubt == "ask"] if file.outbound else []
    if asked:
        names = ", ".join(asked)
        raise BadSettings(
            f'{where}: the partner asks us, it cannot be asked: services {names} need on_doubt = "resend" or "park"',
            f'{where}: đối tác tự hỏi trục, không hỏi được đối tác: dịch vụ {names} phải có on_doubt = "resend" hoặc "park"',
            where=where,
        )
