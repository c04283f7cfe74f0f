"""A time-stamping authority beside the small world of signers, and trust that knows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support import pki, signers
from tests.support.signers import NOW

TSA_ROOT = pki.root("Time root", key=pki.new_key("rsa"))
TSA = pki.time_stamper(TSA_ROOT)
#: The same names, by nobody whom we know.
FOREIGN_TSA = pki.time_stamper(pki.root("Time root", key=pki.new_key("rsa")))
STAMPED_AT = NOW - timedelta(seconds=2)
TRUST = replace(signers.TRUST, stampers=(TSA_ROOT.certificate,))
OPTIONAL = replace(TRUST, policy="optional")
WEAK = replace(TRUST, allow_weak=True)
