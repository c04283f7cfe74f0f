"""E-mail: what the server takes is sent once, what fails is told apart: surely not, later, never, or nobody knows."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from hub.edge import mailing
from hub.errors import BadSettings, Busy, HubError, InDoubt, NotSent, Refused
from hub.rules.alerts import Mail
from tests.support.mail_server import ADDRESS, MailServer
from tests.support.tls import Authority

MESSAGE = b"Subject: x\r\n\r\n.first\r\nd\xe1\xbb\xaf li\xe1\xbb\x87u\r\n..\r\n.\r\nend\r\n"
#: Whoever waits longer than this would wait for ever.
PATIENCE_SECONDS = 60.0


def mail(server: MailServer, **given: object) -> Mail:
    usual = {"host": ADDRESS, "port": server.port, "security": "none", "sender": "truc@example.org", "deadline_seconds": 30.0}
    return Mail(**{**usual, **given})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def encrypted(authority: Authority, security: str, **given: object) -> MailServer:
    return MailServer(security=security, certificate=authority.issue("mail"), **given)  # type: ignore[arg-type]


def test_a_message_arrives_as_it_was_written_dots_and_letters_too() -> None:
    with MailServer() as server:
        mailing.send(mail(server), "truc.ban@example.org", MESSAGE)

    assert server.taken == [("truc@example.org", "truc.ban@example.org", MESSAGE)]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_password_and_message_leave_encrypted_only(authority: Authority, security: str) -> None:
    with encrypted(authority, security, login=("truc", "mat-khau")) as server:
        given = mail(server, security=security, ca=str(authority.ca), user="truc", password="mat-khau")
        mailing.send(given, "a@example.org", MESSAGE)

    assert len(server.taken) == 1
    assert [line.split(" ")[0] for on_tls, line in server.said if not on_tls] == (
        ["ehlo", "STARTTLS"] if security == "starttls" else []
    )


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_whose_certificate_nobody_vouches_for_gets_neither_password_nor_message(
    authority: Authority, security: str
) -> None:
    with encrypted(authority, security, login=("truc", "mat-khau")) as server, pytest.raises(NotSent) as told:
        mailing.send(mail(server, security=security, user="truc", password="mat-khau"), "a@example.org", MESSAGE)

    assert "certificate" in told.value.en
    assert not any("AUTH" in line for _, line in server.said)


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with encrypted(authority, "tls") as server, pytest.raises(NotSent, match="certificate"):
        mailing.send(mail(server, host="localhost", security="tls", ca=str(authority.ca)), "a@example.org", MESSAGE)

    assert server.taken == []


def test_where_encryption_is_not_offered_nothing_is_sent(authority: Authority) -> None:
    with MailServer(login=("truc", "mat-khau")) as server, pytest.raises(NotSent, match="STARTTLS"):
        given = mail(server, security="starttls", ca=str(authority.ca), user="truc", password="mat-khau")
        mailing.send(given, "a@example.org", MESSAGE)

    assert [line.split(" ")[0].upper() for _, line in server.said] == ["EHLO"]


def test_words_that_were_put_before_the_first_encrypted_one_end_the_session(authority: Authority) -> None:
    with encrypted(authority, "starttls", smuggled=b"250 AUTH PLAIN\r\n") as server, pytest.raises(NotSent):
        mailing.send(mail(server, security="starttls", ca=str(authority.ca)), "a@example.org", MESSAGE)

    assert server.taken == []


def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with MailServer() as server, pytest.raises(BadSettings):
        mailing.send(mail(server, security="tls", ca=str(tmp_path / "no.pem")), "a@example.org", MESSAGE)


# --- what a failure means


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize(("fault", "error"), [("451 later", Busy), ("550 never", Refused), ("garbage", NotSent)])
def test_what_is_said_before_the_message_left_says_that_it_did_not(stage: str, fault: str, error: type[HubError]) -> None:
    # Who answers EHLO so is asked HELO, and where that fails as well it is the same.
    with MailServer(answers={stage: fault}) as server, pytest.raises(error) as told:
        mailing.send(mail(server), "a@example.org", MESSAGE)

    assert not isinstance(told.value, InDoubt)
    assert server.taken == []
    assert "example.org" not in told.value.en + told.value.vi + told.value.where


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data"])
def test_a_session_that_is_cut_before_the_message_left_says_that_it_did_not(stage: str) -> None:
    with MailServer(cuts=stage) as server, pytest.raises(NotSent):
        mailing.send(mail(server), "a@example.org", MESSAGE)

    assert server.taken == []


@pytest.mark.parametrize(("fault", "error"), [("452 full", Busy), ("554 no", Refused), ("garbage", InDoubt), ("299 hm", InDoubt)])
def test_what_is_said_after_it_decides(fault: str, error: type[HubError]) -> None:
    with MailServer(answers={"message": fault}) as server, pytest.raises(error) as told:
        mailing.send(mail(server), "a@example.org", MESSAGE)

    assert type(told.value) is error


def test_a_session_that_is_cut_after_the_message_left_is_a_doubt() -> None:
    with MailServer(cuts="message") as server, pytest.raises(InDoubt):
        mailing.send(mail(server), "a@example.org", MESSAGE)

    assert len(server.taken) == 1


def test_an_answer_without_end_is_a_doubt_and_not_a_refusal() -> None:
    """smtplib itself would call a line that is too long an answer 500."""
    with MailServer(answers={"message": "250 " + "x" * 20_000}) as server, pytest.raises(InDoubt) as told:
        mailing.send(mail(server), "a@example.org", MESSAGE)

    assert type(told.value) is InDoubt


@pytest.mark.parametrize(
    ("stage", "error"), [("connect", NotSent), ("mail", NotSent), ("data", NotSent), ("message", InDoubt)]
)
@pytest.mark.parametrize("way", ["hangs", "drips"])
def test_a_server_that_hangs_or_drips_is_left_at_the_deadline(stage: str, error: type[HubError], way: str) -> None:
    """One that drips answers before each single wait would end."""
    with MailServer(**{way: stage}) as server, pytest.raises(error) as told:  # type: ignore[arg-type]
        mailing.send(mail(server, deadline_seconds=0.4), "a@example.org", MESSAGE)

    assert type(told.value) is error


def test_a_handshake_that_hangs_is_left_at_the_deadline(authority: Authority) -> None:
    with MailServer(hangs="connect") as server, pytest.raises(NotSent):
        mailing.send(mail(server, security="tls", ca=str(authority.ca), deadline_seconds=0.4), "a@example.org", MESSAGE)


def test_a_server_that_is_not_there_has_nothing() -> None:
    with MailServer() as server:
        gone = mail(server)
    with pytest.raises(NotSent):
        mailing.send(gone, "a@example.org", MESSAGE)


def test_a_wrong_password_is_told_and_not_shown() -> None:
    with MailServer(login=("truc", "dung")) as server, pytest.raises(Refused) as told:
        mailing.send(mail(server, user="truc", password="sai-roi"), "a@example.org", MESSAGE)

    assert "password" in told.value.en
    assert "sai-roi" not in told.value.en + repr(mail(server, password="sai-roi"))


def test_a_hung_goodbye_does_not_undo_what_was_taken() -> None:
    with MailServer(hangs="quit") as server:
        mailing.send(mail(server), "a@example.org", MESSAGE)

    assert len(server.taken) == 1


def test_old_encryption_is_not_spoken(authority: Authority) -> None:
    assert mailing._tls(mail(MailServer(), ca=str(authority.ca))).minimum_version == ssl.TLSVersion.TLSv1_2
