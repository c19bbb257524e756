#!/usr/bin/env python3
"""Measures what the steps of a crossing cost on an EVM (py-evm, Prague rules), and says whether the bars hold.

  .venv/bin/python tools/evm-gas/measure.py            Markdown, as docs/spec/evm-gas.md has it
  .venv/bin/python tools/evm-gas/measure.py --json     the same as JSON
  .venv/bin/python tools/evm-gas/measure.py --check    only the bars; fails when one does not hold
  .venv/bin/python tools/evm-gas/measure.py --write    puts the table into docs/spec/evm-gas.md

Gas is what a receipt says: intrinsic cost, refunds and the calldata floor of EIP-7623 included. Storage is warm: every
measured step has happened before with other packets, unless a row says "first".
"""
import argparse
import json
import pathlib
import sys

from eth_abi import encode

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "contracts/evm/tests"))

from harness.assembly import minimal_app, minimal_receiver, stopping  # noqa: E402
from harness.chain import CHAIN_ID  # noqa: E402
from harness.contracts import Contract, artifact, have, hexa  # noqa: E402
from harness.pyevm import PyEVM  # noqa: E402
from harness.world import REMOTE, handler_artifact, routed  # noqa: E402
from oracle import ibc, merkle, names, tokens  # noqa: E402
from oracle.attest import Height, Key  # noqa: E402
from oracle.hashes import K, S, u  # noqa: E402
from oracle.ibc import Packet, Payload, ack_commitment  # noqa: E402
from oracle.ssz import Call, Envelope, Outcome  # noqa: E402

HERE = f"eip155:{CHAIN_ID}"
OTHER, PEER = "eip155:10", "0x" + "7e" * 20
BARS = {"send": 80_000, "receive": 130_000, "acknowledge": 90_000}
DOCUMENT = ROOT / "docs/spec/evm-gas.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


class Measured:
    """A router with attested clients, the minimal application, calls and transfers."""

    def __init__(self, chain=None):
        self.rows = []
        self.chain = chain = chain or PyEVM()
        self.at = at = routed(chain)
        self.router = at.router
        self.app = chain.deploy(at.user, minimal_app(self.router.address)).created
        self.router["addIBCApp(address)"](self.app, sender=at.user)
        self.transfer = Contract.deploy(
            chain, artifact("Transfer"), self.router.address, at.owner, at.guardian, artifact("Voucher").bytecode,
            sender=at.owner)
        self.handler = Contract.deploy(
            chain, handler_artifact(), self.router.address, self.transfer.address,
            artifact("ExecutionAccount").bytecode, sender=at.owner)
        for port, application in (("transfer", self.transfer), ("execution", self.handler)):
            self.router["addIBCApp(string,address)"](port, application.address, sender=at.owner)
        self.target = chain.deploy(at.user, stopping()).created
        self.token = Contract.deploy(chain, artifact("TestToken"), "Token", "TOK", 6, sender=at.user)
        self.token.mint(at.user, 10**18)
        self.token.approve(self.transfer.address, 2**256 - 1, sender=at.user)
        self.gateway = None
        if have("Gateway7786"):
            self.gateway = Contract.deploy(
                chain, artifact("Gateway7786"), self.router.address, self.handler.address, at.owner, at.guardian,
                sender=at.owner)
            self.router["addIBCApp(address)"](self.gateway.address, sender=at.owner)
            self.receiver = chain.deploy(at.user, minimal_receiver()).created
        self.sequences, self.heights = {}, 100
        self.lanes = {}
        for keys, quorum in ((5, 3), (5, 1), (7, 5), (19, 13)):
            self.lanes[keys, quorum] = at.attested(keys, quorum)
        self.lane = self.lanes[5, 3]
        if self.gateway:
            self.gateway.setRoute(names.chain(OTHER), self.lane[0], PEER, sender=at.owner)

    def note(self, key, step, size, receipt, remark="", each=None):
        self.rows.append({"key": key, "step": step, "value": size, "calldata": receipt.calldata_size,
                          "gas": receipt.gas_used, "each": each, "note": remark})
        return receipt

    def height(self):
        self.heights += 1
        return Height(0, self.heights, self.chain.timestamp)

    # Packets that arrive here.

    def arriving(self, payloads, lane=None):
        name = (lane or self.lane)[0]
        self.sequences[name] = sequence = self.sequences.get(name, 0) + 1
        return Packet(sequence, REMOTE, name, self.at.now(600), tuple(payloads))

    def minimal(self, size=32):
        return Payload(hexa(self.app), hexa(self.app), "v1", "raw", S(b"value") * (size // 32))

    def envelope(self, size=32):
        call = Call(names.account(HERE, self.target), (), 50_000, S(b"input") * (size // 32))
        refund = names.account("cosmos:demo-1", b"demo1" + b"q" * 38)
        return Payload("execution", "execution", "causeway-1", "application/x-ssz", Envelope((call,), refund).encode())

    def recv(self, packet, lane=None, positions=None):
        _, _, attesters = lane or self.lane
        height = self.height()
        proof = attesters.answer(height, (K(packet.commitment_path()), packet.commitment()), positions)
        return self.at.recv(packet, proof, height.tuple())

    def recv_many(self, payload, count):
        packets = [self.arriving([payload]) for _ in range(count)]
        entries = [(K(p.commitment_path()), p.commitment()) for p in packets]
        height, attesters = self.height(), self.lane[2]
        calls = []
        for number, packet in enumerate(packets):
            proof = attesters.reference(height, entries) if number else attesters.packets(height, entries)
            calls.append(self.router.encode("recvPacket", (packet.tuple(), proof, height.tuple())))
        return self.router.relay(calls, sender=self.at.relayer)

    # Packets that leave from here.

    def send(self, payload, lane=None):
        name = (lane or self.lane)[0]
        timeout = self.at.now(600)
        data = self.router.encode("sendPacket", (name, timeout, payload.tuple()))
        receipt = self.chain.transact(self.at.user, self.app, data)
        packet = Packet(int.from_bytes(receipt.output, "big"), name, REMOTE, timeout, (payload,))
        return receipt, packet

    def ack(self, packet, ack):
        height = self.height()
        proof = self.lane[2].answer(height, (K(packet.ack_path()), ack_commitment([ack])))
        return self.at.ack(packet, ack, proof, height.tuple())

    def time_out(self, packet):
        self.heights += 1
        height = Height(0, self.heights, packet.timeout)
        proof = self.lane[2].answer(height, (K(packet.receipt_path()), bytes(32)))
        return self.at.time_out(packet, proof, height.tuple())

    def call(self, size=32):
        target = names.account("cosmos:demo-1", b"demo1" + b"c" * 38)
        receipt = self.handler.sendCall(
            self.lane[0], self.at.now(600), target, 200_000, S(b"input") * (size // 32), sender=self.at.user)
        call = Call(target, (), 200_000, S(b"input") * (size // 32))
        value = Envelope((call,), names.account(HERE, self.at.user)).encode()
        payload = Payload("execution", "execution", "causeway-1", "application/x-ssz", value)
        return receipt, Packet(receipt.value, self.lane[0], REMOTE, self.at.now(600), (payload,))

    def send_tokens(self, token):
        message = (token.address, 10, "demo1" + "q" * 38, self.lane[0], "transfer", self.at.now(600), "")
        receipt = self.transfer.sendTransfer(message, sender=self.at.user)
        denom = self.transfer.read.pathOf(token.address) or hexa(token.address)
        value = tokens.transfer(denom, hexa(self.at.user), "demo1" + "q" * 38, 10)
        payload = Payload("transfer", "transfer", tokens.VERSION, tokens.ENCODING, value)
        return receipt, Packet(receipt.value, self.lane[0], REMOTE, self.at.now(600), (payload,))

    def tokens_in(self, denom):
        value = tokens.transfer(denom, "demo1" + "q" * 38, hexa(self.at.user), 10)
        return self.arriving([Payload("transfer", "transfer", tokens.VERSION, tokens.ENCODING, value)])

    def message(self):
        recipient = names.account(OTHER, b"\x5e" * 20)
        receipt = self.gateway.sendMessage(
            recipient, S(b"message"), [K(b"timeout(uint256)")[:4] + u(32, self.at.now(600))], sender=self.at.user)
        value = encode(["(bytes,bytes,uint256,bytes)"], [(
            names.account(HERE, self.at.user), recipient, 200_000, S(b"message"))])
        payload = Payload(hexa(self.gateway.address), PEER, "causeway-7786-1", "application/x-solidity-abi", value)
        sequence = self.router.read.getNextSequenceSend(self.lane[0]) - 1
        return receipt, Packet(sequence, self.lane[0], REMOTE, self.at.now(600), (payload,))

    def message_in(self):
        value = encode(["(bytes,bytes,uint256,bytes)"], [(
            names.account(OTHER, b"\x5e" * 20), names.account(HERE, self.receiver), 150_000, S(b"message"))])
        return self.arriving([Payload(
            PEER, hexa(self.gateway.address), "causeway-7786-1", "application/x-solidity-abi", value)])

    def run(self):
        at, small = self.at, self.minimal()
        outcome = Outcome(0, 21_000, (b"",)).encode()
        self.send(small)
        receipt, packet = self.send(small)
        self.note("send", "send, minimal application", 32, receipt)
        _, other = self.send(small)
        self.ack(packet, b"\x01")
        self.note("acknowledge", "acknowledge, minimal application, 3 of 5", 32, self.ack(other, b"\x01"))
        _, late = self.send(small)
        self.note("timeout", "time out, minimal application, 3 of 5", 32, self.time_out(late))
        receipt, big = self.send(self.minimal(1024))
        self.note("send 1024", "send, minimal application", 1024, receipt)
        self.note("acknowledge 1024", "acknowledge, minimal application, 3 of 5", 1024, self.ack(big, b"\x01"))

        self.recv(self.arriving([small]))
        packet = self.arriving([small])
        self.note("receive", "receive, minimal application, 3 of 5", 32, self.recv(packet))
        self.note("no-op", "receive again (Noop)", 32, self.recv(packet))
        for keys, quorum in ((5, 1), (7, 5), (19, 13)):
            lane = self.lanes[keys, quorum]
            self.recv(self.arriving([small], lane), lane)
            self.note(f"receive {quorum}", f"receive, minimal application, {quorum} of {keys}", 32,
                      self.recv(self.arriving([small], lane), lane))
        self.note("receive 1024", "receive, minimal application, 3 of 5", 1024, self.recv(self.arriving([self.minimal(1024)])))
        for count in (2, 5, 10):
            receipt = self.recv_many(small, count)
            self.note(f"receive x{count}", f"relay of {count}, one proof, 3 of 5", 32, receipt,
                      each=receipt.gas_used // count)

        self.call()
        receipt, packet = self.call()
        self.note("send call", "send a call (`sendCall`)", 32, receipt)
        self.note("acknowledge call", "acknowledge a call, sender without code, 3 of 5", 32, self.ack(packet, outcome))
        receipt, packet = self.call()
        self.note("timeout call", "time out a call, sender without code, 3 of 5", 32, self.time_out(packet))
        self.note("receive call first", "receive a call, 3 of 5, first of its sender", 32,
                  self.recv(self.arriving([self.envelope()])), "makes the execution account")
        self.note("receive call", "receive a call, 3 of 5", 32, self.recv(self.arriving([self.envelope()])))
        self.note("receive call 1024", "receive a call, 3 of 5", 1024, self.recv(self.arriving([self.envelope(1024)])))
        for count in (5, 10):
            receipt = self.recv_many(self.envelope(), count)
            self.note(f"receive call x{count}", f"relay of {count} calls, one proof, 3 of 5", 32, receipt,
                      each=receipt.gas_used // count)

        receipt, packet = self.send_tokens(self.token)
        self.note("transfer first", "`sendTransfer` of an ERC-20, first of its lane", None, receipt)
        receipt, second = self.send_tokens(self.token)
        self.note("transfer", "`sendTransfer` of an ERC-20", None, receipt)
        self.note("transfer ack", "acknowledge a transfer, success, 3 of 5", None, self.ack(packet, tokens.SUCCESS))
        self.note("transfer error", "acknowledge a transfer, universal error: refund, 3 of 5", None,
                  self.ack(second, ibc.UNIVERSAL_ERROR))
        _, third = self.send_tokens(self.token)
        self.note("transfer timeout", "time out a transfer: refund, 3 of 5", None, self.time_out(third))
        self.note("tokens first", "receive tokens, first of their name: makes the voucher, 3 of 5", None,
                  self.recv(self.tokens_in("stake")))
        self.note("tokens", "receive tokens as vouchers, 3 of 5", None, self.recv(self.tokens_in("stake")))
        self.send_tokens(self.token)
        home = f"transfer/{REMOTE}/{hexa(self.token.address)}"
        self.note("tokens home", "receive tokens that come home, 3 of 5", None, self.recv(self.tokens_in(home)))

        if self.gateway:
            self.message()
            receipt, packet = self.message()
            self.note("gateway send", "ERC-7786 `sendMessage` to another EVM chain", 32, receipt)
            self.note("gateway ack", "acknowledge a message, 3 of 5", 32, self.ack(packet, b"\x01"))
            self.recv(self.message_in())
            self.note("gateway receive", "receive a message, smallest receiver, 3 of 5", 32, self.recv(self.message_in()))

        update = self.lane[2].state(self.height(), S(b"root"))
        self.router.updateClient(self.lane[0], update, sender=at.relayer)
        update = self.lane[2].state(self.height(), S(b"root"))
        self.note("update", "`updateClient` of a state, 3 of 5", None,
                  self.router.updateClient(self.lane[0], update, sender=at.relayer))
        if have("EnclaveRegistry", "EnclaveSettlement"):
            self.enclaves()
        return self.rows

    def enclaves(self):
        """Keys of an enclave, and a case that it decides: the second of each, so that storage is warm."""
        at, chain, registrars, enclave, coordinator = self.at, self.chain, [Key(900 + n) for n in range(5)], Key(1), Key(2)
        registry = Contract.deploy(
            chain, artifact("EnclaveRegistry"), [k.address for k in registrars], 3, 2, sender=at.owner)
        cases = Contract.deploy(chain, artifact("EnclaveSettlement"), registry.address, sender=at.owner)
        self.token.approve(cases.address, 2**256 - 1, sender=at.user)
        domain, zero, hour = f"eip155:{CHAIN_ID}", bytes(32), 3600
        program, policy, judged, state = S(b"program"), S(b"policy"), S(b"judged"), S(b"state")

        def register(sequence, size):
            number = chain.number - 1
            keys = (names.account(domain, at.owner), program, policy, enclave.address, 1 if size == 32 else 2, bytes(size),
                    sequence, number, K(str(number).encode()), chain.timestamp - 1, chain.timestamp + 1000 * hour)
            root = merkle.registration(domain, keys)
            finding = (merkle.report_data(root), S(b"evidence"), judged, chain.timestamp + 100 * hour)
            digest = merkle.finding_digest(domain, registry.address, root, finding)
            signatures = b"".join(u(1, n) + registrars[n].sign(digest) for n in (0, 1, 2))
            return root, registry.register(keys, finding, signatures, sender=at.relayer)

        chain.pass_time(12)
        register(1, 32)
        root, receipt = register(2, 32)
        self.note("register", "register keys of an enclave, X25519, 3 of 5 registrars", None, receipt)
        self.note("register x-wing", "register keys of an enclave, X-Wing, 3 of 5 registrars", 1_216, register(3, 1216)[1])

        def decide(inputs, payouts, noted):
            opening = (self.token.address, program, policy, judged, coordinator.address, chain.timestamp + hour,
                       chain.timestamp + 9 * hour, 256, 1, state)
            opened = cases.open(opening, sender=at.user)
            case, commitments = opened.value, [S(b"%d" % n) for n in range(inputs)]
            for n, commitment in enumerate(commitments):
                submitted = cases.submit(case, commitment, n, 1_000, sender=at.user)
                if noted and inputs == 4 and n == 2:
                    self.note("submit", "submit an input with tokens, the third of its case", None, submitted)
            chain.pass_time(hour)
            paid = [(at.user, inputs * 1_000 - payouts + 1)] + [(at.relayer, 1)] * (payouts - 1)
            result = (root, S(b"after"), S(b"replies"), 1, zero, chain.timestamp)
            roots = merkle.inputs_root(commitments), merkle.update_root(domain, self.token.address, paid, state, result[1])
            token = 1, chain.timestamp + hour
            receipt = cases.settle(
                case, result, paid, enclave.sign(merkle.receipt_digest(domain, case, program, policy, *roots, result)),
                token, coordinator.sign(merkle.token_digest(domain, case, roots[0], root, *token)), sender=at.relayer)
            if noted and payouts == 2:
                self.note("open", "open a case", None, opened)
            if noted:
                self.note(f"settle {payouts}", f"settle a case of {inputs} inputs, {payouts} payouts", None, receipt)

        decide(4, 2, False)
        decide(4, 2, True)
        decide(16, 16, True)


def table(rows):
    lines = ["| step | value, bytes | calldata, bytes | gas | each |", "|---|---|---|---|---|"]
    for row in rows:
        step = row["step"] + (f" ({row['note']})" if row["note"] else "")
        value = "–" if row["value"] is None else f"{row['value']:,}"
        each = "" if row["each"] is None else f"{row['each']:,}"
        lines.append(f"| {step} | {value} | {row['calldata']:,} | {row['gas']:,} | {each} |")
    return "\n".join(lines)


def above(rows):
    """The bars that do not hold, as text."""
    found = {row["key"]: row["gas"] for row in rows}
    return [f"{key}: {found[key]:,} of at most {bar:,}" for key, bar in BARS.items() if found[key] > bar]


def main() -> int:
    parser = argparse.ArgumentParser(prog="evm-gas", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    for option in ("--json", "--check", "--write"):
        choice.add_argument(option, action="store_true")
    arguments = parser.parse_args()
    wanted = ("Router", "AttestedClient", "ExecutionHandler", "ExecutionAccount", "Transfer", "Voucher", "TestToken")
    if not have(*wanted):
        print("evm-gas: the contracts are not built: run script/contracts", file=sys.stderr)
        return 1
    rows = Measured().run()
    if arguments.json:
        print(json.dumps({"evm": "py-evm, Prague", "rows": rows}, indent=1))
    elif arguments.write:
        text = DOCUMENT.read_text()
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        DOCUMENT.write_text(f"{head}{BEGIN}\n{table(rows)}\n{END}{tail}")
    elif not arguments.check:
        print(table(rows))
    failed = above(rows)
    for line in failed:
        print(f"evm-gas: too much gas to {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
