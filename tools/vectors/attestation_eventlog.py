"""What the event logs of the outside corpus replay to, by tpm2_eventlog of tpm2-tools and by hashlib here.

Writes Tests/Vectors/attestation/eventlogs.json: logs are named by their SHA-256, so that they stay where they are.

    .venv/bin/python tools/vectors/attestation_eventlog.py ../shared/vectors/attestation
"""

import hashlib
import json
import pathlib
import struct
import subprocess
import sys

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/attestation/eventlogs.json"
NAMES = {4: "sha1", 11: "sha256", 12: "sha384", 13: "sha512"}
SIZES = {4: 20, 11: 32, 12: 48, 13: 64}


def replay(raw):
    """Values of registers by bank, and the number of events behind the header."""
    def first(at):
        register, kind = struct.unpack_from("<II", raw, at)
        size, = struct.unpack_from("<I", raw, at + 28)
        assert at + 32 + size <= len(raw)
        return register, kind, raw[at + 8:at + 28], raw[at + 32:at + 32 + size], at + 32 + size

    register, kind, digest, content, at = first(0)
    agile = kind == 3 and content.startswith(b"Spec ID Event03\0")
    events, banks = [], [4]
    if agile:
        count, = struct.unpack_from("<I", content, 24)
        banks = [struct.unpack_from("<HH", content, 28 + 4 * i)[0] for i in range(count)]
    else:
        assert kind != 3
        events.append((register, kind, {4: digest}, content))
    while at < len(raw) and any(byte != raw[at] for byte in raw[at:]):
        if agile:
            register, kind, count = struct.unpack_from("<III", raw, at)
            assert count == len(banks)
            at += 12
            digests = {}
            for _ in range(count):
                algorithm, = struct.unpack_from("<H", raw, at)
                digests[algorithm] = raw[at + 2:at + 2 + SIZES[algorithm]]
                at += 2 + SIZES[algorithm]
            size, = struct.unpack_from("<I", raw, at)
            content = raw[at + 4:at + 4 + size]
            at += 4 + size
        else:
            register, kind, digest, content, at = first(at)
            digests = {4: digest}
        events.append((register, kind, digests, content))
    values = {NAMES[bank]: {} for bank in banks}
    locality = 0
    remarks = any(kind == 3 and not content.startswith(b"StartupLocality") for _, kind, _, content in events)
    for register, kind, digests, content in events:
        if kind == 3:
            if content.startswith(b"StartupLocality\0"):
                locality = content[16]
            continue
        for bank, digest in digests.items():
            start = bytes(SIZES[bank] - 1) + bytes([locality if register == 0 else 0])
            old = values[NAMES[bank]].get(register, start)
            values[NAMES[bank]][register] = hashlib.new(NAMES[bank], old + digest).digest()
    return values, len(events), locality, remarks


def by_tools(path):
    run = subprocess.run(["tpm2_eventlog", str(path)], capture_output=True, text=True)
    if run.returncode != 0:
        return None
    values, bank = {}, None
    for line in run.stdout.split("\npcrs:\n", 1)[1].splitlines():
        if line.startswith("    "):
            index, value = line.split(":")
            values[bank][int(index)] = bytes.fromhex(value.strip()[2:])
        elif line.startswith("  "):
            bank = line.strip().rstrip(":")
            values[bank] = {}
        else:
            break
    return values


def main():
    cases = []
    for path in sorted(pathlib.Path(sys.argv[1]).rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        if len(raw) < 40 or raw[4:8] not in (b"\3\0\0\0", b"\x08\0\0\0") or raw[:4] not in (bytes(4), b"\1\0\0\0"):
            continue
        try:
            values, events, locality, remarks = replay(raw)
        except (AssertionError, struct.error, KeyError):
            assert by_tools(path) is None
            if raw[1:5] == b"\0\0\0\x08":
                continue  # a canonical event log in TLV, which is another format
            cases.append({"name": path.name, "sha256": "0x" + hashlib.sha256(raw).hexdigest(), "error": "malformed"})
            continue
        other = by_tools(path)
        if other is not None:
            for bank, registers in other.items():
                # After an SP 800-155 event tpm2_eventlog 5.4 gives a PCR 0 to which the digests that it prints do not lead.
                ours = {k: v for k, v in values[bank].items() if k != 0 or not remarks}
                assert {k: v for k, v in registers.items() if k in ours} == ours, (path, bank)
                assert registers.keys() == values[bank].keys(), (path, bank)
        bank = next(name for name in ("sha256", "sha384", "sha1") if values.get(name))
        cases.append({
            "name": path.name, "sha256": "0x" + hashlib.sha256(raw).hexdigest(), "events": events, "bank": bank, "startupLocality": locality,
            "byTools": other is not None,
            "want": {str(k): "0x" + v.hex() for k, v in sorted(values[bank].items())},
        })
    OUT.write_text(json.dumps({
        "schema": "causeway.vectors.event-logs/1",
        "source": "tools/vectors/attestation_eventlog.py: tpm2_eventlog, hashlib", "cases": cases}, indent=1) + "\n")
    for case in cases:
        print(case["name"], case.get("events"), case.get("bank"), case.get("byTools"), case.get("error"))


main()
