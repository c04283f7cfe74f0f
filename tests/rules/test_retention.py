"""Which bytes may go: old enough for their kind, and needed by nothing that may still be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.retention import DAY_SECONDS, Cuts, Kept, Stored, cuts, deletable, kept_for

NOW = 1_772_000_000.0
AT = cuts(NOW, days=30, proof_days=365)


def stored(days_ago: float, kept_for: Kept, digest: str = "sha256:1") -> Stored:
    return Stored(digest=digest, size=1, named_at=NOW - days_ago * DAY_SECONDS, kept_for=kept_for)


@pytest.mark.parametrize(
    ("days_ago", "kind", "goes"),
    [
        (29, Kept.WORK, False),
        (30.9, Kept.WORK, False),  # named_at may be a day behind the row that names it
        (31.1, Kept.WORK, True),
        (364, Kept.PROOF, False),
        (366.1, Kept.PROOF, True),
        (1096.9, Kept.BORDER, False),
        (1097.1, Kept.BORDER, True),
        (100_000, Kept.REPEAT, False),
    ],
)
def test_each_kind_has_its_time(days_ago: float, kind: Kept, goes: bool) -> None:
    assert (deletable([stored(days_ago, kind)], frozenset(), AT) != ()) is goes


@pytest.mark.parametrize("kind", Kept)
def test_what_is_needed_stays_however_old_it_is(kind: Kept) -> None:
    assert deletable([stored(100_000, kind)], {"sha256:1"}, AT) == ()


def test_proof_is_never_kept_shorter_than_the_work_that_it_proves() -> None:
    later = AT.work - 370 * DAY_SECONDS

    assert cuts(NOW, days=400, proof_days=10) == Cuts(work=later, proof=later, border=AT.border)


@pytest.mark.parametrize(
    ("days", "proof_days", "border_days", "kept"), [(1, 1, 1, 1096), (1, 1, 2000, 2000), (1, 5000, 1200, 5000)]
)
def test_border_documents_are_kept_three_years_whatever_is_set(days: int, proof_days: int, border_days: int, kept: int) -> None:
    at = cuts(NOW, days=days, proof_days=proof_days, border_days=border_days)

    assert at.border == NOW - (kept + 1) * DAY_SECONDS


@pytest.mark.parametrize(
    ("least", "subjects", "kept"),
    [
        (Kept.WORK, ("border:origin:VN:1",), Kept.BORDER),
        (Kept.PROOF, ("national:1", "border:phyto:ID:2"), Kept.BORDER),
        (Kept.REPEAT, ("border:origin:VN:1",), Kept.REPEAT),
        (Kept.WORK, ("national:border:1", "message:border"), Kept.WORK),
        (Kept.PROOF, (), Kept.PROOF),
    ],
)
def test_bytes_of_a_border_document_are_known_by_their_subject(least: Kept, subjects: tuple[str, ...], kept: Kept) -> None:
    assert kept_for(least, *subjects) is kept


DIGESTS = st.sampled_from([f"sha256:{number}" for number in range(8)])
ROWS = st.lists(
    st.builds(
        Stored,
        digest=DIGESTS,
        size=st.just(1),
        named_at=st.floats(0, NOW),
        kept_for=st.sampled_from([int(kind) for kind in Kept]),
    )
)


@given(ROWS, st.frozensets(DIGESTS), st.integers(1, 10_000), st.integers(1, 10_000))
def test_nothing_needed_and_nothing_young_is_ever_chosen(
    rows: list[Stored], needed: frozenset[str], days: int, proof_days: int
) -> None:
    chosen = deletable(rows, needed, cuts(NOW, days=days, proof_days=proof_days))

    assert not needed & {each.digest for each in chosen}
    for each in chosen:
        least = {Kept.WORK: days, Kept.PROOF: max(days, proof_days), Kept.BORDER: max(days, proof_days, 1096)}
        wanted = least.get(Kept(each.kept_for), 0)
        assert each.kept_for != Kept.REPEAT and each.named_at < NOW - wanted * DAY_SECONDS
