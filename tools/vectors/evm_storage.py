#!/usr/bin/env python3
"""Writes Tests/Vectors/packet-host/evm_storage.json: proofs of the storage of an EVM router, and a lane's worth of them.

Accounts and slots are kept by py-evm, which alone makes the roots; the nodes are read from its tries by
`trie.HexaryTrie.get_proof`. Commitments come from hashlib, paths and slots from eth_utils, the value of a receipt and
of a transfer from eth_abi.

Needs: pip install py-evm==0.12.1b1 eth_abi
"""
import hashlib
import json
import pathlib

import rlp
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth_abi import encode
from eth_utils import keccak
from trie import HexaryTrie

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/packet-host/evm_storage.json"
BASE = bytes.fromhex("1260944489272988d9df285149b5aa1b0f48f2136d6f416159f840a3e0747600")
ROUTER = bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")
OTHER_ROUTER = bytes.fromhex("e7f1725e7734ce288f8367e1bb143e90bb3f0512")
EMPTY_ROUTER = bytes.fromhex("9fe46736679d2d9a65f0992f2272de9f3c7fa6e0")
NOBODY = bytes.fromhex("00000000000000000000000000000000000000ff")
LOCAL, REMOTE = "client-0", "client-7"
START = 1_767_225_600
COMMITMENT, RECEIPT, ACKNOWLEDGEMENT = 1, 2, 3
KINDS = {COMMITMENT: "commitment", RECEIPT: "receipt", ACKNOWLEDGEMENT: "acknowledgement"}
UNIVERSAL_ERROR = hashlib.sha256(b"UNIVERSAL_ERROR_ACKNOWLEDGEMENT").digest()


def sha(raw):
    return hashlib.sha256(raw).digest()


def hexa(raw):
    return "0x" + raw.hex()


def u64(number):
    return number.to_bytes(8, "big")


# IBC v2


def payload(amount, sender, receiver, denomination):
    value = encode(
        ["(string,string,string,uint256,string)"], [(denomination, sender, receiver, amount, "")])
    return ("transfer", "transfer", "ics20-1", "application/x-solidity-abi", value)


def packet(sequence, source, destination, timeout, payloads):
    return {"sequence": sequence, "source": source, "destination": destination, "timeout": timeout,
            "payloads": payloads}


def commitment(packet):
    hashes = b"".join(sha(b"".join(sha(p if isinstance(p, bytes) else p.encode()) for p in payload))
                      for payload in packet["payloads"])
    return sha(b"\x02" + sha(packet["destination"].encode()) + sha(u64(packet["timeout"])) + sha(hashes))


def receipt(packet):
    return keccak(encode(
        ["(uint64,string,string,uint64,(string,string,string,string,bytes)[])"],
        [(packet["sequence"], packet["source"], packet["destination"], packet["timeout"], packet["payloads"])]))


def acknowledged(result):
    return sha(b"\x02" + sha(result))


def slot(kind, client, sequence):
    return keccak(keccak(client.encode() + bytes([kind]) + u64(sequence)) + BASE)


def packet_json(packet):
    names = ("sourcePort", "destinationPort", "version", "encoding")
    return {"sequence": packet["sequence"], "sourceClient": packet["source"],
            "destinationClient": packet["destination"], "timeout": packet["timeout"],
            "payloads": [dict(zip(names, p[:4])) | {"value": hexa(p[4])} for p in packet["payloads"]],
            "commitment": hexa(commitment(packet))}


# The chain


class Chain:
    """Accounts and slots in py-evm; a root for each step."""

    def __init__(self):
        self.store = AtomicDB()
        self.accounts = AccountDB(self.store)
        # Neighbours, so that tries have branches, extensions and leaves.
        for number in range(1, 400):
            self.accounts.set_balance(keccak(b"account %d" % number)[12:], number * 10**15)
        for router in (ROUTER, OTHER_ROUTER):
            self.accounts.set_nonce(router, 1)
            self.accounts.set_code(router, b"\x60\x00\x54")
            for number in range(250):
                self.accounts.set_storage(router, int.from_bytes(keccak(b"slot %d" % number), "big"), number + 1)
        self.accounts.set_nonce(EMPTY_ROUTER, 1)

    def put(self, kind, client, sequence, value, router=ROUTER):
        self.accounts.set_storage(
            router, int.from_bytes(slot(kind, client, sequence), "big"), int.from_bytes(value, "big"))

    def seal(self):
        self.accounts.make_state_root()
        self.accounts.persist()
        return self.accounts.state_root

    def nodes(self, root, key):
        """As eth_getProof lists them: a node that stands inside its parent is no element of its own."""
        encoded = [rlp.encode(node) for node in HexaryTrie(self.store, root).get_proof(key)]
        return [node for index, node in enumerate(encoded) if index == 0 or len(node) >= 32]

    def proof(self, root, router, slot):
        account = self.nodes(root, keccak(router))
        leaf = HexaryTrie(self.store, root).get(keccak(router))
        if not leaf:
            return account, []
        storage_root = rlp.decode(leaf)[2]
        if storage_root == keccak(rlp.encode(b"")):
            return account, []
        return account, self.nodes(storage_root, keccak(slot))


def proof_json(account, storage):
    return {"nodes": [len(account), len(storage)], "proof": hexa(b"\x0b" + rlp.encode([account, storage]))}


# Cases


def cases(chain):
    sent = packet(1, REMOTE, LOCAL, START + 900, [payload(40, "0x" + "11" * 20, "acct" + "22" * 20, "0x" + "aa" * 20)])
    value = commitment(sent)
    chain.put(COMMITMENT, REMOTE, 1, value)
    chain.put(COMMITMENT, REMOTE, 2, b"\x00" * 3 + b"\x07" * 29)
    chain.put(COMMITMENT, REMOTE, 1, b"\x09" * 32, OTHER_ROUTER)
    chain.put(RECEIPT, REMOTE, 1, receipt(sent))
    chain.put(ACKNOWLEDGEMENT, REMOTE, 1, acknowledged(b'{"result":"AQ=="}'))
    root = chain.seal()
    found = []

    def path_json(path):
        return {"kind": KINDS[path[0]], "client": path[1], "sequence": path[2]}

    def add(name, path, account, storage, value=None, router=ROUTER, root=root, **outcome):
        found.append({"name": name, "root": hexa(root), "router": hexa(router), "path": path_json(path),
                      "slot": hexa(slot(*path)), "value": value and hexa(value)}
                     | proof_json(account, storage) | outcome)

    first = (COMMITMENT, REMOTE, 1)
    account, storage = chain.proof(root, ROUTER, slot(*first))
    add("a commitment", first, account, storage, value, want="member")
    short = (COMMITMENT, REMOTE, 2)
    add("a commitment that opens with zero bytes", short, *chain.proof(root, ROUTER, slot(*short)),
        b"\x00" * 3 + b"\x07" * 29, want="member")
    answer = (ACKNOWLEDGEMENT, REMOTE, 1)
    add("an acknowledgement", answer, *chain.proof(root, ROUTER, slot(*answer)),
        acknowledged(b'{"result":"AQ=="}'), want="member")
    for sequence in range(2, 7):
        path = (RECEIPT, REMOTE, sequence)
        add(f"no receipt of packet {sequence}", path, *chain.proof(root, ROUTER, slot(*path)), want="absent")
    path = (RECEIPT, REMOTE, 2)
    empty = chain.proof(root, EMPTY_ROUTER, slot(*path))
    add("no receipt in a router that stores nothing", path, *empty, router=EMPTY_ROUTER, want="absent")
    add("the empty trie's node for a router that stores nothing", path, empty[0], [b"\x80"],
        router=EMPTY_ROUTER, want="absent")

    taken = (RECEIPT, REMOTE, 1)
    add("a receipt that is there", taken, *chain.proof(root, ROUTER, slot(*taken)), error="membership.present")
    add("another value", first, account, storage, b"\x09" * 32, error="membership.valueMismatch")
    add("a value of zero", first, account, storage, b"\x00" * 32, error="membership.valueZero")
    missing = (COMMITMENT, REMOTE, 3)
    add("an absent slot as a member", missing, *chain.proof(root, ROUTER, slot(*missing)), value,
        error="membership.valueMismatch")
    add("a present slot as absent", first, account, storage, error="membership.present")

    def parts(right, wrong):
        """Where two paths part: the node at which the wrong one is not what its parent names."""
        return next(index for index, nodes in enumerate(zip(right, wrong)) if nodes[0] != nodes[1])

    other = chain.proof(root, OTHER_ROUTER, slot(*first))
    add("another router's proof", first, *other, b"\x09" * 32,
        error=f"account.hashMismatch {parts(account, other[0])}")
    add("another router's slot under this one's account", first, account,
        other[1], b"\x09" * 32, error="storage.hashMismatch 0")
    others = chain.proof(root, ROUTER, slot(*path))[1]
    add("another slot's nodes as absence", taken, account, others,
        error=f"storage.hashMismatch {parts(chain.proof(root, ROUTER, slot(*taken))[1], others)}")
    add("an account that does not exist", first, *chain.proof(root, NOBODY, slot(*first)), value, router=NOBODY,
        error="membership.noRouter")
    add("an account that does not exist, as absence", path, *chain.proof(root, NOBODY, slot(*path)),
        router=NOBODY, error="membership.noRouter")
    add("account and storage swapped", first, storage, account, value, error="account.hashMismatch 0")
    add("no nodes", first, [], [], value, error="account.missingNode 0")
    add("no nodes, as absence", path, [], [], error="account.missingNode 0")
    add("no storage nodes, as absence", path, account, [], error="storage.missingNode 0")
    none = chain.proof(root, ROUTER, slot(*path))[1]
    for count in range(1, len(none)):
        add(f"absence cut to {count} nodes", path, account, none[:count], error=f"storage.missingNode {count}")
    for count in range(1, len(account)):
        add(f"an account cut to {count} nodes", first, account[:count], storage, value,
            error=f"account.missingNode {count}")
    for count in range(1, len(storage)):
        add(f"storage cut to {count} nodes", first, account, storage[:count], value,
            error=f"storage.missingNode {count}")
    add("a node too many for the account", first, account + [account[-1]], storage, value,
        error=f"account.unusedNodes {len(account)}")
    add("a node too many for the slot", first, account, storage + [storage[0]], value,
        error=f"storage.unusedNodes {len(storage)}")
    add("nodes in reverse", first, account, storage[::-1], value, error="storage.hashMismatch 0")
    add("nodes for a router that stores nothing", path, empty[0], storage, router=EMPTY_ROUTER,
        error="storage.unusedNodes 0")
    later = Chain()
    later.put(COMMITMENT, REMOTE, 1, value)
    other = later.seal()
    add("a proof under another root", first, account, storage, value, root=other, error="account.hashMismatch 0")
    return found


def lane():
    """Heights of an EVM chain at the other end of a lane, and what the ledger must be able to prove at each."""
    chain = Chain()
    friend, user = "acct" + "22" * 20, "acct" + "11" * 20
    remote = "0x" + "33" * 20
    sent = packet(1, REMOTE, LOCAL, START + 900, [payload(40, remote, friend, "0x" + "aa" * 20)])
    lost = packet(2, REMOTE, LOCAL, START + 900, [payload(50, remote, "nobody", "0x" + "aa" * 20)])
    outgoing = [packet(n, LOCAL, REMOTE, START + timeout, [payload(amount, user, remote, "stake")])
                for n, amount, timeout in ((1, 100, 600), (2, 200, 600), (3, 300, 60), (4, 400, 60))]
    steps = []

    def seal(name, height, time, questions):
        root = chain.seal()
        proofs = []
        for kind, sequence in questions:
            account, storage = chain.proof(root, ROUTER, slot(kind, REMOTE, sequence))
            proofs.append({"kind": KINDS[kind], "client": REMOTE, "sequence": sequence}
                          | proof_json(account, storage))
        steps.append({"name": name, "height": height, "time": time, "root": hexa(root), "proofs": proofs})

    chain.put(COMMITMENT, REMOTE, 1, commitment(sent))
    chain.put(COMMITMENT, REMOTE, 2, commitment(lost))
    seal("sent", 3_000_000, START + 12, [(COMMITMENT, 1), (COMMITMENT, 2), (COMMITMENT, 3), (RECEIPT, 1)])
    chain.put(RECEIPT, REMOTE, 1, receipt(outgoing[0]))
    chain.put(ACKNOWLEDGEMENT, REMOTE, 1, acknowledged(b'{"result":"AQ=="}'))
    chain.put(RECEIPT, REMOTE, 2, receipt(outgoing[1]))
    chain.put(ACKNOWLEDGEMENT, REMOTE, 2, acknowledged(UNIVERSAL_ERROR))
    # The ledger has acknowledged the first packet: its commitment is gone.
    chain.put(COMMITMENT, REMOTE, 1, bytes(32))
    chain.put(RECEIPT, REMOTE, 4, receipt(outgoing[3]))
    chain.put(ACKNOWLEDGEMENT, REMOTE, 4, acknowledged(b'{"result":"AQ=="}'))
    seal("answered", 3_000_001, START + 24,
         [(ACKNOWLEDGEMENT, 1), (ACKNOWLEDGEMENT, 2), (COMMITMENT, 1), (RECEIPT, 3)])
    seal("before the deadline", 3_000_004, START + 59, [(RECEIPT, 3), (RECEIPT, 4)])
    seal("at the deadline", 3_000_005, START + 60, [(RECEIPT, 3), (RECEIPT, 4), (ACKNOWLEDGEMENT, 4)])
    return {"start": START, "local": LOCAL, "remote": REMOTE, "router": hexa(ROUTER),
            "incoming": [packet_json(sent), packet_json(lost)],
            "outgoing": [packet_json(p) for p in outgoing], "steps": steps}


def main():
    OUT.parent.mkdir(parents=True, exist_ok=True)
    document = {"schema": "causeway.vectors.evm-storage/1",
                "source": "tools/vectors/evm_storage.py: py-evm 0.12.1b1, trie, eth_abi, hashlib",
                "base": hexa(BASE), "cases": cases(Chain()), "lane": lane()}
    OUT.write_text(json.dumps(document, indent=1) + "\n")
    print(len(document["cases"]), "cases")


if __name__ == "__main__":
    main()
