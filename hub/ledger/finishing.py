"""What is finished with a partner whose place another one takes: what it may have already, or has a part of."""

from __future__ import annotations

from sqlalchemy import exists, or_

from hub.ledger.attempt_rows import UNSETTLED
from hub.ledger.sql import fixed
from hub.ledger.tables import attempts, deliveries
from hub.rules.succession import HAD

#: Standings (table ``standings``) of a partner that is given nothing else any more.
LEAVING = frozenset({"leaving", "closed"})

_before = deliveries.alias("before")
_MAY_HAVE = exists().where(
    (attempts.c.delivery_id == deliveries.c.id) & attempts.c.outcome.in_(fixed(UNSETTLED))
)
_HAS_A_PART = exists().where(
    (_before.c.message_id == deliveries.c.message_id)
    & (_before.c.endpoint == deliveries.c.endpoint)
    & (_before.c.subject == deliveries.c.subject)
    & (_before.c.canonical_digest == deliveries.c.canonical_digest)
    & (_before.c.place < deliveries.c.place)
    & _before.c.state.in_(fixed(sorted(state.value for state in HAD)))
)
#: Of a head that could be sent: it goes to the old partner all the same.
STAYS = or_(_MAY_HAVE, _HAS_A_PART)
