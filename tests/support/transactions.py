"""ANSI/NIST-ITL transactions, written by nistitl, which shares no code with our reader."""

from __future__ import annotations

import nistitl


def face(number: int, picture: bytes, **changed: str) -> nistitl.AsciiRecord:
    """Return a Type-10 record with a photograph of a face."""
    record = nistitl.AsciiRecord(10)
    record.IDC = number
    fields = {"IMT": "FACE", "SRC": "DEBKA0000", "PHD": "20240531", "CGA": "JPEGB", "POS": "F", **changed}
    for name, value in fields.items():
        tag = next(key for key, alias in nistitl.ALIASES[10].items() if alias == name)
        record += nistitl.Field(10, tag, value, alias=name)
    record += nistitl.BinaryField(10, 999, picture, alias="DATA")
    return record


def person() -> nistitl.AsciiRecord:
    """Return a Type-2 record that says who is shown."""
    record = nistitl.AsciiRecord(2)
    record.IDC = 0
    record += nistitl.Field(2, 18, "SURNAME,FORENAME")
    return record


def transaction(*records: nistitl.AsciiRecord) -> bytes:
    """Return a transaction in the traditional encoding."""
    message = nistitl.Message()
    message.TOT, message[0].DAT, message[0].TCN = "CAR", "20240601", "1"
    message[0].DAI, message[0].ORI = "DAI000000", "ORI000000"
    for record in records:
        message += record
    written: bytes = message.NIST
    return written
