"""Verbs on partners: look at them, have one tested, tick steps of onboarding, begin and end a trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Connection

from hub.app import Hub
from hub.endpoint import Endpoint, outbound_of
from hub.errors import NotAllowed, Untrusted
from hub.ledger import partner_verbs, payloads
from hub.operations.said import require
from hub.registers import onboarding_facts, partner_health, partners
from hub.registers.partner_health import Health
from hub.registers.partners import PartnerTest, Succession
from hub.rules import certificates as certificate_rules
from hub.rules import onboarding, windows
from hub.rules.expiry import InUse, Use
from hub.rules.onboarding import StepState
from hub.rules.windows import Window

log = structlog.get_logger()

#: With what a partner signs, whoever issued it.
SEEN = Use(
    kind="seen",
    side="partners",
    direction="in",
    vi="đối tác phải ký bằng chứng thư số mới, nếu không thông điệp bị từ chối",
    en="the partner must sign with a new one, or its messages are refused",
)
#: Steps whose tick is worth nothing without a word on what it rests on.
WITH_EVIDENCE = frozenset({"contact", "simulator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that one partner depends on."""

    place: str
    kind: str
    side: str
    direction: str
    subject: str
    fingerprint: str
    ends_at: float
    #: Whole days; negative: it has ended.
    days_left: int
    #: 60, 30, 7: less than so many days; 0: it has ended; None: there is time, or another one goes on.
    warning: int | None
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One partner in the list."""

    name: str
    title: str
    adapter: str
    agency_code: str
    #: It can give us messages; we can give it some.
    receives: bool
    sends: bool
    health: Health
    #: None: it is not called.
    is_open: bool | None
    #: When it opens next; None: it is open, or not called.
    opens_at: float | None
    rate_per_minute: int
    #: Of what ends first and stops something.
    certificate_days: int | None
    certificate_place: str
    #: Who has taken its place.
    successor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerList:
    """All partners that a person sees."""

    partners: tuple[Overview, ...]
    successions: tuple[Succession, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """Everything about one partner."""

    overview: Overview
    open_hours: tuple[str, ...]
    closed_days: tuple[str, ...]
    concurrency: int
    deadline_seconds: float
    test_dossiers: tuple[str, ...]
    certificates: tuple[Certificate, ...]
    checklist: tuple[StepState, ...]
    tests: tuple[PartnerTest, ...]
    succession: Succession | None
    #: Whose place it has taken, however many steps ago.
    succeeded: tuple[str, ...]


# --- looking -----------------------------------------------------------------------------------------------------


def listing(hub: Hub, sees: Callable[[str], bool] = lambda name: True) -> PartnerList:
    """List the partners that somebody sees, by name."""
    names = sorted(name for name in hub.endpoints if sees(name))
    with hub.ledger.read() as conn:
        healths = partner_health.all_health(conn, names, hub.now())
        successions = tuple(each for each in partners.all_successions(conn) if sees(each.old) and sees(each.new))
    followed = {each.old: each.new for each in successions}
    return PartnerList(
        partners=tuple(
            _overview(hub, hub.endpoints[each.endpoint], each, _used(hub, each.endpoint), followed.get(each.endpoint, ""))
            for each in healths
        ),
        successions=successions,
    )


def show(hub: Hub, name: str) -> Partner:
    """Give everything about one partner; raise BadSettings where there is none of this name."""
    endpoint = hub.endpoint(name)
    with hub.ledger.read() as conn:
        health = partner_health.health(conn, name, hub.now())
        used = [*_used(hub, name), *_signed_with(conn, name)]
        succession = partners.succession_of(conn, name)
        tests = partners.tests(conn, name)
        checklist = _checklist(conn, hub, endpoint)
    outbound = endpoint.outbound
    return Partner(
        overview=_overview(hub, endpoint, health, used, succession.new if succession else ""),
        open_hours=tuple(_window(each) for each in outbound.open_hours) if outbound else (),
        closed_days=tuple(day.isoformat() for day in outbound.closed_days) if outbound else (),
        concurrency=outbound.concurrency if outbound else 0,
        deadline_seconds=outbound.deadline_seconds if outbound else 0.0,
        test_dossiers=outbound.test_dossiers if outbound else (),
        certificates=tuple(_certificate(hub, each) for each in _soonest_first(used)),
        checklist=checklist,
        tests=tests,
        succession=succession,
        succeeded=hub.line_of(name)[1:],
    )


def test_of(hub: Hub, test_id: str) -> PartnerTest:
    """Give a test message; raise NotAllowed where there is none of this id."""
    with hub.ledger.read() as conn:
        return partners.test(conn, test_id)


def _overview(hub: Hub, endpoint: Endpoint, health: Health, used: Iterable[InUse], successor: str) -> Overview:
    outbound, now = endpoint.outbound, hub.clock()
    is_open = outbound.is_open(now) if outbound else None
    opens = windows.next_opening(outbound.open_hours, outbound.closed_days, now) if outbound and not is_open else None
    ends = next((each for each in _soonest_first(used) if not each.followed), None)
    return Overview(
        name=endpoint.name,
        title=endpoint.title,
        adapter=endpoint.adapter,
        agency_code=endpoint.agency_code,
        receives=endpoint.inbound is not None or onboarding_facts.consumes(endpoint),
        sends=outbound is not None,
        health=health,
        is_open=is_open,
        opens_at=opens.timestamp() if opens else None,
        rate_per_minute=outbound.rate_per_minute if outbound else 0,
        certificate_days=int(ends.days_left(now)) if ends else None,
        certificate_place=ends.place if ends else "",
        successor=successor,
    )


def _used(hub: Hub, name: str) -> list[InUse]:
    return [each for each in hub.certificates if name in each.endpoints]


def _signed_with(conn: Connection, name: str) -> Iterable[InUse]:
    """Give the certificates with which it signed of late; their bytes may be gone after so many years."""
    for digest in partner_health.signer_digests(conn, name):
        try:
            certificate = certificate_rules.read_certificate(payloads.get(conn, digest) or b"")
        except Untrusted:
            continue
        ends = certificate.not_valid_after_utc
        yield InUse(place=f"messages {name}", use=SEEN, certificate=certificate, ends=ends, endpoints=(name,))


def _soonest_first(used: Iterable[InUse]) -> list[InUse]:
    return sorted(used, key=lambda each: (each.ends.timestamp(), each.place))


def _certificate(hub: Hub, used: InUse) -> Certificate:
    return Certificate(
        place=used.place,
        kind=used.use.kind,
        side=used.use.side,
        direction=used.use.direction,
        subject=used.subject,
        fingerprint=used.fingerprint,
        ends_at=used.ends.timestamp(),
        days_left=int(used.days_left(hub.clock()) // 1),
        warning=used.warning(hub.clock()),
        vi=used.use.vi,
        en=used.use.en,
    )


def _window(window: Window) -> str:
    """Write a window as it stands in a file."""
    days = ",".join(windows.DAYS[day] for day in sorted(window.days))
    opens, closes = window.opens, window.closes % (24 * 60) or 24 * 60
    return f"{days} {opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"


# --- test messages -----------------------------------------------------------------------------------------------


def ask_for_test(hub: Hub, name: str, *, actor: str, why: str) -> PartnerTest:
    """Have a worker send a partner a test message, never a dossier; raise NotAllowed where one is under way."""
    require(actor, why)
    outbound_of(hub.endpoint(name))
    test_id = hub.new_id()
    verb = partial(partner_verbs.ask_for_test, test_id=test_id, endpoint=name, actor=actor, why=why, now=hub.now())
    hub.ledger.change(verb, f"endpoint:{name}")
    log.info("partner.test_asked", endpoint=name, test=test_id, actor=actor)
    return test_of(hub, test_id)


# --- onboarding --------------------------------------------------------------------------------------------------


def _checklist(conn: Connection, hub: Hub, endpoint: Endpoint) -> tuple[StepState, ...]:
    seen = onboarding_facts.facts(conn, endpoint, hub.certificates, hub.clock())
    return onboarding.checklist(seen, partners.ticks(conn, endpoint.name))


def onboard(
    hub: Hub, name: str, step: str, *, done: bool = True, evidence: str = "", anyway: bool = False, actor: str, why: str
) -> Partner:
    """Tick a step of a partner's onboarding, or take that back; ``trial`` begins it, ``live`` ends it.

    Raises NotAllowed where only facts decide a step, evidence is missing, or steps are open before go-live.
    """
    require(actor, why)
    endpoint = hub.endpoint(name)
    if step in (onboarding.TRIAL, onboarding.LIVE):
        _switch(hub, endpoint, step, anyway=anyway, actor=actor, why=why)
    else:
        _tick(hub, name, step, done=done, evidence=evidence, actor=actor, why=why)
    log.info("partner.onboarded", endpoint=name, step=step, done=done, actor=actor)
    return show(hub, name)


def _switch(hub: Hub, endpoint: Endpoint, standing: str, *, anyway: bool, actor: str, why: str) -> None:
    still: tuple[str, ...] = ()
    if standing == onboarding.LIVE:
        with hub.ledger.read() as conn:
            still = onboarding.still_open(_checklist(conn, hub, endpoint))
    if still and not anyway:
        listed = ", ".join(still)
        raise NotAllowed(
            f"not live yet, these steps are open: {listed} (or --anyway, with the reason)",
            f"chưa đưa vào vận hành được, còn các bước: {listed} (hoặc --anyway, nêu lý do)",
            where=endpoint.name,
        )
    entry = {"open": list(still)} if still else {}
    verb = partial(
        partner_verbs.switch, endpoint=endpoint.name, standing=standing, entry=entry, actor=actor, why=why, now=hub.now()
    )
    hub.ledger.change(verb, f"endpoint:{endpoint.name}")
    hub.bus.wake(endpoint.name)


def _tick(hub: Hub, name: str, step: str, *, done: bool, evidence: str, actor: str, why: str) -> None:
    laid_down = onboarding.BY_NAME.get(step)
    if laid_down is None or laid_down.by == onboarding.FACTS:
        known = ", ".join(each.name for each in onboarding.STEPS if each.by != onboarding.FACTS)
        raise NotAllowed(
            f"a person cannot tick {step!r}; these can be ticked: {known}, trial, live",
            f"không đánh dấu được bước {step!r}; đánh dấu được: {known}, trial, live",
            where=step,
        )
    if done and step in WITH_EVIDENCE and not evidence.strip():
        raise NotAllowed(f"{step} needs evidence", f"bước {step} phải có minh chứng (evidence)", where=step)
    now, key = hub.now(), f"endpoint:{name}"
    if done:
        verb = partial(partner_verbs.tick, endpoint=name, step=step, evidence=evidence, actor=actor, why=why, now=now)
        hub.ledger.change(verb, key)
    else:
        hub.ledger.change(partial(partner_verbs.untick, endpoint=name, step=step, actor=actor, why=why, now=now), key)
