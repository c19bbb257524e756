# pragma version 0.4.3
"""
@title The router's other half: packets with several payloads, and administration
@license Apache-2.0
@notice Router runs this code by delegatecall for every selector that it does not know itself. Alone it has no lanes and does
        nothing. Nothing here returns anything: what comes out is in events and in storage.
@dev `recvPayloads` and `ackPayloads` are recvPacket and ackPacket for packets with one to four payloads of up to 4,096 bytes
     each; `timeoutPacket` serves both kinds.
"""
from interfaces import IBC
from interfaces import IIBCApp
from interfaces import ILightClient
from router import Lanes as lanes

# Storage of both halves, before anything else: it is Router's.
initializes: lanes

# Set by recvPayloads for the one call of `executePayloads` that it makes.
_executing: transient(bool)

# This contract, for the code that runs in Router's place.
HERE: immutable(address)

interface ILargeApp:
    def onAcknowledgementPacket(msg_: IBC.OnAcknowledgementPayloadCallback): nonpayable
    def onTimeoutPacket(msg_: IBC.OnTimeoutPayloadCallback): nonpayable

interface ILargeClient:
    def verifyMembership(msg_: IBC.MsgVerifyMembership) -> uint256: nonpayable
    def verifyNonMembership(msg_: IBC.MsgVerifyNonMembership) -> uint256: nonpayable

MAX_ACK: constant(uint256) = 2048
NOT_NOW: constant(bytes4) = method_id("NotNow(bytes)", output_type=bytes4)
# A failed application must leave this part of the gas, or it may have been starved.
GAS_LEFT_PART: constant(uint256) = 8

event WriteAcknowledgement:
    clientId: indexed(String[64])
    sequence: indexed(uint256)
    packet: IBC.LargePacket
    acknowledgements: DynArray[Bytes[2048], 4]

event AckPayloads:
    clientId: indexed(String[64])
    sequence: indexed(uint256)
    packet: IBC.LargePacket
    acknowledgements: DynArray[Bytes[2048], 4]

event AckPacket:
    clientId: indexed(String[64])
    sequence: indexed(uint256)
    packet: IBC.LargePacket
    acknowledgement: Bytes[2048]

event TimeoutPacket:
    clientId: indexed(String[64])
    sequence: indexed(uint256)
    packet: IBC.LargePacket

event Noop:
    pass

event IBCAppRecvPacketCallbackError:
    reason: Bytes[8704]

event ICS02ClientAdded:
    clientId: String[64]
    counterpartyInfo: IBC.CounterpartyInfo
    client: address

event ICS02ClientMigrated:
    clientId: String[64]
    counterpartyInfo: IBC.CounterpartyInfo
    client: address

event OwnershipTransferStarted:
    previousOwner: indexed(address)
    newOwner: indexed(address)

event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)

event GuardianChanged:
    previous: indexed(address)
    guardian: indexed(address)

@deploy
def __init__():
    HERE = self

# ------------------------------------------------------------------------------------------------- packets with payloads

@internal
@pure
def _acknowledgement_commitment(acknowledgements: DynArray[Bytes[2048], 4]) -> bytes32:
    """
    @notice S(02 || S(acknowledgement 1) || ...) (ICS-04 v2).
    """
    hashes: DynArray[bytes32, 4] = []
    for i: uint256 in range(len(acknowledgements), bound=4):
        hashes.append(sha256(acknowledgements[i]))
    return sha256(concat(0x02, lanes._joined(hashes)))

@internal
@view
def _prefixed(client_id: String[64], path: Bytes[73]) -> DynArray[Bytes[105], 2]:
    """
    @notice The path as the counterparty's store has it: appended to the last element of its prefix (ICS-24).
    """
    prefix: DynArray[Bytes[32], 2] = lanes._prefixes[client_id]
    elements: DynArray[Bytes[105], 2] = []
    last: uint256 = len(prefix) - 1
    for i: uint256 in range(len(prefix), bound=2):
        if i == last:
            elements.append(concat(prefix[i], path))
        else:
            elements.append(prefix[i])
    return elements

@internal
@view
def _path_of(record: uint256, lane: String[64], path: Bytes[73]) -> DynArray[Bytes[105], 2]:
    """
    @notice The path under the counterparty's prefix.
    """
    if record & lanes.PREFIXED != 0:
        return self._prefixed(lane, path)
    return [path]

@external
def recvPayloads(m: IBC.MsgRecvPayloads):
    """
    @notice `recvPacket` for one to four payloads: all of them are executed, or none and the acknowledgement is the universal
            error. Open to everyone.
    """
    lanes._lock()
    record: uint256 = lanes._lane(m.packet.destClient, m.packet.sourceClient)
    if block.timestamp >= convert(m.packet.timeoutTimestamp, uint256):
        # IBCInvalidTimeoutTimestamp(uint256,uint256)
        lanes._fail_with_words(0x65d30129, convert(m.packet.timeoutTimestamp, bytes32), convert(block.timestamp, bytes32))
    slot: uint256 = lanes._slot(m.packet.destClient, 0x02, m.packet.sequence)
    stored: bytes32 = lanes._cells[slot]
    receipt: bytes32 = keccak256(abi_encode(m.packet))
    if stored != empty(bytes32):
        if stored != receipt:
            lanes._fail_with_words(0x657b94fe, stored, receipt)  # IBCPacketReceiptMismatch(bytes32,bytes32)
        log Noop()
        lanes._locked = False
        return
    if len(m.packet.payloads) == 0:
        lanes._fail(method_id("InvalidPacket()", output_type=bytes4))
    hashes: DynArray[bytes32, 4] = []
    for i: uint256 in range(len(m.packet.payloads), bound=4):
        hashes.append(
            sha256(
                concat(
                    sha256(m.packet.payloads[i].sourcePort),
                    sha256(m.packet.payloads[i].destPort),
                    sha256(m.packet.payloads[i].version),
                    sha256(m.packet.payloads[i].encoding),
                    sha256(m.packet.payloads[i].value),
                )
            )
        )
    commitment: bytes32 = lanes._commitment(
        m.packet.destClient, m.packet.timeoutTimestamp, sha256(lanes._joined(hashes))
    )
    extcall ILargeClient(convert(record & lanes.ADDRESS_MASK, address)).verifyMembership(
        IBC.MsgVerifyMembership(
            proof=m.proofCommitment,
            proofHeight=m.proofHeight,
            path=self._path_of(
                record, m.packet.destClient, lanes._path(m.packet.sourceClient, 0x01, m.packet.sequence)
            ),
            value=concat(commitment, b""),
        )
    )
    lanes._cells[slot] = receipt
    self._executing = True
    gas_before: uint256 = msg.gas
    executed: bool = False
    answer: Bytes[8704] = b""
    executed, answer = raw_call(
        HERE,
        abi_encode(
            m.packet,
            msg.sender,
            method_id=method_id(
                "executePayloads((uint64,string,string,uint64,(string,string,string,string,bytes)[]),address)"
            ),
        ),
        max_outsize=8704,
        is_delegate_call=True,
        revert_on_failure=False,
    )
    self._executing = False
    acknowledgements: DynArray[Bytes[2048], 4] = []
    if executed:
        acknowledgements = abi_decode(answer, DynArray[Bytes[2048], 4])
    else:
        # `f1` was put before what an application reverted with; all else is no failure of the packet.
        if len(answer) < 5 or slice(answer, 0, 1) != b"\xf1":
            raw_revert(answer)
        if convert(slice(answer, 1, 4), bytes4) == NOT_NOW:
            raw_revert(slice(answer, 1, len(answer) - 1))
        gas_after: uint256 = msg.gas
        if gas_after < gas_before // GAS_LEFT_PART:
            lanes._fail_with_words(
                method_id("CallbackStarved(uint256,uint256)", output_type=bytes4),
                convert(gas_before, bytes32),
                convert(gas_after, bytes32),
            )
        log IBCAppRecvPacketCallbackError(reason=slice(answer, 1, len(answer) - 1))
        acknowledgements = [concat(lanes.UNIVERSAL_ERROR_ACK, b"")]
    lanes._cells[lanes._slot(m.packet.destClient, 0x03, m.packet.sequence)] = self._acknowledgement_commitment(
        acknowledgements
    )
    log WriteAcknowledgement(
        clientId=m.packet.destClient,
        sequence=convert(m.packet.sequence, uint256),
        packet=m.packet,
        acknowledgements=acknowledgements,
    )
    lanes._locked = False

@external
@view
def pathList(clientId: String[64], path: Bytes[73]) -> Bytes[448]:
    """
    @notice Part of `recvPacket` and `ackPacket`: the counterparty's path of something as the ABI has a `bytes[]`, for clients
            with another prefix than a single empty element.
    """
    encoded: Bytes[448] = abi_encode(self._prefixed(clientId, path))
    return slice(encoded, 32, len(encoded) - 32)

@external
def executePayloads(packet: IBC.LargePacket, relayer: address) -> DynArray[Bytes[2048], 4]:
    """
    @notice Part of `recvPayloads`, apart from it so that a payload that fails undoes those before it.
    @dev Only `recvPayloads` reaches this, once for each of its calls.
    @return One acknowledgement for each payload.
    """
    if not self._executing:
        lanes._fail_with_word(method_id("Unauthorized(address)", output_type=bytes4), convert(msg.sender, uint256))
    self._executing = False
    acknowledgements: DynArray[Bytes[2048], 4] = []
    for i: uint256 in range(len(packet.payloads), bound=4):
        accepted: bool = False
        answer: Bytes[2112] = b""
        accepted, answer = raw_call(
            lanes._app(packet.payloads[i].destPort),
            abi_encode(
                IBC.OnRecvPayloadCallback(
                    sourceClient=packet.sourceClient,
                    destinationClient=packet.destClient,
                    sequence=packet.sequence,
                    payload=packet.payloads[i],
                    relayer=relayer,
                ),
                method_id=0x078c4a79,
            ),
            max_outsize=2112,
            revert_on_failure=False,
        )
        if not accepted:
            if len(answer) < 4:
                lanes._fail(0xadef7fb8)  # IBCFailedCallback()
            raw_revert(concat(b"\xf1", answer))
        if len(answer) < 64:
            lanes._fail(0xadef7fb8)  # IBCFailedCallback()
        size: uint256 = convert(extract32(answer, 32), uint256)
        if size > MAX_ACK:
            lanes._fail_with_word(method_id("AcknowledgementTooLong(uint256)", output_type=bytes4), size)
        acknowledgement: Bytes[2048] = abi_decode(answer, Bytes[2048])
        # Not the word at 32: the decoder follows the offset that the application gave.
        size = len(acknowledgement)
        if size == 0:
            lanes._fail(0xecfef798)  # IBCAsyncAcknowledgementNotSupported()
        if size == 32 and extract32(acknowledgement, 0) == lanes.UNIVERSAL_ERROR_ACK:
            lanes._fail(0x6b2675e3)  # IBCErrorUniversalAcknowledgement()
        acknowledgements.append(acknowledgement)
    return acknowledgements

@external
def ackPayloads(m: IBC.MsgAckPayloads):
    """
    @notice `ackPacket` for one to four payloads. One acknowledgement for each payload, or the universal error alone, which
            every application then gets. Open to everyone.
    """
    lanes._lock()
    record: uint256 = lanes._lane(m.packet.sourceClient, m.packet.destClient)
    slot: uint256 = lanes._slot(m.packet.sourceClient, 0x01, m.packet.sequence)
    stored: bytes32 = lanes._cells[slot]
    if stored == empty(bytes32):
        log Noop()
        lanes._locked = False
        return
    if len(m.packet.payloads) == 0:
        lanes._fail(method_id("InvalidPacket()", output_type=bytes4))
    hashes: DynArray[bytes32, 4] = []
    for i: uint256 in range(len(m.packet.payloads), bound=4):
        hashes.append(
            sha256(
                concat(
                    sha256(m.packet.payloads[i].sourcePort),
                    sha256(m.packet.payloads[i].destPort),
                    sha256(m.packet.payloads[i].version),
                    sha256(m.packet.payloads[i].encoding),
                    sha256(m.packet.payloads[i].value),
                )
            )
        )
    commitment: bytes32 = lanes._commitment(
        m.packet.destClient, m.packet.timeoutTimestamp, sha256(lanes._joined(hashes))
    )
    if stored != commitment:
        lanes._fail_with_words(0x3f87a2ec, stored, commitment)  # IBCPacketCommitmentMismatch(bytes32,bytes32)
    one_for_all: bool = len(m.acknowledgements) == 1 and m.acknowledgements[0] == concat(lanes.UNIVERSAL_ERROR_ACK, b"")
    if len(m.acknowledgements) != len(m.packet.payloads) and not one_for_all:
        lanes._fail(0x760d6a9b)  # NoAcknowledgements()
    if not one_for_all:
        # ibc-go 04-channel/v2: no application answers with nothing, or with the universal error.
        for i: uint256 in range(len(m.acknowledgements), bound=4):
            if len(m.acknowledgements[i]) == 0:
                lanes._fail(0x760d6a9b)  # NoAcknowledgements()
            if m.acknowledgements[i] == concat(lanes.UNIVERSAL_ERROR_ACK, b""):
                lanes._fail(0x6b2675e3)  # IBCErrorUniversalAcknowledgement()
    extcall ILargeClient(convert(record & lanes.ADDRESS_MASK, address)).verifyMembership(
        IBC.MsgVerifyMembership(
            proof=m.proofAcked,
            proofHeight=m.proofHeight,
            path=self._path_of(record, m.packet.sourceClient, lanes._path(m.packet.destClient, 0x03, m.packet.sequence)),
            value=concat(self._acknowledgement_commitment(m.acknowledgements), b""),
        )
    )
    lanes._cells[slot] = empty(bytes32)
    for i: uint256 in range(len(m.packet.payloads), bound=4):
        extcall ILargeApp(lanes._app(m.packet.payloads[i].sourcePort)).onAcknowledgementPacket(
            IBC.OnAcknowledgementPayloadCallback(
                sourceClient=m.packet.sourceClient,
                destinationClient=m.packet.destClient,
                sequence=m.packet.sequence,
                payload=m.packet.payloads[i],
                acknowledgement=m.acknowledgements[0 if one_for_all else i],
                relayer=msg.sender,
            )
        )
    if len(m.acknowledgements) == 1:
        log AckPacket(
            clientId=m.packet.sourceClient,
            sequence=convert(m.packet.sequence, uint256),
            packet=m.packet,
            acknowledgement=m.acknowledgements[0],
        )
    else:
        log AckPayloads(
            clientId=m.packet.sourceClient,
            sequence=convert(m.packet.sequence, uint256),
            packet=m.packet,
            acknowledgements=m.acknowledgements,
        )
    lanes._locked = False

@external
def timeoutPacket(m: IBC.MsgTimeoutPayloads):
    """
    @notice Ends a packet with one to four payloads that was not received before its deadline. ICS-04 v2 `timeoutPacket`;
            selector of ICS26Router. Open to everyone.
    @dev The absence of a receipt counts from the deadline on: the proven time must have reached it (equal is enough).
    """
    lanes._lock()
    record: uint256 = lanes._lane(m.packet.sourceClient, m.packet.destClient)
    slot: uint256 = lanes._slot(m.packet.sourceClient, 0x01, m.packet.sequence)
    stored: bytes32 = lanes._cells[slot]
    if stored == empty(bytes32):
        log Noop()
        lanes._locked = False
        return
    if len(m.packet.payloads) == 0:
        lanes._fail(method_id("InvalidPacket()", output_type=bytes4))
    hashes: DynArray[bytes32, 4] = []
    for i: uint256 in range(len(m.packet.payloads), bound=4):
        hashes.append(
            sha256(
                concat(
                    sha256(m.packet.payloads[i].sourcePort),
                    sha256(m.packet.payloads[i].destPort),
                    sha256(m.packet.payloads[i].version),
                    sha256(m.packet.payloads[i].encoding),
                    sha256(m.packet.payloads[i].value),
                )
            )
        )
    commitment: bytes32 = lanes._commitment(
        m.packet.destClient, m.packet.timeoutTimestamp, sha256(lanes._joined(hashes))
    )
    if stored != commitment:
        lanes._fail_with_words(0x3f87a2ec, stored, commitment)  # IBCPacketCommitmentMismatch(bytes32,bytes32)
    proven: uint256 = extcall ILargeClient(convert(record & lanes.ADDRESS_MASK, address)).verifyNonMembership(
        IBC.MsgVerifyNonMembership(
            proof=m.proofTimeout,
            proofHeight=m.proofHeight,
            path=self._path_of(record, m.packet.sourceClient, lanes._path(m.packet.destClient, 0x02, m.packet.sequence)),
        )
    )
    if proven < convert(m.packet.timeoutTimestamp, uint256):
        # IBCInvalidTimeoutTimestamp(uint256,uint256)
        lanes._fail_with_words(0x65d30129, convert(m.packet.timeoutTimestamp, bytes32), convert(proven, bytes32))
    lanes._cells[slot] = empty(bytes32)
    for i: uint256 in range(len(m.packet.payloads), bound=4):
        extcall ILargeApp(lanes._app(m.packet.payloads[i].sourcePort)).onTimeoutPacket(
            IBC.OnTimeoutPayloadCallback(
                sourceClient=m.packet.sourceClient,
                destinationClient=m.packet.destClient,
                sequence=m.packet.sequence,
                payload=m.packet.payloads[i],
                relayer=msg.sender,
            )
        )
    log TimeoutPacket(
        clientId=m.packet.sourceClient, sequence=convert(m.packet.sequence, uint256), packet=m.packet
    )
    lanes._locked = False

# --------------------------------------------------------------------------------------------------------- administration

@external
def addClient(clientId: String[64], counterpartyInfo: IBC.CounterpartyInfo, client: address):
    """
    @notice Adds a light client under a name. ICS-02 v2; selector of ICS26Router. Owner only.
    @dev A name is an identifier of ICS-24 of at least four characters and no `client-N`, which are given in order.
    """
    lanes._only_owner()
    text: Bytes[64] = convert(clientId, Bytes[64])
    if not lanes._is_identifier(text, 4) or (len(text) >= 7 and slice(text, 0, 7) == b"client-"):
        lanes._fail_with_text(0x4870bd74, clientId)  # IBCInvalidClientId(string)
    if lanes._cells[lanes._record_slot(clientId)] != empty(bytes32):
        lanes._fail_with_text(0x87dfb267, clientId)  # IBCClientAlreadyExists(string)
    lanes._set_client(clientId, counterpartyInfo, client, 0)
    log ICS02ClientAdded(clientId=clientId, counterpartyInfo=counterpartyInfo, client=client)

@external
def migrateClient(clientId: String[64], counterpartyInfo: IBC.CounterpartyInfo, client: address):
    """
    @notice Gives a client another contract and counterparty: a change of policy. Selector of ICS26Router. Owner only.
    @dev The last sequence sent and a pause stay.
    """
    lanes._only_owner()
    lanes._set_client(clientId, counterpartyInfo, client, lanes._existing(clientId) & lanes.KEPT)
    log ICS02ClientMigrated(clientId=clientId, counterpartyInfo=counterpartyInfo, client=client)

@external
def addIBCApp(portId: String[128], app: address):
    """
    @notice Gives a named port to an application, for good. ICS-05; selector of ICS26Router. Owner only.
    @dev A name is an identifier of ICS-24 of 2 to 128 characters and no address: those ports are their addresses' own.
    """
    lanes._only_owner()
    text: Bytes[128] = convert(portId, Bytes[128])
    if not lanes._is_identifier(text, 2) or (len(text) == 42 and slice(text, 0, 2) == b"0x"):
        lanes._fail_with_text(0x14d71247, portId)  # IBCInvalidPortIdentifier(string)
    lanes._set_app(portId, app)

@external
def transferOwnership(newOwner: address):
    """
    @notice Offers the ownership, which `newOwner` must accept; zero takes an offer back. Owner only.
    """
    lanes._only_owner()
    lanes.pendingOwner = newOwner
    log OwnershipTransferStarted(previousOwner=lanes.owner, newOwner=newOwner)

@external
def acceptOwnership():
    """
    @notice Takes the ownership that was offered to the caller.
    """
    if msg.sender != lanes.pendingOwner:
        lanes._fail_with_word(method_id("Unauthorized(address)", output_type=bytes4), convert(msg.sender, uint256))
    previous: address = lanes.owner
    lanes.owner = msg.sender
    lanes.pendingOwner = empty(address)
    log OwnershipTransferred(previousOwner=previous, newOwner=msg.sender)

@external
def setGuardian(guardian: address):
    """
    @notice Names who may pause clients; zero for nobody but the owner. Owner only.
    """
    lanes._only_owner()
    previous: address = lanes.guardian
    lanes.guardian = guardian
    log GuardianChanged(previous=previous, guardian=guardian)
