"""Endpoints: who opens the door, what is signed, when it is open, what its adapter says of the options."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from hub import bootstrap
from hub.contract import Adapter
from hub.edge.cli import frame
from hub.edge.cli.checks import certificates, signing
from hub.edge.cli.checks.findings import ASSUMED, ERROR, WARNING, Finding, fine, of_error
from hub.endpoint import Endpoint
from hub.errors import HubError
from hub.registers import onboarding_facts
from hub.rules import windows
from hub.rules.broker import read_address
from hub.settings import Settings

#: What fits into TimeoutStopSec=150 of the units, with time to record the reply.
LONGEST_DEADLINE_SECONDS = 120
#: Names of this machine itself.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def look(settings: Settings, endpoint: Endpoint, adapter: Adapter) -> Iterator[Finding]:
    """Look at one endpoint's file."""
    where = f"endpoints/{endpoint.name}.toml"
    if endpoint.inbound is not None:
        yield from _door(where, endpoint)
        yield from certificates.trusted(settings, where, (*endpoint.inbound.pinned, *endpoint.inbound.anchors))
    yield from signing.look(settings, where, endpoint)
    yield from _signatures(where, endpoint, adapter)
    yield from _hours(where, endpoint)
    yield from _deadline(where, endpoint)
    yield from _broker(where, endpoint)
    yield from _files(where, endpoint)
    yield from _gateway(where, endpoint)
    yield from _member(settings, where, endpoint)
    yield from _services(where, endpoint, adapter)
    for line in adapter.check(endpoint.options):
        level = ASSUMED if ASSUMED in line.lower() else ERROR
        yield Finding(level=level, where=where, vi=line, en=line)
    for vi, en in adapter.check_policies(endpoint):
        yield Finding(level=WARNING, where=f"{where} [outbound.services]", vi=vi, en=en)
    yield from _assumed_options(where, endpoint)


def _door(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    inbound = endpoint.inbound
    assert inbound is not None
    consumes = onboarding_facts.consumes(endpoint)
    if not (inbound.token_sha256 or inbound.client_certificate_sha256 or inbound.addresses or consumes):
        yield Finding(
            level=ERROR,
            where=f"{where} [inbound]",
            vi="không ai mở được cửa này: thêm token_sha256, client_certificate_sha256 hoặc addresses",
            en="nobody can open this door: add token_sha256, client_certificate_sha256 or addresses",
        )
    if inbound.signature == "required" and not (inbound.pinned or inbound.anchors or inbound.purposes):
        yield Finding(
            level=ERROR,
            where=f"{where} [inbound]",
            vi="bắt buộc chữ ký nhưng không tin chứng thư số nào: thêm pinned, anchors hoặc purposes",
            en="a signature is required but no certificate is trusted: add pinned, anchors or purposes",
        )
    if inbound.signature == "optional" and not (inbound.pinned or inbound.anchors or inbound.purposes):
        yield Finding(
            level=WARNING,
            where=f"{where} [inbound]",
            vi="không tin chứng thư số nào nên mọi thông điệp có chữ ký đều bị từ chối: thêm pinned, anchors hoặc purposes",
            en="no certificate is trusted, so that every signed message is refused: add pinned, anchors or purposes",
        )


def _signatures(where: str, endpoint: Endpoint, adapter: Adapter) -> Iterator[Finding]:
    """Find settings of signatures that this adapter's documents cannot meet."""
    asked = endpoint.inbound.signature if endpoint.inbound else "none"
    if adapter.signature == "none" and asked != "none":
        what_vi, what_en = (
            ("mọi thông điệp sẽ bị từ chối", "every message would be refused")
            if asked == "required"
            else ("không chữ ký nào được kiểm tra", "no signature would be looked at")
        )
        yield Finding(
            level=ERROR if asked == "required" else WARNING,
            where=f"{where} [inbound] signature",
            vi=f"bộ chuyển đổi {adapter.name} không đọc chữ ký nào, {what_vi}: đặt signature = \"none\"",
            en=f"adapter {adapter.name} reads no signature, so that {what_en}: set signature = \"none\"",
        )
    if adapter.signature != "xml" and endpoint.outbound and endpoint.outbound.sign in ("xml", "xades-b", "xades-t"):
        yield Finding(
            level=ERROR,
            where=f"{where} [outbound] sign",
            vi=f"văn bản của bộ chuyển đổi {adapter.name} không phải XML nên không ký XML được: đặt sign = \"jws\" hoặc \"none\"",
            en=f"documents of adapter {adapter.name} are not XML and cannot be signed so: set sign = \"jws\" or \"none\"",
        )


def _hours(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Say of an endpoint with delivery windows whether it is open, or when it opens."""
    outbound, now = endpoint.outbound, datetime.now(UTC)
    if outbound is None or not (outbound.open_hours or outbound.closed_days):
        return
    place = f"{where} [outbound] open_hours"
    if outbound.is_open(now):
        yield fine(place, "đang trong giờ gửi", "open now")
    else:
        opens = frame.moment(windows.next_opening(outbound.open_hours, outbound.closed_days, now).timestamp())
        yield fine(place, f"ngoài giờ gửi; gửi tiếp từ {opens}", f"closed now; opens at {opens}")


def _deadline(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Say of a long call that the supervisor would end it in the middle: what became of it would be in doubt."""
    outbound = endpoint.outbound
    if outbound is None or outbound.deadline_seconds <= LONGEST_DEADLINE_SECONDS:
        return
    given = f"{outbound.deadline_seconds:g}"
    yield Finding(
        level=WARNING,
        where=f"{where} [outbound] deadline_seconds",
        vi=f"{given} giây: khi dừng, systemd chỉ chờ 150 giây rồi ngắt cuộc gọi; hãy ghi tối đa 120 hoặc tăng TimeoutStopSec",
        en=f"{given} s: systemd waits 150 s for the end, then cuts the call; write 120 at most, or raise TimeoutStopSec",
    )


def _broker(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Say of a partner's own broker what leaves it open to others."""
    if endpoint.amqp is None:
        return
    address = read_address(endpoint.amqp, f"{where} [amqp]")
    if not address.tls and address.host not in LOOPBACK:
        yield Finding(
            level=WARNING,
            where=f"{where} [amqp] url",
            vi="kết nối không mã hóa, mật khẩu và hồ sơ đi dưới dạng đọc được: hãy dùng amqps://",
            en="the connection is not encrypted, password and dossiers can be read on the way: use amqps://",
        )


def _files(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Say of a partner's folders what could surprise."""
    policy = endpoint.folder
    if policy is None or not policy.put or policy.delivered != "gone":
        return
    yield fine(
        f"{where} [folder] delivered",
        "tệp biến mất khỏi thư mục put được coi là đối tác đã nhận: không ai khác được xóa tệp ở đó",
        "a file that is gone from put is taken as the partner's: nobody else may delete there",
    )


def _gateway(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Say of a gateway what leaves it open to others, and what its product asks of its operator."""
    policy = endpoint.gateway
    if policy is None:
        return
    parts = urlsplit(policy.url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        vi, en = (
            "kết nối tới cổng truyền nhận không mã hóa, mật khẩu và chứng từ đi dưới dạng đọc được: hãy dùng https://",
            "the connection to the gateway is not encrypted, password and documents can be read on the way: use https://",
        )
        yield Finding(level=WARNING, where=f"{where} [gateway] url", vi=vi, en=en)
    if policy.driver == "domibus" and policy.version == "4":
        vi, en = (
            "Domibus 4 đánh dấu khi lấy: P-Mode phải giữ thông điệp đã tải (retention_downloaded) ít nhất một ngày",
            "Domibus 4 marks by giving: its P-Mode must keep what was downloaded (retention_downloaded) for a day at least",
        )
        yield Finding(level=WARNING, where=f"{where} [gateway] version", vi=vi, en=en)
    asked = [name for name, each in (endpoint.outbound.services if endpoint.outbound else {}).items() if each.on_doubt == "ask"]
    if policy.driver == "hermes" and policy.conversation == "business" and asked:
        vi, en = (
            f'không hỏi lại được Hermes khi conversation = "business": {", ".join(asked)} cần on_doubt = "park"',
            f'Hermes cannot be asked where conversation = "business": {", ".join(asked)} need on_doubt = "park"',
        )
        yield Finding(level=ERROR, where=f"{where} [gateway] conversation", vi=vi, en=en)


def _member(settings: Settings, where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Name the keys by which a member of the bus is known."""
    place = f"{where} [member] seal_keys"
    try:
        known = bootstrap.seal_public_keys(settings, endpoint.member.seal_keys if endpoint.member else (), place)
    except HubError as error:
        yield of_error(place, error)
        return
    for key_id in known:
        yield fine(place, f"khóa niêm phong của thành viên {key_id}", f"the member's seal key {key_id}")


def _services(where: str, endpoint: Endpoint, adapter: Adapter) -> Iterator[Finding]:
    """Say which policies are for a service that the adapter never calls: its calls have the safe default instead."""
    policies = endpoint.outbound.services if endpoint.outbound and adapter.services else {}
    known = ", ".join(sorted(adapter.services))
    for name in policies:
        if name.partition(".")[0] not in adapter.services:
            yield Finding(
                level=WARNING,
                where=f"{where} [outbound.services]",
                vi=f"bộ chuyển đổi {adapter.name} không có dịch vụ {name} nên phần khai báo này không có tác dụng; có: {known}",
                en=f"adapter {adapter.name} has no service {name}, so that this table does nothing; there are: {known}",
            )


def _assumed_options(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """List options whose description says that they are assumed, with the value that is in use."""
    model: Any = endpoint.options
    for name, field in type(model).model_fields.items():
        if ASSUMED in (field.description or "").lower() and getattr(model, name) not in ("", None, ()):
            value = f"{name} = {getattr(model, name)!r}"
            yield Finding(level=ASSUMED, where=f"{where} [options]", vi=value, en=value)
