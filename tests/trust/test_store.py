"""The trust store as files: what is read, and how everything wrong in them is told, by file and line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadSettings
from hub.rules.certificates import fingerprint
from hub.trust.register import Wrong, read_register
from hub.trust.store import AnchorTable, IntermediateTable, TrustFile, TrustStore, load
from tests.support import pki

PKI = pki.standard()
HEAD = "issuer,serial,purpose,owner,endpoints,may_sign,valid_from,valid_to,note\n"
ISSUER = PKI.good.certificate.issuer.rfc4514_string()
LINE = f'"{ISSUER}",{PKI.good.serial:x},government,G12,partner other,dossier notice,2026-01-01,2027-01-01,\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root.crt").write_bytes(PKI.root.der)
    (tmp_path / "between.pem").write_bytes(PKI.authority.pem + pki.intermediate(PKI.root, "Second").pem)
    (tmp_path / "leaf.crt").write_bytes(PKI.good.pem)
    (tmp_path / "tsa.crt").write_bytes(PKI.tsa.pem)
    (tmp_path / "rubbish.crt").write_bytes(b"rubbish")
    return tmp_path


def anchor(**more: object) -> AnchorTable:
    return AnchorTable(**{"name": "g", "purpose": "government", "file": "root.crt", **more})


def read(folder: Path, *anchors: AnchorTable, between: tuple[IntermediateTable, ...] = (), register: str = "") -> TrustStore:
    if register:
        (folder / "register.csv").write_text(register, encoding="utf-8")
    return load(folder / "trust.toml", TrustFile(anchor=anchors, intermediate=between))


def fault(folder: Path, *anchors: AnchorTable, **more: object) -> BadSettings:
    with pytest.raises(BadSettings) as caught:
        read(folder, *anchors, **more)
    return caught.value


def test_anchors_and_authorities_are_read_as_pem_and_as_der(folder: Path):
    store = read(folder, anchor(), between=(IntermediateTable(name="below", file="between.pem"),))

    assert [each.certificate for each in store.anchors] == [PKI.root.certificate]
    assert store.intermediates[0] == PKI.authority.certificate
    assert len(store.intermediates) == 2


def test_without_a_day_an_anchor_is_trusted_as_long_as_its_certificate_says(folder: Path):
    (found,) = read(folder, anchor()).anchors

    assert found.valid_from == PKI.root.certificate.not_valid_before_utc
    assert found.valid_until == PKI.root.certificate.not_valid_after_utc


def test_days_narrow_an_anchor_and_never_widen_it(folder: Path):
    (found,) = read(folder, anchor(valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31))).anchors
    (wide,) = read(folder, anchor(valid_from=date(1990, 1, 1), valid_until=date(2990, 1, 1))).anchors

    assert found.valid_from == datetime(2025, 12, 31, 17, tzinfo=UTC)
    assert found.valid_until == datetime(2026, 12, 31, 17, tzinfo=UTC) - timedelta(microseconds=1)
    assert (wide.valid_from, wide.valid_until) == (
        PKI.root.certificate.not_valid_before_utc,
        PKI.root.certificate.not_valid_after_utc,
    )


def test_purposes_choose_anchors(folder: Path):
    store = read(folder, anchor(), anchor(name="t", purpose="tsa", file="tsa.crt"))

    assert store.purposes == {"government", "tsa"}
    assert [each.name for each in store.of(["government"])] == ["g"]
    assert store.certificates("tsa") == (PKI.tsa.certificate,)
    assert store.of([]) == ()


def test_the_digest_that_its_owner_published_is_compared(folder: Path):
    digest = fingerprint(PKI.root.certificate)

    assert read(folder, anchor(sha256=digest.upper())).anchors[0].name == "g"
    assert "SHA-256" in str(fault(folder, anchor(sha256="0" * 64)))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"file": "none.crt"}, "there is no file"),
        ({"file": "rubbish.crt"}, "no readable certificate"),
        ({"file": "leaf.crt"}, "not the certificate of an authority"),
        ({"file": "between.pem"}, "exactly one"),
        ({"valid_from": date(2027, 1, 1), "valid_until": date(2026, 1, 1)}, "leave no day"),
        ({"valid_from": date(2100, 1, 1)}, "leave no day"),
    ],
)
def test_an_anchor_that_cannot_be_used_is_said(folder: Path, table: dict, words: str):
    error = fault(folder, anchor(**table))

    assert words in error.en
    assert "trust.toml: anchor 'g'" in error.where


def test_everything_wrong_is_told_at_once_in_both_languages(folder: Path):
    error = fault(
        folder, anchor(file="none.crt"), anchor(file="rubbish.crt"), register=HEAD + "x,y,z,,,,,,\n" + LINE + 'a,1\n'
    )

    assert "there is no file" in error.en
    assert "no readable certificate" in error.en
    assert "the name stands twice" in error.en
    assert "register.csv:2 [issuer]" in error.en
    assert "register.csv:4" in error.en
    assert "không có tệp" in error.vi


# --- the register -------------------------------------------------------------------------------------------------


def register(folder: Path, text: str) -> tuple[object, str]:
    (folder / "register.csv").write_text(text, encoding="utf-8")
    wrong = Wrong()
    found = read_register(folder / "register.csv", {"government"}, wrong)
    try:
        wrong.raise_if_any()
    except BadSettings as error:
        return found, error.en
    return found, ""


def test_a_line_says_whose_a_certificate_is_and_where_it_may_sign(folder: Path):
    store = read(folder, anchor(), register="﻿" + HEAD + LINE + ",,,,,,,,\n")
    (line,) = store.lines_about(PKI.good.certificate)

    assert (line.owner, line.may_sign, line.endpoints) == ("G12", ("dossier", "notice"), {"partner", "other"})
    assert line.valid_to == datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert store.lines_about(PKI.revoked.certificate) == ()


@pytest.mark.parametrize("serial", ["0x{:x}", "{:X}", "  {:x} "])
def test_a_serial_number_is_read_as_tools_write_it(folder: Path, serial: str):
    found, wrong = register(folder, HEAD + LINE.replace(f",{PKI.good.serial:x},", f",{serial.format(PKI.good.serial)},"))

    assert wrong == ""
    assert list(found) == [(ISSUER, PKI.good.serial)]


def test_an_authority_with_a_long_vietnamese_name_can_be_registered(folder: Path):
    """64 letters (RFC 5280, ub-common-name), of which some have three octets."""
    with pytest.warns(UserWarning, match="length must be"):
        common = x509.NameAttribute(NameOID.COMMON_NAME, "Tổ chức cung cấp chứng thực chữ ký số công cộng", _validate=False)
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"), common]).rfc4514_string()
    found, wrong = register(folder, HEAD + LINE.replace(ISSUER, name))

    assert (wrong, list(found)) == ("", [(name, PKI.good.serial)])


def test_a_serial_number_in_pairs_is_read(folder: Path):
    digits = f"{PKI.good.serial:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    pairs = ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
    found, wrong = register(folder, HEAD + LINE.replace(f",{PKI.good.serial:x},", f",{pairs},"))

    assert (wrong, list(found)) == ("", [(ISSUER, PKI.good.serial)])


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("ISSUER", "CN", "[issuer] must be a name"),
        ("ISSUER", "", "[issuer]"),
        ("SERIAL", "xyz", "[serial] must be a serial number"),
        ("SERIAL", "-1", "[serial]"),
        ("SERIAL", "1_0", "[serial]"),
        ("SERIAL", "f" * 43, "[serial]"),
        ("government", "private", "[purpose] no [[anchor]]"),
        ("G12", "", "[owner]"),
        ("partner other", "", "[endpoints]"),
        ("dossier notice", "", "[may_sign]"),
        ("2026-01-01", "01/01/2026", "[valid_from] must be a day"),
        ("2027-01-01", "2027-13-01", "[valid_to]"),
        ("2027-01-01,", "2027-01-01,note,and,more", "too many cells"),
    ],
)
def test_what_is_wrong_in_a_line_is_said_by_line_and_column(folder: Path, before: str, after: str, words: str):
    named = {"ISSUER": f'"{ISSUER}"', "SERIAL": f"{PKI.good.serial:x}"}
    _, wrong = register(folder, HEAD + LINE + LINE.replace(named.get(before, before), after))

    assert "register.csv:3" in wrong
    assert words in wrong.replace("]:", "]")
    assert "register.csv:2" not in wrong


@pytest.mark.parametrize("head", ["issuer,serial\n", HEAD.replace("note", "noet"), ""])
def test_columns_that_are_missing_or_unknown_are_said(folder: Path, head: str):
    assert "columns" in register(folder, head + LINE)[1]


def test_a_register_that_is_no_text_or_too_large_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "register.csv").write_bytes(b"\xff\xfe\x00")
    wrong = Wrong()
    read_register(folder / "register.csv", set(), wrong)
    with pytest.raises(BadSettings, match="cannot be read"):
        wrong.raise_if_any()
    monkeypatch.setattr("hub.trust.register.MAX_FILE_BYTES", 5)
    assert "larger than 5 bytes" in register(folder, HEAD + LINE)[1]


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_register_whatever_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str):
    path = tmp_path_factory.getbasetemp() / "register.csv"
    path.write_text(HEAD + text, encoding="utf-8", errors="surrogatepass")

    read_register(path, {"government"}, Wrong())


def test_der_and_pem_of_one_certificate_are_the_same(folder: Path):
    (folder / "root.pem").write_bytes(PKI.root.certificate.public_bytes(Encoding.PEM))

    assert read(folder, anchor(file="root.pem")).anchors == read(folder, anchor()).anchors
