# pragma version 0.4.3
"""
@title Causeway router: IBC v2 on an EVM chain
@license Apache-2.0
@notice Sends, receives, acknowledges and times out packets of IBC v2 (ICS-04 v2) under light clients. Selectors, events and
        errors are those of ICS26Router (cosmos/solidity-ibc-eureka) where the meaning is the same; docs/spec/evm-contracts.md
        lists what differs. Packets, acknowledgements and timeouts are open to everyone: a proof is all that counts.
@dev This half has what runs for every packet with one payload, and all that returns something. RouterExtension has packets
     with several payloads or large ones, and administration (`__default__` goes there by delegatecall). A structure takes its
     largest size in memory, and memory is paid for up to the highest byte touched: room for four large payloads would cost
     every packet. And Vyper has no two functions of one name.
"""
from interfaces import IBC
from interfaces import IIBCApp
from interfaces import ILightClient
from router import Lanes as lanes

# Storage of both halves, before anything else.
initializes: lanes

exports: (lanes.owner, lanes.pendingOwner, lanes.guardian)

# The other half, run by delegatecall.
EXTENSION: public(immutable(address))

# ibc-go 04-channel/v2 MaxTimeoutDelta.
MAX_TIMEOUT_SECONDS: public(constant(uint256)) = 86400
# What one payload's value, one acknowledgement and one proof may have, in the functions for one payload.
MAX_VALUE: public(constant(uint256)) = 2048
MAX_ACK: public(constant(uint256)) = 2048
MAX_PROOF: public(constant(uint256)) = 2048
# An application that reverts with it wants the packet to stay open: the receive reverts with the same bytes.
NOT_NOW: constant(bytes4) = method_id("NotNow(bytes)", output_type=bytes4)
WORD_20: constant(bytes32) = 0x0000000000000000000000000000000000000000000000000000000000000020
WORD_1: constant(bytes32) = 0x0000000000000000000000000000000000000000000000000000000000000001
WORD_40: constant(bytes32) = 0x0000000000000000000000000000000000000000000000000000000000000040
WORD_A0: constant(bytes32) = 0x00000000000000000000000000000000000000000000000000000000000000a0
WORD_E0: constant(bytes32) = 0x00000000000000000000000000000000000000000000000000000000000000e0
# Of a size, without what goes beyond whole words.
WHOLE_WORDS: constant(uint256) = max_value(uint256) - 31
# A failed application must leave this part of the gas, or it may have been starved.
GAS_LEFT_PART: constant(uint256) = 8

# A packet's encoding up to its payloads, of which it has the offset.
struct PacketHead:
    sequence: uint64
    sourceClient: String[64]
    destClient: String[64]
    timeoutTimestamp: uint64
    payloads: uint256

# ----------------------------------------------------------------------------------------------------------------- events

event SendPacket:
    clientId: indexed(String[64])
    sequence: indexed(uint256)
    packet: IBC.Packet

event WriteAcknowledgement:
    clientId: indexed(String[64])
    sequence: indexed(uint256)
    packet: IBC.Packet
    acknowledgements: DynArray[Bytes[2048], 1]

event AckPacket:
    clientId: indexed(String[64])
    sequence: indexed(uint256)
    packet: IBC.Packet
    acknowledgement: Bytes[2048]

event Noop:
    pass

event IBCAppRecvPacketCallbackError:
    reason: Bytes[2112]

event ICS02ClientAdded:
    clientId: String[64]
    counterpartyInfo: IBC.CounterpartyInfo
    client: address

event ICS02ClientUpdated:
    clientId: String[64]
    result: uint8

event ICS02MisbehaviourSubmitted:
    clientId: String[64]

event ClientPaused:
    clientId: String[64]
    by: address

event ClientUnpaused:
    clientId: String[64]
    by: address

event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)

event GuardianChanged:
    previous: indexed(address)
    guardian: indexed(address)

# ----------------------------------------------------------------------------------------------------------- construction

@deploy
def __init__(owner: address, guardian: address, extension: address):
    """
    @notice Makes an empty router.
    @param owner Administers clients and named ports: a timelock in production.
    @param guardian May pause a client at once, and nothing else; zero for none.
    @param extension RouterExtension, which has no state of its own and serves any number of routers.
    """
    assert owner != empty(address)
    assert extension.is_contract
    EXTENSION = extension
    lanes.owner = owner
    lanes.guardian = guardian
    log OwnershipTransferred(previousOwner=empty(address), newOwner=owner)
    log GuardianChanged(previous=empty(address), guardian=guardian)

@external
def __default__():
    """
    @notice Hands what this half does not know to RouterExtension, in this contract's storage.
    @dev Whatever it reverts with, this reverts with; anything that neither half knows reverts without data.
    """
    raw_call(EXTENSION, msg.data, is_delegate_call=True)

# ------------------------------------------------------------------------------------------------------------------ sends

@external
def sendPacket(m: IBC.MsgSendPacket) -> uint64:
    """
    @notice Sends a packet with one payload. ICS-04 v2 `sendPacket`; selector of ICS26Router.
    @dev The caller must be the application of the payload's source port, which is not called back.
    @return The packet's sequence: 1 for the first of a client.
    """
    if lanes._app(m.payload.sourcePort) != msg.sender:
        lanes._fail_with_word(0xbe2f2b45, convert(msg.sender, uint256))  # IBCUnauthorizedSender(address)
    destination: String[64] = ""
    sequence: uint64 = 0
    destination, sequence = lanes._begin_send(m.sourceClient, m.timeoutTimestamp)
    slot: uint256 = convert(
        keccak256(
            concat(
                keccak256(concat(convert(m.sourceClient, Bytes[64]), 0x01, convert(sequence, bytes8))), lanes.STORE
            )
        ),
        uint256,
    )
    lanes._cells[slot] = lanes._commitment(
        destination,
        m.timeoutTimestamp,
        sha256(
            sha256(
                concat(
                    sha256(m.payload.sourcePort),
                    sha256(m.payload.destPort),
                    sha256(m.payload.version),
                    sha256(m.payload.encoding),
                    sha256(m.payload.value),
                )
            )
        ),
    )
    # log SendPacket(clientId, sequence, packet), written out: Vyper would copy the payload into a list first.
    raw_log(
        [
            0xab3a4458a269be61dfa43faa33aa7b1f5d570716f83ad078bc2ba5dab039abae,
            keccak256(m.sourceClient),
            convert(sequence, bytes32),
        ],
        concat(
            WORD_20,
            abi_encode(
                PacketHead(
                    sequence=sequence,
                    sourceClient=m.sourceClient,
                    destClient=destination,
                    timeoutTimestamp=m.timeoutTimestamp,
                    # Behind five words and the two texts, each with its length and filled up to whole words.
                    payloads=unsafe_add(
                        286,
                        unsafe_add(
                            unsafe_sub(len(m.sourceClient), unsafe_sub(len(m.sourceClient), 1) & 31),
                            unsafe_sub(len(destination), unsafe_sub(len(destination), 1) & 31),
                        ),
                    ),
                ),
                ensure_tuple=False,
            ),
            WORD_1,
            WORD_20,
            abi_encode(m.payload, ensure_tuple=False),
        ),
    )
    return sequence

@external
def sendPayloads(m: IBC.MsgSendPayloads) -> uint64:
    """
    @notice Sends a packet with one to four payloads for anyone. The application of each source port is asked
            (`onSendPacket`, as in ibc-go 04-channel/v2) after the packet was committed to; what one reverts with, the call
            reverts with.
    @return The packet's sequence.
    """
    if len(m.payloads) == 0:
        lanes._fail(method_id("InvalidPacket()", output_type=bytes4))
    destination: String[64] = ""
    sequence: uint64 = 0
    destination, sequence = lanes._begin_send(m.sourceClient, m.timeoutTimestamp)
    hashes: DynArray[bytes32, 4] = []
    for i: uint256 in range(len(m.payloads), bound=4):
        hashes.append(
            sha256(
                concat(
                    sha256(m.payloads[i].sourcePort),
                    sha256(m.payloads[i].destPort),
                    sha256(m.payloads[i].version),
                    sha256(m.payloads[i].encoding),
                    sha256(m.payloads[i].value),
                )
            )
        )
    lanes._cells[lanes._slot(m.sourceClient, 0x01, sequence)] = lanes._commitment(
        destination, m.timeoutTimestamp, sha256(lanes._joined(hashes))
    )
    # SendPacket, whose declaration here has room for one payload.
    raw_log(
        [
            0xab3a4458a269be61dfa43faa33aa7b1f5d570716f83ad078bc2ba5dab039abae,
            keccak256(m.sourceClient),
            convert(sequence, bytes32),
        ],
        abi_encode(
            IBC.LargePacket(
                sequence=sequence,
                sourceClient=m.sourceClient,
                destClient=destination,
                timeoutTimestamp=m.timeoutTimestamp,
                payloads=m.payloads,
            )
        ),
    )
    for i: uint256 in range(len(m.payloads), bound=4):
        extcall IIBCApp(lanes._app(m.payloads[i].sourcePort)).onSendPacket(
            IBC.OnSendPacketCallback(
                sourceClient=m.sourceClient,
                destinationClient=destination,
                sequence=sequence,
                payload=m.payloads[i],
                sender=msg.sender,
            )
        )
    return sequence

# --------------------------------------------------------------------------------------------------------------- receives

@external
def recvPacket(m: IBC.MsgRecvPacket):
    """
    @notice Receives a packet with one payload. ICS-04 v2 `recvPacket`; selector of ICS26Router. Open to everyone.
    @dev Order: lane, deadline, no-op, proof, receipt, application, acknowledgement. A second receive is a `Noop`. An
         application that reverts with data gives the universal error acknowledgement, if it left an eighth of the gas; one
         that reverts without data, or left less, may have been starved (EIP-150), and undoes the receive.
    """
    lanes._lock()
    record: uint256 = lanes._lane(m.packet.destClient, m.packet.sourceClient)
    if block.timestamp >= convert(m.packet.timeoutTimestamp, uint256):
        # IBCInvalidTimeoutTimestamp(uint256,uint256)
        lanes._fail_with_words(0x65d30129, convert(m.packet.timeoutTimestamp, bytes32), convert(block.timestamp, bytes32))
    slot: uint256 = lanes._slot(m.packet.destClient, 0x02, m.packet.sequence)
    stored: bytes32 = lanes._cells[slot]
    encoded: Bytes[3296] = abi_encode(m.packet, ensure_tuple=False)
    receipt: bytes32 = keccak256(concat(WORD_20, encoded))
    if stored != empty(bytes32):
        if stored != receipt:
            lanes._fail_with_words(0x657b94fe, stored, receipt)  # IBCPacketReceiptMismatch(bytes32,bytes32)
        log Noop()
        lanes._locked = False
        return
    commitment: bytes32 = lanes._commitment(
        m.packet.destClient,
        m.packet.timeoutTimestamp,
        sha256(
            sha256(
                concat(
                    sha256(m.packet.payloads[0].sourcePort),
                    sha256(m.packet.payloads[0].destPort),
                    sha256(m.packet.payloads[0].version),
                    sha256(m.packet.payloads[0].encoding),
                    sha256(m.packet.payloads[0].value),
                )
            )
        ),
    )
    app: address = lanes._app(m.packet.payloads[0].destPort)
    # ILightClient.verifyMembership((bytes,(uint64,uint64),bytes[],bytes)), tails in the order value, path, proof. Written
    # out: Vyper's encoder would cost 1,500 gas more for every packet.
    key: Bytes[73] = lanes._path(m.packet.sourceClient, 0x01, m.packet.sequence)
    path: Bytes[448] = b""
    if record & lanes.PREFIXED == 0:
        path = concat(WORD_1, WORD_20, convert(len(key), bytes32), key)
    else:
        path = abi_decode(
            raw_call(
                EXTENSION,
                abi_encode(m.packet.destClient, key, method_id=method_id("pathList(string,bytes)")),
                max_outsize=512,
                is_delegate_call=True,
            ),
            Bytes[448],
        )
    verified: Bytes[32] = raw_call(
        convert(record & lanes.ADDRESS_MASK, address),
        concat(
            0x682ed5f0,
            WORD_20,
            convert(unsafe_add(224, len(path)), bytes32),
            convert(m.proofHeight.revisionNumber, bytes32),
            convert(m.proofHeight.revisionHeight, bytes32),
            WORD_E0,
            WORD_A0,
            WORD_20,
            commitment,
            path,
            convert(len(m.proofCommitment), bytes32),
            m.proofCommitment,
        ),
        max_outsize=32,
    )
    if len(verified) != 32:
        lanes._fail(method_id("ClientWithoutAnswer()", output_type=bytes4))
    lanes._cells[slot] = receipt
    gas_before: uint256 = msg.gas
    accepted: bool = False
    answer: Bytes[2112] = b""
    accepted, answer = raw_call(
        app,
        abi_encode(
            IBC.OnRecvPacketCallback(
                sourceClient=m.packet.sourceClient,
                destinationClient=m.packet.destClient,
                sequence=m.packet.sequence,
                payload=m.packet.payloads[0],
                relayer=msg.sender,
            ),
            method_id=0x078c4a79,
        ),
        max_outsize=2112,
        revert_on_failure=False,
    )
    # From here on `answer` is abi.encode(bytes acknowledgement), as the application gave it or made below.
    size: uint256 = 32
    if accepted:
        if len(answer) < 64:
            lanes._fail(0xadef7fb8)  # IBCFailedCallback()
        size = convert(extract32(answer, 32), uint256)
        if size == 0:
            lanes._fail(0xecfef798)  # IBCAsyncAcknowledgementNotSupported()
        if size > MAX_ACK:
            lanes._fail_with_word(method_id("AcknowledgementTooLong(uint256)", output_type=bytes4), size)
        if (
            extract32(answer, 0) != WORD_20
            or len(answer) != unsafe_add(64, unsafe_add(size, 31) & WHOLE_WORDS)
            or (
                size & 31 != 0
                and convert(extract32(answer, unsafe_sub(len(answer), 32)), uint256) << ((size & 31) << 3) != 0
            )
        ):
            # Not the encoding that Solidity writes: what it says is encoded anew.
            acknowledgement: Bytes[2048] = abi_decode(answer, Bytes[2048])
            size = len(acknowledgement)
            if size == 0:
                lanes._fail(0xecfef798)  # IBCAsyncAcknowledgementNotSupported()
            answer = abi_encode(acknowledgement)
        if size == 32 and extract32(answer, 64) == lanes.UNIVERSAL_ERROR_ACK:
            lanes._fail(0x6b2675e3)  # IBCErrorUniversalAcknowledgement()
    else:
        if len(answer) == 0:
            lanes._fail(0xadef7fb8)  # IBCFailedCallback()
        gas_after: uint256 = msg.gas
        if gas_after < gas_before // GAS_LEFT_PART:
            lanes._fail_with_words(
                method_id("CallbackStarved(uint256,uint256)", output_type=bytes4),
                convert(gas_before, bytes32),
                convert(gas_after, bytes32),
            )
        if len(answer) >= 4 and convert(slice(answer, 0, 4), bytes4) == NOT_NOW:
            raw_revert(answer)
        log IBCAppRecvPacketCallbackError(reason=answer)
        answer = concat(WORD_20, WORD_20, lanes.UNIVERSAL_ERROR_ACK)
    lanes._cells[lanes._slot(m.packet.destClient, 0x03, m.packet.sequence)] = sha256(
        concat(0x02, sha256(slice(answer, 64, size)))
    )
    # log WriteAcknowledgement(clientId, sequence, packet, [acknowledgement]), written out: the packet is encoded already, and
    # abi.encode(bytes) behind a 1 is a list of one.
    raw_log(
        [
            0x76765590e2b799b0506100f8a6610cfecab2c71e8e1f8aa981b099aff0dfdb74,
            keccak256(m.packet.destClient),
            convert(m.packet.sequence, bytes32),
        ],
        concat(WORD_40, convert(unsafe_add(64, len(encoded)), bytes32), encoded, WORD_1, answer),
    )
    lanes._locked = False

# ------------------------------------------------------------------------------------------------- endings at the origin

@external
def ackPacket(m: IBC.MsgAckPacket):
    """
    @notice Ends a packet with its acknowledgement. ICS-04 v2 `acknowledgePacket`; selector of ICS26Router. Open to everyone.
    @dev A packet that has ended already is a `Noop`. What the application reverts with, the call reverts with.
    """
    lanes._lock()
    record: uint256 = lanes._lane(m.packet.sourceClient, m.packet.destClient)
    slot: uint256 = lanes._slot(m.packet.sourceClient, 0x01, m.packet.sequence)
    stored: bytes32 = lanes._cells[slot]
    if stored == empty(bytes32):
        log Noop()
        lanes._locked = False
        return
    commitment: bytes32 = lanes._commitment(
        m.packet.destClient,
        m.packet.timeoutTimestamp,
        sha256(
            sha256(
                concat(
                    sha256(m.packet.payloads[0].sourcePort),
                    sha256(m.packet.payloads[0].destPort),
                    sha256(m.packet.payloads[0].version),
                    sha256(m.packet.payloads[0].encoding),
                    sha256(m.packet.payloads[0].value),
                )
            )
        ),
    )
    if stored != commitment:
        lanes._fail_with_words(0x3f87a2ec, stored, commitment)  # IBCPacketCommitmentMismatch(bytes32,bytes32)
    # ILightClient.verifyMembership((bytes,(uint64,uint64),bytes[],bytes)), tails in the order value, path, proof. Written
    # out: Vyper's encoder would cost 1,500 gas more for every packet.
    key: Bytes[73] = lanes._path(m.packet.destClient, 0x03, m.packet.sequence)
    path: Bytes[448] = b""
    if record & lanes.PREFIXED == 0:
        path = concat(WORD_1, WORD_20, convert(len(key), bytes32), key)
    else:
        path = abi_decode(
            raw_call(
                EXTENSION,
                abi_encode(m.packet.sourceClient, key, method_id=method_id("pathList(string,bytes)")),
                max_outsize=512,
                is_delegate_call=True,
            ),
            Bytes[448],
        )
    verified: Bytes[32] = raw_call(
        convert(record & lanes.ADDRESS_MASK, address),
        concat(
            0x682ed5f0,
            WORD_20,
            convert(unsafe_add(224, len(path)), bytes32),
            convert(m.proofHeight.revisionNumber, bytes32),
            convert(m.proofHeight.revisionHeight, bytes32),
            WORD_E0,
            WORD_A0,
            WORD_20,
            sha256(concat(0x02, sha256(m.acknowledgement))),
            path,
            convert(len(m.proofAcked), bytes32),
            m.proofAcked,
        ),
        max_outsize=32,
    )
    if len(verified) != 32:
        lanes._fail(method_id("ClientWithoutAnswer()", output_type=bytes4))
    lanes._cells[slot] = empty(bytes32)
    extcall IIBCApp(lanes._app(m.packet.payloads[0].sourcePort)).onAcknowledgementPacket(
        IBC.OnAcknowledgementPacketCallback(
            sourceClient=m.packet.sourceClient,
            destinationClient=m.packet.destClient,
            sequence=m.packet.sequence,
            payload=m.packet.payloads[0],
            acknowledgement=m.acknowledgement,
            relayer=msg.sender,
        )
    )
    log AckPacket(
        clientId=m.packet.sourceClient,
        sequence=convert(m.packet.sequence, uint256),
        packet=m.packet,
        acknowledgement=m.acknowledgement,
    )
    lanes._locked = False

# --------------------------------------------------------------------------------------------------- several calls at once

@external
def multicall(calls: DynArray[Bytes[2560], 16]) -> DynArray[Bytes[96], 16]:
    """
    @notice Makes several calls to this contract, all or none; selector of ICS26Router.
    @dev The first that fails reverts the whole with its own reason.
    @return What each returned (up to 96 bytes).
    """
    results: DynArray[Bytes[96], 16] = []
    for i: uint256 in range(len(calls), bound=16):
        results.append(raw_call(self, calls[i], max_outsize=96, is_delegate_call=True))
    return results

@external
def relay(calls: DynArray[Bytes[2560], 16]):
    """
    @notice As `multicall`, and says which call failed: `CallFailed(uint256 index, bytes reason)`, the reason cut at 1,024 bytes.
    """
    for i: uint256 in range(len(calls), bound=16):
        done: bool = False
        reason: Bytes[1024] = b""
        done, reason = raw_call(self, calls[i], max_outsize=1024, is_delegate_call=True, revert_on_failure=False)
        if not done:
            raw_revert(abi_encode(i, reason, method_id=method_id("CallFailed(uint256,bytes)")))

# ------------------------------------------------------------------------------------------------------ clients and ports

@external
def addClient(counterpartyInfo: IBC.CounterpartyInfo, client: address) -> String[64]:
    """
    @notice Adds a light client under the next name `client-N`. ICS-02 v2; selector of ICS26Router. Open to everyone: what a
            client is worth is the business of those who use it.
    @return The client's identifier.
    """
    number: uint256 = lanes._next_client
    lanes._next_client = number + 1
    client_id: String[64] = concat("client-", uint2str(convert(number, uint64)))
    lanes._set_client(client_id, counterpartyInfo, client, 0)
    log ICS02ClientAdded(clientId=client_id, counterpartyInfo=counterpartyInfo, client=client)
    return client_id

@external
def updateClient(clientId: String[64], updateMsg: Bytes[16384]) -> uint8:
    """
    @notice Gives a light client something to verify and to remember. ICS-02; selector of ICS26Router. Open to everyone, also
            while the client is paused.
    @return 0 the client was updated, 1 it froze on misbehaviour, 2 nothing new.
    """
    client: address = convert(lanes._existing(clientId) & lanes.ADDRESS_MASK, address)
    result: uint8 = extcall ILightClient(client).updateClient(updateMsg)
    log ICS02ClientUpdated(clientId=clientId, result=result)
    return result

@external
def submitMisbehaviour(clientId: String[64], misbehaviourMsg: Bytes[16384]):
    """
    @notice Shows a light client that it was lied to, which freezes it. ICS-02; selector of ICS26Router. Open to everyone.
    """
    client: address = convert(lanes._existing(clientId) & lanes.ADDRESS_MASK, address)
    extcall ILightClient(client).misbehaviour(misbehaviourMsg)
    log ICS02MisbehaviourSubmitted(clientId=clientId)

@external
def pauseClient(clientId: String[64]):
    """
    @notice Stops every packet of a client, in both directions, at once. Guardian or owner.
    """
    if msg.sender != lanes.guardian:
        lanes._only_owner()
    lanes._cells[lanes._record_slot(clientId)] = convert(lanes._existing(clientId) | lanes.PAUSED, bytes32)
    log ClientPaused(clientId=clientId, by=msg.sender)

@external
def unpauseClient(clientId: String[64]):
    """
    @notice Lets a client's packets pass again. Owner only.
    """
    lanes._only_owner()
    record: uint256 = lanes._existing(clientId)
    lanes._cells[lanes._record_slot(clientId)] = convert(record & ~lanes.PAUSED, bytes32)
    log ClientUnpaused(clientId=clientId, by=msg.sender)

@external
def addIBCApp(app: address):
    """
    @notice Gives an application the port that is its address in lower-case hex. ICS-05; selector of ICS26Router. Open to
            everyone.
    """
    number: uint256 = convert(app, uint256)
    head: uint256 = 0
    tail: uint256 = 0
    for i: uint256 in range(40):
        digit: uint256 = (number >> (156 - 4 * i)) & 15
        digit += 48 if digit < 10 else 87
        if i < 32:
            head = (head << 8) | digit
        else:
            tail = (tail << 8) | digit
    text: Bytes[42] = concat(b"0x", convert(head, bytes32), convert(convert(tail, uint64), bytes8))
    lanes._set_app(convert(text, String[42]), app)

@external
@view
def getCommitment(hashedPath: bytes32) -> bytes32:
    """
    @notice What is stored under a path, zero for nothing. Selector of ICS26Router.
    @param hashedPath Keccak-256 of `client || kind || u64 sequence`.
    """
    return lanes._cells[convert(keccak256(concat(hashedPath, lanes.STORE)), uint256)]

@external
@view
def getClient(clientId: String[64]) -> address:
    """
    @notice The contract of a client. Selector of ICS26Router.
    """
    return convert(lanes._existing(clientId) & lanes.ADDRESS_MASK, address)

@external
@view
def getCounterparty(clientId: String[64]) -> IBC.CounterpartyInfo:
    """
    @notice The client's identifier on the other domain, and the prefix of that domain's store. Selector of ICS26Router.
    """
    record: uint256 = convert(lanes._cells[lanes._record_slot(clientId)], uint256)
    if record == 0:
        lanes._fail_with_text(0xdf95155a, clientId)  # IBCCounterpartyClientNotFound(string)
    prefix: DynArray[Bytes[32], 2] = [b""]
    if record & lanes.PREFIXED != 0:
        prefix = lanes._prefixes[clientId]
    return IBC.CounterpartyInfo(clientId=lanes._counterparty(clientId, record), merklePrefix=prefix)

@external
@view
def getIBCApp(portId: String[128]) -> address:
    """
    @notice The application of a port. Selector of ICS26Router.
    """
    return lanes._app(portId)

@external
@view
def getNextClientSeq() -> uint256:
    """
    @notice N of the next `client-N`. Selector of ICS26Router.
    """
    return lanes._next_client

@external
@view
def getNextSequenceSend(clientId: String[64]) -> uint64:
    """
    @notice The sequence that the client's next packet gets.
    """
    return convert(((lanes._existing(clientId) >> 160) & lanes.SEQUENCE_MAX) + 1, uint64)

@external
@view
def isPaused(clientId: String[64]) -> bool:
    """
    @notice Whether a client's packets are stopped.
    """
    return lanes._existing(clientId) & lanes.PAUSED != 0
