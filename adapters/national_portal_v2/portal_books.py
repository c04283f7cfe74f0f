"""The simulated portal's books: tokens, numbers, files, dossiers, rows and statuses, and the account that tests compare."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.national_portal_v2.portal_rules import faults_of_record, faults_of_rows, faults_of_statuses

_NAMES = uuid.UUID("5d2f0a7e-7c1e-4f57-8d5e-0c1f4a1b2c3d")


class Wrong(Exception):
    """The portal refuses a call; the text is what it says."""


@dataclass
class Kept:
    """What the portal holds of one dossier."""

    id: str
    record: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True)
class PortalBooks:
    """Everything the portal keeps; shared by threads."""

    client_id: str
    client_secret: str
    #: Seconds that a token is said to last, and after how many calls the portal no longer takes it (0 = it always does).
    token_seconds: int = 3600
    token_uses: int = 0
    #: In the numbers: the agency, and the day that each number bears.
    day: str = "20260302"
    #: Dossiers of these procedures are refused for good.
    refuse_procedures: frozenset[str] = frozenset()
    calls: Counter[str] = field(default_factory=Counter)
    tokens_given: int = 0
    drawn: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    uploads: Counter[str] = field(default_factory=Counter)
    dossiers: dict[str, Kept] = field(default_factory=dict)
    #: Numbers under which somebody tried to create a dossier that is there.
    created_again: list[str] = field(default_factory=list)
    doubled_rows: list[dict[str, Any]] = field(default_factory=list)
    _tokens: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    # --- tokens ------------------------------------------------------------------------------------------------

    def give_token(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give a token for the right name and secret."""
        with self.lock:
            if (given.get("client_id"), given.get("client_secret")) != (self.client_id, self.client_secret):
                raise Wrong("Sai client_id hoặc client_secret")
            self.tokens_given += 1
            token = f"T-TEST-{self.tokens_given:04d}"
            self._tokens[token] = 0
            return {"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer", "scope": "default"}

    def takes(self, token: str) -> bool:
        """Say whether a token is good for one more call."""
        with self.lock:
            if token not in self._tokens:
                return False
            self._tokens[token] += 1
            if self.token_uses and self._tokens[token] > self.token_uses:
                del self._tokens[token]
                return False
            return True

    def expire_tokens(self) -> int:
        """Forget all tokens; say how many there were."""
        with self.lock:
            count = len(self._tokens)
            self._tokens.clear()
            return count

    # --- the flow ----------------------------------------------------------------------------------------------

    def next_number(self, code: str, *, again: bool = False) -> str:
        """Draw the next dossier number; ``again``: give the last one once more (a fault of the portal's)."""
        with self.lock:
            if not code.strip():
                raise Wrong("Thiếu code")
            if again and self.drawn:
                return self.drawn[-1]
            number = f"G99.20-{self.day}-{len(self.drawn) + 1:07d}"
            self.drawn.append(number)
            return number

    def keep_file(self, name: str, content: bytes) -> dict[str, str]:
        """Keep one file; every upload gets an identifier of its own."""
        with self.lock:
            hashed = hashlib.sha256(content).hexdigest()
            self.uploads[hashed] += 1
            known = str(uuid.uuid5(_NAMES, f"{hashed}/{self.uploads[hashed]}"))
            self.files[known] = hashed
            return {"IdTepTin": known, "HashTepTin": hashed, "TenTepTin": name}

    def create(self, record: Any) -> dict[str, str]:
        """Create a dossier under a number that was drawn and is not used."""
        with self.lock:
            if faults := faults_of_record(record):
                raise Wrong("; ".join(faults))
            number = record["MaHoSo"]
            if number not in self.drawn:
                raise Wrong("MaHoSo chưa được cấp")
            if record["MaTTHC"] in self.refuse_procedures:
                raise Wrong("Thủ tục không được tiếp nhận")
            for component in record["ThanhPhanHoSo"]:
                for paper in component["GiayToDinhKem"]:
                    if self.files.get(paper["IdGiayTo"]) != paper["HashTepTin"]:
                        raise Wrong("IdGiayTo hoặc HashTepTin không đúng")
            if number in self.dossiers:
                self.created_again.append(number)
                raise Wrong("Hồ sơ đã tồn tại")
            kept = self.dossiers[number] = Kept(id=str(uuid.uuid5(_NAMES, number)), record=record)
            return {"idHoSo": kept.id, "maHoSo": number}

    def add_rows(self, rows: Any) -> None:
        """Append progress rows; all or none. The portal does not see that it has one already, the account does."""
        with self.lock:
            if faults := faults_of_rows(rows):
                raise Wrong("; ".join(faults))
            found = [(self._found(row, "IDHoSo"), row) for row in rows]
            for kept, row in found:
                if row in kept.rows:
                    self.doubled_rows.append(row)
                kept.rows.append(row)

    def set_statuses(self, rows: Any) -> None:
        """Set statuses; what came last stands."""
        with self.lock:
            if faults := faults_of_statuses(rows):
                raise Wrong("; ".join(faults))
            for kept, row in [(self._found(row, "IdHoSo"), row) for row in rows]:
                kept.statuses.append(row["TrangThai"])
                kept.results = row.get("DanhSachGiayToKetQua", kept.results)

    def _found(self, row: Mapping[str, Any], name: str) -> Kept:
        kept = self.dossiers.get(row["MaHoSo"])
        if kept is None or row[name] != kept.id:
            raise Wrong(f"Không tìm thấy hồ sơ theo {name} và MaHoSo")
        return kept

    # --- the account -------------------------------------------------------------------------------------------

    def account(self) -> dict[str, Any]:
        """Tell what the portal holds, and what happened to it that should not."""
        with self.lock:
            return {
                "calls": dict(self.calls),
                "tokens": self.tokens_given,
                "drawn": list(self.drawn),
                "unused": [number for number in self.drawn if number not in self.dossiers],
                "creates": len(self.dossiers),
                "created_again": list(self.created_again),
                "files": len(self.files),
                "doubled_rows": list(self.doubled_rows),
                "dossiers": {number: _shown(kept) for number, kept in self.dossiers.items()},
            }


def _shown(kept: Kept) -> dict[str, Any]:
    return {
        "id": kept.id,
        "record": json.loads(json.dumps(kept.record)),
        "rows": list(kept.rows),
        "status": kept.statuses[-1] if kept.statuses else None,
        "statuses": list(kept.statuses),
        "results": list(kept.results),
    }
