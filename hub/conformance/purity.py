"""Watch a function that must be pure: does it look at the clock, draw at random, open a file or a socket?"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")

#: Functions of the interpreter through which every library must go, by module (or class) and name.
_IMPURE = {
    **dict.fromkeys(("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter"), "the clock"),
    # These ask the clock where they are given no moment, which cannot be seen from here; datetime has what is needed.
    **dict.fromkeys(("time.localtime", "time.gmtime", "time.strftime", "time.ctime", "time.asctime"), "the clock"),
    **dict.fromkeys(("datetime.now", "datetime.utcnow", "datetime.today", "date.today"), "the clock"),
    **dict.fromkeys(("Random.random", "Random.getrandbits", "posix.urandom", "nt.urandom", "posix.getrandom"), "chance"),
    **dict.fromkeys(("_uuid.generate_time_safe",), "the clock"),
    **dict.fromkeys(("_io.open", "io.open", "posix.open", "posix.stat", "posix.scandir", "posix.listdir"), "a file"),
    **dict.fromkeys(("socket.connect", "socket.connect_ex", "socket.bind", "_socket.getaddrinfo"), "the network"),
}


class Impure(AssertionError):
    """A function that must be pure is not."""


def purely(function: Callable[..., Result], *given: Any) -> Result:
    """Call a function that was called before with the same arguments; raise Impure where it is not pure.

    The earlier call lets it load what is loaded once (a schema, a time zone).
    """
    seen: list[str] = []

    def notice(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and (what := _IMPURE.get(_name(called))):
            seen.append(f"{what} ({_name(called)}) in {frame.f_code.co_filename}:{frame.f_lineno}")

    before, collecting = sys.getprofile(), gc.isenabled()
    # A collection may run others' callbacks in the middle of the call (hypothesis looks at the clock in one).
    gc.disable()
    sys.setprofile(notice)
    try:
        result = function(*given)
    finally:
        sys.setprofile(before)
        if collecting:
            gc.enable()
    if seen:
        raise Impure(f"{getattr(function, '__name__', function)} is not pure: it uses {'; '.join(seen)}")
    return result


def _name(called: Any) -> str:
    """Name a built-in as ``module.function``, or ``Class.method``."""
    name = getattr(called, "__qualname__", "")
    return name if "." in name else f"{getattr(called, '__module__', '')}.{name}"
