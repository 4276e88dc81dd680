"""The fixed corpus of hostile input: values for every field, and whole bodies.

JSON values are kept as the text that goes over the wire: much of it is nothing that a JSON library would write.
"""

LONG = "a" * 1_000_000
DEEP = 1_000
DEPTHS = (40, 300, 900, DEEP)
"""Each is stopped by something else, if by anything: a recursion limit of a parser, of a validator, of repr."""


def _lists(depth: int) -> str:
    return "[" * depth + "]" * depth


def _objects(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


WHOLE_NUMBERS = {
    "2^31": str(2**31),
    "2^53 + 1": str(2**53 + 1),
    "2^63": str(2**63),
    "2^64": str(2**64),
    "-2^63 - 1": str(-(2**63) - 1),
    "400 digits": "9" * 400,
    "5000 digits": "9" * 5000,
}
"""About the edges of what databases and JavaScript hold, and far beyond."""

TEXTS = {
    "empty": "",
    "blank": " ",
    "NUL": "a\0b",
    "control characters": "a\x01\x1b[31m\x7f\x85",
    "line breaks": "a\r\nSet-Cookie: a=b\r\n\r\n",
    "line separator": "a\u2028b",
    "bidi override": "\u202etxt.exe\u2066",
    "nothing to see": "\u200b\ufeff\u2060",
    "no character": "\ufffe\U0010ffff",
    "combining": "e" + "\u0301" * 500,
    "astral": "\U0001f4a3" * 60,
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\"'><svg/onload=alert(1)>",
    "link": "javascript:alert(1)",
    "formula": '=HYPERLINK("http://127.0.0.1","x")',
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "traversal": "../../../../etc/passwd",
    "other traversal": "..\\..\\..\\windows\\win.ini",
    "absolute path": "/etc/passwd",
    "address": "file:///etc/passwd",
    "encoded traversal": "%2e%2e%2f%00",
    "SQL": "'; DROP TABLE run; --",
    "wildcards": "%_%\\",
    "template": "{{7*7}}${7*7}{0.__class__}%s%n",
    "prototype": "__proto__",
    "no number": "NaN",
    "1e999": "1e999",
    "number in words": "0x10",
    "full-width digits": "１２",
    "underscored": "1_0",
    "signed": "+1",
    "minus zero": "-0",
    "fraction": "1.5",
    "negative": "-1",
    **WHOLE_NUMBERS,
}
"""Values of path, query and header; in JSON they are texts."""

NUMBERS = {
    "minus zero": "-0",
    "minus zero, as float": "-0.0",
    "negative": "-1",
    "whole float": "1.0",
    "fraction": "0.30000000000000004",
    "smallest": "5e-324",
    "largest": "1.7976931348623157e308",
    "1e999": "1e999",
    "-1e999": "-1e999",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    **WHOLE_NUMBERS,
}

SHAPES = {
    "null": "null",
    "true": "true",
    "false": "false",
    "empty list": "[]",
    "empty object": "{}",
    "list of null": "[null]",
    "object of object": '{"a": {"": {}}}',
    "a name twice": '{"a": 1, "a": {"a": 2}}',
    "lone high surrogate": '"a\\ud800"',
    "lone low surrogate": '"\\udfff"',
    "surrogates the wrong way round": '"\\udc00\\ud800"',
    "lone surrogate as a name": '{"\\ud800": 1}',
    "NUL as a name": '{"\\u0000": 1}',
    "prototype as a name": '{"__proto__": {"a": 1}, "constructor": 1}',
    "a million characters": f'"{LONG}"',
    "a name of a million characters": f'{{"{LONG}": 1}}',
    "10,000 numbers": f"[{','.join(map(str, range(10_000)))}]",
    **{f"lists {depth} deep": _lists(depth) for depth in DEPTHS},
    **{f"objects {depth} deep": _objects(depth) for depth in DEPTHS},
}

WIRE_TEXTS = {
    **{name: text.encode("utf-8") for name, text in TEXTS.items()},
    "invalid UTF-8": b"\xff\xfe",
    "overlong UTF-8": b"\xc0\xaf",
    "surrogate in UTF-8": b"\xed\xa0\x80",
    "60,000 characters": LONG[:60_000].encode(),
}
"""What goes into path, query and header, before it is percent-encoded. Servers refuse longer lines themselves."""

FOR_DATABASES = frozenset(
    {
        *(
            "NUL",
            "control characters",
            "no character",
            "astral",
            "wildcards",
            "SQL",
            "minus zero",
            "2^31",
            "2^53 + 1",
        ),
        *("2^63", "2^64", "-2^63 - 1", "400 digits", "invalid UTF-8", "surrogate in UTF-8"),
        *("lone high surrogate", "lone low surrogate", "lone surrogate as a name", "NUL as a name"),
        *("number 2^31", "number 2^53 + 1", "number 2^63", "number 2^64", "number -2^63 - 1", "number 1e999"),
        *("number NaN", "number largest", "number smallest", "number minus zero, as float"),
    }
)
"""What databases treat differently: SQLite keeps NUL and integers of 64 bits, Postgres refuses or has others."""

KEYS = ("", "a\0b", "__proto__", "__class__", "a.b", "a" * 100_000, "\u202e", "<script>")
"""Names that no object has; a lone surrogate among them is one of SHAPES."""

_BOM = b"\xef\xbb\xbf"


def json_values() -> dict[str, str]:
    """Return all values for a place in a JSON body, by what each is, as text of JSON."""
    quoted = {name: _quoted(text) for name, text in TEXTS.items()}
    return {**quoted, **{f"number {name}": text for name, text in NUMBERS.items()}, **SHAPES}


def _quoted(text: str) -> str:
    """Return a text in JSON, its control characters as escapes and all else as it is."""
    return '"' + "".join(f"\\u{ord(c):04x}" if c < " " or c in '"\\\x7f' else c for c in text) + '"'


def key_texts() -> list[str]:
    return [_quoted(key) for key in KEYS]


def bodies(good: bytes) -> list[tuple[bytes, str | None, bool]]:
    """Return whole bodies, each with its content type and whether its length is said before; `good` is one that fits."""
    json = "application/json"
    contents = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"1",
        b'"a"',
        b"NaN",
        b"{",
        b"{}{}",
        good + b"\0",
        _BOM + good,
        good.decode().encode("utf-16"),
        b'{"\xff": 1}',
        b'{"a": "\xed\xa0\x80"}',
        b"{'a': 1}",
        b'{"a": 1,}',
        b"// no JSON\n" + good,
        b'{"a": ' + b"9" * 5000 + b"}",
        _lists(100_000).encode(),
        _objects(50_000).encode(),
    ]
    kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/xml",
    ]
    kinds += ["application/json; charset=utf-16", "application/json-seq", "application/", ""]
    too_long = b'{"a": "' + b"a" * (1 << 20) + b'"}'
    return [
        *((content, json, True) for content in contents),
        *((good, kind, True) for kind in [*kinds, None]),
        (too_long, json, True),
        (too_long, json, False),
        (good, json, False),
    ]


HEADERS = [
    (b"content-length", b"-1"),
    (b"content-length", b"9" * 30),
    (b"content-length", "１".encode()),
    (b"accept", b"image/png;q=\xff"),
    (b"cookie", b"runyard_8420=" + b"\xff" * 5000),
    (b"cookie", b'runyard_8420="\\000; a=\\"'),
    (b"origin", b"null"),
    (b"authorization", b"Bearer \xff\0"),
    (b"authorization", b"Bearer " + b"a" * 60_000),
    (b"authorization", b"Basic Og=="),
    (b"range", b"bytes=0-,-1"),
    (b"if-none-match", b'W/"\xff'),
    (b"x-forwarded-proto", b"javascript"),
]
"""Headers that concern every operation, sent beside those that are right."""
