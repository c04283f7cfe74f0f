"""JSON texts that we write for ourselves: no blanks, letters as they are.

Encoders are made once: ``json.dumps`` with options of one's own makes one for each call.
"""

from __future__ import annotations

import json

#: Write a value, names in the order they have.
compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
#: Write a value so that equal values give equal texts.
compact_sorted = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
