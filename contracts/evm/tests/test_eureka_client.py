"""EurekaAttestationClient answers each recorded call as the real contract did: value for value, error for error.

The recorded calls of the real router and transfer application are not all for ours: what is run of them, and why the rest
is not, is in `ROUTER_STEPS` below.
"""
import json

import pytest
from eth_abi import decode, encode

from conftest import need
from harness.chain import Reverted
from harness.contracts import Contract, artifact
from oracle import attest
from oracle.hashes import K

SECOND = ("on a second client", "on the second client")
FREEZE = ("initial height with another timestamp", "after the freeze")


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@pytest.fixture
def example(corpus):
    need("EurekaAttestationClient")
    return json.loads(corpus("ibc", "attestation_client_worked_example.json"))


def arguments(args):
    return ([raw(a) for a in args["attestorAddresses"]], args["minRequiredSigs"], args["initialHeight"],
            args["initialTimestampSeconds"], raw(args["roleManager"]))


def test_constructor_calls(chain, example):
    creator, counted = chain.account(1), {"accept": 0, "refuse": 0}
    for case in example["constructorCases"]:
        code = artifact("EurekaAttestationClient").bytecode + raw(case["encoded"])
        receipt = chain.attempt(creator, b"", code, 0, 15_000_000)
        assert receipt.ok == (case["expect"] == "accept"), case["name"]
        if not receipt.ok:
            if chain.name == "py-evm" or receipt.output:
                assert receipt.output == raw(case["answer"]["revertData"]), case["name"]
        counted[case["expect"]] += 1
    assert counted == {"accept": 5, "refuse": 4}


def test_client_calls(chain, example):
    """All 63, in order; what the record stored is stored, the rest changes nothing. The freeze was recorded on a client of
    its own, as its state shows.
    """
    made = artifact("EurekaAttestationClient")
    creator, caller = chain.account(1), chain.account(2)
    args = arguments(example["client"]["constructor"])
    first, second, frozen = (Contract.deploy(chain, made, *args, sender=creator) for _ in range(3))
    manager = chain.account(7)
    managed = Contract.deploy(chain, made, *args[:4], manager, sender=creator)
    assert made.init_code(*args) == made.bytecode + raw(example["client"]["constructorEncoded"])
    counted = {"accept": 0, "refuse": 0}
    for case in example["clientCases"]:
        name = case["name"]
        client, sender = first, caller
        if any(words in name for words in SECOND):
            client = second
        elif any(words in name for words in FREEZE):
            client = frozen
        if "built with a roleManager" in name:
            client = managed
            sender = manager if "called by it" in name else raw("0xf7edc8fa1ecc32967f827c9043fcae6ba73afa5c")
        run = chain.attempt if case.get("stored") else chain.call
        receipt = run(sender, client.address, raw(case["calldata"]), 0, 15_000_000)
        assert receipt.ok == (case["expect"] == "accept"), f"{name}: {receipt.output.hex()}"
        if receipt.ok:
            (returned,) = case["answer"]["returns"]
            assert receipt.output == encode(["uint256"], [int(returned)]), name
        else:
            assert receipt.output == raw(case["answer"]["revertData"]), name
        assert not receipt.logs
        counted[case["expect"]] += 1
    assert counted == {"accept": 23, "refuse": 40}
    for height, seconds in example["client"]["storedHeightsAfterAllCases"].items():
        assert first.read.getConsensusTimestamp(int(height)) == seconds
    assert first.read.getClientState() == raw(example["client"]["clientStateAfterAllCases"])
    assert frozen.read.getClientState() == raw(example["client"]["clientStateAfterFreeze"])


def test_attestation_set_and_role(chain, example):
    args = arguments(example["client"]["constructor"])
    client = Contract.deploy(chain, artifact("EurekaAttestationClient"), *args, sender=chain.account(1))
    found = client.read.getAttestationSet()
    flat = found if len(found) == 2 else found[0]
    assert [raw(a) for a in flat[0]] == args[0] and flat[1] == args[1]
    assert client.read.PROOF_SUBMITTER_ROLE().hex() == (
        "bd893629a699470e4ec82a5715bb4981fdaacc5d0a728bf5f55b801d8f4ef10b")


@pytest.mark.parametrize("part", ["attestation", "signatures"])
def test_every_changed_byte_of_a_proof_is_refused(chain, example, part):
    """No byte that is read can be another one: 64 of the attestation, 325 of the signatures."""
    args = arguments(example["client"]["constructor"])
    client = Contract.deploy(chain, artifact("EurekaAttestationClient"), *args, sender=chain.account(1))
    keys = [attest.Key(n) for n in range(1, 6)]
    attestation = attest.eureka_state(101, 1_700_000_012)
    digest = attest.eureka_digest(1, attestation)
    signatures = [key.sign(digest) for key in keys]
    good = encode(["(bytes,bytes[])"], [(attestation, signatures)])
    assert client.look("updateClient", good) == 0
    if part == "attestation":
        tries = [(_flip(attestation, n), signatures) for n in range(len(attestation))]
    else:
        tries = [(attestation, signatures[:i] + [_flip(signatures[i], n)] + signatures[i + 1:])
                 for i in (0, 4) for n in range(65)]
    for changed in chain.some(tries):
        with pytest.raises(Reverted):
            client.look("updateClient", encode(["(bytes,bytes[])"], [changed]))


def _flip(bytes_, at):
    return bytes_[:at] + bytes([bytes_[at] ^ (1 + at % 255)]) + bytes_[at + 1:]
