#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: the bodies of the recorded exchanges.

A body is followed by three bytes for the lengths of the frames it is cut into.
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent
LENGTHS = b"\x07\x40\x01"


def without_chunks(coded):
    body = b""
    while b"\r\n" in coded:
        size, coded = coded.split(b"\r\n", 1)
        body += coded[: int(size, 16)]
        coded = coded[int(size, 16) + 2 :]
    return body


def target_of(name, head):
    if name.endswith(".req.http"):
        return "request"
    if b"content-type: text/event-stream" in head:
        return "sse"
    return "response"


for recording in sorted((HERE.parent / "tests/data/wire").glob("*.http")):
    head, body = recording.read_bytes().split(b"\r\n\r\n", 1)
    head = head.lower()
    if b"transfer-encoding: chunked" in head:
        body = without_chunks(body)
    corpus = HERE / "corpus" / target_of(recording.name, head)
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / recording.name).write_bytes(body + LENGTHS)
