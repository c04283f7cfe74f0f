"""Replies as bytes: those that can be read in one way only, with what they say, and those that cannot."""

from __future__ import annotations

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FIVE = b"Content-Length: 5\r\n"

#: Name to bytes, status, body, and whether the connection can be used again.
WHOLE: dict[str, tuple[bytes, int, bytes, bool]] = {
    "a length": (OK + FIVE + b"\r\nhello", 200, b"hello", True),
    "an empty body": (OK + b"Content-Length: 0\r\n\r\n", 200, b"", True),
    "the same length twice": (OK + FIVE + FIVE + b"\r\nhello", 200, b"hello", True),
    "no reason": (b"HTTP/1.1 200\r\n" + FIVE + b"\r\nhello", 200, b"hello", True),
    "a status nobody knows": (b"HTTP/1.1 599 \xc3\xa0\r\n" + FIVE + b"\r\nhello", 599, b"hello", True),
    "until the end": (OK + b"\r\nhello", 200, b"hello", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + FIVE + b"\r\nhello", 200, b"hello", False),
    "last one": (OK + b"Connection: x, Close\r\n" + FIVE + b"\r\nhello", 200, b"hello", False),
    "more than was said": (OK + FIVE + b"\r\nhelloHTTP/1.1 200 OK\r\n", 200, b"hello", False),
    "chunks": (CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, b"hello", True),
    "chunks with extension and trailers": (CHUNKED + b'5 ;a="b"\r\nhello\r\n00\r\nA: b\r\nC: d\r\n\r\n', 200, b"hello", True),
    "large chunk sizes": (CHUNKED + b"0000A\r\nhellohello\r\n0\r\n\r\n", 200, b"hellohello", True),
    "nothing to say": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "after an interim reply": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + FIVE + b"\r\nhello", 200, b"hello", True),
    "after hints": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + FIVE + b"\r\nhello", 200, b"hello", True),
    "the most headers": (OK + b"A: b\r\n" * 99 + FIVE + b"\r\nhello", 200, b"hello", True),
}

#: Name to bytes; after them the partner closes. The comment tells what Python's http.client makes of it, where it guesses.
BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "half the headers": OK + b"Content-Le",
    "half the body": OK + b"Content-Length: 9\r\n\r\nhello",
    "two lengths": OK + b"Content-Length: 3\r\n" + FIVE + b"\r\nhello",  # hel
    "two lengths in one line": OK + b"Content-Length: 3, 5\r\n\r\nhello",  # until the end
    "a negative length": OK + b"Content-Length: -1\r\n\r\nhello",  # until the end
    "a length in words": OK + b"Content-Length: five\r\n\r\nhello",  # until the end
    "no length after its name": OK + b"Content-Length:\r\n\r\nhello",  # until the end
    "a length with a sign": OK + b"Content-Length: +5\r\n\r\nhello",  # hello
    "a length for Python": OK + b"Content-Length: 1_0\r\n\r\nhellohello",  # hellohello
    "a length in other digits": OK + b"Content-Length: \xb2\r\n\r\nhe",  # until the end
    "a length of 5000 digits": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello",  # until the end
    "length and chunks": OK + FIVE + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",  # hello
    "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",  # the chunks as they stand
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n5\r\nhello\r\n0\r\n\r\n",  # hello
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"5\r\nhello\r\n0\r\n\r\n",  # hello
    "a chunk without size": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "a chunk of -1": CHUNKED + b"-1\r\nhello\r\n0\r\n\r\n",
    "a chunk of 0x5": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",  # hello
    "a chunk that goes on": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",  # hello
    "half a chunk": CHUNKED + b"5\r\nhel",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "half the end of chunks": CHUNKED + b"5\r\nhello\r\n0\r\n",  # hello
    "a chunk's line without end": CHUNKED + b"5;" + b"x" * 5_000 + b"\r\nhello\r\n0\r\n\r\n",  # hello
    "trailers without end": CHUNKED + b"0\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",  # an empty body
    "a header without colon": OK + b"garbage\r\n" + FIVE + b"\r\nhello",  # until the end
    "a blank before the colon": OK + b"Content-Length : 3\r\n\r\nhello",  # until the end
    "a folded header": OK + b"Content-Length:\r\n 3\r\n\r\nhello",  # hel
    "a header with NUL": OK + b"A: b\0c\r\n" + FIVE + b"\r\nhello",  # hello
    "a lonely CR": OK + b"A: b\rContent-Length: 3\r\n" + FIVE + b"\r\nhello",  # hel
    "lines that end in LF": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",  # hello
    "too many headers": OK + b"A: b\r\n" * 101 + FIVE + b"\r\nhello",
    "headers of 100 KB": OK + b"".join(b"A%d: %s\r\n" % (each, b"x" * 1_200) for each in range(90)) + b"\r\n",  # until the end
    "interim replies of 100 KB": b"HTTP/1.1 103 X\r\n\r\n" * 6_000 + OK + FIVE + b"\r\nhello",  # 103
    "HTTP/0.9": b"hello\r\n\r\n",
    "what calls itself HTTP/0.9": b"HTTP/0.9 200 OK\r\n\r\nhello",  # until the end
    "HTTP/2": b"HTTP/2.0 200 OK\r\n" + FIVE + b"\r\nhello",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello",  # 101
    "a status below 100": b"HTTP/1.1 099 OK\r\n" + FIVE + b"\r\nhello",
    "a status above 599": b"HTTP/1.1 999 OK\r\n" + FIVE + b"\r\nhello",  # 999
    "a status with a sign": b"HTTP/1.1 +200 OK\r\n" + FIVE + b"\r\nhello",  # 200
    "bytes before the status line": b"\r\n" + OK + FIVE + b"\r\nhello",
}
