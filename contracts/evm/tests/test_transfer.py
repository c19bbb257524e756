"""Tokens that leave, arrive, come home and are given back; tokens that lie; caps. Value is conserved."""
import pytest
from eth_abi import decode, encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import Reverted, name_errors, reverts
from harness.contracts import Contract, artifact, hexa
from harness.mocks import mock
from oracle import ibc, tokens
from oracle.hashes import K
from oracle.tokens import SUCCESS

REMOTE = {"client-0": "client-7", "client-1": "client-9"}
name_errors(["InvalidTransfer(uint256)", "TransferRefused(address,bytes)", "InsufficientEscrow(address,uint256,uint256)",
             "OverCap(string,address,uint256,uint256)", "ERC20InsufficientBalance(address,uint256,uint256)",
             "ERC20InsufficientAllowance(address,uint256,uint256)"])
ZERO = bytes(20)


class Bank:
    """The transfer application behind a router of ours."""

    def __init__(self, chain):
        self.chain = chain
        self.owner, self.guardian, self.user, self.friend = (chain.account(n) for n in range(1, 5))
        self.router = Contract.deploy(chain, mock("MockRouter"), sender=self.owner)
        self.transfer = Contract.deploy(
            chain, artifact("Transfer"), self.router.address, self.owner, self.guardian, artifact("Voucher").bytecode,
            sender=self.owner)
        self.token = self.new_token()
        self.sent = {}

    def new_token(self, kind="Token"):
        token = Contract.deploy(self.chain, mock(kind), sender=self.user)
        token.mint(self.user, 10**9)
        token.approve(self.transfer.address, 2**255, sender=self.user)
        return token

    def send(self, amount, token=None, client="client-0", receiver="demo1friend", sender=None, memo="", **changes):
        """(sequence, value of the packet)"""
        token = token or self.token
        message = dict(denom=token.address, amount=amount, receiver=receiver, client=client, port="transfer",
                       timeout=self.chain.timestamp + 600, memo=memo)
        message.update(changes)
        receipt = self.transfer.sendTransfer(tuple(message.values()), sender=sender or self.user)
        value = self.router.read.sent()[4]
        self.sent[client, receipt.value] = value
        return receipt.value, value

    def callback(self, client, sequence, value, sends=False, **changes):
        fields = dict(source_port="transfer", dest_port="transfer", version="ics20-1", encoding="application/x-solidity-abi")
        fields.update(changes)
        here, there = client, REMOTE[client]
        return ((here, there) if sends else (there, here)) + (sequence, (*fields.values(), value))

    def through(self, name, argument):
        data = self.transfer.encode(name, argument)
        receipt = self.router.execute(self.transfer.address, data, sender=self.user)
        return receipt

    def deliver(self, name, argument, gas=30_000_000):
        """What a delivery would answer; it changes nothing."""
        data = self.transfer.encode(name, argument)
        return self.chain.call(self.user, self.router.address, self.router.encode(
            "execute", self.transfer.address, data), 0, gas)

    def recv(self, denom, amount, receiver=None, client="client-0", sender="demo1user", memo="", value=None, sequence=1,
             **changes):
        receiver = hexa(self.friend) if receiver is None else receiver
        value = value if value is not None else tokens.transfer(denom, sender, receiver, amount, memo)
        receipt = self.through("onRecvPacket", (*self.callback(client, sequence, value, **changes), self.user))
        assert decode(["bytes"], receipt.value)[0] == SUCCESS
        return receipt

    def ack(self, client, sequence, value, ack):
        return self.through(
            "onAcknowledgementPacket", (*self.callback(client, sequence, value, sends=True), ack, self.user))

    def time_out(self, client, sequence, value):
        return self.through("onTimeoutPacket", (*self.callback(client, sequence, value, sends=True), self.user))

    def voucher(self, path):
        return Contract(self.chain, self.transfer.read.voucherOf(path), artifact("Voucher"), self.user)


@pytest.fixture(params=sorted(EVMS))
def bank(request):
    need("Transfer", "Voucher")
    return kept("bank", request.param, Bank)


# Leaving.

def test_what_leaves_home_is_kept_for_its_lane(bank):
    sequence, value = bank.send(1000, receiver="demo1friend", memo="for you")
    assert value == tokens.transfer(hexa(bank.token.address), hexa(bank.user), "demo1friend", 1000, "for you")
    assert bank.router.read.sent()[:4] == ("transfer", "transfer", "ics20-1", "application/x-solidity-abi")
    assert bank.router.read.client() == "client-0" and bank.router.read.timeout() == bank.chain.timestamp + 600
    assert bank.token.read.balanceOf(bank.transfer.address) == 1000
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 1000
    assert bank.transfer.read.escrowed("client-1", bank.token.address) == 0


def test_its_function_has_the_selector_of_eureka():
    assert K(b"sendTransfer((address,uint256,string,string,string,uint64,string))")[:4].hex() == "2ac3dc38"
    need("Transfer")
    assert "sendTransfer((address,uint256,string,string,string,uint64,string))" in artifact("Transfer").functions


def test_sending_is_refused(bank):
    with reverts("ICS20InvalidAmount(uint256)", 0):
        bank.send(0)
    with reverts("ICS20InvalidPort(string,string)", "transfer", "bank"):
        bank.send(1, port="bank")
    with reverts("InvalidTransfer(uint256)", 3):
        bank.send(1, receiver="")
    with pytest.raises(Reverted):
        bank.send(10**9 + 1)
    with pytest.raises(Reverted):
        bank.send(1, sender=bank.friend)
    with pytest.raises(Reverted):
        bank.send(1, denom=bank.friend)
    bank.router.refuse(True)
    with reverts("closed"):
        bank.send(1)
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 0
    assert bank.token.read.balanceOf(bank.user) == 10**9


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 255, 256])
def test_texts_of_all_lengths(bank, size):
    _, value = bank.send(5, receiver="r" * size, memo="m" * (size * 3))
    assert value == tokens.transfer(hexa(bank.token.address), hexa(bank.user), "r" * size, 5, "m" * (size * 3))


# Arriving.

def test_what_arrives_from_elsewhere_is_a_voucher_that_is_named_after_its_way(bank):
    bank.recv("stake", 500)
    voucher = bank.voucher("transfer/client-0/stake")
    assert voucher.read.balanceOf(bank.friend) == 500 and voucher.read.totalSupply() == 500
    assert voucher.read.path() == voucher.read.name() == "transfer/client-0/stake"
    assert voucher.read.symbol() == "stake" and voucher.read.decimals() == 0
    assert bank.transfer.read.pathOf(voucher.address) == "transfer/client-0/stake"
    assert bank.transfer.read.pathOf(bank.token.address) == ""
    bank.recv("stake", 1, sequence=2)
    assert voucher.read.totalSupply() == 501
    bank.recv("stake", 9, client="client-1")
    other = bank.voucher("transfer/client-1/stake")
    assert other.address != voucher.address and other.read.totalSupply() == 9 and voucher.read.totalSupply() == 501
    for path in ("transfer/client-2/stake", "stake", "", "transfer/client-0/stakes"):
        assert bank.transfer.read.voucherOf(path) == ZERO


def test_a_voucher_goes_home_by_being_burnt(bank):
    bank.recv("stake", 500, receiver=hexa(bank.user))
    voucher = bank.voucher("transfer/client-0/stake")
    voucher.approve(bank.transfer.address, 200, sender=bank.user)
    _, value = bank.send(200, token=voucher)
    assert value == tokens.transfer("transfer/client-0/stake", hexa(bank.user), "demo1friend", 200)
    assert voucher.read.totalSupply() == 300 == voucher.read.balanceOf(bank.user)
    assert bank.transfer.read.escrowed("client-0", voucher.address) == 0


def test_a_voucher_that_goes_on_elsewhere_is_kept_like_any_token(bank):
    bank.recv("stake", 500, receiver=hexa(bank.user))
    voucher = bank.voucher("transfer/client-0/stake")
    voucher.approve(bank.transfer.address, 200, sender=bank.user)
    _, value = bank.send(200, token=voucher, client="client-1")
    assert decode(["(string,string,string,uint256,string)"], value)[0][0] == "transfer/client-0/stake"
    assert voucher.read.totalSupply() == 500 and bank.transfer.read.escrowed("client-1", voucher.address) == 200
    bank.recv("transfer/client-9/transfer/client-0/stake", 150, client="client-1")
    assert voucher.read.balanceOf(bank.friend) == 150 and bank.transfer.read.escrowed("client-1", voucher.address) == 50


def test_what_comes_home_is_paid_out_of_what_its_lane_keeps(bank):
    bank.send(1000)
    bank.send(70, client="client-1")
    home = f"transfer/client-7/{hexa(bank.token.address)}"
    bank.recv(home, 400)
    assert bank.token.read.balanceOf(bank.friend) == 400
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 600
    with reverts("InsufficientEscrow(address,uint256,uint256)", hexa(bank.token.address), 600, 601):
        bank.recv(home, 601)
    # A lane cannot take what another keeps.
    with reverts("InsufficientEscrow(address,uint256,uint256)", hexa(bank.token.address), 70, 71):
        bank.recv(f"transfer/client-9/{hexa(bank.token.address)}", 71, client="client-1")
    # Under the other lane's name it is a token of elsewhere, whose name happens to look like that.
    bank.recv(home, 10**12, client="client-1")
    assert bank.token.read.balanceOf(bank.friend) == 400
    assert bank.voucher(f"transfer/client-1/{home}").read.balanceOf(bank.friend) == 10**12
    assert bank.token.read.balanceOf(bank.transfer.address) == 670


@pytest.mark.parametrize("denom", ["transfer/client-7/", "transfer/client-7/nothing", "transfer/client-7/0x" + "11" * 20,
                                   "transfer/client-7/transfer/client-0/stake", "transfer/client-7/0X" + "ab" * 20])
def test_what_never_left_does_not_come_home(bank, denom):
    bank.send(1000)
    try:
        bank.recv(denom, 5)
    except Reverted as error:
        assert error.data[:4] in (K(b"ICS20DenomNotFound(string)")[:4], K(b"InsufficientEscrow(address,uint256,uint256)")[:4])
        return
    # The path is no return at all then, but a name of its own.
    assert bank.voucher(f"transfer/client-0/{denom}").read.totalSupply() == 5 and denom == "transfer/client-7/"


def test_capital_letters_do_not_name_a_token_of_this_chain(bank):
    bank.send(1000)
    with reverts("ICS20DenomNotFound(string)"):
        bank.recv("transfer/client-7/0x" + bank.token.address.hex().upper(), 5)


@pytest.mark.parametrize("receiver", ["", "friend", "0x", "0x" + "1" * 39, "0x" + "1" * 41, "0x" + "g" * 40, "1" * 42,
                                      "0x" + "0" * 40, "demo1friend", "0x" + "é" * 20, "0x" + "1" * 80])
def test_receivers_that_are_no_account_are_refused(bank, receiver):
    with pytest.raises(Reverted) as error:
        bank.recv("stake", 5, receiver=receiver)
    assert error.value.data[:4] in (K(b"ICS20InvalidAddress(string)")[:4], K(b"InvalidTransfer(uint256)")[:4])
    assert bank.transfer.read.voucherOf("transfer/client-0/stake") == ZERO


def test_receivers_may_have_a_checksum(bank):
    bank.recv("stake", 5, receiver="0x" + bank.friend.hex().upper())
    assert bank.voucher("transfer/client-0/stake").read.balanceOf(bank.friend) == 5


def test_the_application_its_router_and_the_token_receive_nothing(bank):
    bank.recv("stake", 5)
    for receiver in (bank.transfer.address, bank.router.address, bank.voucher("transfer/client-0/stake").address):
        with reverts("ICS20InvalidAddress(string)"):
            bank.recv("stake", 5, receiver=hexa(receiver))
    with reverts("Unauthorized(address)", hexa(bank.guardian)):
        bank.transfer.setBlocked(bank.friend, True, sender=bank.guardian)
    bank.transfer.setBlocked(bank.friend, True, sender=bank.owner)
    with reverts("ICS20InvalidAddress(string)"):
        bank.recv("stake", 5)
    bank.transfer.setBlocked(bank.friend, False, sender=bank.owner)
    bank.recv("stake", 5)


@pytest.mark.parametrize("change, error", [
    ({"version": "ics20-2"}, "ICS20UnexpectedVersion(string,string)"),
    ({"version": ""}, "ICS20UnexpectedVersion(string,string)"),
    ({"encoding": "application/json"}, "ICS20UnexpectedEncoding(string,string)"),
    ({"source_port": "bank"}, "ICS20InvalidPort(string,string)"),
])
def test_payloads_of_other_kinds_are_refused(bank, change, error):
    with reverts(error):
        bank.recv("stake", 5, **change)


def test_transfers_in_any_other_encoding_are_refused(bank):
    good = tokens.transfer("stake", "demo1user", hexa(bank.friend), 5, "memo")
    bank.recv("", 0, value=good)
    before = bank.voucher("transfer/client-0/stake").read.totalSupply()
    changed = [good[:n] for n in range(0, len(good), 16)] + [good + bytes(32), good + b"\0", good[32:], b""]
    # Offsets, lengths and padding: every byte of the fixed part, and the padding of each text.
    for place in bank.chain.some([*range(0, 32), *range(32, 32 * 4), *range(160, 192)], 30):
        changed.append(good[:place] + bytes([good[place] ^ 0x40]) + good[place + 1:])
    for place in range(192, len(good)):
        if good[place] == 0:
            changed.append(good[:place] + b"\x80" + good[place + 1:])
    for value in bank.chain.some(changed):
        receipt = bank.deliver("onRecvPacket", (*bank.callback("client-0", 1, value), bank.user))
        assert not receipt.ok and receipt.output, value.hex()
    assert bank.voucher("transfer/client-0/stake").read.totalSupply() == before


def test_amounts_of_nothing_or_too_much(bank):
    with reverts("ICS20InvalidAmount(uint256)", 0):
        bank.recv("stake", 0)
    bank.recv("stake", 2**256 - 1)
    with reverts("ICS20InvalidAmount(uint256)", 1):
        bank.recv("stake", 1)


# Going back.

def test_a_transfer_that_was_received_stays_away(bank):
    sequence, value = bank.send(1000)
    bank.ack("client-0", sequence, value, SUCCESS)
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 1000
    for odd in (b'{"error":"ABCI code: 1"}', b"", b"x" * 32, ibc.UNIVERSAL_ERROR + b"\0"):
        bank.ack("client-0", sequence, value, odd)
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 1000


@pytest.mark.parametrize("end", ["error", "timeout"])
@pytest.mark.parametrize("what", ["token", "voucher"])
def test_a_transfer_that_failed_or_came_too_late_is_given_back(bank, end, what):
    token = bank.token
    if what == "voucher":
        bank.recv("stake", 10**9, receiver=hexa(bank.user))
        token = bank.voucher("transfer/client-0/stake")
        token.approve(bank.transfer.address, 10**9, sender=bank.user)
    sequence, value = bank.send(1000, token=token)
    assert token.read.balanceOf(bank.user) == 10**9 - 1000
    if end == "error":
        bank.ack("client-0", sequence, value, ibc.UNIVERSAL_ERROR)
    else:
        bank.time_out("client-0", sequence, value)
    assert token.read.balanceOf(bank.user) == 10**9
    assert bank.transfer.read.escrowed("client-0", token.address) == 0


def test_a_refund_can_go_to_somebody_else(bank):
    message = (bank.token.address, 50, "demo1x", "client-0", "transfer", bank.chain.timestamp + 60, "")
    for refund in (bank.friend, bank.owner):
        sequence = bank.transfer.sendTransferFor(message, refund, sender=bank.user).value
        value = bank.router.read.sent()[4]
        assert decode(["(string,string,string,uint256,string)"], value)[0][1] == hexa(bank.user)
        bank.time_out("client-0", sequence, value)
        assert bank.token.read.balanceOf(refund) == 50
    with reverts("InvalidTransfer(uint256)", 4):
        bank.transfer.sendTransferFor(message, ZERO, sender=bank.user)


@pytest.mark.parametrize("mode", [2, 3, 6])
def test_a_refund_that_the_token_refuses_is_kept_for_its_owner(bank, mode):
    sequence, value = bank.send(1000)
    bank.token.behave(mode)
    bank.time_out("client-0", sequence, value)
    assert bank.transfer.read.owed(bank.user, bank.token.address) == 1000
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 0
    with reverts("TransferRefused(address,bytes)"):
        bank.transfer.claim(bank.token.address, bank.friend, sender=bank.user)
    bank.token.behave(0)
    with reverts("TransferRefused(address,bytes)"):
        bank.transfer.claim(bank.token.address, bank.friend, sender=bank.friend)
    bank.transfer.claim(bank.token.address, bank.friend, sender=bank.user)
    assert bank.token.read.balanceOf(bank.friend) == 1000
    with reverts("TransferRefused(address,bytes)"):
        bank.transfer.claim(bank.token.address, bank.friend, sender=bank.user)


def test_only_the_router_delivers(bank):
    value = tokens.transfer("stake", "demo1user", hexa(bank.friend), 5)
    for name, argument in [
        ("onRecvPacket", (*bank.callback("client-0", 1, value), bank.user)),
        ("onAcknowledgementPacket", (*bank.callback("client-0", 1, value, True), ibc.UNIVERSAL_ERROR, bank.user)),
        ("onTimeoutPacket", (*bank.callback("client-0", 1, value, True), bank.user)),
        ("onSendPacket", (*bank.callback("client-0", 1, value, True), bank.user)),
    ]:
        for stranger in (bank.user, bank.owner, bank.guardian):
            with reverts("Unauthorized(address)", hexa(stranger)):
                bank.transfer.send(name, argument, sender=stranger)


def test_vouchers_are_made_and_destroyed_by_their_application_alone(bank):
    bank.recv("stake", 500, receiver=hexa(bank.user))
    voucher = bank.voucher("transfer/client-0/stake")
    for stranger in (bank.user, bank.owner, bank.router.address if bank.chain.name == "py-evm" else bank.friend):
        for call in (lambda: voucher.mint(stranger, 1, sender=stranger), lambda: voucher.burn(1, sender=stranger),
                     lambda: voucher.initialize("x", sender=stranger)):
            with reverts("Unauthorized(address)", hexa(stranger)):
                call()
    with reverts("ERC20InsufficientBalance(address,uint256,uint256)", hexa(bank.user), 500, 501):
        voucher.transfer(bank.friend, 501, sender=bank.user)
    with reverts("ERC20InsufficientAllowance(address,uint256,uint256)", hexa(bank.friend), 0, 1):
        voucher.transferFrom(bank.user, bank.friend, 1, sender=bank.friend)
    voucher.transfer(bank.user, 500, sender=bank.user)
    assert voucher.read.balanceOf(bank.user) == 500


# Several payloads: the transfer is taken when the packet is sent.

def test_a_transfer_beside_other_payloads_takes_from_its_sender(bank):
    value = tokens.transfer(hexa(bank.token.address), hexa(bank.user), "demo1x", 30)
    bank.through("onSendPacket", (*bank.callback("client-0", 5, value, True), bank.user))
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 30
    with reverts("InvalidTransfer(uint256)", 4):
        bank.through("onSendPacket", (*bank.callback("client-0", 5, value, True), bank.friend))
    with reverts("ICS20DenomNotFound(string)"):
        bank.through("onSendPacket", (*bank.callback(
            "client-0", 5, tokens.transfer("stake", hexa(bank.user), "demo1x", 30), True), bank.user))
    bank.token.behave(1)
    value = tokens.transfer(hexa(bank.token.address), hexa(bank.user), "demo1x", 1000)
    with reverts("InvalidTransfer(uint256)", 5):
        bank.through("onSendPacket", (*bank.callback("client-0", 5, value, True), bank.user))
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 30


# Tokens that lie.

def test_a_token_that_keeps_a_part_is_counted_by_what_came(bank):
    bank.token.behave(1)
    sequence, value = bank.send(1000)
    assert decode(["(string,string,string,uint256,string)"], value)[0][3] == 990
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 990
    assert bank.token.read.balanceOf(bank.transfer.address) == 990
    bank.time_out("client-0", sequence, value)
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 0
    assert bank.token.read.balanceOf(bank.transfer.address) == 0


@pytest.mark.parametrize("mode", [2, 3, 4])
def test_a_token_that_does_not_pay_is_not_sent(bank, mode):
    bank.token.behave(mode)
    with pytest.raises(Reverted) as error:
        bank.send(1000)
    assert error.value.data[:4] in (K(b"TransferRefused(address,bytes)")[:4], K(b"ICS20InvalidAmount(uint256)")[:4])
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 0


def test_a_token_that_answers_nothing_is_sent_and_given_back(bank):
    quiet = bank.new_token("QuietToken")
    sequence, value = bank.send(1000, token=quiet)
    assert bank.transfer.read.escrowed("client-0", quiet.address) == 1000
    bank.time_out("client-0", sequence, value)
    assert quiet.read.balanceOf(bank.user) == 10**9


@pytest.mark.parametrize("mode", [2, 3, 6])
def test_a_token_that_will_not_go_home_is_an_error_and_stays_kept(bank, mode):
    bank.send(1000)
    bank.token.behave(mode)
    with reverts("TransferRefused(address,bytes)"):
        bank.recv(f"transfer/client-7/{hexa(bank.token.address)}", 400)
    assert bank.transfer.read.escrowed("client-0", bank.token.address) == 1000


@pytest.mark.parametrize("entry", ["sendTransfer", "onRecvPacket", "onTimeoutPacket", "claim"])
@pytest.mark.parametrize("step", ["send", "recv", "refund"])
def test_a_token_cannot_come_back_in_while_it_moves(bank, entry, step):
    sequence, value = bank.send(1000)
    home = tokens.transfer(f"transfer/client-7/{hexa(bank.token.address)}", "demo1user", hexa(bank.friend), 100)
    evil = bank.token
    calls = {
        "sendTransfer": bank.transfer.encode("sendTransfer", (
            evil.address, 1, "x", "client-0", "transfer", bank.chain.timestamp + 5, "")),
        "onRecvPacket": bank.router.encode("execute", bank.transfer.address, bank.transfer.encode(
            "onRecvPacket", (*bank.callback("client-0", 2, home), bank.user))),
        "onTimeoutPacket": bank.router.encode("execute", bank.transfer.address, bank.transfer.encode(
            "onTimeoutPacket", (*bank.callback("client-0", sequence, value, True), bank.user))),
        "claim": bank.transfer.encode("claim", evil.address, bank.user),
    }
    evil.hook(bank.transfer.address if entry in ("sendTransfer", "claim") else bank.router.address, calls[entry])
    evil.behave(5)
    {"send": lambda: bank.send(10), "recv": lambda: bank.recv("", 0, value=home),
     "refund": lambda: bank.time_out("client-0", sequence, value)}[step]()
    assert not evil.read.hookOk()
    escrow = {"send": 1010, "recv": 900, "refund": 0}[step]
    assert bank.transfer.read.escrowed("client-0", evil.address) == escrow == evil.read.balanceOf(bank.transfer.address)


def test_a_token_without_gas_for_its_transfer_is_never_an_error(bank):
    """A receive with too little gas reverts without data: the router leaves the packet open."""
    bank.send(1000)
    value = tokens.transfer(f"transfer/client-7/{hexa(bank.token.address)}", "demo1user", hexa(bank.friend), 100)
    fresh = tokens.transfer("stake", "demo1user", hexa(bank.friend), 100)
    for payload in (value, fresh):
        outcomes = set()
        for gas in bank.chain.some(range(40_000, 1_000_000, 2_500)):
            receipt = bank.deliver("onRecvPacket", (*bank.callback("client-0", 1, payload), bank.user), gas)
            assert receipt.ok or receipt.output == b"", gas
            outcomes.add(receipt.ok)
        assert outcomes == {True, False}


# Caps.

def not_now(bank, amount, cap):
    """A revert that the router takes for a receive to be tried again later."""
    reason = K(b"OverCap(string,address,uint256,uint256)")[:4] + encode(
        ["string", "address", "uint256", "uint256"], ["client-0", bank.token.address, amount, cap])
    return reverts("NotNow(bytes)", reason)


def test_caps_hold_for_a_message_and_for_a_window(bank):
    bank.chain.timestamp = bank.chain.timestamp // 100 * 100
    bank.transfer.setCap("client-0", bank.token.address, 500, 800, 100, sender=bank.owner)
    assert bank.transfer.read.capOf("client-0", bank.token.address) == (500, 800, 100, 0, 0)
    with reverts("OverCap(string,address,uint256,uint256)", "client-0", hexa(bank.token.address), 501, 500):
        bank.send(501)
    bank.send(500)
    with reverts("OverCap(string,address,uint256,uint256)", "client-0", hexa(bank.token.address), 301, 300):
        bank.send(301)
    bank.send(300)
    with reverts("OverCap(string,address,uint256,uint256)", "client-0", hexa(bank.token.address), 1, 0):
        bank.send(1)
    bank.send(501, client="client-1")
    assert bank.transfer.read.capOf("client-0", bank.token.address)[3:] == (800, 0)
    bank.chain.pass_time(99)
    with reverts("OverCap(string,address,uint256,uint256)"):
        bank.send(1)
    bank.chain.pass_time(1)
    bank.send(500)
    # What comes has its own count, and waits where it is too much.
    home = f"transfer/client-7/{hexa(bank.token.address)}"
    for sequence, amount in enumerate((500, 300)):
        bank.recv(home, amount)
    with not_now(bank, 1, 0):
        bank.recv(home, 1)
    bank.chain.pass_time(100)
    bank.recv(home, 1)
    with not_now(bank, 501, 500):
        bank.recv(home, 501)
    assert bank.transfer.read.capOf("client-0", bank.token.address)[3:] == (0, 1)


def test_the_guardian_only_tightens(bank):
    cap = lambda *a, sender: bank.transfer.setCap("client-0", bank.token.address, *a, sender=sender)
    with reverts("Unauthorized(address)", hexa(bank.user)):
        cap(0, 0, 10, sender=bank.user)
    cap(100, 1000, 60, sender=bank.guardian)
    cap(50, 1000, 60, sender=bank.guardian)
    for looser in ((51, 1000, 60), (50, 1001, 60), (50, 1000, 30), (50, 1000, 90), (50, 1000, 0)):
        with reverts("Unauthorized(address)", hexa(bank.guardian)):
            cap(*looser, sender=bank.guardian)
    cap(0, 0, 60, sender=bank.guardian)
    with reverts("OverCap(string,address,uint256,uint256)", "client-0", hexa(bank.token.address), 1, 0):
        bank.send(1)
    cap(0, 0, 0, sender=bank.owner)
    bank.send(1)


def test_a_refund_passes_whatever_the_cap_is(bank):
    sequence, value = bank.send(1000)
    bank.transfer.setCap("client-0", bank.token.address, 0, 0, 100, sender=bank.guardian)
    bank.time_out("client-0", sequence, value)
    assert bank.token.read.balanceOf(bank.user) == 10**9


# Value is conserved: a random history against a model that knows only amounts.

@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


steps = st.lists(st.tuples(
    st.sampled_from(["send", "send voucher", "recv", "recv home", "ack", "error", "timeout"]),
    st.sampled_from(["client-0", "client-1"]), st.integers(1, 400), st.integers(0, 30)), min_size=1, max_size=25)


@settings(max_examples=12)
@given(steps)
def test_value_is_conserved(evm_name, history):
    need("Transfer", "Voucher")
    bank = kept("bank-property", evm_name, Bank)
    remote_token = "stake"
    escrow = {c: 0 for c in REMOTE}
    vouchers = {c: 0 for c in REMOTE}
    user = 10**9
    holder = {c: 0 for c in REMOTE}
    pending = []
    home = {c: f"transfer/{REMOTE[c]}/{hexa(bank.token.address)}" for c in REMOTE}
    for kind, client, amount, pick in history:
        path = f"transfer/{client}/{remote_token}"
        if kind == "send":
            sequence, value = bank.send(amount, client=client)
            escrow[client] += amount
            user -= amount
            pending.append((client, sequence, value, amount, False))
        elif kind == "recv":
            bank.recv(remote_token, amount, receiver=hexa(bank.user), client=client)
            vouchers[client] += amount
            holder[client] += amount
        elif kind == "send voucher":
            if holder[client] < amount:
                continue
            voucher = bank.voucher(path)
            voucher.approve(bank.transfer.address, amount, sender=bank.user)
            sequence, value = bank.send(amount, token=voucher, client=client)
            vouchers[client] -= amount
            holder[client] -= amount
            pending.append((client, sequence, value, amount, True))
        elif kind == "recv home":
            if escrow[client] - sum(p[3] for p in pending if p[0] == client and not p[4]) < amount:
                # More than the other side can have: an honest one never asks, a false one gets no more than its lane's.
                if escrow[client] < amount:
                    with reverts("InsufficientEscrow(address,uint256,uint256)"):
                        bank.recv(home[client], amount, client=client)
                continue
            bank.recv(home[client], amount, receiver=hexa(bank.user), client=client)
            escrow[client] -= amount
            user += amount
        elif pending:
            client, sequence, value, amount, is_voucher = pending.pop(pick % len(pending))
            if kind == "ack":
                bank.ack(client, sequence, value, SUCCESS)
                continue
            if kind == "error":
                bank.ack(client, sequence, value, ibc.UNIVERSAL_ERROR)
            else:
                bank.time_out(client, sequence, value)
            if is_voucher:
                vouchers[client] += amount
                holder[client] += amount
            else:
                escrow[client] -= amount
                user += amount
        for c in REMOTE:
            assert bank.transfer.read.escrowed(c, bank.token.address) == escrow[c]
        assert bank.token.read.balanceOf(bank.transfer.address) == sum(escrow.values())
        assert bank.token.read.balanceOf(bank.user) == user
    for c in REMOTE:
        address = bank.transfer.read.voucherOf(f"transfer/{c}/{remote_token}")
        supply = bank.voucher(f"transfer/{c}/{remote_token}").read.totalSupply() if address != ZERO else 0
        assert supply == vouchers[c]
