"""Addresses of files that partners are given: does the adapter say them, and could anybody outside fetch there?"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from hub.contract import Adapter
from hub.edge.cli.checks.endpoints import LOOPBACK
from hub.edge.cli.checks.findings import ASSUMED, ERROR, WARNING, Finding, fine
from hub.endpoint import Endpoint
from hub.settings import Settings

_URL = "hub.toml [hub] public_url"


def look(settings: Settings, endpoint: Endpoint, adapter: Adapter) -> Iterator[Finding]:
    """Look at what one endpoint is given, and at the address under which it is to be fetched."""
    policy = endpoint.outbound
    if policy is None or policy.file_links == "none":
        return
    where = f"endpoints/{endpoint.name}.toml [outbound] file_links"
    if not adapter.file_links:
        yield Finding(
            level=ERROR,
            where=where,
            vi=f"bộ chuyển đổi {adapter.name} không ghi địa chỉ tệp nên thiết lập này không có tác dụng: bỏ đi",
            en=f"adapter {adapter.name} writes no addresses of files, so that this does nothing: take it away",
        )
        return
    yield from _address(settings.file.hub.public_url, endpoint.name)
    days, fetches = policy.file_link_days, policy.file_link_fetches
    often_vi = f"tối đa {fetches} lần" if fetches else "không giới hạn số lần"
    often_en = f"{fetches} times at most" if fetches else "however often"
    yield Finding(
        level=ASSUMED,
        where=where,
        vi=f"đối tác tải tệp trong {days:g} ngày, {often_vi}; chưa rõ đối tác tải khi nào (assumed)",
        en=f"the partner fetches files within {days:g} days, {often_en}; when it does so is assumed",
    )


def _address(url: str, name: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if (parts.hostname or "") in LOOPBACK:
        yield Finding(
            level=ERROR,
            where=_URL,
            vi=f"{url} là chính máy này: {name} không tải được tệp; hãy ghi địa chỉ mà đối tác truy cập được",
            en=f"{url} is this machine itself: {name} cannot fetch files there; give the address that partners reach",
        )
    elif parts.scheme != "https":
        yield Finding(
            level=WARNING,
            where=_URL,
            vi=f"{name} tải tệp của công dân qua kết nối không mã hóa, địa chỉ tệp bị lộ trên đường truyền: hãy dùng https://",
            en=f"{name} fetches citizens' files in clear, and their addresses can be read on the way: use https://",
        )
    else:
        yield fine(_URL, f"{name} tải tệp tại {url}/files/", f"{name} fetches files below {url}/files/")
