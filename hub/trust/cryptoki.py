"""A PKCS #11 library in this process, set up for threads: python-pkcs11 does not say to it that there are any.

python-pkcs11 lets go of the interpreter's lock during a call, so that calls do run at the same time, but initialises with
``C_Initialize(NULL)``, by which the caller promises that they do not (PKCS #11 2.40, 5.4). So it is initialised again here,
with the flag that asks for locks; a library that cannot have them is called by one thread at a time. After a fork the
child's library is initialised anew before its first call, as the standard asks.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pkcs11

from hub.errors import BadSettings

#: A call that has not come back after so long is not waited for.
CALL_SECONDS = 30.0
#: CKF_OS_LOCKING_OK, CKR_CANT_LOCK.
_OS_LOCKING_OK, _CANT_LOCK = 0x02, 0x0A


class _InitializeArguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS: no locks of our own, so that the library uses those of the system."""

    _fields_ = (
        ("create_mutex", ctypes.c_void_p),
        ("destroy_mutex", ctypes.c_void_p),
        ("lock_mutex", ctypes.c_void_p),
        ("unlock_mutex", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


_CALL = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)


class _Functions(ctypes.Structure):
    """The beginning of CK_FUNCTION_LIST."""

    _fields_ = (("version", ctypes.c_ubyte * 2), ("initialize", _CALL), ("finalize", _CALL))


class Library:
    """One library: calls go in turn with its (rare) initialisations; what is open is void after each of these."""

    def __init__(self, path: str, where: str) -> None:
        self._path, self._where = path, where
        self._turn = threading.Condition()
        self._under_way = 0
        self._round = 0
        self._ready = False
        self._api: Any = None
        self._alone: AbstractContextManager[Any] = nullcontext()

    @contextmanager
    def call(self) -> Iterator[tuple[Any, int]]:
        """Let calls be made; give python-pkcs11's view of the library, and the round in which they are."""
        with self._turn:
            if not self._ready:
                self._start()
            self._under_way += 1
            at = self._round
        try:
            with self._alone:
                yield self._api, at
        finally:
            with self._turn:
                self._under_way -= 1
                self._turn.notify_all()

    def restart(self, at: int) -> None:
        """Initialise anew, unless that was done since a round; waits until no call is under way."""
        with self._turn:
            if not self._turn.wait_for(lambda: not self._under_way or self._round != at, CALL_SECONDS):
                raise pkcs11.exceptions.FunctionFailed
            if self._round == at:
                self._start()

    def after_fork(self) -> None:
        """Forget what only the parent has: its threads, its locks, what it opened."""
        self._turn, self._under_way, self._ready = threading.Condition(), 0, False

    def _start(self) -> None:
        """Initialise for threads; nothing is under way."""
        self._ready = False
        self._round += 1
        if self._api is None:
            self._api = self._loaded()
        functions = self._functions()
        functions.finalize(None)
        arguments = _InitializeArguments(flags=_OS_LOCKING_OK)
        result = functions.initialize(ctypes.addressof(arguments))
        self._alone = nullcontext()
        if result == _CANT_LOCK:
            self._alone = threading.Lock()
            result = functions.initialize(None)
        if result:
            raise pkcs11.PKCS11Error(f"C_Initialize: {result:#x}")
        self._ready = True

    def _loaded(self) -> Any:
        """Let python-pkcs11 load the library, which initialises it in its own way."""
        try:
            return pkcs11.lib(self._path)
        except pkcs11.PKCS11Error as error:
            # What the loader of the system says has no class of its own.
            if type(error) is not pkcs11.PKCS11Error:
                raise
            raise _unusable(self._path, self._where) from None

    def _functions(self) -> _Functions:
        given = ctypes.POINTER(_Functions)()
        ctypes.CDLL(self._path).C_GetFunctionList(ctypes.byref(given))
        return given.contents


def _unusable(path: str, where: str) -> BadSettings:
    return BadSettings(
        f"{where}: {path} is no PKCS #11 library that can be loaded",
        f"{where}: không nạp được thư viện PKCS #11 {path}",
        where=where,
    )


_LOCK = threading.Lock()
_LIBRARIES: dict[str, Library] = {}


def library(path: str, where: str) -> Library:
    """Give this process's one view of a library; raise BadSettings where there is no such file."""
    if not Path(path).is_file():
        raise _unusable(path, where)
    with _LOCK:
        return _LIBRARIES.setdefault(os.path.realpath(path), Library(os.path.realpath(path), where))


def _after_fork() -> None:
    for each in _LIBRARIES.values():
        each.after_fork()


os.register_at_fork(after_in_child=_after_fork)
