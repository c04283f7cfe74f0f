"""Files in Base64: what is taken for one is what RFC 4648 4 says, and its bytes are what Python's own module reads."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.canonical.digests import digest_of
from hub.rules import base64_files

#: Four signs for three bytes; padding only at the end.
WHOLE = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
SIGNS = st.text(alphabet="ABQabz019+/=-_.\x00đ", max_size=16)


@given(SIGNS)
@example("QUJD=")
@example("====")
@example("QQ==QQ==")
@example("QUJ")
@example("QR==")
def test_what_is_taken_for_a_file_is_base64_and_nothing_else(text: str) -> None:
    if WHOLE.fullmatch(text):
        assert base64_files.compacted(text) == text
        assert b"".join(base64_files.measured(text).pieces()) == base64.b64decode(text)
    else:
        with pytest.raises(ValueError, match=r".*"):
            base64_files.compacted(text)


@given(st.binary(max_size=400), st.sampled_from(["\n", "\r\n", " ", "\t"]))
def test_line_breaks_and_blanks_mean_nothing(octets: bytes, blank: str) -> None:
    text = blank.join(re.findall(".{1,76}", base64.b64encode(octets).decode()))

    signs = base64_files.compacted(text)
    told = base64_files.measured(signs, sha1=True)

    assert (told.digest, told.size, b"".join(told.pieces())) == (digest_of(octets), len(octets), octets)
    assert base64_files.same_sha1(told.sha1.upper(), base64_files.sha1_of(octets))
    assert base64_files.written(octets) == signs


@pytest.mark.parametrize("more", [-1, 0, 1, 2, 3])
def test_a_large_file_is_read_in_pieces_and_is_padded_only_at_its_end(more: int) -> None:
    octets = bytes(base64_files.PIECE_SIGNS // 4 * 3 + more)
    signs = base64_files.written(octets)

    assert b"".join(base64_files.measured(base64_files.compacted(signs)).pieces()) == octets
    with pytest.raises(ValueError, match="not Base64"):
        base64_files.compacted(signs[:-4] + "QQ==" + signs)
