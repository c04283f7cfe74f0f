"""Long texts inside bodies are kept once, and every body is given again byte by byte, for as long as it is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, text, update

from hub.canonical.digests import digest_of
from hub.ledger import layouts, payloads, retention_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.tables import payloads as rows
from hub.registers import integrity
from hub.rules.retention import DAY_SECONDS, Cuts, Kept, Stored
from tests.support import acceptances as make
from tests.support.crossing import crossed

OLD = make.AT
NOW = make.AT + 1000 * DAY_SECONDS
CUTS = Cuts(work=NOW - 30 * DAY_SECONDS, proof=NOW - 300 * DAY_SECONDS, border=NOW - 1096 * DAY_SECONDS)
FILE = b"QUJD" * 20_000
RAW, SENT = b"<soap>&lt;a&gt;" + FILE + b"&lt;/a&gt;</soap>", b'{"a": "' + FILE + b'"}'
#: A layout that names one text again and again.
MANY = "[" + '[9, "FILE"],' * 999 + '[9, "FILE"]]'
#: Texts around what is long, and the marks that end them.
PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"<", b">", b'"', b"&lt;", b"\\n", b"\xc4\x91", b""]),
        st.integers(layouts.LONG_BYTES - 2, layouts.LONG_BYTES + 2).map(lambda size: b"A" * size),
        st.integers(2 * layouts.LONG_BYTES - 2, 2 * layouts.LONG_BYTES + 2).map(lambda size: b"B" * size),
        st.binary(max_size=20),
    ),
    max_size=6,
)


@given(PIECES)
@example([b"A" * layouts.LONG_BYTES])
@example([b"<", b"A" * layouts.LONG_BYTES])
@example([b"A" * layouts.LONG_BYTES, b"<"])
def test_a_body_is_put_together_again_and_no_long_text_is_passed_over(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    texts = layouts.long_texts(body)
    rest = layouts.without(body, texts)
    places = [(at, digest_of(text)) for at, text in texts]

    assert layouts.whole(rest, layouts.read(layouts.written(places)), {digest_of(text): text for _, text in texts}) == body
    assert all(len(text) >= layouts.LONG_BYTES and not set(text) & set(b'<>"&;\\') for _, text in texts)
    assert texts == [] or len(texts) == len(_runs(body))


def _runs(body: bytes) -> list[bytes]:
    """Find them in the slow way."""
    for mark in (b">", b'"', b"&", b";", b"\\"):
        body = body.replace(mark, b"<")
    return [text for text in body.split(b"<") if len(text) >= layouts.LONG_BYTES]


def keep(ledger: Ledger, at: float, *bodies: bytes, kept_for: Kept = Kept.WORK) -> list[str]:
    return ledger._write(lambda conn: payloads.put_all(conn, [(body, kept_for) for body in bodies], at))


def given_again(ledger: Ledger, *digests: str) -> dict[str, bytes]:
    with ledger.read() as conn:
        return payloads.get_all(conn, digests)


def held(ledger: Ledger) -> int:
    """Say how many bytes the table holds."""
    with ledger.read() as conn:
        return int(conn.execute(select(func.coalesce(func.sum(func.length(rows.c.body)), 0))).scalar_one())


def delete_old(ledger: Ledger, cuts: Cuts = CUTS) -> int:
    """Delete all that is old enough, as one run does; give how many bytes that were."""
    deleted = 0
    for texts in (False, True):
        with ledger.read() as conn:
            lists = [retention_verbs.old_bodies(conn, cuts, (-1.0, ""), 100, kind, texts=texts) for kind in Kept]
        deleted += sum(ledger.delete_bodies("run", [each for found in lists for each in found], cuts, actor="a", now=NOW))
    return deleted


def test_a_file_that_stands_in_several_bodies_is_kept_once(ledger: Ledger) -> None:
    digests = [*keep(ledger, OLD, RAW), *keep(ledger, OLD, SENT, FILE)]

    assert given_again(ledger, *digests) == dict(zip(digests, (RAW, SENT, FILE), strict=True))
    assert held(ledger) == len(RAW) + len(SENT) - len(FILE)
    with ledger.read() as conn:
        assert payloads.get(conn, digests[0]) == RAW
        assert [found for found in integrity.wrong(conn) if found.kind == "payload"] == []


def test_several_files_in_one_body(ledger: Ledger) -> None:
    other = b"REVG" * 10_000
    body = b"<a>" + FILE + b"</a><b>" + other + b"</b><c>" + FILE + b"</c>"
    (digest,) = keep(ledger, OLD, body)

    assert given_again(ledger, digest) == {digest: body}
    assert held(ledger) == len(body) - len(FILE)


def test_what_is_known_of_a_shelf_is_the_body_as_it_was_put(ledger: Ledger) -> None:
    def put_and_find(conn: Connection) -> dict[str, bytes]:
        shelf = payloads.Shelf()
        digest = shelf.put(RAW, OLD)
        before = shelf.find(conn, [digest])
        shelf.write(conn)
        assert shelf.find(conn, [digest]) == before
        return before

    assert ledger._write(put_and_find) == {digest_of(RAW): RAW}


def test_a_text_goes_after_the_last_body_that_needs_it(ledger: Ledger) -> None:
    raw, sent = *keep(ledger, OLD, RAW), *keep(ledger, NOW, SENT)

    assert delete_old(ledger) == len(RAW) - len(FILE)
    assert given_again(ledger, raw, sent) == {sent: SENT}
    later = Cuts(work=NOW + DAY_SECONDS, proof=NOW, border=OLD)
    assert [delete_old(ledger, later), delete_old(ledger, later)] == [len(SENT), 0]
    assert held(ledger) == 0


def test_a_text_is_kept_as_long_as_who_keeps_it_longest(ledger: Ledger) -> None:
    work, proof = *keep(ledger, OLD, SENT), *keep(ledger, OLD, RAW, kept_for=Kept.REPEAT)

    assert delete_old(ledger) == len(SENT) - len(FILE)
    assert delete_old(ledger) == 0
    assert given_again(ledger, work, proof) == {proof: RAW}


def test_a_body_that_was_deleted_is_there_again_with_its_text(ledger: Ledger) -> None:
    (digest,) = keep(ledger, OLD, RAW)
    assert delete_old(ledger) == len(RAW)

    keep(ledger, NOW, RAW)

    assert given_again(ledger, digest) == {digest: RAW}
    assert held(ledger) == len(RAW)


def test_a_body_that_was_kept_before_there_were_layouts_stays_as_it_is(ledger: Ledger) -> None:
    digest = digest_of(RAW)
    times = {"stored_at": OLD, "named_at": OLD, "kept_for": int(Kept.WORK)}
    ledger._write(lambda conn: conn.execute(rows.insert().values(digest=digest, size=len(RAW), body=RAW, **times)))

    keep(ledger, NOW, RAW)

    assert given_again(ledger, digest) == {digest: RAW}


@pytest.mark.parametrize("change", [{"body": b"QUJE" * 20_000}, {"body": None, "deleted_at": OLD}])
def test_a_text_that_was_changed_or_taken_away_is_found_out_for_each_body(ledger: Ledger, change: dict[str, Any]) -> None:
    raw, sent = keep(ledger, OLD, RAW, SENT)
    ledger._write(lambda conn: conn.execute(update(rows).where(rows.c.digest == digest_of(FILE)).values(**change)))

    with ledger.read() as conn:
        found = {each.name for each in integrity.wrong(conn) if each.kind == "payload"}

    assert {raw, sent} <= found
    if change["body"] is None:
        assert given_again(ledger, raw, sent) == {}


@pytest.mark.parametrize(
    "layout",
    ["x", "7", "[[1]]", '{"a": 1}', '[["a", "b"]]', "[[5, null]]", "[" * 100_000, "[]", "", '[[-3, "FILE"]]', MANY],
)
def test_a_layout_that_was_changed_is_found_out_and_stops_nothing(ledger: Ledger, layout: str) -> None:
    raw, sent = keep(ledger, OLD, RAW, SENT)
    changed = layout.replace("FILE", digest_of(FILE))
    ledger._write(lambda conn: conn.execute(update(rows).where(rows.c.digest == raw).values(layout=changed)))

    with ledger.read() as conn:
        assert [each.name for each in integrity.wrong(conn) if each.kind == "payload"] == [raw]
    assert given_again(ledger, raw, sent).keys() - {raw} == {sent}
    assert given_again(ledger, raw).get(raw) != RAW


def test_old_bodies_and_texts_are_found_by_keys(ledger: Ledger) -> None:
    """A join over all rows for each batch would be read some thousand times in a night."""
    raw, _ = keep(ledger, OLD, RAW, b"short")
    with ledger.read() as conn:
        free = select(rows.c.digest).where(retention_verbs.IS_TEXT & retention_verbs.IS_FREE)
        if conn.dialect.name == "postgresql":
            how = "\n".join(conn.execute(text(f"EXPLAIN {free.compile(conn, compile_kwargs={'literal_binds': True})}")).scalars())
            assert "Join" not in how.partition("SubPlan")[0], how
        assert conn.execute(free).all() == []
        assert {each.digest for each in retention_verbs.old_bodies(conn, CUTS, (-1.0, ""), 100, Kept.WORK)} == {
            raw,
            digest_of(b"short"),
        }


@pytest.mark.parametrize("deleter_first", [True, False])
def test_a_text_is_not_lost_when_it_is_deleted_and_used_anew_at_the_same_time(url: str, deleter_first: bool) -> None:
    """Its body has gone before; another body with the same text comes in the moment in which the text goes."""
    one = Ledger(url)
    one.create()
    keep(one, OLD, RAW)
    delete_old(one)
    seen = Stored(digest=digest_of(FILE), size=len(FILE), named_at=OLD, kept_for=int(Kept.WORK))

    def deletes(conn: Connection) -> None:
        retention_verbs.delete_bodies(conn, [seen], CUTS, now=NOW)

    def uses(conn: Connection) -> None:
        payloads.put(conn, SENT, NOW, Kept.WORK)

    crossed(url, *((deletes, uses) if deleter_first else (uses, deletes)))

    assert given_again(one, digest_of(SENT)) == {digest_of(SENT): SENT}
    one.close()
