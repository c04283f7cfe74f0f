"""The alert book: rules and recipients of alerts as the settings have them, with secrets resolved."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from hub import settings as settings_module
from hub.errors import BadSettings
from hub.rules import windows
from hub.rules.alert_kinds import USUAL, usual
from hub.rules.alerts import Book, Mail, Recipient, Rule, Severity
from hub.sections import AlertRecipientSection, AlertRuleSection, AlertsSection
from hub.settings import Settings

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
#: A key of a webhook has so many bytes at least.
SHORTEST_KEY = 16


def alert_book(settings: Settings) -> Book:
    """Build the book; raises BadSettings where something named is not there, or a secret cannot be read."""
    section = settings.file.alerts
    _check_names("rule", [each.name for each in section.rule])
    _check_names("to", [each.name for each in section.to])
    recipients = tuple(_recipient(settings, each) for each in section.to)
    _check_told(section)
    return Book(
        rules=_rules(settings),
        recipients=recipients,
        mail=_mail(settings) if section.mail.host else None,
        every_seconds=section.every_seconds,
        clear_seconds=section.clear_minutes * 60,
        keep_seconds=section.keep_days * 86_400.0,
        console_url=settings.file.console.public_url,
        hub=settings.file.hub.name,
    )


def _check_names(table: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            where = f"hub.toml [[alerts.{table}]] {name}"
            raise BadSettings(f"{where}: another one has this name", f"{where}: tên bị trùng", where=where)
        seen.add(name)


def _check_told(section: AlertsSection) -> None:
    """Refuse recipients who could not be told, and rules that name nobody."""
    known = {each.name for each in section.to}
    for rule in section.rule:
        if unknown := ", ".join(sorted(set(rule.to) - known)):
            where = f"hub.toml [[alerts.rule]] {rule.name} to"
            vi = f"{where}: không có [[alerts.to]] {unknown}"
            raise BadSettings(f"{where}: there is no [[alerts.to]] {unknown}", vi, where=where)
    by_mail = [each.name for each in section.to if each.email]
    if by_mail and not section.mail.host:
        where = "hub.toml [alerts.mail] host"
        raise BadSettings(
            f"{where} is missing: {', '.join(by_mail)} cannot be told by e-mail",
            f"{where}: thiếu, không gửi được thư cho {', '.join(by_mail)}",
            where=where,
        )


def _rules(settings: Settings) -> tuple[Rule, ...]:
    """List the operator's rules, and behind them one for each kind that judges what those leave."""
    # What is sealed less often is later by so much.
    later = {"seal_late": settings.file.seals.every_seconds}
    found = (*(_rule(each) for each in settings.file.alerts.rule), *USUAL)
    return tuple(replace(each, after_seconds=each.after_seconds + later.get(each.kind, 0.0)) for each in found)


def _rule(section: AlertRuleSection) -> Rule:
    kind = usual(section.kind)
    days = tuple(sorted(section.days, reverse=True))
    return Rule(
        name=section.name,
        kind=section.kind,
        endpoints=section.endpoints,
        severity=Severity(section.severity) if section.severity not in ("", "off") else None,
        off=section.severity == "off",
        after_seconds=section.after_minutes * 60 or kind.after_seconds,
        steps=days or tuple(sorted(section.steps)) or kind.steps,
        below_bytes=section.below_mb * 1_000_000 or kind.below_bytes,
        to=section.to,
    )


def _recipient(settings: Settings, section: AlertRecipientSection) -> Recipient:
    return Recipient(
        name=section.name,
        email=section.email,
        url=_address(settings, section),
        key=_key(settings, section) if section.key else b"",
        least=Severity(section.severity),
        endpoints=section.endpoints,
        quiet=tuple(windows.parse(each) for each in section.quiet),
        hours=section.quiet,
        gap_seconds=section.gap_minutes * 60,
        remind_seconds=section.remind_hours * 3600,
    )


def _address(settings: Settings, section: AlertRecipientSection) -> str:
    """Give the address of a webhook, which may be a secret."""
    where = f"hub.toml [[alerts.to]] {section.name} webhook"
    if not section.webhook or section.webhook.startswith(("http://", "https://")):
        return section.webhook
    address = settings_module.secret_text(settings.folder, section.webhook, where)
    if not re.fullmatch("https?://[!-~]+", address):
        raise BadSettings(
            f"{where}: what {section.webhook} names is no http address",
            f"{where}: nội dung của {section.webhook} không phải địa chỉ http",
            where=where,
        )
    return address


def _key(settings: Settings, section: AlertRecipientSection) -> bytes:
    where = f"hub.toml [[alerts.to]] {section.name} key"
    key = settings_module.secret(settings.folder, section.key, where).strip()
    if len(key) < SHORTEST_KEY:
        raise BadSettings(
            f"{where}: the key has {len(key)} bytes; {SHORTEST_KEY} at least",
            f"{where}: khóa chỉ có {len(key)} byte; cần ít nhất {SHORTEST_KEY} byte",
            where=where,
        )
    return key


def _mail(settings: Settings) -> Mail:
    section, where = settings.file.alerts.mail, "hub.toml [alerts.mail]"
    password, ca = section.password, section.ca
    return Mail(
        host=section.host,
        port=section.port or _PORTS[section.security],
        security=section.security,
        user=section.user,
        password=settings_module.secret_text(settings.folder, password, f"{where} password") if password else "",
        sender=section.sender,
        ca=str(settings_module.referred_file(settings.folder, ca, f"{where} ca")) if ca else "",
        deadline_seconds=section.deadline_seconds,
    )
