# @title  Tokens to and from other domains: ICS-20 v2 over IBC v2
# @notice An application on port `transfer`. What leaves home waits here, counted for each lane; what arrives away from
#         home is a voucher (Voucher.vy) that is named after its way; going back burns the voucher and pays out of
#         the other side's escrow.
# @dev    docs/spec/envelope.md section 5, docs/spec/host.md section 6; ibc-go v10 `apps/transfer/v2/ibc_module.go`;
#         `sendTransfer` and the errors ICS20… are those of solidity-ibc-eureka. A token of this chain is named by its
#         address, as lower-case text.

from governance import Owned
from kit import Text

initializes: Owned
exports: Owned.__interface__

struct Payload:
    sourcePort: String[128]
    destPort: String[128]
    version: String[64]
    encoding: String[64]
    value: Bytes[4096]

struct OnRecvPacketCallback:
    sourceClient: String[64]
    destinationClient: String[64]
    sequence: uint64
    payload: Payload
    relayer: address

struct OnAcknowledgementPacketCallback:
    sourceClient: String[64]
    destinationClient: String[64]
    sequence: uint64
    payload: Payload
    acknowledgement: Bytes[2048]
    relayer: address

struct OnTimeoutPacketCallback:
    sourceClient: String[64]
    destinationClient: String[64]
    sequence: uint64
    payload: Payload
    relayer: address

struct OnSendPacketCallback:
    sourceClient: String[64]
    destinationClient: String[64]
    sequence: uint64
    payload: Payload
    sender: address

# The same with room for what `sendPacket` takes.
struct SmallPayload:
    sourcePort: String[128]
    destPort: String[128]
    version: String[64]
    encoding: String[64]
    value: Bytes[2048]

struct MsgSendPacket:
    sourceClient: String[64]
    timeoutTimestamp: uint64
    payload: SmallPayload

struct SendTransferMsg:
    denom: address
    amount: uint256
    receiver: String[256]
    sourceClient: String[64]
    destPort: String[128]
    timeoutTimestamp: uint64
    memo: String[1024]

struct FungibleTokenPacketData:
    denom: String[1024]
    sender: String[42]
    receiver: String[256]
    amount: uint256
    memo: String[1024]

# A transfer in calldata: positions and sizes of its texts, and the amount.
struct Parts:
    denom: uint256
    denomSize: uint256
    sender: uint256
    senderSize: uint256
    receiver: uint256
    receiverSize: uint256
    amount: uint256

# What may pass over one lane of one token: in a message, and in a window of `window` seconds, each way. Without a
# window there is no limit.
struct Cap:
    perMessage: uint256
    perWindow: uint256
    window: uint256
    sentWindow: uint256
    sent: uint256
    receivedWindow: uint256
    received: uint256

interface Router:
    def sendPacket(message: MsgSendPacket) -> uint64: nonpayable

interface Voucher:
    def initialize(path: String[1024]): nonpayable
    def path() -> String[1024]: view
    def mint(receiver: address, amount: uint256): nonpayable
    def burn(amount: uint256): nonpayable

interface Token:
    def balanceOf(account: address) -> uint256: view

event TransferSent:
    token: indexed(address)
    sender: indexed(address)
    client: String[64]
    sequence: uint64
    amount: uint256
    denom: String[1024]

event TransferReceived:
    token: indexed(address)
    receiver: indexed(address)
    client: String[64]
    sequence: uint64
    amount: uint256
    denom: String[1024]

# A transfer failed at the destination, or came too late. What the token would not pay is kept: `claim`.
event TransferRefunded:
    token: indexed(address)
    sender: indexed(address)
    client: String[64]
    sequence: uint64
    amount: uint256
    paid: bool

event RefundClaimed:
    token: indexed(address)
    owner: indexed(address)
    receiver: indexed(address)
    amount: uint256

event VoucherCreated:
    token: indexed(address)
    path: String[1024]

event CapSet:
    client: String[64]
    token: indexed(address)
    perMessage: uint256
    perWindow: uint256
    window: uint256

event BlockedSet:
    account: indexed(address)
    blocked: bool

PORT: constant(String[128]) = "transfer"
VERSION: constant(String[64]) = "ics20-1"
ENCODING: constant(String[64]) = "application/x-solidity-abi"
SUCCESS: constant(Bytes[17]) = b'{"result":"AQ=="}'
UNIVERSAL_ERROR: constant(bytes32) = sha256("UNIVERSAL_ERROR_ACKNOWLEDGEMENT")

DENOM_MAX: constant(uint256) = 1024
TEXT_MAX: constant(uint256) = 2048
# What a token may use to pay somebody, and what is left to finish after that.
TOKEN_GAS: constant(uint256) = 300_000
RESERVE: constant(uint256) = 60_000

# Why a transfer is refused: the number in InvalidTransfer(uint256).
INVALID_SIZE: constant(uint256) = 1
INVALID_ENCODING: constant(uint256) = 2  # not as Solidity writes it
INVALID_LENGTH: constant(uint256) = 3  # a text that is empty or too long
INVALID_SENDER: constant(uint256) = 4  # not the text of who sends
INVALID_FEE: constant(uint256) = 5  # the token kept a part, and the amount is fixed

ROUTER: public(immutable(address))
# The code of every voucher.
VOUCHER: public(immutable(address))

vouchers: HashMap[bytes32, address]
pathHash: HashMap[address, bytes32]
escrows: HashMap[String[64], HashMap[address, uint256]]
caps: HashMap[String[64], HashMap[address, Cap]]
blocked: public(HashMap[address, bool])
# Who gets a refund, where it is not the sender: client, sequence.
refundTo: HashMap[String[64], HashMap[uint64, address]]
# What a refund could not pay: owner, token.
owed: public(HashMap[address, HashMap[address, uint256]])


# @param voucherCode  creation code of Voucher
@deploy
def __init__(router: address, owner: address, guardian: address, voucherCode: Bytes[8192]):
    Owned.__init__(owner, guardian)
    assert router != empty(address)
    ROUTER = router
    VOUCHER = raw_create(voucherCode)


# MARK: what anyone may ask

# @notice The voucher of a path, newest hop first, as `transfer/client-0/stake`; zero while there is none.
@external
@view
def voucherOf(path: String[1024]) -> address:
    return self.vouchers[keccak256(path)]


# @notice The path of a voucher; empty for any other token.
@external
@view
def pathOf(token: address) -> String[1024]:
    if self.pathHash[token] == empty(bytes32):
        return ""
    return staticcall Voucher(token).path()


# @notice What left over a lane and has not come back.
@external
@view
def escrowed(client: String[64], token: address) -> uint256:
    return self.escrows[client][token]


# @return per message, per window, window in seconds, sent and received in the window that is now
@external
@view
def capOf(client: String[64], token: address) -> (uint256, uint256, uint256, uint256, uint256):
    cap: Cap = self.caps[client][token]
    if cap.window == 0:
        return max_value(uint256), max_value(uint256), 0, 0, 0
    window: uint256 = block.timestamp // cap.window
    if cap.sentWindow != window:
        cap.sent = 0
    if cap.receivedWindow != window:
        cap.received = 0
    return cap.perMessage, cap.perWindow, cap.window, cap.sent, cap.received


# MARK: administration

# @notice Limits what may pass over a lane of a token. `window` 0 takes the limit away; `perMessage` 0 shuts the lane
#         for it. The guardian may only tighten.
@external
def setCap(client: String[64], token: address, perMessage: uint256, perWindow: uint256, window: uint256):
    Owned.onlyOwnerOrGuardian()
    cap: Cap = self.caps[client][token]
    if msg.sender != Owned.owner and (
        window == 0
        or (
            cap.window != 0
            and (perMessage > cap.perMessage or perWindow > cap.perWindow or window != cap.window)
        )
    ):
        Owned.refuse(msg.sender)
    if window != cap.window:
        # Counting starts again.
        cap.sentWindow = 0
        cap.receivedWindow = 0
    cap.perMessage = perMessage
    cap.perWindow = perWindow
    cap.window = window
    self.caps[client][token] = cap
    log CapSet(client=client, token=token, perMessage=perMessage, perWindow=perWindow, window=window)


# @notice Accounts that may not receive, beside zero, this contract, the router and the token itself: contracts whose
#         balances mean something.
@external
def setBlocked(account: address, isBlocked: bool):
    Owned.onlyOwner()
    self.blocked[account] = isBlocked
    log BlockedSet(account=account, blocked=isBlocked)


# MARK: origin

# @notice Sends tokens of the caller, who has approved this contract for them.
# @return the packet's sequence
@external
@nonreentrant
def sendTransfer(message: SendTransferMsg) -> uint64:
    return self._send(message)


# @notice The same, and says who gets the tokens back when the transfer fails or comes too late: for contracts that
#         send for somebody else. The packet's sender is the caller all the same.
@external
@nonreentrant
def sendTransferFor(message: SendTransferMsg, refundTo: address) -> uint64:
    if refundTo == empty(address):
        self._refuse(INVALID_SENDER)
    sequence: uint64 = self._send(message)
    self.refundTo[message.sourceClient][sequence] = refundTo
    return sequence


@internal
def _send(message: SendTransferMsg) -> uint64:
    if message.amount == 0:
        raw_revert(abi_encode(message.amount, method_id=method_id("ICS20InvalidAmount(uint256)")))
    if message.destPort != PORT:
        self._refusePort(message.destPort)
    if len(message.receiver) == 0:
        self._refuse(INVALID_LENGTH)
    token: address = message.denom
    denom: String[1024] = self._denomOf(token)
    amount: uint256 = self._take(message.sourceClient, token, denom, message.amount, msg.sender)
    packet: Bytes[3000] = abi_encode(
        FungibleTokenPacketData(
            denom=denom,
            sender=Text.ofAddress(msg.sender),
            receiver=message.receiver,
            amount=amount,
            memo=message.memo,
        )
    )
    if len(packet) > 2048:
        self._refuse(INVALID_SIZE)
    sequence: uint64 = extcall Router(ROUTER).sendPacket(
        MsgSendPacket(
            sourceClient=message.sourceClient,
            timeoutTimestamp=message.timeoutTimestamp,
            payload=SmallPayload(
                sourcePort=PORT,
                destPort=PORT,
                version=VERSION,
                encoding=ENCODING,
                value=convert(packet, Bytes[2048]),
            ),
        )
    )
    log TransferSent(
        token=token,
        sender=msg.sender,
        client=message.sourceClient,
        sequence=sequence,
        amount=amount,
        denom=denom,
    )
    return sequence


# @notice From the router: a transfer that stands beside other payloads in one packet, by `sender`.
@external
@nonreentrant
def onSendPacket(callback: OnSendPacketCallback):
    self._checkCaller()
    self._checkPayload(
        callback.payload.sourcePort, callback.payload.destPort, callback.payload.version, callback.payload.encoding
    )
    base: uint256 = self._value()
    parts: Parts = self._decode(base, len(callback.payload.value))
    sender: address = empty(address)
    named: bool = False
    sender, named = self._address(parts.sender, parts.senderSize, True)
    if not named or sender != callback.sender:
        self._refuse(INVALID_SENDER)
    denom: String[1024] = convert(
        convert(slice(callback.payload.value, parts.denom - base, parts.denomSize), Bytes[1024]), String[1024]
    )
    token: address = self._tokenOf(denom, parts)
    amount: uint256 = self._take(callback.sourceClient, token, denom, parts.amount, sender)
    if amount != parts.amount:
        self._refuse(INVALID_FEE)
    log TransferSent(
        token=token,
        sender=sender,
        client=callback.sourceClient,
        sequence=callback.sequence,
        amount=amount,
        denom=denom,
    )


# @notice Takes what is sent: vouchers that go back the way they came are burnt, all else is kept.
# @return what has really come, for tokens that keep a part
@internal
def _take(client: String[64], token: address, denom: String[1024], amount: uint256, sender: address) -> uint256:
    limit: uint256 = self._count(client, token, amount, True)
    if limit < amount:
        raw_revert(
            abi_encode(
                client, token, amount, limit, method_id=method_id("OverCap(string,address,uint256,uint256)")
            )
        )
    if not token.is_contract:
        raw_revert(abi_encode(denom, method_id=method_id("ICS20DenomNotFound(string)")))
    before: uint256 = staticcall Token(token).balanceOf(self)
    success: bool = False
    answer: Bytes[256] = b""
    success, answer = raw_call(
        token,
        abi_encode(sender, self, amount, method_id=method_id("transferFrom(address,address,uint256)")),
        max_outsize=256,
        revert_on_failure=False,
    )
    if not success or not self._agrees(answer):
        raw_revert(abi_encode(token, answer, method_id=method_id("TransferRefused(address,bytes)")))
    received: uint256 = staticcall Token(token).balanceOf(self) - before
    if received == 0 or received > amount:
        raw_revert(abi_encode(received, method_id=method_id("ICS20InvalidAmount(uint256)")))
    if self._hops(denom, client) != 0:
        extcall Voucher(token).burn(received)
    else:
        self.escrows[client][token] += received
    return received


# @notice From the router: a transfer was received, and answered.
@external
@nonreentrant
def onAcknowledgementPacket(callback: OnAcknowledgementPacketCallback):
    self._checkCaller()
    # Anything but the universal error was written by a receiver that has executed: what left stays away.
    if len(callback.acknowledgement) != 32 or extract32(callback.acknowledgement, 0) != UNIVERSAL_ERROR:
        return
    base: uint256 = self._value()
    parts: Parts = self._decode(base, len(callback.payload.value))
    self._refund(
        callback.sourceClient,
        callback.sequence,
        convert(
            convert(slice(callback.payload.value, parts.denom - base, parts.denomSize), Bytes[1024]), String[1024]
        ),
        parts,
    )


# @notice From the router: a transfer was not received in time, and never will be.
@external
@nonreentrant
def onTimeoutPacket(callback: OnTimeoutPacketCallback):
    self._checkCaller()
    base: uint256 = self._value()
    parts: Parts = self._decode(base, len(callback.payload.value))
    self._refund(
        callback.sourceClient,
        callback.sequence,
        convert(
            convert(slice(callback.payload.value, parts.denom - base, parts.denomSize), Bytes[1024]), String[1024]
        ),
        parts,
    )


# @notice Undoes `_take`. A token that does not pay its old owner does not hold the packet up: the amount is kept.
@internal
def _refund(client: String[64], sequence: uint64, denom: String[1024], parts: Parts):
    sender: address = empty(address)
    named: bool = False
    sender, named = self._address(parts.sender, parts.senderSize, True)
    other: address = self.refundTo[client][sequence]
    if other != empty(address):
        sender = other
        self.refundTo[client][sequence] = empty(address)
    token: address = self._tokenOf(denom, parts)
    paid: bool = True
    if self._hops(denom, client) != 0:
        extcall Voucher(token).mint(sender, parts.amount)
    else:
        self.escrows[client][token] -= parts.amount
        paid = self._pay(token, sender, parts.amount)
        if not paid:
            self.owed[sender][token] += parts.amount
    log TransferRefunded(
        token=token, sender=sender, client=client, sequence=sequence, amount=parts.amount, paid=paid
    )


# @notice Pays to `receiver` what refunds to the caller could not pay.
@external
@nonreentrant
def claim(token: address, receiver: address) -> uint256:
    amount: uint256 = self.owed[msg.sender][token]
    self.owed[msg.sender][token] = 0
    nothing: Bytes[32] = b""
    if amount == 0 or not self._pay(token, receiver, amount):
        raw_revert(abi_encode(token, nothing, method_id=method_id("TransferRefused(address,bytes)")))
    log RefundClaimed(token=token, owner=msg.sender, receiver=receiver, amount=amount)
    return amount


# MARK: destination

# @notice From the router: pays or mints what has arrived.
@external
@nonreentrant
def onRecvPacket(callback: OnRecvPacketCallback) -> Bytes[17]:
    self._checkCaller()
    self._checkPayload(
        callback.payload.sourcePort, callback.payload.destPort, callback.payload.version, callback.payload.encoding
    )
    base: uint256 = self._value()
    parts: Parts = self._decode(base, len(callback.payload.value))
    receiver: address = empty(address)
    named: bool = False
    receiver, named = self._address(parts.receiver, parts.receiverSize, False)
    if not named or receiver == empty(address) or receiver == self or receiver == ROUTER or self.blocked[receiver]:
        raw_revert(
            abi_encode(
                slice(callback.payload.value, parts.receiver - base, min(parts.receiverSize, 128)),
                method_id=method_id("ICS20InvalidAddress(string)"),
            )
        )
    denom: String[1024] = convert(
        convert(slice(callback.payload.value, parts.denom - base, parts.denomSize), Bytes[1024]), String[1024]
    )
    token: address = empty(address)
    hop: uint256 = self._hops(denom, callback.sourceClient)
    if hop != 0:
        # It comes home: the other side has burnt its voucher.
        parts.denom += hop
        parts.denomSize -= hop
        denom = convert(
            convert(slice(callback.payload.value, parts.denom - base, parts.denomSize), Bytes[1024]), String[1024]
        )
        token = self._tokenOf(denom, parts)
    else:
        if len(PORT) + len(callback.destinationClient) + 2 + len(denom) > DENOM_MAX:
            self._refuse(INVALID_LENGTH)
        denom = convert(concat(PORT, "/", callback.destinationClient, "/", denom), String[1024])
        token = self._voucher(denom)
    if receiver == token:
        raw_revert(
            abi_encode(
                slice(callback.payload.value, parts.receiver - base, 42),
                method_id=method_id("ICS20InvalidAddress(string)"),
            )
        )
    limit: uint256 = self._count(callback.destinationClient, token, parts.amount, False)
    if limit < parts.amount:
        # The router keeps the packet open: it can be received when the window is over or the limit was raised, or
        # time out.
        raw_revert(
            abi_encode(
                abi_encode(
                    callback.destinationClient,
                    token,
                    parts.amount,
                    limit,
                    method_id=method_id("OverCap(string,address,uint256,uint256)"),
                ),
                method_id=method_id("NotNow(bytes)"),
            )
        )
    if hop != 0:
        held: uint256 = self.escrows[callback.destinationClient][token]
        if held < parts.amount:
            raw_revert(
                abi_encode(
                    token, held, parts.amount, method_id=method_id("InsufficientEscrow(address,uint256,uint256)")
                )
            )
        self.escrows[callback.destinationClient][token] = held - parts.amount
        if not self._pay(token, receiver, parts.amount):
            nothing: Bytes[32] = b""
            raw_revert(abi_encode(token, nothing, method_id=method_id("TransferRefused(address,bytes)")))
    else:
        if not self._tell(
            token, abi_encode(receiver, parts.amount, method_id=method_id("mint(address,uint256)"))
        ):
            raw_revert(abi_encode(parts.amount, method_id=method_id("ICS20InvalidAmount(uint256)")))
    log TransferReceived(
        token=token,
        receiver=receiver,
        client=callback.destinationClient,
        sequence=callback.sequence,
        amount=parts.amount,
        denom=denom,
    )
    return SUCCESS


@internal
def _voucher(path: String[1024]) -> address:
    salt: bytes32 = keccak256(path)
    token: address = self.vouchers[salt]
    if token == empty(address):
        token = create_minimal_proxy_to(VOUCHER, salt=salt)
        extcall Voucher(token).initialize(path)
        self.vouchers[salt] = token
        self.pathHash[token] = salt
        log VoucherCreated(token=token, path=path)
    return token


# MARK: both

@internal
@view
def _checkCaller():
    if msg.sender != ROUTER:
        Owned.refuse(msg.sender)


@internal
@pure
def _refuse(reason: uint256):
    raw_revert(abi_encode(reason, method_id=method_id("InvalidTransfer(uint256)")))


@internal
@pure
def _refusePort(port: String[128]):
    expected: String[128] = PORT
    raw_revert(abi_encode(expected, port, method_id=method_id("ICS20InvalidPort(string,string)")))


@internal
@pure
def _checkPayload(source: String[128], destination: String[128], version: String[64], encoding: String[64]):
    if source != PORT:
        self._refusePort(source)
    if destination != PORT:
        self._refusePort(destination)
    expected: String[64] = VERSION
    if version != expected:
        raw_revert(abi_encode(expected, version, method_id=method_id("ICS20UnexpectedVersion(string,string)")))
    expected = ENCODING
    if encoding != expected:
        raw_revert(abi_encode(expected, encoding, method_id=method_id("ICS20UnexpectedEncoding(string,string)")))


@internal
@view
def _word(position: uint256) -> uint256:
    return convert(slice(msg.data, position, 32), uint256)


# @notice Where the value of a callback's payload is in calldata.
@internal
@view
def _value() -> uint256:
    callback: uint256 = 4 + self._word(4)
    payload: uint256 = callback + self._word(callback + 96)
    return payload + self._word(payload + 128) + 32


# @notice Reads a transfer; only the one encoding that Solidity writes is taken.
@internal
@view
def _decode(base: uint256, size: uint256) -> Parts:
    # Offset of the tuple, its 5 words, 4 lengths, 3 texts.
    if size < 32 * 13 or size % 32 != 0:
        self._refuse(INVALID_SIZE)
    if self._word(base) != 32:
        self._refuse(INVALID_ENCODING)
    parts: Parts = empty(Parts)
    offset: uint256 = 160
    memo: uint256 = 0
    memoSize: uint256 = 0
    parts.denom, parts.denomSize, offset = self._text(base, size, 0, offset)
    parts.sender, parts.senderSize, offset = self._text(base, size, 1, offset)
    parts.receiver, parts.receiverSize, offset = self._text(base, size, 2, offset)
    memo, memoSize, offset = self._text(base, size, 4, offset)
    if 32 + offset != size:
        self._refuse(INVALID_ENCODING)
    parts.amount = self._word(base + 128)
    if parts.amount == 0:
        raw_revert(abi_encode(parts.amount, method_id=method_id("ICS20InvalidAmount(uint256)")))
    if (
        parts.denomSize == 0
        or parts.denomSize > DENOM_MAX
        or parts.senderSize == 0
        or parts.senderSize > TEXT_MAX
        or parts.receiverSize == 0
        or parts.receiverSize > TEXT_MAX
    ):
        self._refuse(INVALID_LENGTH)
    return parts


# @notice The text of field `index`, which must begin `offset` bytes after the tuple: position, size, next offset.
@internal
@view
def _text(base: uint256, size: uint256, index: uint256, offset: uint256) -> (uint256, uint256, uint256):
    if self._word(base + 32 + 32 * index) != offset or offset + 64 > size:
        self._refuse(INVALID_ENCODING)
    length: uint256 = self._word(base + 32 + offset)
    if length > size:
        self._refuse(INVALID_ENCODING)
    next: uint256 = offset + 32 + (length + 31) // 32 * 32
    if 32 + next > size:
        self._refuse(INVALID_ENCODING)
    if length % 32 != 0 and (self._word(base + next) << (8 * (length % 32))) != 0:
        self._refuse(INVALID_ENCODING)
    return base + 64 + offset, length, next


# @notice The address that a text in calldata writes.
@internal
@view
def _address(position: uint256, size: uint256, exact: bool) -> (address, bool):
    if size != 42:
        return empty(address), False
    return Text.toAddress(
        convert(self._word(position), bytes32), convert(self._word(position + 10), bytes32), exact
    )


# @notice The token that a name means here: a token of this chain, or a voucher.
@internal
@view
def _tokenOf(denom: String[1024], parts: Parts) -> address:
    token: address = empty(address)
    named: bool = False
    token, named = self._address(parts.denom, parts.denomSize, True)
    if not named:
        token = self.vouchers[keccak256(denom)]
    # A voucher goes by its path alone.
    if token == empty(address) or (named and self.pathHash[token] != empty(bytes32)):
        raw_revert(abi_encode(denom, method_id=method_id("ICS20DenomNotFound(string)")))
    return token


# @notice How a token is named between domains.
@internal
@view
def _denomOf(token: address) -> String[1024]:
    if self.pathHash[token] == empty(bytes32):
        return Text.ofAddress(token)
    return staticcall Voucher(token).path()


# @notice The size of the last hop, if the token's last hop was through `client`; otherwise 0.
@internal
@pure
def _hops(denom: String[1024], client: String[64]) -> uint256:
    hop: String[74] = concat("transfer/", client, "/")
    if len(denom) <= len(hop) or slice(denom, 0, len(hop)) != hop:
        return 0
    return len(hop)


# @notice Counts an amount where it passes its lane's limits.
# @return what may pass; less than the amount when nothing was counted
@internal
def _count(client: String[64], token: address, amount: uint256, sent: bool) -> uint256:
    length: uint256 = self.caps[client][token].window
    if length == 0:
        return max_value(uint256)
    limit: uint256 = self.caps[client][token].perMessage
    window: uint256 = block.timestamp // length
    used: uint256 = 0
    if sent and self.caps[client][token].sentWindow == window:
        used = self.caps[client][token].sent
    if not sent and self.caps[client][token].receivedWindow == window:
        used = self.caps[client][token].received
    perWindow: uint256 = self.caps[client][token].perWindow
    if used >= perWindow:
        return 0
    limit = min(limit, perWindow - used)
    if amount <= limit:
        if sent:
            self.caps[client][token].sentWindow = window
            self.caps[client][token].sent = used + amount
        else:
            self.caps[client][token].receivedWindow = window
            self.caps[client][token].received = used + amount
    return limit


# @notice Whether a token says that it has done it; some say nothing.
@internal
@pure
def _agrees(answer: Bytes[256]) -> bool:
    return len(answer) == 0 or (len(answer) >= 32 and extract32(answer, 0) == convert(1, bytes32))


@internal
def _pay(token: address, receiver: address, amount: uint256) -> bool:
    return token.is_contract and self._tell(
        token, abi_encode(receiver, amount, method_id=method_id("transfer(address,uint256)"))
    )


# @notice A call that may fail, with all the gas that it is allowed, or not at all.
@internal
def _tell(token: address, input: Bytes[68]) -> bool:
    assert msg.gas > TOKEN_GAS + TOKEN_GAS // 63 + RESERVE
    success: bool = False
    answer: Bytes[256] = b""
    success, answer = raw_call(token, input, gas=TOKEN_GAS, max_outsize=256, revert_on_failure=False)
    return success and self._agrees(answer)
