"""Authorities are asked in order over real HTTP; what the first good one gives is checked, and its clock compared with ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.errors import NotSent, Refused, Untrusted
from hub.trust.timestamping import Authority, drift_seconds
from tests.support import tsa
from tests.support.sealer import asking, served
from tests.support.tsa import OTHER_POLICY, POLICY, Tsa, authorities

DIGEST = bytes(range(32))
ROOT = authorities()[0]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Tsa, Tsa]]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(served(tmp_path / name)) for name in ("first", "second"))
        yield first, second


def test_the_first_authority_is_asked_and_its_token_is_good_for_openssl(two: tuple[Tsa, Tsa], tmp_path: Path) -> None:
    stamped = asking(*(each.url for each in two)).stamp(DIGEST)

    assert (stamped.authority, len(two[0].asked), len(two[1].asked)) == ("tsa1", 1, 0)
    assert stamped.timestamp.policy == POLICY
    assert tsa.accepts(stamped.token, DIGEST, ROOT, tmp_path)


@pytest.mark.parametrize("fault", ["garbage", "rejection", "wrong_nonce", "wrong_digest", "status"])
def test_where_one_gives_nothing_good_the_next_is_asked(two: tuple[Tsa, Tsa], fault: str) -> None:
    two[0].faults.add(fault, value=500)

    assert asking(*(each.url for each in two)).stamp(DIGEST).authority == "tsa2"


def test_where_none_gives_a_token_the_last_failure_is_told(two: tuple[Tsa, Tsa]) -> None:
    two[0].faults.add("garbage")
    two[1].faults.add("rejection")

    with pytest.raises(Refused) as caught:
        asking(*(each.url for each in two)).stamp(DIGEST)

    assert caught.value.partner_code == "time_not_available"


def test_an_authority_that_nobody_trusts_gives_nothing(two: tuple[Tsa, Tsa]) -> None:
    with pytest.raises(Untrusted):
        asking(two[0].url, trusted=()).stamp(DIGEST)


def test_without_authorities_there_is_no_timestamp() -> None:
    with pytest.raises(NotSent):
        asking().stamp(DIGEST)


def test_each_request_has_a_nonce_of_its_own(two: tuple[Tsa, Tsa]) -> None:
    timestamping = asking(two[0].url)

    for _ in range(2):
        timestamping.stamp(DIGEST)

    assert len(set(two[0].asked)) == 2


def test_a_policy_and_credentials_go_with_the_request(tmp_path: Path) -> None:
    with served(tmp_path / "tsa", login="hub:secret") as server:
        authority = Authority(name="tsa", url=server.url, policy=OTHER_POLICY, user="hub", password="secret")
        wrong = replace(authority, password="other")

        assert asking(authorities=(authority,)).stamp(DIGEST).timestamp.policy == OTHER_POLICY
        with pytest.raises(Refused) as caught:
            asking(authorities=(wrong,)).stamp(DIGEST)

    assert caught.value.partner_code == "401"
    assert "secret" not in repr(authority)
    assert "other" not in f"{caught.value.en}{caught.value.vi}"


def test_another_policy_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    with served(tmp_path / "tsa") as server:
        server.faults.add("wrong_policy")
        with pytest.raises(Untrusted):
            asking(authorities=(Authority(name="tsa", url=server.url, policy=POLICY),)).stamp(DIGEST)


def test_an_authority_that_drips_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    with served(tmp_path / "tsa") as server:
        server.faults.add("latency", value=0.5)
        timestamping = asking(server.url, deadline_seconds=0.05)

        with pytest.raises(Exception, match="no whole reply"):
            timestamping.stamp(DIGEST)


# --- clocks

MOMENT = datetime(2026, 3, 2, 2, 15, 4, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return MOMENT + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("before", "ended", "expected"),
    [
        (-1.0, 1.0, 0.0),
        # The authority says 02:15:04 until 02:15:05 begins.
        (0.9, 0.95, 0.0),
        (3.5, 4.0, 2.5),
        (-9.0, -7.0, -7.0),
    ],
)
def test_drift_is_what_the_time_of_the_call_cannot_explain(before: float, ended: float, expected: float) -> None:
    assert drift_seconds(MOMENT, after(before), after(ended)) == expected


def test_an_authority_that_states_parts_of_a_second_is_taken_at_its_word() -> None:
    assert drift_seconds(after(0.25), after(1.0), after(2.0)) == 0.75


@pytest.mark.parametrize(("ahead", "told"), [(3600.0, True), (-3600.0, True), (0.0, False)])
def test_a_clock_that_is_wrong_is_told_and_measured(
    two: tuple[Tsa, Tsa], ahead: float, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = lambda: datetime.now(UTC) + timedelta(seconds=ahead)  # noqa: E731

    stamped = asking(two[0].url, clock=clock).stamp(DIGEST)

    assert abs(stamped.drift_seconds - ahead) < 60
    assert ("clock.drift" in capsys.readouterr().out) is told
