"""What may not stand in a committed file."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT, committed_files

# Spelled in parts, so that this file does not name them either.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("proxy", "golang", "org"),
    )
]
FORBIDDEN = {
    "names a package registry; installers find it by their own configuration": re.compile(
        "|".join(map(re.escape, REGISTRIES)).encode()
    ),
    "names a path of one machine": re.compile(rb"(?<![\w.\-/])/" + rb"work/\w|(?<![\w.\-])/" + rb"tmp/bash_jobs"),
    "leaves work for later": re.compile(rb"\b(TO" + rb"DO|FIX" + rb"ME|X" + rb"XX)\b"),
}


def test_committed_files_keep_to_themselves() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line_of(data, match.start())} {why}: {match.group().decode()}"
        for path in committed_files()
        for data in [path.read_bytes()]
        if b"\0" not in data[:8_000]
        for why, pattern in FORBIDDEN.items()
        for match in [pattern.search(data)]
        if match
    ]
    assert found == []


def line_of(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
