"""Large documents: a text that is most of one is left out of canonicalisation, and the signature is the same."""

from __future__ import annotations

import pytest
from lxml import etree

from hub.rules.signatures import signed_part
from hub.rules.signing import sign_xml
from tests.support.signers import NOW, SIGNER, TRUST

LONG = "QUJD+/0=" * 5_000


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(f"<E><A>{LONG}</A><B/></E>", id="an attachment"),
        pytest.param(f"<E Id='e-1'><A>{LONG}</A><B/></E>", id="attributes elsewhere"),
        pytest.param(f"<?xml version='1.0'?><E><A>{LONG}</A></E>", id="a declaration"),
        pytest.param(f"<E><A>{LONG}</A></E>\n", id="a line after the root"),
        pytest.param(f"<E xmlns='urn:a'><A>{LONG}</A><B/></E>", id="a namespace"),
        pytest.param(f"<E><A b='1'>{LONG}</A></E>", id="an attribute"),
        pytest.param(f"<E><A>{LONG}&gt;&amp;&#13;</A></E>", id="signs that are written otherwise"),
        pytest.param(f"<E><A>{LONG}></A></E>", id="a sign that is written otherwise in canonical form"),
        pytest.param(f"<E><A>\r\n{LONG}</A></E>", id="ends of lines"),
        pytest.param(f"<E><A><![CDATA[{LONG}]]></A></E>", id="a section"),
        pytest.param(f"<E><A>{LONG}<B/>x</A></E>", id="an element after it"),
        pytest.param(f"<E><A>{LONG}</A><B>&lt;?text here?></B></E>", id="what looks like its mark"),
        pytest.param(f"<E><A>Đơn {LONG}</A></E>", id="letters of two bytes"),
        pytest.param(f"<E>{LONG}</E>", id="the root itself"),
    ],
)
def test_a_large_document_is_signed_as_a_small_one(document: str) -> None:
    octets = document.encode()
    canonical = etree.tostring(etree.fromstring(octets), method="c14n", exclusive=True, with_comments=False)

    assert signed_part(sign_xml(octets, SIGNER.signer), TRUST, NOW).signed_bytes == canonical
