"""Who works with console and API: person add, show, change, password; token make, show, end; reveal; and the journal of verbs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from hub.edge.cli import frame
from hub.edge.cli.frame import Actor, Json, Why, described, moment, table, who
from hub.edge.cli.texts import choose, text
from hub.errors import NotAllowed
from hub.operations import people
from hub.operations.people import EVERYTHING, PersonMade, TokenMade
from hub.registers import people as register
from hub.registers import people_journal
from hub.registers.people import PersonRow, TokenRow
from hub.registers.people_journal import JournalPage, JournalRow, Wanted
from hub.rules.people import Role

person = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described("Tài khoản của console và API.", "Who works with console and API.", "person show"),
)
token = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=described("Khóa API của các chương trình.", "Tokens with which programs call the API.", "token show"),
)

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="Tên đăng nhập (login).")]
Roles = Annotated[list[Role] | None, typer.Option("--role", help="Vai trò, nhiều lần được (role; repeatable).")]
Scope = Annotated[
    list[str] | None,
    typer.Option(help="Phạm vi: điểm kết nối, mã cơ quan hoặc *; nhiều lần được (endpoint, agency code or *; repeatable)."),
]
PasswordFile = Annotated[
    str, typer.Option(help="Tệp chứa mật khẩu, - là đầu vào chuẩn; không có thì hỏi (file with the password, - for stdin).")
]
Generate = Annotated[bool, typer.Option("--generate", help="Trục tự tạo mật khẩu, hiện một lần (make one; shown once).")]
Own = Annotated[bool, typer.Option("--own", help="Mật khẩu của chính người đó, không phải đổi (need not be changed).")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.add_typer(person, name="person")
    app.add_typer(token, name="token")
    for group, verb, function, (vi, en, example) in _VERBS:
        (app if group is None else group).command(verb, help=described(vi, en, example))(function)


# --- people ------------------------------------------------------------------------------------------------------


def add(
    ctx: typer.Context,
    login: Login,
    role: Roles = None,
    scope: Scope = None,
    name: Annotated[str, typer.Option(help="Họ tên (name).")] = "",
    sign_in: Annotated[str, typer.Option(help="password, oidc hoặc none (how the person logs in).")] = "password",
    password_file: PasswordFile = "",
    generate: Generate = False,
    own: Own = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Add a person."""
    given = _password(password_file, generate) if sign_in == "password" else ""
    with frame.opened_hub(ctx) as hub:
        made = people.add(
            hub,
            login,
            name=name,
            roles=role or (),
            scope=scope or (EVERYTHING,),
            sign_in=sign_in,
            password=given,
            temporary=not own,
            actor=actor or who(),
            why=why,
        )
    frame.show(made, as_json=as_json, people=lambda: _print_made(made))


def show(ctx: typer.Context, login: Annotated[str, typer.Argument(metavar="[LOGIN]")] = "", as_json: Json = False) -> None:
    """Show people."""
    with frame.opened_hub(ctx) as hub, hub.ledger.read() as conn:
        found = register.listing(conn, hub.endpoints.values(), hub.now(), login=login)
    if login and not found:
        raise NotAllowed(f"there is no person {login!r}", f"không có tài khoản {login!r}", where="login")
    frame.show(found, as_json=as_json, people=lambda: _print_people(found))


def change(
    ctx: typer.Context,
    login: Login,
    role: Roles = None,
    scope: Scope = None,
    name: Annotated[str, typer.Option(help="Họ tên (name).")] = "",
    enabled: Annotated[bool | None, typer.Option("--open/--close", help="Mở hoặc khóa tài khoản (open or close).")] = None,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Change a person; roles and scope are replaced by those that are given."""
    with frame.opened_hub(ctx) as hub:
        found = people.change(
            hub, login, name=name, roles=role or (), scope=scope or (), enabled=enabled, actor=actor or who(), why=why
        )
    frame.show(found, as_json=as_json, people=lambda: _print_people((found,)))


def password(
    ctx: typer.Context,
    login: Login,
    password_file: PasswordFile = "",
    generate: Generate = False,
    own: Own = False,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Set a password anew."""
    given = _password(password_file, generate)
    with frame.opened_hub(ctx) as hub:
        made = people.set_password(hub, login, password=given, temporary=not own, actor=actor or who(), why=why)
    frame.show(made, as_json=as_json, people=lambda: _print_made(made))


def _password(file: str, generate: bool) -> str:
    """Read a password from a file or the terminal, where it is typed twice; nothing where one is to be made."""
    if generate:
        return ""
    if file:
        given = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        if not given.strip():
            raise NotAllowed("the file holds no password", "tệp không chứa mật khẩu", where="password_file")
        # Editors end a file with a line break.
        return given.removesuffix("\n").removesuffix("\r")
    return str(typer.prompt(text("password"), hide_input=True, confirmation_prompt=True, err=True))


def _print_made(made: PersonMade) -> None:
    _print_people((made.person,))
    if made.password:
        frame.line(text("password_once", password=made.password))


def _print_people(found: tuple[PersonRow, ...]) -> None:
    columns: Mapping[str, Callable[[PersonRow], object]] = {
        "login": lambda row: row.login,
        "person_name": lambda row: row.name,
        "roles": lambda row: ", ".join(row.roles),
        "scope": lambda row: EVERYTHING if row.scope is None else ", ".join(row.scope),
        "sign_in": lambda row: row.sign_in,
        "account": lambda row: text("account_open" if row.enabled else "account_closed"),
        "last_login": lambda row: moment(row.last_login_at),
        "locked_until": lambda row: moment(row.locked_until_at),
    }
    table(text("t_people"), columns, found)


# --- tokens ------------------------------------------------------------------------------------------------------


def make(
    ctx: typer.Context,
    login: Login,
    verb: Annotated[list[str] | None, typer.Option(help="Thao tác được dùng, nhiều lần được (verb; repeatable).")] = None,
    title: Annotated[str, typer.Option(help="Dùng vào việc gì (what it is for).")] = "",
    scope: Scope = None,
    days: Annotated[int, typer.Option(help="Hiệu lực, số ngày (days until it ends).")] = 90,
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Make a token."""
    with frame.opened_hub(ctx) as hub:
        made = people.make_token(
            hub, login, title=title, verbs=verb or (), scope=scope or (), days=days, actor=actor or who(), why=why
        )
    frame.show(made, as_json=as_json, people=lambda: _print_token(made))


def tokens(ctx: typer.Context, login: Annotated[str, typer.Argument(metavar="[LOGIN]")] = "", as_json: Json = False) -> None:
    """Show tokens."""
    with frame.opened_hub(ctx) as hub, hub.ledger.read() as conn:
        found = register.tokens_of(conn, hub.now(), login=login)
    frame.show(found, as_json=as_json, people=lambda: _print_tokens(found))


def end(
    ctx: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Mã khóa API (the token's id).")],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """End a token."""
    with frame.opened_hub(ctx) as hub:
        found = people.end_token(hub, token, actor=actor or who(), why=why)
    frame.show(found, as_json=as_json, people=lambda: _print_tokens((found,)))


def _print_token(made: TokenMade) -> None:
    _print_tokens((made.token,))
    frame.line(text("token_once", secret=made.secret))


def _print_tokens(found: tuple[TokenRow, ...]) -> None:
    columns: Mapping[str, Callable[[TokenRow], object]] = {
        "id": lambda row: row.id,
        "login": lambda row: row.login,
        "token_title": lambda row: row.title,
        "verbs": lambda row: ", ".join(row.verbs),
        "scope": lambda row: ", ".join(row.scope or ()),
        "ends": lambda row: moment(row.ends_at),
        "ended_early": lambda row: moment(row.ended_at),
        "used": lambda row: moment(row.used_at),
    }
    table(text("t_tokens"), columns, found)


# --- journal -----------------------------------------------------------------------------------------------------


def journal(
    ctx: typer.Context,
    by: Annotated[str, typer.Option("--person", help="Người thực hiện (by whom).")] = "",
    verb: Annotated[str, typer.Option(help="Thao tác hoặc sự kiện (verb, or event).")] = "",
    subject: Annotated[str, typer.Option(help="Đối tượng, ví dụ endpoint:dvcqg (subject).")] = "",
    since: Annotated[str, typer.Option(help="Từ lúc: 2h, 7d hoặc ngày (since).")] = "",
    until: Annotated[str, typer.Option(help="Trước lúc (until).")] = "",
    before: Annotated[int, typer.Option(min=0, help="Trước dòng này (entries before this one).")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Số dòng (how many).")] = 50,
    as_json: Json = False,
) -> None:
    """Show the journal of verbs."""
    times = frame.since(since), frame.since(until)
    wanted = Wanted(
        person=by, verb=verb, subject=subject, since=times[0], until=times[1], before=before, limit=limit
    )
    with frame.opened_ledger(ctx) as ledger, ledger.read() as conn:
        page = people_journal.journal_page(conn, wanted)
    frame.show(page, as_json=as_json, people=lambda: _print_journal(page))


def _print_journal(page: JournalPage) -> None:
    columns: Mapping[str, Callable[[JournalRow], object]] = {
        "number": lambda row: row.seq,
        "moment": lambda row: moment(row.at),
        "actor": lambda row: row.actor,
        "event": lambda row: choose(row.vi, row.en),
        "subject": lambda row: row.subject,
        "why": lambda row: row.entry.get("why", ""),
        "entry": _rest,
    }
    table(text("t_verbs"), columns, page.rows)
    if page.before:
        frame.line(text("journal_more", before=page.before))


def _rest(row: JournalRow) -> str:
    rest = {key: value for key, value in row.entry.items() if key != "why"}
    return json.dumps(rest, ensure_ascii=False) if rest else ""


# --- personal data -----------------------------------------------------------------------------------------------


def reveal(
    ctx: typer.Context,
    about: Annotated[
        str, typer.Argument(metavar="ID", help="Hồ sơ, thông điệp hoặc lượt chuyển (dossier, message or delivery).")
    ],
    why: Why = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Record why somebody needs to see personal data."""
    with frame.opened_hub(ctx) as hub:
        found = people.reveal(hub, about=about, actor=actor or who(), why=why)
    told = text("revealed", person=actor or who(), subjects=", ".join(found.subjects), until=moment(found.until_at))
    frame.show(found, as_json=as_json, people=lambda: frame.line(told))


#: Group (None: none), verb, what carries it out, and its help.
_VERBS: Sequence[tuple[typer.Typer | None, str, Callable[..., None], tuple[str, str, str]]] = (
    (
        person,
        "add",
        add,
        ("Thêm một tài khoản.", "Add a person.", 'person add lan --role operator --scope H55 --why "người mới"'),
    ),
    (person, "show", show, ("Xem các tài khoản.", "Show people.", "person show lan")),
    (
        person,
        "change",
        change,
        (
            "Đổi vai trò, phạm vi, hoặc khóa và mở tài khoản; các phiên đang mở chấm dứt.",
            "Change roles or scope, close or open an account; open sessions end.",
            'person change lan --close --why "chuyển công tác"',
        ),
    ),
    (
        person,
        "password",
        password,
        (
            "Đặt lại mật khẩu; các phiên đang mở chấm dứt.",
            "Set a password anew; open sessions end.",
            'person password lan --generate --why "quên mật khẩu"',
        ),
    ),
    (
        token,
        "make",
        make,
        (
            "Cấp khóa API; khóa chỉ hiện một lần.",
            "Make a token; it is shown once.",
            'token make lan --verb status --title "giám sát" --why "theo dõi của trung tâm"',
        ),
    ),
    (token, "show", tokens, ("Xem các khóa API.", "Show tokens.", "token show")),
    (token, "end", end, ("Thu hồi một khóa API.", "End a token.", 'token end 5b1f0c9a7d21 --why "lộ khóa"')),
    (
        None,
        "journal",
        journal,
        (
            "Xem ai đã làm gì, khi nào, vì sao; mới nhất trước.",
            "Show who did what, when and why, the newest first.",
            "journal --person lan --since 7d",
        ),
    ),
    (
        None,
        "reveal",
        reveal,
        (
            "Ghi lý do xem dữ liệu cá nhân của một hồ sơ; sau đó tài khoản được xem trong 15 phút.",
            "Record why personal data of a dossier is needed; the person may see it for 15 minutes.",
            'reveal H55.23-260302-0001 --as lan --why "người dân khiếu nại"',
        ),
    ),
)
