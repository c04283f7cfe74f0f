"""What is kept of a judgement: until when, for whom, how much of it; and what the register says."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Untrusted
from hub.rules import certificates
from hub.rules.trust import Judged
from hub.trust import judging
from hub.trust.judging import PathJudge
from hub.trust.paths import Path
from hub.trust.register import Registered
from hub.trust.revocation import Revocation
from hub.trust.store import TrustStore
from tests.support import pki
from tests.support.pki import DAY, NOW, Party
from tests.support.trusted import anchor, asked, held, judged, refusal, snapshot, store

PKI = pki.standard()
CRLS = PKI.crls()
STORE, LISTS = store(anchor(PKI.root)), held(*CRLS)
INSTANT = timedelta(microseconds=1)
CONSTRAINTS = "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"


class Counted:
    """Says how often paths were looked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        real = judging.find_paths

        def counted(*given: Any, **more: Any) -> list[Path]:
            self.times += 1
            return real(*given, **more)

        monkeypatch.setattr(judging, "find_paths", counted)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def ask(judge: PathJudge, party: Party, now: datetime = NOW) -> str:
    try:
        return judge(party.certificate, party.between, now).revocation
    except Untrusted as error:
        return error.where


# --- until when ---------------------------------------------------------------------------------------------------


def test_a_judgement_is_worked_out_once_and_kept_until_the_first_list_ends(looked: Counted):
    judge = PathJudge(STORE, LISTS, asked())
    ends = NOW + timedelta(hours=24)

    assert [ask(judge, PKI.good, NOW + timedelta(minutes=each)) for each in range(60)] == ["good"] * 60
    assert (ask(judge, PKI.good, ends - INSTANT), looked.times) == ("good", 1)
    assert (ask(judge, PKI.good, ends), looked.times) == ("INDETERMINATE/TRY_LATER", 2)
    assert (ask(judge, PKI.good, ends + DAY), looked.times) == ("INDETERMINATE/TRY_LATER", 2)
    assert (ask(judge, PKI.good, NOW), looked.times) == ("good", 3)


def test_a_judgement_ends_with_the_certificate(looked: Counted):
    signer = pki.leaf(PKI.authority, days=(-1, 0.25))
    judge = PathJudge(STORE, LISTS, asked())
    end = signer.certificate.not_valid_after_utc

    assert [ask(judge, signer), ask(judge, signer, end), looked.times] == ["good", "good", 1]
    assert ask(judge, signer, end + INSTANT) == "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"


def test_a_refusal_is_kept_too_and_raised_anew_each_time(looked: Counted):
    judge = PathJudge(STORE, LISTS, asked())
    raised = []
    for _ in range(3):
        with pytest.raises(Untrusted) as caught:
            judge(PKI.revoked.certificate, PKI.revoked.between, NOW)
        raised.append(caught.value)

    assert looked.times == 1
    assert len({id(each) for each in raised}) == 3
    assert {str(each) for each in raised} == {str(raised[0])}


def test_a_new_list_makes_a_new_judge_that_remembers_nothing():
    first = PathJudge(STORE, LISTS, asked())
    second = PathJudge(STORE, held(*CRLS, pki.crl(PKI.authority, [PKI.good.certificate], hours=(-0.5, 24), number=2)), asked())

    assert (ask(first, PKI.good), ask(second, PKI.good)) == ("good", "INDETERMINATE/REVOKED_NO_POE")
    assert ask(first, PKI.good) == "good"


MOMENTS = st.integers(-40 * 24 * 60, 420 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
_LIST_ENDS, _SIGNER_ENDS = NOW + timedelta(hours=24), NOW + 365 * DAY
EDGES = st.sampled_from([_LIST_ENDS, _LIST_ENDS - INSTANT, _SIGNER_ENDS, _SIGNER_ENDS + INSTANT, NOW - 30 * DAY, NOW])


@given(st.lists(MOMENTS | EDGES, min_size=2, max_size=12), st.booleans(), st.data())
@settings(max_examples=25, deadline=None)
def test_what_is_kept_says_what_a_fresh_look_says(moments: list[datetime], accept: bool, data: st.DataObject):
    """In any order of moments, also backwards; over lists, an answer and a register that begin and end at different times."""
    answer = pki.ocsp_answer(PKI.good.certificate, PKI.authority, hours=(-1, data.draw(st.integers(1, 900))))
    late = pki.crl(PKI.authority, [PKI.good.certificate], hours=(data.draw(st.integers(-9, 400)), 800), revoked_at=NOW + 9 * DAY)
    lists = held(pki.crl(PKI.root, hours=(-1, data.draw(st.integers(1, 2000)))), answer, late)
    line = registered(PKI.good, valid_from=NOW - 3 * DAY, valid_to=NOW + 30 * DAY)
    question = asked(accept_unknown=accept, registered=True)
    kept = PathJudge(line, lists, question)

    for moment in moments:
        fresh = PathJudge(line, lists, question)
        assert (ask(kept, PKI.good, moment), moment) == (ask(fresh, PKI.good, moment), moment)


# --- how much -----------------------------------------------------------------------------------------------------


def test_no_more_is_kept_than_was_said():
    judge = PathJudge(STORE, LISTS, asked(), remembered=5)
    signers = [pki.leaf(PKI.authority, f"Signer {number}") for number in range(12)]
    for signer in signers:
        ask(judge, signer)

    assert len(judge) == 5


def test_many_threads_get_the_same_answers():
    judge = PathJudge(STORE, LISTS, asked(), remembered=2)
    parties = [PKI.good, PKI.revoked, PKI.expired, PKI.wrong_purpose]
    expected = [ask(PathJudge(STORE, LISTS, asked()), party) for party in parties]
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append([ask(judge, party) for party in parties])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 8
    assert len(judge) <= 2


def test_each_path_is_told_once_so_that_lists_can_be_fetched_for_it():
    seen: list[Path] = []
    judge = PathJudge(STORE, Revocation(), asked(), seen.append)

    assert [ask(judge, PKI.good) for _ in range(3)] == ["INDETERMINATE/TRY_LATER"] * 3
    assert [path.certificates for path in seen] == [(PKI.good.certificate, *PKI.good.path)]


def test_strangers_and_the_unregistered_make_nobody_fetch_anything():
    seen: list[Path] = []
    judge = PathJudge(STORE, Revocation(), asked(registered=True), seen.append)

    assert ask(judge, PKI.good) == CONSTRAINTS
    assert ask(judge, pki.leaf(pki.root("Else"))) == "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"
    assert seen == []


def test_what_comes_from_the_judge_is_weak_where_the_signers_own_key_is():
    trust = snapshot(STORE, LISTS, allow_weak=True)

    assert judged(PKI.weak, trust).weak is True
    assert judged(PKI.good, trust).weak is False


# --- the register -------------------------------------------------------------------------------------------------


def registered(party: Party, **more: Any) -> TrustStore:
    line = Registered(
        **{"owner": "G12", "purpose": "government", "endpoints": frozenset({"partner"}), "may_sign": ("dossier",), **more}
    )
    key = (party.certificate.issuer.rfc4514_string(), party.serial)
    return store(anchor(PKI.root), register={key: (line,)})


def test_the_register_says_whose_a_certificate_is_and_what_it_may_sign():
    found = judged(PKI.good, snapshot(registered(PKI.good), LISTS, registered=True))

    assert (found.owner, found.may_sign) == ("G12", ("dossier",))


def test_a_line_for_the_endpoint_goes_before_one_for_all():
    key = (PKI.good.certificate.issuer.rfc4514_string(), PKI.good.serial)
    wide, narrow = (
        Registered(owner="G12", purpose="government", endpoints=frozenset({name}), may_sign=may_sign)
        for name, may_sign in (("*", ()), ("partner", ("receipt",)))
    )

    for lines in ((wide, narrow), (narrow, wide)):
        trust = snapshot(store(anchor(PKI.root), register={key: lines}), LISTS, registered=True)
        assert judged(PKI.good, trust).may_sign == ("receipt",)


def test_who_was_registered_until_yesterday_is_not_free_to_sign_today_where_no_line_is_needed():
    trust = snapshot(registered(PKI.good, valid_to=NOW - timedelta(days=1)), LISTS)

    assert refusal(PKI.good, trust) == CONSTRAINTS


def test_who_is_not_registered_is_refused_also_under_the_same_name():
    trust = snapshot(registered(PKI.good), LISTS, registered=True)
    namesake = pki.leaf(PKI.authority, "Good")

    assert namesake.certificate.subject == PKI.good.certificate.subject
    assert refusal(namesake, trust) == CONSTRAINTS


def test_the_same_number_by_another_authority_is_another_certificate():
    other = pki.intermediate(PKI.root, "Other authority")
    twin = pki.leaf(other, "Good", serial=PKI.good.serial)
    trust = snapshot(registered(PKI.good), held(CRLS[0], pki.crl(other)), registered=True)

    assert refusal(twin, trust) == CONSTRAINTS


def test_the_same_name_and_number_under_an_anchor_of_another_purpose_is_another_certificate():
    """A partner's own root may give names as it likes, also the government's."""
    private = pki.root("Partner")
    mimic = pki.leaf(pki.intermediate(private, "Government authority"), "Good", serial=PKI.good.serial)
    known = registered(PKI.good)
    both = store(*known.anchors, anchor(private, "partner"), register=known.register)
    trust = snapshot(both, LISTS, registered=True, purposes=("government", "partner"), accept_unknown=True)

    assert mimic.certificate.issuer == PKI.good.certificate.issuer
    assert judged(PKI.good, trust).owner == "G12"
    assert refusal(mimic, trust) == CONSTRAINTS


def test_an_authority_of_the_same_name_but_of_another_purpose_clears_nobody():
    twin = pki.root("Government root")
    signer = pki.leaf(PKI.root, "Revoked by the root")
    lists = held(pki.crl(PKI.root, [signer.certificate], hours=(-2, 24)), pki.crl(twin, hours=(-1, 24)))
    trust = snapshot(store(anchor(PKI.root), anchor(twin, "partner")), lists, purposes=("government", "partner"))

    assert refusal(signer, trust) == "INDETERMINATE/REVOKED_NO_POE"


def test_of_an_anchor_for_two_purposes_the_one_of_the_register_counts():
    known = registered(PKI.good, purpose="public")
    both = store(anchor(PKI.root), anchor(PKI.root, "public"), register=known.register)

    assert judged(PKI.good, snapshot(both, LISTS, registered=True, purposes=("government", "public"))).purpose == "public"


@pytest.mark.parametrize(
    "line",
    [
        {"endpoints": frozenset({"another"})},
        {"purpose": "public"},
        {"valid_to": NOW},
        {"valid_from": NOW + INSTANT},
    ],
)
def test_a_line_for_elsewhere_or_for_another_time_is_none(line: dict[str, Any]):
    assert refusal(PKI.good, snapshot(registered(PKI.good, **line), LISTS, registered=True)) == CONSTRAINTS


def test_a_line_for_all_endpoints_is_for_this_one():
    assert judged(PKI.good, snapshot(registered(PKI.good, endpoints=frozenset({"*"})), LISTS, registered=True)).owner == "G12"


def test_where_the_register_is_not_needed_it_still_tells_the_owner():
    trust = snapshot(registered(PKI.good), LISTS)

    assert judged(PKI.good, trust).owner == "G12"
    assert judged(pki.leaf(PKI.authority), trust) == Judged(
        revocation="good", proofs=judged(PKI.good, trust).proofs, purpose="government",
        path_digests=judged(PKI.good, trust).path_digests, revocation_digests=judged(PKI.good, trust).revocation_digests,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "what", "allowed"),
    [
        ((), "dossier.submitted", True),
        (("*",), "catalogue", True),
        (("dossier",), "dossier.submitted", True),
        (("dossier",), "catalogue", False),
        (("dossier.result*",), "dossier.result_given", True),
        (("dossier.result*",), "dossier.submitted", False),
        (("catalogue", "procedure"), "procedure", True),
    ],
)
def test_what_a_signer_may_sign_is_a_pattern_of_kinds(patterns: tuple[str, ...], what: str, allowed: bool):
    verdict = certificates.verdict(PKI.good.certificate, "PS256", Judged(may_sign=patterns), NOW)

    if allowed:
        certificates.check_may_sign(verdict, what)
    else:
        with pytest.raises(Untrusted) as caught:
            certificates.check_may_sign(verdict, what)
        assert caught.value.where == CONSTRAINTS
