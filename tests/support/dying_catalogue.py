"""A process that pulls a holder of procedures, or mends one, and kills itself right after its n-th commit of that.

``python -m tests.support.dying_catalogue`` is a nursery, as that of ``dying_reconciler``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from hub import bootstrap
from hub.reconcile.procedures import mending, pulling
from tests.support.clock import Clock
from tests.support.dying_reconciler import dying

#: Records that are kept in one commit, so that a pull of a few has several.
AT_ONCE = 2


def child(given: dict[str, Any]) -> None:
    """Be one process of the hub."""
    pulling.AT_ONCE = AT_ONCE
    hub = bootstrap.open_hub(bootstrap.load_settings(Path(given["folder"])), clock=Clock(datetime.fromisoformat(given["at"])))
    hub.bus.open()
    dying(hub, given["last"])
    if given["plan"]:
        mending.run(hub, given["plan"], **given["who"])
    else:
        pulling.pull(hub, given["holder"], **given["who"])


def nursery() -> None:
    """Fork a child for each line; tell how it ended."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            try:
                child(json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    nursery()
