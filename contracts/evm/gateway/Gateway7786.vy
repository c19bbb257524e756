# @title  ERC-7786: messages between contracts, whatever the lane
# @notice Source and destination gateway in one. Between EVM chains, two gateways are an IBC application of their own,
#         each on the port of its address. To a ledger, a message is a call by this gateway's execution account, as
#         JSON: {"receive_message":{"receive_id":"0x…","sender":"0x…","payload":"0x…"}}. From a ledger, a sender's
#         execution account calls `deliver` here.
# @dev    ERC-7930 addresses in their one canonical form only. Attributes: `timeout(uint256)` (seconds since 1970),
#         `minGasLimit(uint256)`. Value is not carried. After deployment anyone calls `addIBCApp(gateway)` at the router,
#         which gives the gateway its port.

from governance import Owned
from kit import Text

initializes: Owned
exports: Owned.__interface__

struct Payload:
    sourcePort: String[128]
    destPort: String[128]
    version: String[64]
    encoding: String[64]
    value: Bytes[2048]

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

struct MsgSendPacket:
    sourceClient: String[64]
    timeoutTimestamp: uint64
    payload: Payload

# What one gateway tells the other.
struct Message:
    sender: Bytes[64]
    recipient: Bytes[64]
    gasLimit: uint256
    payload: Bytes[1536]

interface Router:
    def sendPacket(message: MsgSendPacket) -> uint64: nonpayable

interface Handler:
    def accountOf(client: String[64], owner: Bytes[64]) -> address: view
    def sendCall(
        client: String[64], timeout: uint64, target: Bytes[64], gasLimit: uint64, input: Bytes[1792]
    ) -> uint64: nonpayable

# ERC-7786. `sendId` is always 0: nothing more is to be done by the sender.
event MessageSent:
    sendId: indexed(bytes32)
    sender: Bytes[64]
    recipient: Bytes[64]
    payload: Bytes[1536]
    amount: uint256
    attributes: DynArray[Bytes[128], 4]

# By which packet a message went; its end has the same names.
event MessageRouted:
    sender: indexed(address)
    client: String[64]
    sequence: uint64

# 0 delivered, 1 failed there, 2 timed out.
event MessageSettled:
    client: String[64]
    sequence: uint64
    status: uint8

event MessageDelivered:
    receiveId: indexed(bytes32)
    recipient: indexed(address)
    sender: Bytes[64]

event RouteSet:
    domain: Bytes[64]
    client: String[64]
    port: String[128]

VERSION: constant(String[64]) = "causeway-7786-1"
ENCODING: constant(String[64]) = "application/x-solidity-abi"
EXECUTION: constant(String[128]) = "execution"
UNIVERSAL_ERROR: constant(bytes32) = sha256("UNIVERSAL_ERROR_ACKNOWLEDGEMENT")

TIMEOUT: constant(bytes4) = method_id("timeout(uint256)", output_type=bytes4)
MIN_GAS_LIMIT: constant(bytes4) = method_id("minGasLimit(uint256)", output_type=bytes4)
RECEIVE_MESSAGE: constant(bytes4) = method_id("receiveMessage(bytes32,bytes,bytes)", output_type=bytes4)

TIMEOUT_DEFAULT: constant(uint256) = 12 * 3600
GAS_DEFAULT: constant(uint256) = 200_000
GAS_MAX: constant(uint256) = 30_000_000
RESERVE: constant(uint256) = 60_000
# Longest message to a ledger; its hexadecimal text has twice as many characters.
LEDGER_PAYLOAD_MAX: constant(uint256) = 640

ROUTER: public(immutable(address))
HANDLER: public(immutable(address))
CHAIN: immutable(Bytes[16])

# The lane to a chain, named as ERC-7930 without account.
clientOf: HashMap[bytes32, String[64]]
# What is at the other end of a lane: the chain, and the port of the gateway there, or `execution` for a ledger.
chainOf: HashMap[String[64], Bytes[64]]
portOf: HashMap[String[64], String[128]]
count: uint256


@deploy
def __init__(router: address, handler: address, owner: address, guardian: address):
    Owned.__init__(owner, guardian)
    ROUTER = router
    HANDLER = handler
    size: uint256 = 1
    for i: uint256 in range(1, 8):
        if chain.id >> (8 * i) == 0:
            break
        size += 1
    assert chain.id >> 64 == 0
    CHAIN = concat(
        b"\x00\x01\x00\x00",
        convert(convert(size, uint8), bytes1),
        convert(slice(convert(chain.id << (8 * (32 - size)), bytes32), 0, size), Bytes[10]),
    )


# MARK: routes

# @notice The lane to a chain. A lane leads to one chain, and a chain has one lane.
# @param  domain  ERC-7930 without account
# @param  port    of the gateway there, or `execution` where there is none (a ledger)
@external
def setRoute(domain: Bytes[64], client: String[64], port: String[128]):
    Owned.onlyOwner()
    assert self._isAddress(domain, False) and len(port) > 0
    old: Bytes[64] = self.chainOf[client]
    if len(old) > 0:
        self.clientOf[keccak256(old)] = ""
    previous: String[64] = self.clientOf[keccak256(domain)]
    if len(previous) > 0:
        self.chainOf[previous] = b""
        self.portOf[previous] = ""
    self.clientOf[keccak256(domain)] = client
    self.chainOf[client] = domain
    self.portOf[client] = port
    log RouteSet(domain=domain, client=client, port=port)


# @return client and port
@external
@view
def route(domain: Bytes[64]) -> (String[64], String[128]):
    client: String[64] = self.clientOf[keccak256(domain)]
    return client, self.portOf[client]


# MARK: addresses

# @notice Whether bytes are an ERC-7930 address in its one form, with an account or without.
@internal
@pure
def _isAddress(a: Bytes[64], account: bool) -> bool:
    size: uint256 = len(a)
    if size < 7 or convert(slice(a, 0, 2), uint256) != 1:
        return False
    reference: uint256 = convert(slice(a, 4, 1), uint256)
    if reference == 0 or 6 + reference > size:
        return False
    length: uint256 = convert(slice(a, 5 + reference, 1), uint256)
    if 6 + reference + length != size or (length > 0) != account:
        return False
    if convert(slice(a, 2, 2), uint256) == 0:
        if reference > 32 or convert(slice(a, 5, 1), uint256) == 0:
            return False
        return length == 0 or length == 20
    return True


# @notice The chain of an address: the same without its account.
@internal
@pure
def _chain(a: Bytes[64]) -> Bytes[64]:
    return convert(concat(slice(a, 0, 5 + convert(slice(a, 4, 1), uint256)), b"\x00"), Bytes[64])


@internal
@view
def _local(account: address) -> Bytes[64]:
    return concat(CHAIN, b"\x14", convert(account, bytes20))


# @notice The account of an address that must be of this chain.
@internal
@view
def _localAccount(a: Bytes[64]) -> address:
    if not self._isAddress(a, True) or self._chain(a) != concat(CHAIN, b"\x00"):
        raw_revert(abi_encode(a, method_id=method_id("InvalidRecipient(bytes)")))
    return convert(convert(slice(a, len(a) - 20, 20), bytes20), address)


# MARK: source

@external
@pure
def supportsAttribute(selector: bytes4) -> bool:
    return selector == TIMEOUT or selector == MIN_GAS_LIMIT


# @notice ERC-7786: sends `payload` to `recipient`, an ERC-7930 address with an account.
# @return 0: nothing more is to be done
@external
@payable
def sendMessage(recipient: Bytes[64], payload: Bytes[1536], attributes: DynArray[Bytes[128], 4]) -> bytes32:
    if msg.value != 0:
        raw_revert(method_id("UnsupportedValue()"))
    if not self._isAddress(recipient, True):
        raw_revert(abi_encode(recipient, method_id=method_id("InvalidRecipient(bytes)")))
    timeout: uint256 = block.timestamp + TIMEOUT_DEFAULT
    gasLimit: uint256 = GAS_DEFAULT
    for attribute: Bytes[128] in attributes:
        selector: bytes4 = empty(bytes4)
        if len(attribute) >= 4:
            selector = convert(slice(attribute, 0, 4), bytes4)
        if len(attribute) != 36 or not (selector == TIMEOUT or selector == MIN_GAS_LIMIT):
            raw_revert(abi_encode(selector, method_id=method_id("UnsupportedAttribute(bytes4)")))
        number: uint256 = convert(slice(attribute, 4, 32), uint256)
        if selector == TIMEOUT:
            timeout = number
        else:
            gasLimit = number
    if timeout > 2**64 - 1 or gasLimit == 0 or gasLimit > GAS_MAX:
        raw_revert(abi_encode(TIMEOUT, method_id=method_id("UnsupportedAttribute(bytes4)")))
    client: String[64] = self.clientOf[keccak256(self._chain(recipient))]
    if len(client) == 0:
        raw_revert(abi_encode(recipient, method_id=method_id("NoRoute(bytes)")))
    port: String[128] = self.portOf[client]
    sender: Bytes[64] = self._local(msg.sender)
    sequence: uint64 = 0
    if port == EXECUTION:
        if len(payload) > LEDGER_PAYLOAD_MAX:
            raw_revert(
                abi_encode(len(payload), LEDGER_PAYLOAD_MAX, method_id=method_id("PayloadTooLong(uint256,uint256)"))
            )
        self.count += 1
        sequence = extcall Handler(HANDLER).sendCall(
            client,
            convert(timeout, uint64),
            recipient,
            convert(gasLimit, uint64),
            self._json(keccak256(abi_encode(chain.id, self, self.count)), sender, convert(payload, Bytes[640])),
        )
    else:
        sequence = extcall Router(ROUTER).sendPacket(
            MsgSendPacket(
                sourceClient=client,
                timeoutTimestamp=convert(timeout, uint64),
                payload=Payload(
                    sourcePort=Text.ofAddress(self),
                    destPort=port,
                    version=VERSION,
                    encoding=ENCODING,
                    value=abi_encode(
                        Message(sender=sender, recipient=recipient, gasLimit=gasLimit, payload=payload)
                    ),
                ),
            )
        )
    log MessageSent(
        sendId=empty(bytes32),
        sender=sender,
        recipient=recipient,
        payload=payload,
        amount=0,
        attributes=attributes,
    )
    log MessageRouted(sender=msg.sender, client=client, sequence=sequence)
    return empty(bytes32)


@internal
@pure
def _json(receiveId: bytes32, sender: Bytes[64], payload: Bytes[640]) -> Bytes[1792]:
    return convert(
        concat(
            b'{"receive_message":{"receive_id":"0x',
            self._hex(concat(receiveId, b"")),
            b'","sender":"0x',
            self._hex(sender),
            b'","payload":"0x',
            self._hex(payload),
            b'"}}',
        ),
        Bytes[1792],
    )


# @notice Two lower-case digits for each byte.
@internal
@pure
def _hex(raw: Bytes[640]) -> Bytes[1280]:
    text: Bytes[1280] = b""
    padded: Bytes[672] = concat(raw, empty(bytes32))
    for i: uint256 in range((len(raw) + 15) // 16, bound=40):
        text = convert(
            concat(text, Text.digits(convert(extract32(padded, 16 * i), uint256) >> 128)), Bytes[1280]
        )
    return slice(text, 0, 2 * len(raw))


# @notice From the router: a message was received, and answered.
@external
def onAcknowledgementPacket(callback: OnAcknowledgementPacketCallback):
    self._only(ROUTER)
    failed: bool = (
        len(callback.acknowledgement) == 32 and extract32(callback.acknowledgement, 0) == UNIVERSAL_ERROR
    )
    log MessageSettled(
        client=callback.sourceClient, sequence=callback.sequence, status=convert(failed, uint8)
    )


# @notice From the router: a message was not received in time, and never will be.
@external
def onTimeoutPacket(callback: OnTimeoutPacketCallback):
    self._only(ROUTER)
    log MessageSettled(client=callback.sourceClient, sequence=callback.sequence, status=2)


# @notice From the execution handler: what became of a message to a ledger.
@external
def onSettled(crossing: bytes32, client: String[64], sequence: uint64, status: uint8, outcome: Bytes[2048]):
    self._only(HANDLER)
    log MessageSettled(client=client, sequence=sequence, status=status)


# MARK: destination

@internal
@view
def _only(caller: address):
    if msg.sender != caller:
        Owned.refuse(msg.sender)


# @notice From the router: delivers what the gateway at the other end of the lane has taken.
@external
@nonreentrant
def onRecvPacket(callback: OnRecvPacketCallback) -> Bytes[1]:
    self._only(ROUTER)
    if (
        callback.payload.sourcePort != self.portOf[callback.destinationClient]
        or callback.payload.sourcePort == EXECUTION
        or callback.payload.version != VERSION
        or callback.payload.encoding != ENCODING
    ):
        raw_revert(abi_encode(callback.payload.sourcePort, method_id=method_id("NotAPeer(string)")))
    # Another encoding of the same message would not come from our twin; the decoder refuses what does not fit.
    message: Message = abi_decode(callback.payload.value, Message)
    if message.gasLimit > GAS_MAX:
        raw_revert(abi_encode(MIN_GAS_LIMIT, method_id=method_id("UnsupportedAttribute(bytes4)")))
    self._deliver(
        callback.destinationClient,
        keccak256(abi_encode(callback.destinationClient, callback.sequence)),
        message.sender,
        message.recipient,
        message.payload,
        message.gasLimit,
    )
    return b"\x01"


# @notice From the execution account of `sender`, a contract or account of the domain behind `client`: delivers its
#         message to a contract of this chain. All gas that is left is the recipient's.
@external
@nonreentrant
def deliver(client: String[64], sender: Bytes[64], recipient: Bytes[64], payload: Bytes[1536]) -> bytes32:
    self._only(staticcall Handler(HANDLER).accountOf(client, sender))
    self.count += 1
    receiveId: bytes32 = keccak256(abi_encode(chain.id, self, client, self.count))
    self._deliver(client, receiveId, sender, recipient, payload, 0)
    return receiveId


@internal
def _deliver(
    client: String[64],
    receiveId: bytes32,
    sender: Bytes[64],
    recipient: Bytes[64],
    payload: Bytes[1536],
    gasLimit: uint256,
):
    # A lane speaks for its own chain alone.
    if not self._isAddress(sender, True) or self._chain(sender) != self.chainOf[client]:
        raw_revert(abi_encode(sender, method_id=method_id("InvalidSender(bytes)")))
    account: address = self._localAccount(recipient)
    if not account.is_contract:
        raw_revert(abi_encode(recipient, method_id=method_id("InvalidRecipient(bytes)")))
    limit: uint256 = gasLimit
    if limit == 0:
        limit = msg.gas
    else:
        # Less would be starving it: then nothing of this happens.
        assert msg.gas > limit + limit // 63 + RESERVE
    success: bool = False
    answer: Bytes[256] = b""
    success, answer = raw_call(
        account,
        abi_encode(receiveId, sender, payload, method_id=method_id("receiveMessage(bytes32,bytes,bytes)")),
        gas=limit,
        max_outsize=256,
        revert_on_failure=False,
    )
    if (
        not success
        or len(answer) < 32
        or convert(slice(answer, 0, 32), bytes32) != convert(RECEIVE_MESSAGE, bytes32)
    ):
        raw_revert(abi_encode(account, answer, method_id=method_id("NotReceived(address,bytes)")))
    log MessageDelivered(receiveId=receiveId, recipient=account, sender=sender)
