# @title  Execution: calls from other domains, and calls to them
# @notice An IBC v2 application on port `execution`. A packet carries an SSZ `ExecutionEnvelope`: up to 16 calls, all
#         or none. Here they are made by the sender's execution account (ExecutionAccount.vy), which belongs to one
#         sender of one lane. Away from here, calls are ordered with `sendCall`, `sendCalls` or `sendEnvelope`.
# @dev    docs/spec/envelope.md section 4, docs/spec/host.md section 7. Envelopes are read where they lie, in calldata
#         (`slice(msg.data, …)`): Vyper gives every byte array its largest size in memory, and memory costs.
#         A revert without data means "not enough gas": the router then undoes the whole receive. A revert with data
#         means that the envelope failed, and becomes the universal error acknowledgement.

from kit import Text

struct Payload:
    sourcePort: String[128]
    destPort: String[128]
    version: String[64]
    encoding: String[64]
    value: Bytes[VALUE_MAX]

# The same with room for what `sendPacket` takes.
struct SmallPayload:
    sourcePort: String[128]
    destPort: String[128]
    version: String[64]
    encoding: String[64]
    value: Bytes[SMALL_MAX]

struct OnSendPacketCallback:
    sourceClient: String[64]
    destinationClient: String[64]
    sequence: uint64
    payload: Payload
    sender: address

struct MsgSendPacket:
    sourceClient: String[64]
    timeoutTimestamp: uint64
    payload: SmallPayload

struct MsgSendPayloads:
    sourceClient: String[64]
    timeoutTimestamp: uint64
    payloads: DynArray[Payload, 1]

# An amount of one token: its lower-case 0x address at the destination, or its ICS-20 path there.
struct Coin:
    denom: String[128]
    amount: uint256

# One call of `sendCalls`. `target` is an ERC-7930 address with an account.
struct Call:
    target: Bytes[64]
    funds: DynArray[Coin, 4]
    gasLimit: uint64
    input: Bytes[1024]

# Where the parts of a call are in calldata.
struct Place:
    target: uint256
    targetSize: uint256
    funds: uint256
    fundsSize: uint256
    gasLimit: uint256
    input: uint256
    inputSize: uint256
    # Where the call ends, from the beginning of the list.
    end: uint256

# Where the parts of an envelope are in calldata.
struct Envelope:
    calls: uint256
    callsSize: uint256
    count: uint256
    refundTo: uint256
    refundToSize: uint256

interface Router:
    def sendPacket(message: MsgSendPacket) -> uint64: nonpayable
    def sendPayloads(message: MsgSendPayloads) -> uint64: nonpayable

interface Transfer:
    def voucherOf(path: String[1024]) -> address: view

event AccountCreated:
    account: indexed(address)
    client: String[64]
    owner: Bytes[64]

# A crossing that was sent from here has ended. `status`: 0 executed, 1 failed there, 2 timed out. The router's event
# beside it has the packet.
event Settled:
    sender: indexed(address)
    sequence: uint64
    status: uint8

# The sender's `onSettled` failed; the crossing has ended all the same.
event CallbackFailed:
    crossing: indexed(bytes32)
    sender: indexed(address)
    reason: Bytes[256]

PORT: constant(String[128]) = "execution"
VERSION: constant(String[64]) = "causeway-1"
ENCODING: constant(String[64]) = "application/x-ssz"

# What the router takes as a value: in general, and in `sendPacket`.
VALUE_MAX: constant(uint256) = 4096
SMALL_MAX: constant(uint256) = 2048
CALLS_MAX: constant(uint256) = 16
COINS_MAX: constant(uint256) = 8
DENOM_MAX: constant(uint256) = 128
ATTRIBUTES_MAX: constant(uint256) = 16
ATTRIBUTE_MAX: constant(uint256) = 4096
ADDRESS_MAX: constant(uint256) = 64
# Inputs up to here are taken from calldata in one piece.
SHORT_MAX: constant(uint256) = 256
# Longest result of one call (ExecutionAccount holds the same), and longest answer: the router's.
RESULT_MAX: constant(uint256) = 1008
OUTCOME_MAX: constant(uint256) = 2048
# A call that wants more than a block can give is refused at once rather than left to time out.
GAS_MAX: constant(uint256) = 30_000_000
# What one token transfer, and the sender's callback, may use.
COIN_GAS: constant(uint256) = 300_000
CALLBACK_GAS: constant(uint256) = 300_000
# What is left to finish after a capped call.
RESERVE: constant(uint256) = 30_000

# Why an envelope is refused: the number in InvalidEnvelope(uint256).
INVALID_PAYLOAD: constant(uint256) = 1  # ports, version, encoding
INVALID_SIZE: constant(uint256) = 2
INVALID_VERSION: constant(uint256) = 3
INVALID_OFFSET: constant(uint256) = 4
INVALID_CALLS: constant(uint256) = 5  # none, or more than 16
INVALID_TARGET: constant(uint256) = 6
INVALID_REFUND: constant(uint256) = 7
INVALID_COIN: constant(uint256) = 8
INVALID_ATTRIBUTE: constant(uint256) = 9
INVALID_GAS: constant(uint256) = 10
INVALID_INPUT: constant(uint256) = 11

UNIVERSAL_ERROR: constant(bytes32) = sha256("UNIVERSAL_ERROR_ACKNOWLEDGEMENT")
# Keccak-256 of the first 416 bytes of abi.encode of a payload with these texts.
PAYLOAD_HASH: constant(bytes32) = 0x06d296f26173ccb95c0a9f10fb8851b7e06219dfcfb1d76a30aded1f5a6c210c
# Those bytes.
PAYLOAD_HEAD: constant(Bytes[416]) = x"00000000000000000000000000000000000000000000000000000000000000a000000000000000000000000000000000000000000000000000000000000000e00000000000000000000000000000000000000000000000000000000000000120000000000000000000000000000000000000000000000000000000000000016000000000000000000000000000000000000000000000000000000000000001a00000000000000000000000000000000000000000000000000000000000000009657865637574696f6e00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000009657865637574696f6e0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a63617573657761792d310000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000116170706c69636174696f6e2f782d73737a000000000000000000000000000000"
ACCOUNT_PREFIX: constant(Bytes[29]) = b"causeway/execution-account/v1"
CROSSING_PREFIX: constant(Bytes[20]) = b"causeway/crossing/v1"

# Every second byte, and every second 2, 4 and 8 bytes, of a word: for turning numbers round.
ODD: constant(uint256) = max_value(uint256) // (2**16 - 1) * (2**8 - 1)
PAIRS: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**16 - 1)
FOURS: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**32 - 1)
EIGHTS: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**64 - 1)

ROUTER: public(immutable(address))
TRANSFER: public(immutable(address))
# ERC-5202 blueprint of ExecutionAccount, and the hash of its creation code.
ACCOUNT_BLUEPRINT: public(immutable(address))
ACCOUNT_INITCODE_HASH: public(immutable(bytes32))
# ERC-7930 of this chain: what stands before the 20 bytes of an address, as a number and its size; and the chain alone.
CHAIN: immutable(uint256)
CHAIN_BYTES: immutable(Bytes[14])
CHAIN_SIZE: immutable(uint256)
ORIGIN: immutable(Bytes[32])

# What the account that is now driven is to call: target, gas limit above it, the call's number above that. Not zero while
# something is called, and so a lock as well.
order: public(transient(uint256))


# @param router       the router that delivers
# @param transfer     the transfer application, for funds named by an ICS-20 path; or zero
# @param accountCode  creation code of ExecutionAccount
@deploy
def __init__(router: address, transfer: address, accountCode: Bytes[2048]):
    assert router != empty(address) and len(accountCode) > 0
    ROUTER = router
    TRANSFER = transfer
    ACCOUNT_BLUEPRINT = raw_create(
        concat(
            b"\x61",
            convert(convert(len(accountCode) + 3, uint16), bytes2),
            b"\x3d\x81\x60\x0a\x3d\x39\xf3\xfe\x71\x00",
            accountCode,
        )
    )
    ACCOUNT_INITCODE_HASH = keccak256(accountCode)
    size: uint256 = 1
    for i: uint256 in range(1, 20):
        if chain.id >> (8 * i) == 0:
            break
        size += 1
    # A prefix of 14 bytes at most, so that it is one word.
    assert size <= 8
    reference: bytes32 = convert(chain.id << (8 * (32 - size)), bytes32)
    head: Bytes[25] = slice(
        concat(b"\x00\x01\x00\x00", convert(convert(size, uint8), bytes1), slice(reference, 0, 20)), 0, 5 + size
    )
    CHAIN = convert(concat(head, b"\x14"), uint256)
    CHAIN_BYTES = convert(concat(head, b"\x14"), Bytes[14])
    CHAIN_SIZE = 6 + size
    ORIGIN = concat(head, b"\x00")


# MARK: reading calldata

@internal
@view
def _word(position: uint256) -> uint256:
    return convert(slice(msg.data, position, 32), uint256)


@internal
@pure
def _swap4(x: uint256) -> uint256:
    y: uint256 = ((x >> 8) & ODD) | ((x & ODD) << 8)
    return (y >> 16) | ((y & (2**16 - 1)) << 16)


# @notice The little-endian number of 4 bytes.
@internal
@view
def _offset(position: uint256) -> uint256:
    return self._swap4(convert(slice(msg.data, position, 4), uint256))


@internal
@pure
def _swap8(x: uint256) -> uint256:
    y: uint256 = ((x >> 8) & ODD) | ((x & ODD) << 8)
    y = ((y >> 16) & PAIRS) | ((y & PAIRS) << 16)
    return (y >> 32) | ((y & (2**32 - 1)) << 32)


@internal
@pure
def _swap32(x: uint256) -> uint256:
    y: uint256 = ((x >> 8) & ODD) | ((x & ODD) << 8)
    y = ((y >> 16) & PAIRS) | ((y & PAIRS) << 16)
    y = ((y >> 32) & FOURS) | ((y & FOURS) << 32)
    y = ((y >> 64) & EIGHTS) | ((y & EIGHTS) << 64)
    return (y >> 128) | (y << 128)


@internal
@pure
def _refuse(reason: uint256):
    raw_revert(abi_encode(reason, method_id=method_id("InvalidEnvelope(uint256)")))


# @notice An ERC-7930 address with an account: one value has one encoding.
@internal
@view
def _checkAddress(position: uint256, size: uint256, reason: uint256):
    if size < 7 or size > ADDRESS_MAX:
        self._refuse(reason)
    # The words that end with the address's sixth byte, and with its second length.
    head: uint256 = convert(slice(msg.data, position - 26, 32), uint256) & (2**48 - 1)
    reference: uint256 = (head >> 8) & 255
    if (head >> 32) != 1 or 6 + reference >= size:
        self._refuse(reason)
    account: uint256 = convert(slice(msg.data, position + reference - 26, 32), uint256) & 255
    if 6 + reference + account != size:
        self._refuse(reason)
    if (head >> 16) & (2**16 - 1) == 0:
        # An EVM chain: minimal chain id, 20 bytes of address.
        if reference > 32 or account != 20 or (reference > 0 and (head & 255) == 0):
            self._refuse(reason)


# @notice Checks what an envelope consists of, but for its calls.
@internal
@view
def _open(base: uint256, size: uint256) -> Envelope:
    # Fixed part, one call's, the shortest target and account.
    if size < 14 + 24 + 7 + 7:
        self._refuse(INVALID_SIZE)
    head: uint256 = self._word(base)
    if (head >> 240) != 256:
        self._refuse(INVALID_VERSION)
    refundTo: uint256 = self._swap4((head >> 176) & (2**32 - 1))
    attributes: uint256 = self._swap4((head >> 144) & (2**32 - 1))
    if (head >> 208) & (2**32 - 1) != 14 * 2**24 or refundTo < 14 or attributes < refundTo or size < attributes:
        self._refuse(INVALID_OFFSET)
    if refundTo < 14 + 24:
        self._refuse(INVALID_CALLS)
    first: uint256 = self._offset(base + 14)
    if first % 4 != 0 or first > refundTo - 14:
        self._refuse(INVALID_OFFSET)
    if first == 0 or first > 4 * CALLS_MAX:
        self._refuse(INVALID_CALLS)
    if size > attributes:
        self._checkAttributes(base + attributes, size - attributes)
    return Envelope(
        calls=base + 14,
        callsSize=refundTo - 14,
        count=first // 4,
        refundTo=base + refundTo,
        refundToSize=attributes - refundTo,
    )


@internal
@view
def _checkAttributes(position: uint256, size: uint256):
    if size < 4:
        self._refuse(INVALID_ATTRIBUTE)
    start: uint256 = self._offset(position)
    if start == 0 or start % 4 != 0 or start > 4 * ATTRIBUTES_MAX or start > size:
        self._refuse(INVALID_ATTRIBUTE)
    count: uint256 = start // 4
    for i: uint256 in range(count, bound=ATTRIBUTES_MAX):
        end: uint256 = size
        if i + 1 < count:
            end = self._offset(position + 4 * (i + 1))
        if end > size or end < start + 8 or end - start - 8 > ATTRIBUTE_MAX:
            self._refuse(INVALID_ATTRIBUTE)
        if self._offset(position + start + 4) != 8:
            self._refuse(INVALID_ATTRIBUTE)
        start = end


# @notice The call number `index`; `start` is where it must begin, from the beginning of the list.
@internal
@view
def _call(e: Envelope, index: uint256, start: uint256) -> Place:
    end: uint256 = e.callsSize
    if index + 1 < e.count:
        end = self._offset(e.calls + 4 * (index + 1))
    if end > e.callsSize or end < start + 20:
        self._refuse(INVALID_OFFSET)
    size: uint256 = end - start
    position: uint256 = e.calls + start
    head: uint256 = convert(slice(msg.data, position, 20), uint256)
    funds: uint256 = self._swap4((head >> 96) & (2**32 - 1))
    input: uint256 = self._swap4(head & (2**32 - 1))
    if (head >> 128) != 20 * 2**24 or funds < 20 or input < funds or size < input:
        self._refuse(INVALID_OFFSET)
    gasLimit: uint256 = self._swap8((head >> 32) & (2**64 - 1))
    return Place(
        target=position + 20,
        targetSize=funds - 20,
        funds=position + funds,
        fundsSize=input - funds,
        gasLimit=gasLimit,
        input=position + input,
        inputSize=size - input,
        end=end,
    )


@internal
@view
def _coinCount(place: Place) -> uint256:
    if place.fundsSize == 0:
        return 0
    if place.fundsSize < 4:
        self._refuse(INVALID_COIN)
    first: uint256 = self._offset(place.funds)
    if first == 0 or first % 4 != 0 or first > 4 * COINS_MAX or first > place.fundsSize:
        self._refuse(INVALID_COIN)
    return first // 4


# @notice Position and size of the denomination, the amount, and where the coin ends.
@internal
@view
def _coin(place: Place, index: uint256, count: uint256, start: uint256) -> (uint256, uint256, uint256, uint256):
    end: uint256 = place.fundsSize
    if index + 1 < count:
        end = self._offset(place.funds + 4 * (index + 1))
    if end > place.fundsSize or end < start + 37 or end - start - 36 > DENOM_MAX:
        self._refuse(INVALID_COIN)
    position: uint256 = place.funds + start
    amount: uint256 = self._swap32(self._word(position + 4))
    if self._offset(position) != 36 or amount == 0:
        self._refuse(INVALID_COIN)
    return position + 36, end - start - 36, amount, end


# @notice Checks a whole envelope that is to be sent.
@internal
@view
def _check(base: uint256, size: uint256) -> Envelope:
    e: Envelope = self._open(base, size)
    self._checkAddress(e.refundTo, e.refundToSize, INVALID_REFUND)
    start: uint256 = 4 * e.count
    for i: uint256 in range(e.count, bound=CALLS_MAX):
        place: Place = self._call(e, i, start)
        start = place.end
        self._checkAddress(place.target, place.targetSize, INVALID_TARGET)
        count: uint256 = self._coinCount(place)
        at: uint256 = 4 * count
        for j: uint256 in range(count, bound=COINS_MAX):
            a: uint256 = 0
            b: uint256 = 0
            c: uint256 = 0
            a, b, c, at = self._coin(place, j, count, at)
    return e


# @notice Whether an ERC-7930 address names this chain.
@internal
@view
def _isHere(position: uint256) -> bool:
    # The word that ends where the account begins.
    return (self._word(position + CHAIN_SIZE - 32) ^ CHAIN) << (8 * (32 - CHAIN_SIZE)) == 0


@internal
@view
def _addressOfRefund(e: Envelope) -> address:
    return convert(convert(slice(msg.data, e.refundTo + e.refundToSize - 20, 20), uint160), address)


# MARK: accounts

@internal
@view
def _salt(client: String[64], owner: Bytes[64]) -> bytes32:
    return keccak256(
        concat(
            ACCOUNT_PREFIX,
            convert(convert(len(client), uint8), bytes1),
            convert(client, Bytes[64]),
            owner,
        )
    )


@internal
@view
def _account(salt: bytes32) -> address:
    return convert(
        convert(
            keccak256(concat(b"\xff", convert(self, bytes20), salt, ACCOUNT_INITCODE_HASH)), uint256
        ) & (2**160 - 1),
        address,
    )


# @notice The account that `owner`, an ERC-7930 address of another domain, acts through here when its packets come
#         over `client`, a client of this chain. Known before it exists: pay into it at any time.
@external
@view
def accountOf(client: String[64], owner: Bytes[64]) -> address:
    return self._account(self._salt(client, owner))


# @notice Makes that account before its first call, which would make it otherwise.
@external
def createAccount(client: String[64], owner: Bytes[64]) -> address:
    return self._create(client, owner, self._salt(client, owner))


@internal
def _create(client: String[64], owner: Bytes[64], salt: bytes32) -> address:
    account: address = create_from_blueprint(ACCOUNT_BLUEPRINT, code_offset=3, salt=salt)
    log AccountCreated(account=account, client=client, owner=owner)
    return account


# MARK: destination

# @notice What the router tells: `onRecvPacket` (0x078c4a79), `onAcknowledgementPacket` (0x428e4e17) and
#         `onTimeoutPacket` (0x5e32b6b6). A receive makes the calls of an envelope, all or none, and answers the SSZ
#         `Outcome`; the others end a crossing.
# @dev    Written as the fallback, for then Vyper does not copy the arguments: one tuple of (source client, destination
#         client, sequence, payload, …). The router holds the lock: while one packet is received or ended, no other is.
@external
@raw_return
def __default__() -> Bytes[OUTCOME_MAX + 128]:
    before: uint256 = msg.gas
    self._checkCaller()
    selector: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    payload: uint256 = 36 + convert(slice(msg.data, 132, 32), uint256)
    if selector != 0x078c4a79:
        # MARK: an ending
        status: uint8 = 2
        outcome: uint256 = 0
        outcomeSize: uint256 = 0
        if selector == 0x428e4e17:
            outcome = 68 + convert(slice(msg.data, 164, 32), uint256)
            outcomeSize = convert(slice(msg.data, outcome - 32, 32), uint256)
            status = 0
            if outcomeSize == 32 and convert(slice(msg.data, outcome, 32), bytes32) == UNIVERSAL_ERROR:
                status = 1
                outcomeSize = 0
        else:
            assert selector == 0x5e32b6b6
        # The envelope was checked when it was sent: `refundTo` ends with the sender, where the attributes begin.
        envelope: uint256 = payload + convert(slice(msg.data, payload + 128, 32), uint256) + 32
        sender: address = convert(
            convert(slice(msg.data, envelope + self._offset(envelope + 10) - 20, 20), bytes20), address
        )
        sequence: uint64 = convert(convert(slice(msg.data, 100, 32), uint256), uint64)
        log Settled(sender=sender, sequence=sequence, status=status)
        if sender.is_contract:
            client: uint256 = 36 + convert(slice(msg.data, 36, 32), uint256)
            clientSize: uint256 = convert(slice(msg.data, client, 32), uint256)
            name: Bytes[64] = slice(slice(msg.data, client + 32, 64), 0, clientSize)
            crossing: bytes32 = self._crossing(name, sequence)
            # Less would let a relayer starve the callback.
            assert msg.gas > CALLBACK_GAS + CALLBACK_GAS // 63 + RESERVE
            answered: Bytes[OUTCOME_MAX] = b""
            if outcomeSize >= 1024:
                answered = slice(msg.data, outcome, 1024)
                outcome += 1024
                outcomeSize -= 1024
            if outcomeSize >= 1024:
                answered = concat(convert(answered, Bytes[1024]), slice(msg.data, outcome, 1024))
                outcome += 1024
                outcomeSize -= 1024
            if outcomeSize >= 512:
                answered = convert(concat(answered, slice(msg.data, outcome, 512)), Bytes[OUTCOME_MAX])
                outcome += 512
                outcomeSize -= 512
            if outcomeSize >= 256:
                answered = convert(concat(answered, slice(msg.data, outcome, 256)), Bytes[OUTCOME_MAX])
                outcome += 256
                outcomeSize -= 256
            if outcomeSize != 0:
                answered = convert(concat(answered, self._bytes(outcome, outcomeSize)), Bytes[OUTCOME_MAX])
            # Locked as while a packet is received.
            assert self.order == 0
            self.order = max_value(uint256)
            success: bool = False
            reason: Bytes[256] = b""
            success, reason = raw_call(
                sender,
                abi_encode(
                    crossing,
                    name,
                    sequence,
                    status,
                    answered,
                    method_id=method_id("onSettled(bytes32,string,uint64,uint8,bytes)"),
                ),
                gas=CALLBACK_GAS,
                max_outsize=256,
                revert_on_failure=False,
            )
            self.order = 0
            # Whatever becomes of it, the crossing has ended.
            if not success:
                log CallbackFailed(crossing=crossing, sender=sender, reason=reason)
        return b""
    # MARK: a receive
    # A second lock beside the router's, which costs little.
    assert self.order == 0
    # Everything of the payload but its value, as a router encodes it: offsets and texts.
    if keccak256(slice(msg.data, payload, 416)) != PAYLOAD_HASH:
        self._refuse(INVALID_PAYLOAD)
    base: uint256 = payload + 448
    size: uint256 = convert(slice(msg.data, payload + 416, 32), uint256)
    client: uint256 = 36 + convert(slice(msg.data, 68, 32), uint256)
    # The usual case: one call with a short input and without funds, and no attributes. Everything in such an envelope
    # has its place but the end of the input, and two words tell.
    if size >= 38 + CHAIN_SIZE + 20 + 7:
        head: uint256 = convert(slice(msg.data, base, 32), uint256)
        more: uint256 = convert(slice(msg.data, base + 18, 32), uint256)
        refundTo: uint256 = self._swap4((head >> 176) & (2**32 - 1))
        first: uint256 = 40 + CHAIN_SIZE
        if (
            # Version 1 and offset 14; an offset of 4 before a single call; attributes where the envelope ends.
            (head >> 208) == 256 * 2**32 + 14 * 2**24
            and (head >> 112) & (2**32 - 1) == 4 * 2**24
            and self._swap4((head >> 144) & (2**32 - 1)) == size
            # Offset 20 of the target; funds and input where the target ends.
            and (more >> 192) == (20 * 2**24) * 2**32 + first * 2**24
            and (more >> 96) & (2**32 - 1) == first * 2**24
            and refundTo >= 18 + first
            and refundTo <= 18 + first + SHORT_MAX
            and refundTo < size
        ):
            inputSize: uint256 = refundTo - 18 - first
            account: address = self._accountIn(client, base + refundTo, size - refundTo)
            self._order(base + 38, self._swap8((more >> 128) & (2**64 - 1)), inputSize)
            # A failure is the account's, and goes on to the router as it is: with what the target said, or without
            # data where there was not enough gas to try.
            answer: Bytes[RESULT_MAX + 1] = raw_call(
                account,
                slice(slice(msg.data, base + refundTo - SHORT_MAX, SHORT_MAX), SHORT_MAX - inputSize, inputSize),
                max_outsize=RESULT_MAX + 1,
            )
            self.order = 0
            if len(answer) > RESULT_MAX:
                self._refuseResult(0)
            total: uint256 = 21 + len(answer)
            return concat(
                convert(32, bytes32),
                convert(total, bytes32),
                # Status 0, gas used, results at 17, error at the end; the only result begins after one offset.
                convert(
                    convert(
                        (self._swap8(unsafe_sub(before, msg.gas)) << 96)
                        | (17 << 88)
                        | (self._swap4(total) << 32)
                        | (4 << 24),
                        uint168,
                    ),
                    bytes21,
                ),
                answer,
                slice(empty(bytes32), 0, (32 - total % 32) % 32),
            )
    # Anything else. Nothing of what follows costs the usual case memory.
    e: Envelope = self._open(base, size)
    account: address = self._accountIn(client, e.refundTo, e.refundToSize)
    answer: Bytes[RESULT_MAX + 1] = b""
    offsets: Bytes[4 * CALLS_MAX] = b""
    results: Bytes[OUTCOME_MAX] = b""
    start: uint256 = 4 * e.count
    for i: uint256 in range(e.count, bound=CALLS_MAX):
        place: Place = self._call(e, i, start)
        start = place.end
        self._prepare(account, place, i)
        input: Bytes[VALUE_MAX] = b""
        at: uint256 = place.input
        left: uint256 = place.inputSize
        if left >= 2048:
            input = slice(msg.data, at, 2048)
            at += 2048
            left -= 2048
        if left >= 1024:
            input = convert(concat(input, slice(msg.data, at, 1024)), Bytes[VALUE_MAX])
            at += 1024
            left -= 1024
        if left >= 512:
            input = convert(concat(input, slice(msg.data, at, 512)), Bytes[VALUE_MAX])
            at += 512
            left -= 512
        if left >= 256:
            input = convert(concat(input, slice(msg.data, at, 256)), Bytes[VALUE_MAX])
            at += 256
            left -= 256
        input = convert(concat(input, self._bytes(at, left)), Bytes[VALUE_MAX])
        answer = raw_call(account, input, max_outsize=RESULT_MAX + 1)
        if len(answer) > RESULT_MAX or 17 + 4 * e.count + len(results) + len(answer) > OUTCOME_MAX:
            self._refuseResult(i)
        offsets = convert(
            concat(offsets, self._littleEndian4(4 * e.count + len(results))), Bytes[4 * CALLS_MAX]
        )
        results = convert(concat(results, answer), Bytes[OUTCOME_MAX])
    self.order = 0
    total: uint256 = 17 + len(offsets) + len(results)
    return convert(
        concat(
            convert(32, bytes32),
            convert(total, bytes32),
            self._outcomeHead(unsafe_sub(before, msg.gas), total),
            offsets,
            results,
            slice(empty(bytes32), 0, (32 - total % 32) % 32),
        ),
        Bytes[OUTCOME_MAX + 128],
    )


# @notice The account of the envelope's sender, made where it does not exist yet.
# @param  client  where the destination client's text is in calldata
@internal
def _accountIn(client: uint256, refundTo: uint256, refundToSize: uint256) -> address:
    self._checkAddress(refundTo, refundToSize, INVALID_REFUND)
    name: Bytes[64] = slice(slice(msg.data, client + 32, 64), 0, convert(slice(msg.data, client, 32), uint256))
    owner: Bytes[64] = slice(slice(msg.data, refundTo + refundToSize - 64, 64), 64 - refundToSize, refundToSize)
    salt: bytes32 = keccak256(concat(ACCOUNT_PREFIX, convert(convert(len(name), uint8), bytes1), name, owner))
    account: address = self._account(salt)
    if not account.is_contract:
        self._create(convert(name, String[64]), owner, salt)
    return account


# @notice Up to 256 bytes of calldata. As many stand before the end of any part of an envelope.
@internal
@view
def _bytes(position: uint256, size: uint256) -> Bytes[SHORT_MAX]:
    return slice(slice(msg.data, position + size - SHORT_MAX, SHORT_MAX), SHORT_MAX - size, size)


@internal
@pure
def _refuseResult(index: uint256):
    raw_revert(abi_encode(index, method_id=method_id("ResultTooLong(uint256)")))


# @notice Pays a call's funds and orders the call, which the account is then told to make.
@internal
def _prepare(account: address, place: Place, index: uint256):
    if place.targetSize != CHAIN_SIZE + 20:
        self._refuse(INVALID_TARGET)
    self._order(place.target, place.gasLimit | (index << 64), place.inputSize)
    if place.fundsSize != 0:
        order: uint256 = self.order
        self._pay(account, convert(order & (2**160 - 1), address), place, index)
        self.order = order


# @notice Orders a call.
# @param  target    where an address of this chain must be in calldata
# @param  gasLimit  and the call's number, 64 bits higher
@internal
def _order(target: uint256, gasLimit: uint256, inputSize: uint256):
    if gasLimit & (2**64 - 1) > GAS_MAX:
        self._refuse(INVALID_GAS)
    if not self._isHere(target):
        self._refuse(INVALID_TARGET)
    account: uint256 = convert(slice(msg.data, target + CHAIN_SIZE, 20), uint256)
    if inputSize != 0 and not convert(account, address).is_contract:
        raw_revert(abi_encode(account, method_id=method_id("NoContract(address)")))
    self.order = account | (gasLimit << 160)


@internal
@view
def _checkCaller():
    if msg.sender != ROUTER:
        raw_revert(abi_encode(msg.sender, method_id=method_id("Unauthorized(address)")))


# @notice Moves a call's funds from the account to the target.
@internal
def _pay(account: address, target: address, place: Place, index: uint256):
    count: uint256 = self._coinCount(place)
    at: uint256 = 4 * count
    for i: uint256 in range(count, bound=COINS_MAX):
        position: uint256 = 0
        size: uint256 = 0
        amount: uint256 = 0
        position, size, amount, at = self._coin(place, i, count, at)
        token: address = self._token(position, size)
        self.order = convert(token, uint256) | (COIN_GAS << 160) | (index << 224)
        answer: Bytes[33] = raw_call(
            account,
            abi_encode(target, amount, method_id=method_id("transfer(address,uint256)")),
            max_outsize=33,
        )
        # Tokens that answer nothing have succeeded.
        if len(answer) > 0 and (len(answer) < 32 or convert(slice(answer, 0, 32), uint256) != 1):
            raw_revert(abi_encode(token, amount, method_id=method_id("FundsRefused(address,uint256)")))


@internal
@view
def _token(position: uint256, size: uint256) -> address:
    token: address = empty(address)
    named: bool = False
    if size == 42:
        token, named = Text.toAddress(
            convert(self._word(position), bytes32), convert(self._word(position + 10), bytes32), True
        )
    if not named and TRANSFER != empty(address):
        # At least 128 bytes of calldata stand before the end of any denomination.
        denom: Bytes[128] = slice(slice(msg.data, position + size - 128, 128), 128 - size, size)
        token = staticcall Transfer(TRANSFER).voucherOf(convert(denom, String[128]))
    if not token.is_contract:
        raw_revert(abi_encode(token, method_id=method_id("NoContract(address)")))
    return token


@internal
@pure
def _littleEndian4(x: uint256) -> bytes4:
    return convert(convert(self._swap4(x), uint32), bytes4)


# @notice Status 0, gas used, and the offsets of results and of the empty error.
@internal
@pure
def _outcomeHead(gasUsed: uint256, end: uint256) -> Bytes[17]:
    return concat(
        b"\x00",
        convert(convert(self._swap8(gasUsed & (2**64 - 1)), uint64), bytes8),
        b"\x11\x00\x00\x00",
        self._littleEndian4(end),
    )


# MARK: origin

# @notice Sends one call to another domain. The caller acts there as its execution account.
# @param  client    the lane, by this chain's client id
# @param  timeout   seconds since 1970, at most a day ahead
# @param  target    ERC-7930 address of the contract there
# @param  gasLimit  of the call, in the destination's gas
# @return the packet's sequence; with the client it names the crossing, and comes back in `onSettled`
@external
def sendCall(client: String[64], timeout: uint64, target: Bytes[64], gasLimit: uint64, input: Bytes[1792]) -> uint64:
    self._checkAddress(36 + self._word(68), len(target), INVALID_TARGET)
    # Without funds, the input begins where the target ends: below 256, one byte of four.
    funds: uint256 = (20 + len(target)) << 24
    refundTo: uint256 = 38 + len(target) + len(input)
    size: uint256 = refundTo + CHAIN_SIZE + 20
    clientSize: uint256 = (len(client) + 31) // 32 * 32
    # The router's `sendPacket((string,uint64,(string,string,string,string,bytes)))`, written in one piece.
    answer: Bytes[32] = raw_call(
        ROUTER,
        concat(
            0x4d6e7ce3,
            convert(32, bytes32),
            convert(96, bytes32),
            convert(timeout, bytes32),
            convert(128 + clientSize, bytes32),
            convert(len(client), bytes32),
            convert(client, Bytes[64]),
            slice(empty(bytes32), 0, clientSize - len(client)),
            PAYLOAD_HEAD,
            convert(size, bytes32),
            # Version 1 and offset 14; offsets of refundTo and of no attributes; of the only call, and of its target,
            # funds and input, its gas limit between.
            convert(
                convert(
                    (256 << 192)
                    | (14 << 184)
                    | (self._swap8((size << 32) | refundTo) << 96)
                    | (4 << 88)
                    | (20 << 56)
                    | funds,
                    uint208,
                ),
                bytes26,
            ),
            convert(convert((self._swap8(convert(gasLimit, uint256)) << 32) | funds, uint96), bytes12),
            target,
            input,
            CHAIN_BYTES,
            convert(msg.sender, bytes20),
            slice(empty(bytes32), 0, (32 - size % 32) % 32),
        ),
        max_outsize=32,
    )
    return convert(extract32(answer, 0, output_type=uint256), uint64)


# @notice Sends up to 8 calls, 2,048 bytes as an envelope, which are all made or none, in order. For more or larger
#         ones: `sendEnvelope`.
@external
def sendCalls(client: String[64], timeout: uint64, calls: DynArray[Call, 8]) -> uint64:
    if len(calls) == 0:
        self._refuse(INVALID_CALLS)
    offsets: Bytes[32] = b""
    bodies: Bytes[SMALL_MAX] = b""
    for call: Call in calls:
        self._checkTarget(call.target)
        offsets = convert(
            concat(offsets, self._littleEndian4(4 * len(calls) + len(bodies))), Bytes[32]
        )
        coinOffsets: Bytes[16] = b""
        coins: Bytes[656] = b""
        for coin: Coin in call.funds:
            if len(coin.denom) == 0 or coin.amount == 0:
                self._refuse(INVALID_COIN)
            coinOffsets = convert(
                concat(coinOffsets, self._littleEndian4(4 * len(call.funds) + len(coins))), Bytes[16]
            )
            coins = convert(
                concat(
                    coins,
                    b"\x24\x00\x00\x00",
                    convert(self._swap32(coin.amount), bytes32),
                    convert(coin.denom, Bytes[128]),
                ),
                Bytes[656],
            )
        funds: uint256 = 20 + len(call.target)
        bodies = convert(
            concat(
                bodies,
                b"\x14\x00\x00\x00",
                self._littleEndian4(funds),
                self._littleEndian8(call.gasLimit),
                self._littleEndian4(funds + len(coinOffsets) + len(coins)),
                call.target,
                coinOffsets,
                coins,
                call.input,
            ),
            Bytes[SMALL_MAX],
        )
    owner: Bytes[34] = self._owner(msg.sender)
    refundTo: uint256 = 14 + len(offsets) + len(bodies)
    return self._send(
        client,
        timeout,
        convert(concat(self._head(refundTo, refundTo + len(owner)), offsets, bodies, owner), Bytes[SMALL_MAX]),
    )


# @notice Sends an SSZ `ExecutionEnvelope` as it is. Its `refundTo` must be the caller on this chain.
@external
def sendEnvelope(client: String[64], timeout: uint64, envelope: Bytes[VALUE_MAX]) -> uint64:
    self._checkSent(self._word(68) + 36, len(envelope), msg.sender)
    if len(envelope) <= SMALL_MAX:
        return self._send(client, timeout, convert(envelope, Bytes[SMALL_MAX]))
    # The router asks back (`onSendPacket`), as it does for everybody.
    return extcall Router(ROUTER).sendPayloads(
        MsgSendPayloads(
            sourceClient=client,
            timeoutTimestamp=timeout,
            payloads=[
                Payload(sourcePort=PORT, destPort=PORT, version=VERSION, encoding=ENCODING, value=envelope)
            ],
        )
    )


# @notice From the router: an envelope that stands beside other payloads in one packet, by `sender`.
@external
def onSendPacket(callback: OnSendPacketCallback):
    self._checkCaller()
    if callback.sender == self:
        # `sendEnvelope` has checked it.
        return
    if (
        callback.payload.sourcePort != PORT
        or callback.payload.destPort != PORT
        or callback.payload.version != VERSION
        or callback.payload.encoding != ENCODING
    ):
        self._refuse(INVALID_PAYLOAD)
    self._checkSent(self._value(), len(callback.payload.value), callback.sender)


# @notice Where the value of a callback's payload is in calldata.
@internal
@view
def _value() -> uint256:
    callback: uint256 = 4 + self._word(4)
    payload: uint256 = callback + self._word(callback + 96)
    return payload + self._word(payload + 128) + 32


@internal
@view
def _checkSent(base: uint256, size: uint256, sender: address):
    e: Envelope = self._check(base, size)
    # The destination knows the sender by this address.
    if e.refundToSize != CHAIN_SIZE + 20:
        self._refuse(INVALID_REFUND)
    if not self._isHere(e.refundTo) or self._addressOfRefund(e) != sender:
        self._refuse(INVALID_REFUND)


@internal
@pure
def _checkTarget(target: Bytes[64]):
    size: uint256 = len(target)
    if size < 7:
        self._refuse(INVALID_TARGET)
    reference: uint256 = convert(slice(target, 4, 1), uint256)
    if convert(slice(target, 0, 2), uint256) != 1 or 6 + reference >= size:
        self._refuse(INVALID_TARGET)
    if convert(slice(target, 5 + reference, 1), uint256) != size - 6 - reference:
        self._refuse(INVALID_TARGET)
    if convert(slice(target, 2, 2), uint256) == 0:
        leading: uint256 = convert(slice(target, 5, 1), uint256)
        if reference > 32 or size - 6 - reference != 20 or (reference > 0 and leading == 0):
            self._refuse(INVALID_TARGET)


@internal
@pure
def _littleEndian8(x: uint64) -> bytes8:
    return convert(convert(self._swap8(convert(x, uint256)), uint64), bytes8)


# @notice The fixed part of an envelope.
@internal
@pure
def _head(refundTo: uint256, attributes: uint256) -> Bytes[14]:
    return concat(
        b"\x01\x00\x0e\x00\x00\x00", self._littleEndian4(refundTo), self._littleEndian4(attributes)
    )


# @notice ERC-7930 of an address of this chain.
@internal
@view
def _owner(account: address) -> Bytes[34]:
    return concat(CHAIN_BYTES, convert(account, bytes20))


@internal
def _send(client: String[64], timeout: uint64, envelope: Bytes[SMALL_MAX]) -> uint64:
    return extcall Router(ROUTER).sendPacket(
        MsgSendPacket(
            sourceClient=client,
            timeoutTimestamp=timeout,
            payload=SmallPayload(
                sourcePort=PORT, destPort=PORT, version=VERSION, encoding=ENCODING, value=envelope
            ),
        )
    )


# @notice The name of a crossing that was sent from this chain (docs/spec/envelope.md section 3).
@external
@view
def crossingOf(client: String[64], sequence: uint64) -> bytes32:
    return self._crossing(convert(client, Bytes[64]), sequence)


@internal
@view
def _crossing(client: Bytes[64], sequence: uint64) -> bytes32:
    return sha256(
        concat(
            CROSSING_PREFIX,
            convert(convert(len(ORIGIN), uint16), bytes2),
            ORIGIN,
            convert(convert(len(client), uint8), bytes1),
            client,
            convert(sequence, bytes8),
        )
    )
