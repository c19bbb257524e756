"""The 50 recorded calls of real Eureka routers, given to ours: two routers whose clients are our EurekaAttestationClient.

Most must be answered as the real ones answered, value for value, error for error, and log for log. Where ours means
something else, `DIFFERENT` says what it does instead and why.
"""
import json

import pytest
from eth_abi import decode

from conftest import EVMS, need
from harness.chain import Reverted, explain, reverts
from harness.contracts import Contract, artifact
from harness.mocks import mock
from harness.world import routed
from oracle import attest, ibc
from oracle.hashes import K, selector

START = 1_795_226_000
# Block times, from the record's own errors and timeouts: each holds until the next.
TIMES = {0: 346, 15: 361, 20: 367, 23: 370, 24: 372, 25: 373, 26: 374, 27: 375}
USER = bytes.fromhex("e1ab8145f7e55dc933d51a18c793f901a3a0b276")
STRANGER = bytes.fromhex("f7edc8fa1ecc32967f827c9043fcae6ba73afa5c")
TOKEN = bytes.fromhex("5235c8e9c11a4eea9d0c46c0aec143c5e969a5a3")

ANY = object()
# Steps that ours answers otherwise: the error instead (None: no bytes; ANY: whatever; "accept"), and why.
DIFFERENT = {
    5: (ANY, "packets of several payloads come through recvPayloads"),
    6: (ANY, "packets without payloads do not exist"),
    32: ("accept", "a port has at least two characters (ICS-24), not four"),
    35: ("Unauthorized(address)", "there is an owner, not an access manager"),
    36: ("accept", "a value that is no transfer is refused with a reason: a universal error, not a packet that can only time out"),
    37: ("IBCInvalidCounterparty(string,string)", "an empty list of prefixes is refused when the client is added; another client has the name here"),
    41: ("InvalidClient(address)", "an address without code is refused when it is added"),
    42: (ANY, "so there is nothing to update"),
    43: ("IBCInvalidClientId(string)", "a counterparty without a name is refused when it is added"),
    44: (ANY, "so nothing can be received there"),
}


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


class Replay:
    def __init__(self, chain, example):
        self.chain = chain
        chain.timestamp = START + TIMES[0]
        for account in (USER, STRANGER):
            chain.fund(account, 10**24)
        self.a, self.b = routed(chain), None
        self.b = self.second(chain)
        self.transfers = {}
        for name, at in (("A", self.a), ("B", self.b)):
            transfer = Contract.deploy(
                chain, artifact("Transfer"), at.router.address, at.owner, at.guardian, artifact("Voucher").bytecode,
                sender=at.owner)
            at.router["addIBCApp(string,address)"]("transfer", transfer.address, sender=at.owner)
            self.transfers[name] = transfer
        token = mock("Token")
        chain.place(TOKEN, token.runtime)
        token = Contract(chain, TOKEN, token, USER)
        token.mint(USER, 10**19)
        token.approve(self.transfers["A"].address, 10**19)
        keys = [attest.Key(n) for n in range(1, 8)]
        self.client(self.a, keys, 5)
        self.client(self.b, keys[:4], 3)
        # The application and the clients that recorded calls name.
        for step, word in ((30, 1), (33, 2), (43, 1)):
            data = raw(example["router"]["steps"][step]["calldata"])
            chain.place(data[4 + 32 * word : 36 + 32 * word][12:], b"\x00")
        self.keys = keys

    def second(self, chain):
        extension = Contract.deploy(chain, artifact("RouterExtension"), sender=self.a.owner)
        whole = artifact("Router").with_functions_of(extension.artifact)
        router = Contract.deploy(chain, whole, self.a.owner, self.a.guardian, extension.address, sender=self.a.owner)
        return type(self.a)(chain, self.a.owner, self.a.guardian, self.a.relayer, self.a.user, router)

    def client(self, at, keys, quorum, remote="client-0", prefix=(b"",), manager=bytes(20)):
        light = Contract.deploy(
            self.chain, artifact("EurekaAttestationClient"), [k.address for k in keys], quorum, 1, START, manager,
            sender=at.owner)
        return light, at.router["addClient((string,bytes[]),address)"](
            (remote, list(prefix)), light.address, sender=at.owner).value

    def update(self, at, name, height, seconds, keys):
        at.router.updateClient(
            name, attest.eureka_proof(1, attest.eureka_state(height, seconds), keys), sender=at.relayer)


@pytest.mark.parametrize("evm", sorted(EVMS))
def test_recorded_router_calls(corpus, evm):
    need("Router", "RouterExtension", "Transfer", "Voucher", "EurekaAttestationClient")
    example = json.loads(corpus("ibc", "attestation_client_worked_example.json"))
    chain = EVMS[evm]()
    replay = Replay(chain, example)
    same = 0
    for number, step in enumerate(example["router"]["steps"]):
        name = step["name"]
        side = name[0]
        at = replay.a if side == "A" else replay.b
        if number in TIMES:
            chain.timestamp = START + TIMES[number]
        if number == 21:
            replay.update(replay.b, "client-0", 2002, START + 300, replay.keys[:3])
        if number == 36:
            lanes = [replay.client(replay.b, replay.keys[:4], 3, remote="client-9")[1],
                     replay.client(replay.b, replay.keys[:4], 3, prefix=(b"ibc", b""))[1],
                     replay.client(replay.b, replay.keys[:4], 3, prefix=(b"wasm",))[1]]
            assert lanes == ["client-1", "client-2", "client-3"]
            for lane in lanes:
                replay.update(replay.b, lane, 2002, START + 300, replay.keys[:3])
        if number == 41:
            # Two names that the record gave to clients that ours refuses.
            assert [replay.client(replay.b, replay.keys[:4], 3, remote="client-9")[1] for _ in range(2)] == [
                "client-4", "client-5"]
        if number == 45:
            managed, lane = replay.client(replay.b, replay.keys[:4], 3, manager=replay.b.owner)
            assert lane == "client-6"
        if number == 46:
            managed.grantRole(managed.read.PROOF_SUBMITTER_ROLE(), replay.b.router.address, sender=replay.b.owner)
        function = step["function"].split("(")[0]
        target = replay.transfers[side].address if function == "sendTransfer" else at.router.address
        owners = function in ("addIBCApp", "migrateClient") or (function == "addClient" and "(string,(string" in step["function"])
        sender = at.owner if owners else USER
        if "another account" in name:
            sender = STRANGER
        receipt = chain.attempt(sender, target, raw(step["calldata"]), 0, 15_000_000)
        expected = step["expect"]
        if number in DIFFERENT:
            error, _ = DIFFERENT[number]
            if error == "accept":
                assert receipt.ok, name
            else:
                assert not receipt.ok, name
                if error is not ANY:
                    assert receipt.output[:4] == selector(error), f"{name}: {explain(receipt.output)}"
            continue
        same += 1
        assert receipt.ok == (expected == "accept"), f"{number} {name}: {explain(receipt.output)}"
        if not receipt.ok:
            wanted = step["answer"]["error"]
            found = explain(receipt.output)
            assert found.split("(")[0] == wanted.split("(")[0], f"{number} {name}: {found}"
            numbers = [part for part in wanted[wanted.index("(") + 1 : -1].split(", ") if part.isdigit()]
            assert all(part in found for part in numbers), f"{number} {name}: {found}"
            continue
        recorded = step.get("routerLogs") or step.get("logs")
        if function == "sendTransfer" and not recorded:
            continue  # Only the application's logs were kept of these.
        ours = [log for log in receipt.logs if log.address == at.router.address]
        assert [log.topics for log in ours] == [tuple(raw(t) for t in log["topics"]) for log in recorded], name
        for log, known in zip(ours, recorded):
            if log.topics[0] != K(b"IBCAppRecvPacketCallbackError(bytes)"):
                assert log.data == raw(known["data"]), name
    assert same == 50 - len(DIFFERENT)
    sent = ibc.Packet(1, "client-0", "client-0", example["router"]["packet"]["timeoutTimestamp"], ())
    assert replay.b.held(sent.receipt_path()) == raw(example["router"]["packet"]["receipt"])
    assert replay.b.held(sent.ack_path()) == raw(example["router"]["packet"]["ackCommitment"])
    assert replay.a.held(sent.commitment_path()) == bytes(32)
