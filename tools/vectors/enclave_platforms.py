"""Messages of a Nitro Secure Module, and what an enclave derives from its parts, by independent libraries.

    python3 -m venv venv && venv/bin/pip install cbor2==6.2.1
    venv/bin/python tools/vectors/enclave_platforms.py > Tests/Vectors/enclaves/platforms.json

The messages' forms are those of aws/aws-nitro-enclaves-nsm-api, src/api/mod.rs (externally tagged enums of serde).
"""

import hashlib
import json
import cbor2


def hexed(data):
    return "0x" + data.hex()


def blob(count, start=0):
    return bytes((start + 7 * i) % 256 for i in range(count))


def tagged(text):
    raw = text.encode()
    return bytes([len(raw)]) + raw


requests = [
    ("attestation of user data", "attestation", {"userData": hexed(blob(64))},
     {"Attestation": {"user_data": blob(64), "nonce": None, "public_key": None}}),
    ("attestation of all three", "attestation",
     {"userData": hexed(blob(512)), "nonce": hexed(blob(32, 1)), "publicKey": hexed(blob(1024, 2))},
     {"Attestation": {"user_data": blob(512), "nonce": blob(32, 1), "public_key": blob(1024, 2)}}),
    ("describe a register", "describePCR", {"index": 16}, {"DescribePCR": {"index": 16}}),
    ("extend a register", "extendPCR", {"index": 16, "bytes": hexed(blob(64, 3))},
     {"ExtendPCR": {"index": 16, "data": blob(64, 3)}}),
    ("lock a register", "lockPCR", {"index": 31}, {"LockPCR": {"index": 31}}),
    ("describe the module", "describeNSM", {}, "DescribeNSM"),
    ("random numbers", "getRandom", {}, "GetRandom"),
]
responses = [
    ("a document", {"Attestation": {"document": blob(4000)}}, {"document": hexed(blob(4000))}),
    ("a register", {"DescribePCR": {"lock": True, "data": blob(48)}}, {"lock": True, "value": hexed(blob(48))}),
    ("an extended register", {"ExtendPCR": {"data": blob(48, 9)}}, {"value": hexed(blob(48, 9))}),
    ("a locked register", "LockPCR", {}),
    ("the module",
     {"DescribeNSM": {"version_major": 1, "version_minor": 0, "version_patch": 0, "module_id": "i-1234-enc5678",
                      "max_pcrs": 32, "locked_pcrs": [0, 1, 2, 15], "digest": "SHA384"}},
     {"moduleId": "i-1234-enc5678", "registers": 32, "locked": [0, 1, 2, 15], "digest": "SHA384"}),
    ("random numbers", {"GetRandom": {"random": blob(256)}}, {"random": hexed(blob(256))}),
]
refusals = [
    ("an error", cbor2.dumps({"Error": "InvalidIndex"}), "InvalidIndex"),
    ("a read-only register", cbor2.dumps({"Error": "ReadOnlyIndex"}), "ReadOnlyIndex"),
    ("an error without a name here", cbor2.dumps({"Error": "Melted"}), "unknownCode"),
    ("an answer without a name here", cbor2.dumps({"Sign": {"data": b"1"}}), "unexpectedAnswer"),
    ("another word", cbor2.dumps("LockPCRs"), "unexpectedAnswer"),
    ("two answers", cbor2.dumps({"GetRandom": {"random": b"1"}, "ExtendPCR": {"data": b"2"}}), "unexpectedAnswer"),
    ("a number", cbor2.dumps(7), "unexpectedAnswer"),
    ("no document", cbor2.dumps({"Attestation": {}}), "document"),
    ("an empty document", cbor2.dumps({"Attestation": {"document": b""}}), "document"),
    ("a document of text", cbor2.dumps({"Attestation": {"document": "x"}}), "document"),
    ("a lock of a number", cbor2.dumps({"DescribePCR": {"lock": 1, "data": b"1"}}), "lock"),
    ("a register too many", cbor2.dumps({"DescribeNSM": {"module_id": "i", "max_pcrs": 1 << 20, "locked_pcrs": [], "digest": "SHA384"}}), "max_pcrs"),
    ("another digest", cbor2.dumps({"DescribeNSM": {"module_id": "i", "max_pcrs": 32, "locked_pcrs": [], "digest": "MD5"}}), "digest"),
    ("too many registers", cbor2.dumps({"DescribeNSM": {"module_id": "i", "max_pcrs": 32, "locked_pcrs": list(range(65)), "digest": "SHA384"}}), "locked_pcrs"),
    ("trailing bytes", cbor2.dumps("LockPCR") + b"\x00", "cbor"),
    ("half a document", cbor2.dumps({"Attestation": {"document": blob(100)}})[:60], "cbor"),
    ("nothing", b"", "responseLength"),
    ("more than the driver gives", cbor2.dumps({"GetRandom": {"random": bytes(0x3000)}}), "responseLength"),
]
program, policy = blob(32, 40), blob(32, 80)
followed = {
    "chainId": "demo-1", "height": 1200, "header": blob(32, 5), "nextValidators": blob(32, 6), "seconds": 1800000000,
    "nanoseconds": 123456789,
}
state = (b"\x01" + bytes([6]) + b"demo-1" + (1200).to_bytes(8, "big") + followed["header"] + followed["nextValidators"]
         + (1800000000).to_bytes(8, "big") + (123456789).to_bytes(4, "big"))
print(json.dumps({
    "schema": "causeway-enclave-platforms/1",
    "source": "tools/vectors/enclave_platforms.py with cbor2 and hashlib",
    "requests": [
        {"name": name, "call": call, "parts": parts, "want": hexed(cbor2.dumps(value, canonical=True))}
        for name, call, parts, value in requests],
    "responses": [{"name": name, "bytes": hexed(cbor2.dumps(value)), "want": want} for name, value, want in responses],
    "refusals": [{"name": name, "bytes": hexed(data), "error": error} for name, data, error in refusals],
    "nitroRegister": {
        "program": hexed(program), "policy": hexed(policy),
        "want": hexed(hashlib.sha384(bytes(48) + program + policy).digest())},
    "followed": {
        **{key: hexed(value) if isinstance(value, bytes) else value for key, value in followed.items()},
        "encoded": hexed(state),
        "identifier": hexed(hashlib.sha256(tagged("causeway/followed-state/v1") + state).digest())},
    "followProgram": hexed(hashlib.sha256(b"causeway/enclave-follow/cometbft/v1").digest()),
}, indent=1))
