# pragma version 0.4.3
"""
@title Lanes: what the router's two halves share
@license Apache-2.0
@notice Paths, commitments and clients' records, as Router and RouterPayloads read and write them.
@dev Storage is one array over the whole space, so that a slot is an index: the commitment of a path is at
     keccak256(keccak256(path) || STORE), Solidity's rule for a mapping, which Vyper's HashMap does not follow. One storage
     proof therefore proves one path, at the place where ICS26Router of cosmos/solidity-ibc-eureka has it.
     RouterPayloads runs by delegatecall in Router's storage: both initialise this module before they declare anything.
"""
from interfaces import IBC

# Must stay the first declaration: the array begins at slot 0, and an index is a slot.
_cells: bytes32[2**256 - 2**64]
# Only counterparties that are not written into the client's record.
_counterparties: HashMap[String[64], String[64]]
# Only prefixes other than the usual one, a single empty element.
_prefixes: HashMap[String[64], DynArray[Bytes[32], 2]]
# Administers clients and named ports: a timelock in production.
owner: public(address)
pendingOwner: public(address)
# May pause a client at once, and nothing else.
guardian: public(address)
# N of the next `client-N`.
_next_client: uint256
# Receive, acknowledge and time out hold it; sends do not, so that an application may answer with a packet.
_locked: transient(bool)

# ERC-7201 `ibc.storage.IBCStore`, `ibc.storage.ICS02Client`, `ibc.storage.ICS26Router`.
STORE: constant(bytes32) = 0x1260944489272988d9df285149b5aa1b0f48f2136d6f416159f840a3e0747600
CLIENTS: constant(bytes32) = 0x515a8336edcaab4ae6524d41223c1782132890f89189ba6632107a7b5a449600
APPS: constant(bytes32) = 0xc5779f3c2c21083eefa6d04f6a698bc0d8c10db124ad5e0df6ef394b6d7bf600

# A client's record, one slot: address (160 bits), last sequence sent (64), flags (8), N + 1 where its counterparty is
# `client-N` (24; zero: the counterparty is in `_counterparties`).
ADDRESS_MASK: constant(uint256) = 2**160 - 1
SEQUENCE_ONE: constant(uint256) = 2**160
SEQUENCE_MAX: constant(uint256) = 2**64 - 1
PAUSED: constant(uint256) = 2**224
PREFIXED: constant(uint256) = 2**225
NUMBER_SHIFT: constant(uint256) = 232
NUMBER_MAX: constant(uint256) = 2**24 - 2
# "client-"
CLIENT_TEXT: constant(uint256) = 27985222623458349
# The address stays out; the sequence and the pause survive a migration.
KEPT: constant(uint256) = PAUSED | ((2**64 - 1) * 2**160)

# ibc-go 04-channel/v2 MaxTimeoutDelta.
MAX_TIMEOUT_SECONDS: constant(uint256) = 86400
# SHA-256 of UNIVERSAL_ERROR_ACKNOWLEDGEMENT: nothing of the packet was executed.
UNIVERSAL_ERROR_ACK: constant(bytes32) = 0x4774d4a575993f963b1c06573736617a457abef8589178db8d10c94b4ab511ab

# ----------------------------------------------------------------------------------------------------------------- errors
# Wire forms are those of Solidity's custom errors; the selectors of ICS26Router are kept where the meaning is the same.

@internal
@pure
def _fail(selector: bytes4):
    """
    @notice Reverts with an error that has no arguments.
    """
    raw_revert(concat(selector, b""))

@internal
@pure
def _fail_with_text(selector: bytes4, text: String[128]):
    """
    @notice Reverts with an error of one string.
    """
    raw_revert(concat(selector, abi_encode(text)))

@internal
@pure
def _fail_with_words(selector: bytes4, a: bytes32, b: bytes32):
    """
    @notice Reverts with an error of two words.
    """
    raw_revert(concat(selector, a, b))

@internal
@pure
def _fail_with_word(selector: bytes4, a: uint256):
    """
    @notice Reverts with an error of one word: a number or an address.
    """
    raw_revert(concat(selector, convert(a, bytes32)))

# ------------------------------------------------------------------------------------------------------- paths and records

@internal
@pure
def _path(client_id: String[64], kind: bytes1, sequence: uint64) -> Bytes[73]:
    """
    @notice The path of a packet: client || kind || u64 sequence (IBC v2, ICS-24).
    @param kind 01 commitment (of the source client), 02 receipt, 03 acknowledgement (of the destination client).
    """
    return concat(convert(client_id, Bytes[64]), kind, convert(sequence, bytes8))

@internal
@pure
def _slot(client_id: String[64], kind: bytes1, sequence: uint64) -> uint256:
    """
    @notice The storage slot of a packet's path: keccak256(keccak256(path) || STORE), as ICS26Router has it.
    """
    return convert(
        keccak256(concat(keccak256(concat(convert(client_id, Bytes[64]), kind, convert(sequence, bytes8))), STORE)),
        uint256,
    )

@internal
@pure
def _record_slot(client_id: String[64]) -> uint256:
    """
    @notice The slot of a client's record, where ICS26Router has the client's address.
    """
    return convert(keccak256(concat(convert(client_id, Bytes[64]), CLIENTS)), uint256)

@internal
@view
def _existing(client_id: String[64]) -> uint256:
    """
    @notice The record of a client; refused when there is none.
    """
    record: uint256 = convert(self._cells[self._record_slot(client_id)], uint256)
    if record == 0:
        self._fail_with_text(0xa0db16fe, client_id)  # IBCClientNotFound(string)
    return record

@internal
@pure
def _client_text(number: uint256) -> (uint256, uint256):
    """
    @notice The characters of `client-N` as a number, and how many bits they take. `number` is N + 1. Cheaper than texts.
    """
    rest: uint256 = unsafe_sub(number, 1)
    text: uint256 = 0
    bits: uint256 = 0
    for i: uint256 in range(8):
        text |= unsafe_add(48, rest % 10) << bits
        bits = unsafe_add(bits, 8)
        rest = unsafe_div(rest, 10)
        if rest == 0:
            break
    return text | (CLIENT_TEXT << bits), unsafe_add(bits, 56)

@internal
@view
def _counterparty(client_id: String[64], record: uint256) -> String[64]:
    """
    @notice The client's identifier on the other domain.
    """
    number: uint256 = record >> NUMBER_SHIFT
    if number != 0:
        return concat("client-", uint2str(convert(unsafe_sub(number, 1), uint24)))
    return self._counterparties[client_id]

@internal
@view
def _lane(client_id: String[64], counterparty: String[64]) -> uint256:
    """
    @notice The record of a client that exists, is not paused, and has the counterparty that a packet names (ICS-04 v2).
    """
    record: uint256 = convert(
        self._cells[convert(keccak256(concat(convert(client_id, Bytes[64]), CLIENTS)), uint256)], uint256
    )
    if record == 0:
        self._fail_with_text(0xdf95155a, client_id)  # IBCCounterpartyClientNotFound(string)
    if record & PAUSED != 0:
        self._fail_with_text(method_id("ClientIsPaused(string)", output_type=bytes4), client_id)
    number: uint256 = record >> NUMBER_SHIFT
    if number != 0:
        text: uint256 = 0
        bits: uint256 = 0
        text, bits = self._client_text(number)
        given: uint256 = convert(
            extract32(concat(convert(counterparty, Bytes[64]), empty(bytes32)), 0), uint256
        )
        if given >> unsafe_sub(256, bits) == text and len(counterparty) << 3 == bits:
            return record
    elif self._counterparties[client_id] == counterparty:
        return record
    raw_revert(
        abi_encode(
            self._counterparty(client_id, record),
            counterparty,
            method_id=method_id("IBCInvalidCounterparty(string,string)"),
        )
    )

@internal
@pure
def _app_slot(port: String[128]) -> uint256:
    """
    @notice The slot of a port's application, as in ICS26Router.
    """
    return convert(keccak256(concat(convert(port, Bytes[128]), APPS)), uint256)

@internal
@view
def _app(port: String[128]) -> address:
    """
    @notice The application of a port; refused when there is none.
    """
    app: uint256 = convert(
        self._cells[convert(keccak256(concat(convert(port, Bytes[128]), APPS)), uint256)], uint256
    )
    if app == 0:
        self._fail_with_text(0xa09dbf59, port)  # IBCAppNotFound(string)
    return convert(app, address)

@internal
def _lock():
    """
    @notice Shuts receive, acknowledge and time out for everyone until the one that runs has ended.
    """
    if self._locked:
        self._fail(0x3ee5aeb5)  # ReentrancyGuardReentrantCall()
    self._locked = True

@internal
@pure
def _commitment(dest_client: String[64], timeout: uint64, payloads: bytes32) -> bytes32:
    """
    @notice What a packet is committed to: S(02 || S(destination client) || S(u64 timeout) || payloads) (ICS-04 v2).
    @param payloads S(S(payload 1) || ...), each S(S(source port) || S(destination port) || S(version) || S(encoding) ||
           S(value)).
    """
    return sha256(
        concat(0x02, sha256(dest_client), sha256(concat(convert(timeout, bytes8), b"")), payloads)
    )

@internal
@pure
def _joined(hashes: DynArray[bytes32, 4]) -> Bytes[128]:
    """
    @notice One to four hashes side by side.
    """
    if len(hashes) == 1:
        return concat(hashes[0], b"")
    if len(hashes) == 2:
        return concat(hashes[0], hashes[1])
    if len(hashes) == 3:
        return concat(hashes[0], hashes[1], hashes[2])
    return concat(hashes[0], hashes[1], hashes[2], hashes[3])

# ------------------------------------------------------------------------------------------------------------------ sends

@internal
def _begin_send(client_id: String[64], timeout: uint64) -> (String[64], uint64):
    """
    @notice Checks a send and takes the next sequence: deadline after the block's time and at most a day ahead, client known,
            not paused and able to prove, the counterparty not past the deadline already.
    @return The counterparty's client and the sequence.
    """
    deadline: uint256 = convert(timeout, uint256)
    if deadline <= block.timestamp:
        # IBCInvalidTimeoutTimestamp(uint256,uint256)
        self._fail_with_words(0x65d30129, convert(deadline, bytes32), convert(block.timestamp, bytes32))
    ahead: uint256 = unsafe_sub(deadline, block.timestamp)
    if ahead > MAX_TIMEOUT_SECONDS:
        # IBCInvalidTimeoutDuration(uint256,uint256)
        self._fail_with_words(0x715fed60, convert(MAX_TIMEOUT_SECONDS, bytes32), convert(ahead, bytes32))
    slot: uint256 = self._record_slot(client_id)
    record: uint256 = convert(self._cells[slot], uint256)
    if record == 0:
        self._fail_with_text(0xdf95155a, client_id)  # IBCCounterpartyClientNotFound(string)
    if record & PAUSED != 0:
        self._fail_with_text(method_id("ClientIsPaused(string)", output_type=bytes4), client_id)
    sequence: uint256 = unsafe_add((record >> 160) & SEQUENCE_MAX, 1)
    assert sequence <= SEQUENCE_MAX
    self._cells[slot] = convert(unsafe_add(record, SEQUENCE_ONE), bytes32)
    # A client that can prove nothing any more could neither acknowledge the packet nor time it out. Clients without
    # `standing` are not asked.
    known: bool = False
    standing: Bytes[64] = b""
    known, standing = raw_call(
        convert(record & ADDRESS_MASK, address),
        method_id("standing()"),
        max_outsize=64,
        is_static_call=True,
        revert_on_failure=False,
    )
    if known and len(standing) == 64:
        status: uint256 = convert(extract32(standing, 0), uint256)
        proven: uint256 = convert(extract32(standing, 32), uint256)
        if status != 0:
            raw_revert(abi_encode(client_id, status, method_id=method_id("ClientNotActive(string,uint8)")))
        if proven >= deadline:
            # IBCInvalidTimeoutTimestamp(uint256,uint256)
            self._fail_with_words(0x65d30129, convert(deadline, bytes32), convert(proven, bytes32))
    number: uint256 = record >> NUMBER_SHIFT
    if number == 0:
        return self._counterparties[client_id], convert(sequence, uint64)
    return concat("client-", uint2str(convert(unsafe_sub(number, 1), uint24))), convert(sequence, uint64)

# --------------------------------------------------------------------------------------------------------- administration
# One bit for each character of an identifier (ICS-24): letters, digits and `. _ + - # [ ] < >`.
ALLOWED: constant(uint256) = 10633823862292363652417696051075481600

event IBCAppAdded:
    portId: String[128]
    app: address

@internal
@view
def _only_owner():
    """
    @notice Refuses everyone but the owner.
    """
    if msg.sender != self.owner:
        self._fail_with_word(method_id("Unauthorized(address)", output_type=bytes4), convert(msg.sender, uint256))

@internal
@pure
def _is_identifier(text: Bytes[128], size_min: uint256) -> bool:
    """
    @notice Whether a text is an identifier of ICS-24, no shorter than `size_min`.
    """
    if len(text) < size_min:
        return False
    for i: uint256 in range(len(text), bound=128):
        if (ALLOWED >> convert(slice(text, i, 1), uint256)) & 1 == 0:
            return False
    return True

@internal
@pure
def _client_number(client_id: String[64]) -> uint256:
    """
    @notice N + 1 of `client-N` in its only decimal form, with N small enough for a record; else 0.
    """
    size: uint256 = len(client_id)
    if size < 8 or size > 15:
        return 0
    text: Bytes[64] = convert(client_id, Bytes[64])
    if slice(text, 0, 7) != b"client-":
        return 0
    number: uint256 = 0
    for i: uint256 in range(7, size, bound=8):
        digit: uint256 = convert(slice(text, i, 1), uint256)
        if digit < 48 or digit > 57 or (i == 7 and digit == 48 and size > 8):
            return 0
        number = number * 10 + digit - 48
    if number > NUMBER_MAX:
        return 0
    return number + 1

@internal
def _set_client(client_id: String[64], info: IBC.CounterpartyInfo, client: address, kept: uint256):
    """
    @notice Writes a client's record. An address without code, a counterparty that is no identifier and an empty list of
            prefixes are refused: nothing could ever be proven.
    @param kept The bits of an earlier record that stay.
    """
    if not client.is_contract or client == self:
        self._fail_with_word(method_id("InvalidClient(address)", output_type=bytes4), convert(client, uint256))
    if not self._is_identifier(convert(info.clientId, Bytes[64]), 4):
        self._fail_with_text(0x4870bd74, info.clientId)  # IBCInvalidClientId(string)
    if len(info.merklePrefix) == 0:
        raw_revert(abi_encode(info.merklePrefix, method_id=method_id("InvalidMerklePrefix(bytes[])")))
    record: uint256 = kept | convert(client, uint256)
    if len(info.merklePrefix) != 1 or len(info.merklePrefix[0]) != 0:
        self._prefixes[client_id] = info.merklePrefix
        record |= PREFIXED
    number: uint256 = self._client_number(info.clientId)
    if number == 0:
        self._counterparties[client_id] = info.clientId
    self._cells[self._record_slot(client_id)] = convert(record | (number << NUMBER_SHIFT), bytes32)

@internal
def _set_app(port: String[128], app: address):
    """
    @notice Gives a free port to an application.
    """
    slot: uint256 = self._app_slot(port)
    if self._cells[slot] != empty(bytes32):
        self._fail_with_text(0x837f46a6, port)  # IBCPortAlreadyExists(string)
    if not app.is_contract or app == self:
        self._fail_with_word(method_id("InvalidApp(address)", output_type=bytes4), convert(app, uint256))
    self._cells[slot] = convert(app, bytes32)
    log IBCAppAdded(portId=port, app=app)
