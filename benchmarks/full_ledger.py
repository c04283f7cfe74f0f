"""A ledger with very many messages, written in bulk and not by intake: a month of 34 provinces, with what goes wrong in one.

One in a hundred messages is refused at a door, one in a hundred deliveries stands still, in forty causes, with what waits behind
it; some took three attempts. Some thousands are written, and the database multiplies them: identifiers, numbers, digests and
moments of a copy are its own. Digests are not those of the bytes, and the journal is not chained: nobody here reads that.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Table
from sqlalchemy.engine import make_url

from hub.ledger import tables as ledger_tables
from hub.ledger.working_tables import finding_keys
from hub.rules.applicant_numbers import NumberKey
from hub.rules.dossier_facts import Facts, columns

#: When the ledger ends: 2 March 2026, 16:30 in Vietnam.
NOW = 1772443800.0
DAYS = 30
PROVINCES = tuple(f"tinh_{number:02}" for number in range(1, 35))
RECIPIENTS = ("dvcqg", *(f"bo_{number}" for number in range(1, 7)))
#: One key for all such ledgers.
KEY = NumberKey(b"only for measurements")
#: So many messages are about one and the same dossier, or a tenth of all.
LONG = 1500
#: They come in the last minutes.
_LAST_SECONDS = 600.0
#: So many are written; what is more are copies of these.
WRITTEN = 10_000
#: What stands in identifiers, digests and numbers of the first copy, and is another one in each.
_MARK, _TAIL = "00", ".000"
#: Rows of the journal that one message has, at most.
_ROWS = 16
_BATCH = 20_000
_PROCEDURES = tuple(f"1.{number:06}" for number in range(4_000, 4_400))
#: Codes of what stands still; with the places below, forty causes.
_CODES = ("no_mapping", "refused", "bad_value", "missing", "untrusted", "no_route", "too_large", "conflict")
_PLACES = 5
_REFUSALS = ("/HoSo/MaHoSo", "/HoSo/NgayTiepNhan", "/Signature", "/suKien", "/HoSo/ChuHoSo", "/HoSo/TrangThai")
_VERDICT = json.dumps({"indication": "TOTAL-PASSED", "signer": "CN=Nguyễn Thử Nghiệm,O=Sở Thử nghiệm,C=VN", "algorithm": "rsa"})
_FAULTS = json.dumps([{"path": "/HoSo", "code": "missing", "vi": "thiếu mã hồ sơ", "en": "no number"}])
_ERROR = "danh mục thiếu mã; cán bộ danh mục bổ sung rồi dựng lại", "the code list lacks the code; add it and rebuild"


@dataclass
class Full:
    """What is in such a ledger, to be looked for."""

    messages: int
    dossiers: int
    #: A usual dossier, and one with very many entries.
    dossier: str = ""
    long_dossier: str = ""
    message: str = ""
    refused: str = ""
    delivery: str = ""
    parked: str = ""
    raw_digest: str = ""
    business_digest: str = ""
    native_id: str = ""
    number: str = ""


@dataclass
class _Chain:
    places: int = 0
    #: Place of what stands still; 0: nothing does.
    stands: int = 0


@dataclass
class _Writing:
    """What is known while messages are made in order of time."""

    full: Full
    #: Number and moment of the first message, and how far they are apart.
    first: int
    begin: float
    apart: float
    put: Callable[[Table, Mapping[str, Any]], None]
    chains: dict[int, _Chain] = field(default_factory=dict)
    journal: dict[str, int] = field(default_factory=dict)
    #: Place in the journal; every copy of a message has its own after the first one's.
    seq: int = 0
    copies: int = 1
    mark: str = _MARK


def identifier(kind: str, number: int, mark: str = _MARK) -> str:
    """Make an identifier in the form that the hub gives, the same each time."""
    text = mark + hashlib.md5(f"{kind} {number}".encode(), usedforsecurity=False).hexdigest()[2:]
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def digest(body: bytes, mark: str = _MARK) -> str:
    """Make what stands for a digest, so that a copy can have another one."""
    return f"sha256:{mark}{hashlib.sha256(body).hexdigest()[2:]}"


#: Bytes that many messages and deliveries share.
_RECEIVED, _CERTIFICATE = digest(b"received", "fd"), digest(b"certificate", "fd")


def fill(url: str, messages: int) -> Full:
    """Fill an empty ledger, whose tables are there; give what can be looked for."""
    given = make_url(url)
    into: _Into = _Sqlite(str(given.database)) if given.get_backend_name() == "sqlite" else _Postgresql(url)
    into.drop_indexes()
    written = min(messages, WRITTEN)
    copies = min(_MOST_COPIES, max(1, messages // written))
    full = _write(written, copies, into)
    into.finish()
    return full


#: A copy's mark has two hex digits; the last ones are taken.
_MOST_COPIES = 200


def _write(messages: int, copies: int, into: _Into) -> Full:
    full = Full(messages=messages * copies, dossiers=max(40, messages * 2 // 5) + 7)
    apart = (DAYS * 86400 - _LAST_SECONDS) / messages
    begin = NOW - DAYS * 86400
    writing = _Writing(full=full, first=0, begin=begin, apart=apart, put=into.put, copies=copies)
    _shared(writing)
    for number in range(messages):
        _message(writing, number, number % full.dossiers)
    _end(writing)
    into.multiply(copies, apart / copies)
    _write_long(writing, messages)
    return full


def _write_long(writing: _Writing, messages: int) -> None:
    """Write one dossier with very many messages, in the last minutes."""
    count = min(LONG, messages // 10)
    begin, seq = NOW - _LAST_SECONDS, writing.seq + _ROWS * writing.copies
    long = _Writing(
        full=writing.full, first=messages, begin=begin, apart=_LAST_SECONDS / count, put=writing.put, seq=seq, mark="fe"
    )
    dossier = writing.full.dossiers + 1
    for number in range(messages, messages + count):
        _message(long, number, dossier)
    _end(long)
    writing.full.long_dossier = number_of(dossier)
    writing.full.messages += count


def _shared(writing: _Writing) -> None:
    """Write what there is only once."""
    for body in (b"received", b"certificate"):
        writing.put(ledger_tables.payloads, _payload(body, 0.0, "fd"))
    sealed = {"number": 1, "at": NOW, "upto": 1 << 40, "leaves": 1, "previous": "0" * 64, "root": "0" * 64}
    writing.put(ledger_tables.seals, {**sealed, "token": b"token", "stamped_at": NOW, "asked": 1, "ask_at": NOW})


def _end(writing: _Writing) -> None:
    for dossier, chain in writing.chains.items():
        _end_chain(writing, dossier, chain)
    for subject, number in writing.journal.items():
        writing.put(ledger_tables.journal_heads, {"subject": subject, "number": number, "hash": "0" * 64})


def number_of(dossier: int) -> str:
    """Give the number under which a dossier is known."""
    return f"000.00.{dossier % 34 + 1:02}.H{dossier % 34 + 1:02}-2602{dossier % 28 + 1:02}-{dossier:07}{_TAIL}"


def person_of(dossier: int) -> str:
    """Give its applicant's number: invented, of no province there is."""
    return f"999{dossier // 2:09}"


def _message(writing: _Writing, number: int, dossier: int) -> None:
    at = writing.begin + (number - writing.first) * writing.apart
    mark, writing.seq = writing.mark, writing.seq // _ROWS * _ROWS + _ROWS * writing.copies
    message_id, sender = identifier("message", number, mark), PROVINCES[dossier % 34]
    raw = f"<ThongDiep>{number}</ThongDiep>".encode() * 8
    refused = number % 100 == 7
    subject = f"message:{message_id}" if refused else f"national:{number_of(dossier)}"
    canonical = b"" if refused else _canonical(number, dossier)
    row = {
        "id": message_id, "endpoint": sender, "received_at": at, "accepted": not refused, "subject": subject,
        "kind": "dossier", "event": "status", "procedure": _procedure(dossier), "identity": f"M-{number:09}{_TAIL}",
        "raw_digest": digest(raw, mark), "signed_digest": digest(raw, mark), "certificate_digest": _CERTIFICATE,
        "signature_digest": "", "verdict": _VERDICT, "warnings": "[]", "canonical": json.dumps([digest(canonical, mark)]),
        "error_code": "", "error_where": "", "faults": "[]", "answer_status": 200, "answer_type": "text/xml",
        "answer_headers": "{}", "answer_digest": _RECEIVED, "repeats": 0,
    }  # fmt: skip
    if refused:
        row |= dict.fromkeys(("kind", "event", "procedure", "identity"), "")
        where = _REFUSALS[number % 600 // 100]
        row |= {"canonical": "[]", "error_code": "invalid_message", "error_where": where, "faults": _FAULTS}
    writing.put(ledger_tables.messages, row)
    writing.put(ledger_tables.payloads, _payload(raw, at, mark))
    told = {"message": message_id, "raw": row["raw_digest"], "signed": row["signed_digest"], "answer": row["answer_digest"]}
    if refused:
        writing.full.refused = message_id
        _journal(writing, subject, "message.refused", at, sender, told | {"error": "invalid_message"})
        return
    writing.put(ledger_tables.payloads, _payload(canonical, at, mark))
    identity = {"endpoint": sender, "identity": row["identity"], "signed_digest": row["signed_digest"], "message_id": message_id}
    writing.put(ledger_tables.identities, identity)
    writing.full.message, writing.full.raw_digest = message_id, str(row["raw_digest"])
    _delivery(writing, number, dossier, at, message_id, digest(canonical, mark), told)


def _delivery(
    writing: _Writing, number: int, dossier: int, at: float, message_id: str, canonical: str, told: dict[str, Any]
) -> None:
    chain = writing.chains.setdefault(dossier, _Chain())
    chain.places += 1
    subject, endpoint = f"national:{number_of(dossier)}", _recipient(dossier)
    delivery_id = identifier("delivery", number, writing.mark)
    state = _state(number, dossier, chain)
    if state in ("parked", "in_doubt", "waiting", "pending") or (state == "delivered" and number % 5000 == 11):
        chain.stands = chain.stands or chain.places
    business = digest(f"business {number}".encode(), writing.mark) if number % 100 == 42 else _RECEIVED
    tries = 0 if state in ("held", "pending") else 3 if number % 50 == 0 else 1
    ended = at + 2.0
    failed = state in ("parked", "in_doubt", "waiting")
    row = {
        "id": delivery_id, "message_id": message_id, "origin": PROVINCES[dossier % 34], "canonical_digest": canonical,
        "endpoint": endpoint, "subject": subject, "place": chain.places, "procedure": _procedure(dossier), "kind": "dossier",
        "event": "status", "service": "GuiHoSo", "part": "{}", "variant": "update" if chain.places > 1 else "create",
        "state": state, "epoch": tries, "due_at": ended,
        "lease_until": ended if state == "delivered" and chain.stands == chain.places else 0.0,
        "happened_at": None,
        "priority": 1, "doubt": "ask" if state == "in_doubt" else "", "inquiries": number % 7 if state == "in_doubt" else 0,
        "attempts": tries, "fruitless": 0, "business_digest": business if tries else "", "head": "{}",
        "native_id": f"LT{number:012}{_TAIL}" if tries else "", "answered": "", "created_at": at, "updated_at": ended,
        **(_error(number, state) if failed else _NO_ERROR),
    }  # fmt: skip
    writing.put(ledger_tables.deliveries, row)
    made = {"delivery": delivery_id, "endpoint": endpoint, "service": "GuiHoSo", "canonical": canonical, "state": "pending"}
    _journal(writing, subject, "message.received", at, PROVINCES[dossier % 34], told | {"deliveries": [made]})
    for tried in range(1, tries + 1):
        _attempt(writing, row, tried, tries, at + 0.5 + tried / 10, business)
    full = writing.full
    if state == "parked":
        full.parked = delivery_id
    elif state == "delivered" and number % 100 == 42:
        full.delivery, full.business_digest, full.native_id = delivery_id, business, str(row["native_id"])
        writing.put(ledger_tables.payloads, _payload(f"business {number}".encode(), at + 0.5 + tries / 10, writing.mark))
        full.dossier, full.number = number_of(dossier), person_of(dossier)


def _state(number: int, dossier: int, chain: _Chain) -> str:
    if chain.stands:
        return "held"
    if dossier and number % 100 == 3:
        return "in_doubt" if number % 1000 == 3 else "parked"
    if dossier and number % 1000 == 501:
        return "waiting"
    return "delivered"


_NO_ERROR = dict.fromkeys(("error_code", "error_where", "error_en", "error_vi", "partner_code"), "")


def _error(number: int, state: str) -> dict[str, str]:
    # Squared, so that some causes have very many and most have few.
    cause = (number // 100 * 7919 % 1000) ** 2 * len(_CODES) * _PLACES // 1_000_000
    code = {"parked": _CODES[cause % len(_CODES)], "in_doubt": "in_doubt", "waiting": "not_sent"}[state]
    place = f"codes/thu_tuc/{cause // len(_CODES)}.00{cause}" if code == "no_mapping" else f"/HoSo/Truong{cause // len(_CODES)}"
    vi, en = _ERROR
    partner = f"{cause // len(_CODES):02}" if code == "refused" else ""
    return {"error_code": code, "error_where": place, "error_en": en, "error_vi": vi, "partner_code": partner}


def _attempt(writing: _Writing, row: Mapping[str, Any], number: int, last: int, at: float, business: str) -> None:
    ends = {"delivered": "delivered", "parked": "park", "in_doubt": "doubt", "waiting": "wait"}
    outcome = ends[row["state"]] if number == last else "wait"
    event = {"delivered": "delivered", "park": "refuse", "doubt": "doubt", "wait": "not_sent"}[outcome]
    of_attempt = {
        "delivery_id": row["id"], "number": number, "epoch": number, "started_at": at, "ended_at": at + 0.3,
        "business_digest": business, "sent_digest": business, "reply_digest": _RECEIVED, "reply_status": 200, "outcome": outcome,
        "error_code": "" if outcome == "delivered" else "refused", "partner_code": "", "text": "",
    }  # fmt: skip
    writing.put(ledger_tables.attempts, of_attempt)
    told = {"delivery": row["id"], "epoch": number, "attempt": number, "business": business}
    _journal(writing, row["subject"], "delivery.sending", at, "hub", told)
    reply = {"sent": business, "reply": _RECEIVED, "code": "00"}
    _journal(writing, row["subject"], f"delivery.{event}", at + 0.3, "hub", told | reply)


def _end_chain(writing: _Writing, dossier: int, chain: _Chain) -> None:
    key, sender = f"national:{number_of(dossier)}", PROVINCES[dossier % 34]
    writing.put(ledger_tables.chains, {
        "endpoint": _recipient(dossier), "subject": key, "next_place": chain.places + 1,
        "head_place": chain.stands or chain.places + 1, "held": "{}",
    })  # fmt: skip
    writing.put(ledger_tables.dossiers, {
        "key": key, "procedure": _procedure(dossier), "status": "5", "origin": sender, "native": "{}", "version": chain.places,
        "last_endpoint": sender, "last_digest": "", "last_message": "", "updated_at": NOW - dossier % 86400,
        "test": False, "trade_stage": "", "trade_course": "", "answer_due": None, **columns(Facts()),
    })  # fmt: skip
    writing.put(ledger_tables.dossier_codes, {"code": key, "key": key})
    writing.put(finding_keys, {"hash": KEY.hashed(person_of(dossier)), "subject": key, "at": NOW - dossier % 86400})


def _journal(writing: _Writing, subject: str, event: str, at: float, actor: str, entry: Mapping[str, Any]) -> None:
    number = writing.journal[subject] = writing.journal.get(subject, 0) + 1
    writing.seq += 1
    text = json.dumps(entry)
    row = {"seq": writing.seq, "subject": subject, "number": number, "at": at, "actor": actor, "event": event, "entry": text}
    writing.put(ledger_tables.journal, row | {"previous": "0" * 64, "hash": "0" * 64})


def _payload(body: bytes, at: float, mark: str) -> dict[str, Any]:
    kept = {"digest": digest(body, mark), "size": len(body), "body": body, "stored_at": at, "named_at": at}
    return {**kept, "layout": None, "kept_for": 1, "deleted_at": None}


def _canonical(number: int, dossier: int) -> bytes:
    tree = {
        "kind": "dossier", "event": "status", "sent_at": None, "native": {}, "licence": None,
        "dossier": {
            "code": number_of(dossier), "numbering": "national",
            "procedure": {"code": _procedure(dossier), "name": "Thủ tục thử nghiệm"},
            "status": str(number % 9 + 1), "applicant": {"name": "Nguyễn Thử Nghiệm", "identity_number": person_of(dossier)},
            "agency": {"code": f"H{dossier % 34 + 1:02}", "name": "Ủy ban nhân dân thử nghiệm"}, "note": f"lần {number}",
        },
        "steps": [{"status": "5", "at": "2026-03-02T09:00:00+07:00", "note": "đang xử lý", "unit": "Phòng thử nghiệm"}],
    }  # fmt: skip
    return json.dumps(tree, ensure_ascii=False).encode()


def _procedure(dossier: int) -> str:
    return _PROCEDURES[dossier * 31 % len(_PROCEDURES)]


def _recipient(dossier: int) -> str:
    return RECIPIENTS[0] if dossier % 5 < 3 else RECIPIENTS[1 + dossier % 6]


# --- both engines ------------------------------------------------------------------------------------------------


_COPIED = (
    ledger_tables.payloads, ledger_tables.messages, ledger_tables.identities, ledger_tables.dossiers, ledger_tables.dossier_codes,
    ledger_tables.chains, ledger_tables.deliveries, ledger_tables.attempts, ledger_tables.journal, ledger_tables.journal_heads,
    finding_keys,
)  # fmt: skip
_IDENTIFIERS = ("id", "message_id", "delivery_id")
_NAMES = ("subject", "key", "code", "identity", "native_id")
_TEXTS = ("entry", "canonical")
_MOMENTS = ("received_at", "updated_at", "created_at", "due_at", "started_at", "ended_at", "stored_at", "named_at", "at")


def _is_first(table: Table) -> str:
    return f"digest LIKE 'sha256:{_MARK}%'" if table is ledger_tables.payloads else "1 = 1"


def _copied(column: str, copy: int, apart: float) -> str:
    """Write what a copy has in a column."""
    mark, tail = f"{copy:02x}", f".{copy:03}"
    digests = f"replace({column}, 'sha256:{_MARK}', 'sha256:{mark}')"
    messages = f"""replace({digests}, '"message": "{_MARK}', '"message": "{mark}')"""
    made = {
        **dict.fromkeys(_IDENTIFIERS, f"'{mark}' || substr({column}, 3)"),
        **dict.fromkeys(_NAMES, f"replace(replace({column}, '{_TAIL}', '{tail}'), 'message:{_MARK}', 'message:{mark}')"),
        **dict.fromkeys(_TEXTS, f"""replace({messages}, '"delivery": "{_MARK}', '"delivery": "{mark}')"""),
        **dict.fromkeys(_MOMENTS, f"{column} + {copy * apart!r}"),
        "hash": f"CASE WHEN hash LIKE '%:%' THEN substr(hash, 1, 9) || '{mark}' || substr(hash, 12) ELSE hash END",
        "seq": f"seq + {copy * _ROWS}",
    }
    return made.get(column, digests if column == "digest" or column.endswith("_digest") else column)


class _Into:
    """Rows on their way into a database, table by table; indexes are built when all rows are there."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._names: dict[str, list[str]] = {}

    def drop_indexes(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        raise NotImplementedError

    def run(self, words: str) -> None:
        raise NotImplementedError

    def multiply(self, copies: int, apart: float) -> None:
        """Copy what was written, each copy so many seconds after the one before."""
        self._send_all()
        for table in _COPIED if copies > 1 else ():
            self.run(f"CREATE TEMPORARY TABLE first_{table.name} AS SELECT * FROM {table.name} WHERE {_is_first(table)}")  # noqa: S608
            for copy in range(1, copies):
                columns = ", ".join(table.c.keys())
                made = ", ".join(_copied(column.name, copy, apart) for column in table.c)
                self.run(f"INSERT INTO {table.name} ({columns}) SELECT {made} FROM first_{table.name}")  # noqa: S608
            self.run(f"DROP TABLE first_{table.name}")

    def _columns(self, table: Table) -> list[str]:
        return self._names.setdefault(table.name, list(table.c.keys()))

    def put(self, table: Table, row: Mapping[str, Any]) -> None:
        rows = self._rows.setdefault(table.name, [])
        rows.append(tuple(row[name] for name in self._columns(table)))
        if len(rows) >= _BATCH:
            self._send(table.name, rows)
            rows.clear()

    def _send(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        raise NotImplementedError

    def _send_all(self) -> None:
        for name, rows in self._rows.items():
            if rows:
                self._send(name, rows)
                rows.clear()


class _Sqlite(_Into):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._conn = sqlite3.connect(path, isolation_level=None)
        for pragma in ("synchronous=OFF", "cache_size=-1500000", "foreign_keys=OFF"):
            self._conn.execute(f"PRAGMA {pragma}")
        self._conn.execute("PRAGMA journal_mode=OFF")
        self._conn.execute("PRAGMA temp_store=MEMORY")
        self._indexes: list[str] = []

    def drop_indexes(self) -> None:
        rows = self._conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
        for name, words in rows:
            self._conn.execute(f"DROP INDEX {name}")
            self._indexes.append(words)
        self._conn.execute("BEGIN")

    def _send(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        # By key: neighbours in an index are written together.
        into = f"INSERT INTO {table} ({', '.join(self._names[table])}) VALUES ({marks})"  # noqa: S608
        ordered = sorted(rows, key=lambda row: str(row[0]))
        self._conn.executemany(into, ordered)

    def run(self, words: str) -> None:
        self._conn.execute(words)

    def finish(self) -> None:
        self._send_all()
        self._conn.execute("COMMIT")
        for words in self._indexes:
            self._conn.execute(words)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._conn.close()


class _Postgresql(_Into):
    def __init__(self, url: str) -> None:
        super().__init__()
        given = make_url(url)
        at: dict[str, Any] = given.translate_connect_args(username="user", database="dbname")
        # The folder of the server's socket stands in the address's query.
        self._conn = psycopg.connect(**{**at, **given.query}, autocommit=True)
        self._conn.execute("SET synchronous_commit = off")
        self._conn.execute("SET session_replication_role = replica")
        self._conn.execute("SET maintenance_work_mem = '512MB'")
        self._indexes: list[str] = []

    def drop_indexes(self) -> None:
        query = (
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indrelid "
            "WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary"
        )
        for name, words in self._conn.execute(query).fetchall():
            self._conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
            self._indexes.append(words)

    def _send(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, self._names[table]))
        words = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
        with self._conn.cursor().copy(words) as copy:
            for row in rows:
                copy.write_row(row)

    def run(self, words: str) -> None:
        self._conn.execute(words.encode())

    def finish(self) -> None:
        self._send_all()
        for words in self._indexes:
            self._conn.execute(words.encode())
        # The rows came with their numbers: who counts up next begins behind them.
        for table in ("journal", "notices"):
            self._conn.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM {table}))"  # noqa: S608
            )
        self._conn.execute("VACUUM ANALYZE")
        self._conn.close()
