"""Test messages: a worker asks a partner something that changes nothing, never a dossier, and records it step by step."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog

from hub.app import Hub
from hub.contract import Answering, Transport
from hub.endpoint import Endpoint, outbound_of
from hub.errors import HubError
from hub.ledger import partner_verbs
from hub.reaching import SECURED, reach
from hub.wire import client_tls

log = structlog.get_logger()

#: Steps in their order.
STEPS = ("named", "connected", "secured", "authenticated", "answered")


@dataclass(slots=True)
class _Account:
    """What came of one test message so far."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    certificate_days: int | None = None
    #: What comes next, were it to fail.
    left: list[str] = field(default_factory=lambda: list(STEPS))

    @property
    def ok(self) -> bool:
        """True where every step went well, the last one too."""
        return all(step["ok"] for step in self.steps) and bool(self.steps) and self.steps[-1]["name"] == "answered"


def carry_out(hub: Hub) -> bool:
    """Carry out the test message that was asked for first; say whether there was one."""
    with hub.ledger.glance() as conn:
        if not partner_verbs.is_test_asked_for(conn, hub.now()):
            return False
    verb = partial(partner_verbs.claim_test, lease_seconds=hub.lease_seconds, now=hub.now())
    claimed = hub.ledger.change(verb, "partner tests")
    if claimed is None:
        return False
    test_id, name, until = claimed
    account = _tested(hub, name)
    hub.ledger.change(
        partial(
            partner_verbs.record_test,
            test_id=test_id,
            until=until,
            ok=account.ok,
            steps=tuple(account.steps),
            certificate_days=account.certificate_days,
            now=hub.now(),
        ),
        f"endpoint:{name}",
    )
    log.info("partner.tested", endpoint=name, test=test_id, ok=account.ok)
    return True


def _tested(hub: Hub, name: str) -> _Account:
    """Go through the steps within the endpoint's total deadline; what is not done by then has failed."""
    account = _Account()
    try:
        endpoint = hub.endpoint(name)
        seconds = outbound_of(endpoint).deadline_seconds
        transport = hub.transports(endpoint)
    except HubError as error:
        account.steps.append(_failed("named", error, 0))
        return account
    gone = threading.Thread(target=_go, args=(endpoint, transport, seconds, account), name=f"test-{name}", daemon=True)
    gone.start()
    gone.join(seconds)
    if gone.is_alive():
        # What it still says is not heard: it speaks to an account of its own from here on.
        account = _Account(list(account.steps), account.certificate_days, list(account.left))
        vi, en = f"quá thời hạn {seconds:g} giây", f"the deadline of {seconds:g} seconds has passed"
        account.steps.append({"name": _next_step(account), "ok": False, "ms": round(seconds * 1000), "vi": vi, "en": en})
    return account


def _next_step(account: _Account) -> str:
    """Name the step that was under way."""
    return account.left[0] if account.left else STEPS[-1]


def _go(endpoint: Endpoint, transport: Transport, seconds: float, account: _Account) -> None:
    begun = time.monotonic()
    try:
        scheme = urlsplit(_address(endpoint, transport)).scheme
        account.left = [step for step in STEPS[0 if scheme else 3 :] if step != "secured" or scheme in SECURED]
        for name, vi, en, days in _steps(endpoint, transport, begun + seconds):
            now = time.monotonic()
            account.steps.append({"name": name, "ok": True, "ms": round((now - begun) * 1000), "vi": vi, "en": en})
            account.certificate_days = account.certificate_days if days is None else days
            account.left = account.left[account.left.index(name) + 1 :]
            begun = now
    except HubError as error:
        account.steps.append(_failed(_next_step(account), error, round((time.monotonic() - begun) * 1000)))
    except Exception as error:
        log.exception("partner.test_bug", endpoint=endpoint.name)
        named = HubError(f"internal error ({type(error).__name__})", f"lỗi nội bộ ({type(error).__name__})")
        account.steps.append(_failed(_next_step(account), named, 0))


def _failed(name: str, error: HubError, milliseconds: int) -> dict[str, Any]:
    return {"name": name, "ok": False, "ms": milliseconds, "vi": error.vi, "en": error.en}


def _steps(endpoint: Endpoint, transport: Transport, ends_at: float) -> Iterator[tuple[str, str, str, int | None]]:
    """Do the steps: down the wire, and then in the partner's own protocol."""
    if url := _address(endpoint, transport):
        for each in reach(url, ends_at=ends_at, tls=partial(_tls, endpoint)):
            yield each.name, each.vi, each.en, each.certificate_days
    if isinstance(transport, Answering):
        for name, vi, en in transport.ping():
            yield name, vi, en, None
    else:
        # Its log-in and its answer are one: a broker that lets us in and has what we publish to.
        told = transport.probe()
        yield "answered", told, told, None


def _address(endpoint: Endpoint, transport: Transport) -> str:
    if isinstance(transport, Answering):
        return transport.address
    return endpoint.amqp.url if endpoint.amqp is not None and endpoint.amqp.publishes else ""


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    """Trust whom the endpoint trusts; settings have made a path of its authorities."""
    if endpoint.outbound is not None and (own := endpoint.outbound.tls) is not None:
        return client_tls(own.ca, own.certificate, own.key, f"endpoints/{endpoint.name}.toml [outbound.tls]")
    amqp = endpoint.amqp
    context = ssl.create_default_context(cafile=amqp.ca or None if amqp else None)
    if amqp and amqp.certificate:
        context.load_cert_chain(amqp.certificate, amqp.key or None)
    return context
