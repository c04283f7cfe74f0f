"""Acts on those who work with the hub: accounts, tokens, personal data shown for a reason, and the journal of verbs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.operations import people
from hub.operations.people import PersonMade, Revealed, TokenMade
from hub.registers import people as register
from hub.registers import people_journal
from hub.registers.people import PersonRow, TokenRow
from hub.registers.people_journal import JournalPage
from hub.rules.people import Person, Role

_LOGIN = "Tên đăng nhập (login)"


class Looking(Asked):
    """People or tokens, all or one person's."""

    login: str = Field("", max_length=64, description=_LOGIN)


class Adding(WithWhy):
    """Somebody who is to work with the hub."""

    login: str = Field(pattern=people.LOGIN, description="Tên đăng nhập: chữ thường, số và . _ @ - (login)")
    name: str = Field("", max_length=200, description="Họ tên (name)")
    roles: tuple[Role, ...] = Field(min_length=1, max_length=len(Role), description="Vai trò (roles)")
    scope: tuple[str, ...] = Field(
        min_length=1,
        max_length=200,
        description="Phạm vi: điểm kết nối, mã cơ quan, * là toàn bộ (scope: endpoints, agencies, * everything)",
    )
    sign_in: Literal["password", "oidc", "none"] = Field("password", description="Cách đăng nhập (how the person logs in)")
    password: SecretStr = Field(
        SecretStr(""), max_length=200, description="Mật khẩu tạm; để trống thì trục tự tạo (temporary password; empty: made here)"
    )


class Changing(WithWhy):
    """What is to be different about somebody; what is empty stays."""

    login: str = Field(max_length=64, description=_LOGIN)
    name: str = Field("", max_length=200, description="Họ tên, để trống là giữ nguyên (name; empty: as it is)")
    roles: tuple[Role, ...] = Field(
        (), max_length=len(Role), description="Vai trò, để trống là giữ nguyên (roles; empty: as they are)"
    )
    scope: tuple[str, ...] = Field(
        (), max_length=200, description="Phạm vi, để trống là giữ nguyên, * là toàn bộ (scope; empty: as it is; * everything)"
    )
    account: Literal["", "open", "closed"] = Field("", description="Mở hoặc khóa tài khoản (open or close the account)")


class SettingPassword(WithWhy):
    """A temporary password for somebody."""

    login: str = Field(max_length=64, description=_LOGIN)
    password: SecretStr = Field(
        SecretStr(""), max_length=200, description="Mật khẩu tạm; để trống thì trục tự tạo (temporary password; empty: made here)"
    )


class MakingToken(WithWhy):
    """A token for calls of the API in somebody's name."""

    login: str = Field(max_length=64, description="Tài khoản chịu trách nhiệm (its owner)")
    title: str = Field(min_length=1, max_length=200, description="Dùng vào việc gì (what it is for)")
    verbs: tuple[str, ...] = Field(min_length=1, max_length=100, description="Các thao tác được dùng (verbs that it may)")
    scope: tuple[str, ...] = Field(
        (), max_length=200, description="Phạm vi, để trống là như của tài khoản (scope; empty: its owner's)"
    )
    days: int = Field(90, ge=1, le=people.TOKEN_DAYS, description="Hiệu lực, số ngày (days until it ends)")


class EndingToken(WithWhy):
    """A token that is not to be used any more."""

    token: str = Field(max_length=64, description="Mã khóa API (the token's id)")


class Revealing(WithWhy):
    """Whose personal data a person needs to see."""

    about: str = Field(
        min_length=1, max_length=200, description="Mã hồ sơ, thông điệp hoặc lượt chuyển (dossier, message or delivery)"
    )


class ReadingJournal(Asked):
    """Which entries of the journal of verbs."""

    person: str = Field("", max_length=64, description="Người thực hiện (by whom)")
    verb: str = Field("", max_length=64, description="Thao tác hoặc sự kiện (verb, or event)")
    subject: str = Field("", max_length=300, description="Đối tượng (subject)")
    since: float | None = Field(None, description="Từ lúc (since)")
    until: float | None = Field(None, description="Trước lúc (until)")
    before: int = Field(0, ge=0, description="Trước dòng này (entries before this one)")
    limit: int = Field(50, ge=1, le=200, description="Số dòng (how many)")


def _show(hub: Hub, person: Person, asked: Looking) -> tuple[PersonRow, ...]:
    people.check_unlimited(person, "person show")
    with hub.ledger.read() as conn:
        return register.listing(conn, hub.endpoints.values(), hub.now(), login=asked.login)


def _add(hub: Hub, person: Person, asked: Adding) -> PersonMade:
    people.check_unlimited(person, "person add")
    return people.add(
        hub,
        asked.login,
        name=asked.name,
        roles=asked.roles,
        scope=asked.scope,
        sign_in=asked.sign_in,
        password=asked.password.get_secret_value(),
        actor=person.login,
        why=asked.why,
    )


def _change(hub: Hub, person: Person, asked: Changing) -> PersonRow:
    people.check_unlimited(person, "person change")
    return people.change(
        hub,
        asked.login,
        name=asked.name,
        roles=asked.roles,
        scope=asked.scope,
        enabled={"": None, "open": True, "closed": False}[asked.account],
        actor=person.login,
        why=asked.why,
    )


def _password(hub: Hub, person: Person, asked: SettingPassword) -> PersonMade:
    people.check_unlimited(person, "person password")
    given = asked.password.get_secret_value()
    return people.set_password(hub, asked.login, password=given, actor=person.login, why=asked.why)


def _tokens(hub: Hub, person: Person, asked: Looking) -> tuple[TokenRow, ...]:
    people.check_unlimited(person, "token show")
    with hub.ledger.read() as conn:
        return register.tokens_of(conn, hub.now(), login=asked.login)


def _make_token(hub: Hub, person: Person, asked: MakingToken) -> TokenMade:
    people.check_unlimited(person, "token make")
    return people.make_token(
        hub,
        asked.login,
        title=asked.title,
        verbs=asked.verbs,
        scope=asked.scope,
        days=asked.days,
        actor=person.login,
        why=asked.why,
    )


def _end_token(hub: Hub, person: Person, asked: EndingToken) -> TokenRow:
    people.check_unlimited(person, "token end")
    return people.end_token(hub, asked.token, actor=person.login, why=asked.why)


def _reveal(hub: Hub, person: Person, asked: Revealing) -> Revealed:
    return people.reveal(hub, about=asked.about, actor=person.login, why=asked.why, sees=person.sees)


def _journal(hub: Hub, person: Person, asked: ReadingJournal) -> JournalPage:
    with hub.ledger.read() as conn:
        return people_journal.journal_page(conn, people_journal.Wanted(**asked.model_dump()), scope=person.scope)


ACTS = (
    Act(verb="person show", asked=Looking, do=_show),
    Act(verb="person add", asked=Adding, do=_add),
    Act(verb="person change", asked=Changing, do=_change),
    Act(verb="person password", asked=SettingPassword, do=_password),
    Act(verb="token show", asked=Looking, do=_tokens),
    Act(verb="token make", asked=MakingToken, do=_make_token),
    Act(verb="token end", asked=EndingToken, do=_end_token),
    Act(verb="reveal", asked=Revealing, do=_reveal),
    Act(verb="journal", asked=ReadingJournal, do=_journal),
)
