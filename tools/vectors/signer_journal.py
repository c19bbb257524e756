#!/usr/bin/env python3
"""Writes Tests/Vectors/signer/journal.json: the files of a signer's records, byte for byte, by hashlib and struct."""
import hashlib
import json
import pathlib
import struct

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/signer"
VAULT = bytes(range(32))


def sha(raw):
    return hashlib.sha256(raw).digest()


def position(epoch, sequence, chain):
    return struct.pack(">QQ", epoch, sequence) + chain


def header(base, sealed):
    raw = b"CWJOURN\n" + struct.pack(">I", 1) + VAULT + base + struct.pack(">Q", sealed)
    return raw + sha(raw)


class Chain:
    def __init__(self, epoch, sequence, chain):
        self.epoch, self.sequence, self.hash, self.raw = epoch, sequence, chain, b""

    def add(self, payload):
        self.hash = sha(self.hash + payload)
        self.sequence += 1
        self.raw += struct.pack(">I", len(payload)) + payload + self.hash

    def start(self, epoch, counter=None):
        self.epoch = epoch
        self.add(b"\x01" + struct.pack(">Q", epoch) + (b"\x00" if counter is None else b"\x01" + struct.pack(">Q", counter)))

    def position(self):
        return position(self.epoch, self.sequence, self.hash)


def slot(generation, journal, audit_sequence, audit_hash):
    raw = b"CWANCHR\n" + struct.pack(">I", 1) + VAULT + struct.pack(">Q", generation) + journal
    raw += struct.pack(">Q", audit_sequence) + audit_hash
    raw += bytes(480 - len(raw))
    return raw + sha(raw)


def line(sequence, time, kind, previous, members):
    value = members | {"sequence": str(sequence), "time": str(time), "kind": kind, "previous": "0x" + previous.hex()}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def main():
    first = sha(b"causeway/signer-journal/v1\x00" + VAULT)
    audit_first = sha(b"causeway/signer-audit/v1\x00" + VAULT)

    journal = Chain(0, 0, first)
    head = header(position(0, 0, first), 0)
    journal.start(1, counter=42)
    journal.add(b"\x00" + b"\x01\x02\x03")
    journal.add(b"\x00")
    appended = head + journal.raw

    base = journal.position()
    compacted = Chain(journal.epoch, journal.sequence, journal.hash)
    compacted.start(2, counter=42)
    compacted.add(b"\x00" + b"\x09\x08")
    compacted_file = header(base, journal.sequence + 2) + compacted.raw

    lines = []
    previous = audit_first
    for entry in [
        ("grant", 1700000000123, {"client": "attester-0", "height": "9", "claim": "0x" + sha(b"claim").hex()}),
        ("refusal", 1700000000124, {"client": "<U+202E>a\"b", "code": "401", "state": True}),
    ]:
        raw = line(len(lines) + 1, entry[1], entry[0], previous, entry[2])
        previous = sha(raw)
        lines.append(raw)

    begun = slot(0, position(0, 0, first), 0, audit_first)
    moved = slot(1, journal.position(), len(lines), previous)
    anchor = begun + bytes(4096 - 512) + moved + bytes(4096 - 512)

    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "journal.json").write_text(json.dumps({
        "schema": "causeway/signer-journal/v1", "source": "tools/vectors/signer_journal.py",
        "cases": [
            {"name": "a start with a counter and two records", "journal": "0x" + appended.hex()},
            {"name": "the same compacted to one record", "journal": "0x" + compacted_file.hex()},
            {"name": "an anchor that moved once", "anchor": "0x" + anchor.hex()},
            {"name": "two audit lines", "audit": "0x" + b"".join(raw + b"\n" for raw in lines).hex()},
        ],
    }, indent=1) + "\n")


if __name__ == "__main__":
    main()
