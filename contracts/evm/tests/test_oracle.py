"""The oracle against values that others published or recorded."""
import json
import pathlib

import pytest

from oracle import attest, ibc, names, ssz, tokens, trie
from oracle.hashes import K, S, u

VECTORS = pathlib.Path(__file__).resolve().parents[3] / "Tests/Vectors"


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def test_base_slot_is_the_one_that_eureka_uses():
    assert ibc.IBC_STORE.hex() == "1260944489272988d9df285149b5aa1b0f48f2136d6f416159f840a3e0747600"


def test_commitments_of_ibc_go(corpus):
    vectors = json.loads(corpus("ibc", "v2_commitments.json"))
    for case in vectors["packetCommitment"]:
        payloads = tuple(
            ibc.Payload(p["sourcePort"], p["destPort"], p["version"], p["encoding"], raw(p["value"]))
            for p in case["payloads"])
        packet = ibc.Packet(
            case["sequence"], case["sourceClient"], case["destinationClient"], case["timeoutTimestamp"], payloads)
        assert packet.commitment().hex() == case["expected"]
    for case in vectors["ackCommitment"]:
        assert ibc.ack_commitment([raw(a) for a in case["acks"]]).hex() == case["expected"]
    assert ibc.UNIVERSAL_ERROR.hex() == vectors["universalErrorAck"]


def test_paths_of_ibc_go(corpus):
    kinds = {"receipt": ibc.RECEIPT, "ack": ibc.ACKNOWLEDGEMENT}
    for case in json.loads(corpus("ibc", "v2_paths.json")):
        assert ibc.path(case["id"], kinds[case["kind"]], case["seq"]).hex() == case["key"]


def test_packet_that_a_real_router_handled(corpus):
    example = json.loads(corpus("ibc", "attestation_client_worked_example.json"))["router"]["packet"]
    payloads = tuple(
        ibc.Payload(p["sourcePort"], p["destPort"], p["version"], p["encoding"], raw(p["value"]))
        for p in example["payloads"])
    packet = ibc.Packet(
        example["sequence"], example["sourceClient"], example["destClient"], example["timeoutTimestamp"], payloads)
    assert packet.encoded() == raw(example["abiEncoded"])
    assert packet.commitment() == raw(example["commitment"])
    assert packet.receipt() == raw(example["receipt"])
    assert (packet.commitment_path(), packet.receipt_path(), packet.ack_path()) == tuple(
        raw(example[name]) for name in ("commitmentPath", "receiptPath", "ackPath"))
    assert ibc.ack_commitment([raw(example["acknowledgement"])]) == raw(example["ackCommitment"])
    assert raw(example["acknowledgement"]) == tokens.SUCCESS


def test_storage_proof_of_a_real_router(corpus):
    example = json.loads(corpus("ibc", "attestation_client_worked_example.json"))["commitmentStorageProof"]
    root, router = raw(example["stateRoot"]), raw(example["router"])
    account = [raw(n) for n in example["accountProof"]]
    present, absent = example["storageProof"]
    slot = ibc.slot(ibc.path("client-0", ibc.COMMITMENT, 1))
    assert slot == raw(example["slot"])
    found = trie.storage_at(root, router, slot, account, [raw(n) for n in present["proof"]])
    assert u(32, found) == raw(example["value"])
    assert trie.storage_at(root, router, raw(example["absentSlot"]), account, [raw(n) for n in absent["proof"]]) == 0
    with pytest.raises(trie.Broken):
        trie.storage_at(root, router, slot, account, [raw(n) for n in present["proof"]][:-1])


def test_digests_and_signatures_that_a_real_client_accepted(corpus):
    example = json.loads(corpus("ibc", "attestation_client_worked_example.json"))
    for case in example["worked"]:
        attestation = raw(case["attestationData"])
        assert attest.eureka_digest(case["tag"], attestation) == raw(case["digest"])
        keys = [attest.Key(s["key"]) for s in case["signatures"]]
        assert [k.address for k in keys] == [raw(s["signer"]) for s in case["signatures"]]
        assert [k.sign(raw(case["digest"])) for k in keys] == [raw(s["bytes65"]) for s in case["signatures"]]
        assert attest.eureka_proof(case["tag"], attestation, keys) == raw(case["proof"])


def test_digests_of_our_mode():
    binding = attest.binding("cosmos:demo-1", b"ibc", "client-0")
    assert binding.hex() == "0327f30b384fb03aa008fa0275dc2f0a35869a9804b80f82960b2755dd23488a"
    body = attest.state_body(attest.Height(0, 10, 1_700_000_000), S(b"root"))
    assert attest.digest(attest.STATE, binding, body).hex() == (
        "90a660cf3a2241511af869bc7e79eb3976161a0e5b7333c937cb06786e76065c")


def test_envelopes_that_remerkleable_wrote():
    cases = json.loads((VECTORS / "messages/envelopes.json").read_text())["cases"]
    expected = next(c for c in cases if c["name"] == "example of the specification")["encoded"]
    target = names.account("eip155:1", raw("d8da6bf26964af9d7eed9e03e53415d37aa96045"))
    refund = names.account("cosmos:demo-1", b"demo1qyqszqgpqyqszqgpqyqszqgpqyqszqgp")
    call = ssz.Call(target, (ssz.Coin(b"uatom", 1_000_000),), 200_000, raw("a9059cbb"))
    attribute = ssz.Attribute(raw("39f87ba1"), u(32, 100_000))
    assert ssz.Envelope((call,), refund, (attribute,)).encode() == raw(expected)


def test_outcomes_that_remerkleable_wrote():
    for case in json.loads((VECTORS / "messages/outcomes.json").read_text())["cases"]:
        encoded = raw(case["encoded"])
        if "error" in case:
            with pytest.raises(ssz.Refused):
                ssz.Outcome.decode(encoded)
            continue
        outcome = ssz.Outcome(
            case["status"], case["gasUsed"], tuple(raw(r) for r in case["results"]), raw(case["errorText"]))
        assert outcome.encode() == encoded and ssz.Outcome.decode(encoded) == outcome


def test_crossings():
    for case in json.loads((VECTORS / "messages/crossings.json").read_text())["cases"]:
        assert names.crossing(case["origin"], case["client"], int(case["sequence"])) == raw(case["id"])
        assert names.chain(case["origin"]) == raw(case["originBytes"])


def test_transfers():
    for case in json.loads((VECTORS / "messages/transfers.json").read_text())["cases"]:
        fields = [case[n] for n in ("denom", "sender", "receiver")]
        assert tokens.transfer(*fields, int(case["amount"]), case["memo"]) == raw(case["encoded"])


def test_bad_envelopes_are_refused_and_good_ones_read_back():
    for case in json.loads((VECTORS / "messages/envelopes.json").read_text())["cases"]:
        encoded = raw(case["encoded"])
        if "error" in case:
            with pytest.raises(ssz.Refused):
                ssz.decode_envelope(encoded)
        else:
            assert ssz.decode_envelope(encoded).encode() == encoded
