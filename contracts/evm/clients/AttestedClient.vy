# pragma version 0.4.3
"""
@title Attested client: m of n attesters speak for one origin
@license Apache-2.0
@notice Believes what at least `quorum` of its attesters signed about its origin (docs/spec/attestation.md, "Our mode"). A
        signature names the origin, the router there and this client, and so serves nothing else. Attesters, quorum and origin
        never change: another policy is another contract (`migrateClient`).
@dev Evidence, at most 2,048 bytes, integers big-endian:
       02 || u64 revision || u64 height || u64 seconds || u32 count || count x (path hash || commitment) || signatures
       03 || u64 revision || u64 height || u64 seconds || root (32) || signatures                    (updates only)
       04 || u64 revision || u64 height || u64 seconds || signatures      (proofs only: the body of 02 with the one entry that
                                                                           is asked about; 1,000 gas less calldata)
     A signature is u8 position of the attester || r || s || v (27, 28). Positions ascend strictly, every signature must be
     valid, s is low, at least `quorum` are given. What is signed: S(form || S(binding) || S(body)), form 01 for a state (03
     here) and 02 for packets. A proof is evidence of packets, or `01 || digest (32)` for evidence that was accepted earlier in
     the same transaction. Absence is a commitment of zero that is listed.
     Evidence is remembered for a transaction in transient storage: the claim under its digest, each commitment under
     keccak256(digest || path hash); but not evidence of one packet that is its own proof. A proof writes nothing else.
"""
from interfaces import IBC

# What it signs for absence, remembered: no commitment is 1, for commitments are SHA-256.
ABSENT: constant(uint256) = 1
EVIDENCE_MAX: constant(uint256) = 2048
SIGNATURE_SIZE: constant(uint256) = 66
# Half of the order of secp256k1: a signature with a larger s has a twin (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
U64: constant(uint256) = 2**64 - 1
FROZEN: constant(uint256) = 2**192

# What evidence is for.
PROOF: constant(uint256) = 0
UPDATE: constant(uint256) = 1
CONFLICT: constant(uint256) = 2

# Forms of evidence.
EARLIER: constant(uint256) = 1
PACKETS: constant(uint256) = 2
STATE: constant(uint256) = 3
QUESTION: constant(uint256) = 4

# ILightClient's results of an update.
UPDATED: constant(uint8) = 0
MISBEHAVIOUR: constant(uint8) = 1
NOTHING_NEW: constant(uint8) = 2

# Status: 0 active, 1 expired (attesters do not expire), 2 frozen.
STATUS_ACTIVE: constant(uint8) = 0
STATUS_FROZEN: constant(uint8) = 2

# The structures of ILightClient, with this client's bounds.
struct Membership:
    proof: Bytes[2048]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 1]
    value: Bytes[32]

struct NonMembership:
    proof: Bytes[2048]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 1]

struct ClientState:
    attesters: DynArray[address, 32]
    quorum: uint8
    latestHeight: uint64
    frozen: bool

# A newer claim was attested.
event Updated:
    revision: uint64
    height: uint64
    seconds: uint64

# Two claims that were signed cannot both be true.
event Frozen:
    first: bytes32
    second: bytes32

ATTESTERS: immutable(DynArray[address, 32])
QUORUM: immutable(uint256)
# S(binding).
BINDING: immutable(bytes32)
# Zero and zero: any age.
AGE_MAX: immutable(uint256)
DRIFT_MAX: immutable(uint256)

ORIGIN: immutable(Bytes[64])
ORIGIN_ROUTER: immutable(Bytes[64])
CLIENT: immutable(String[64])

# For this transaction. The index is a hash.
_accepted: transient(uint256[2**256 - 2**64])

# The newest claim: frozen (1 bit) | revision (64) | height (64) | seconds (64).
_latest: uint256

# ----------------------------------------------------------------------------------------------------------- construction

@deploy
def __init__(
    attesters: DynArray[address, 32],
    quorum: uint8,
    origin: Bytes[64],
    originRouter: Bytes[64],
    clientId: String[64],
    ageMaxSeconds: uint64,
    driftMaxSeconds: uint64,
):
    """
    @notice Makes a client of one origin.
    @param attesters 1 to 32 addresses, each once; their positions are what signatures name.
    @param quorum How many of them must sign.
    @param origin The origin in ERC-7930, chain only (docs/spec/envelope.md, section 2).
    @param originRouter The router there, in its own bytes: 20 for an EVM chain, a name for a ledger.
    @param clientId What this client is called at the router of this chain.
    @param ageMaxSeconds How old a claim may be in this chain's time; with `driftMaxSeconds` zero as well: any age.
    @param driftMaxSeconds How far a claim may be ahead of this chain's time.
    """
    if len(attesters) == 0:
        self._fail(0x87a15126)  # NoAttestors()
    if quorum == 0 or convert(quorum, uint256) > len(attesters):
        raw_revert(abi_encode(quorum, len(attesters), method_id=method_id("BadQuorum(uint8,uint256)")))
    for i: uint256 in range(len(attesters), bound=32):
        if attesters[i] == empty(address):
            self._fail_with_word(0xd7e8a2c2, 0)  # UnknownSigner(address)
        for k: uint256 in range(i, bound=32):
            if attesters[k] == attesters[i]:
                self._fail_with_word(0xe021c4f2, convert(attesters[i], uint256))  # DuplicateSigner(address)
    # ERC-7930, chain only: 0001 || u16 type || u8 length || reference || 00; types 0000 (EIP-155) and ca02 (CAIP-2 text).
    size: uint256 = len(origin)
    assert size >= 7 and slice(origin, 0, 2) == b"\x00\x01" and slice(origin, size - 1, 1) == b"\x00", "origin"
    assert convert(slice(origin, 4, 1), uint256) == size - 6, "origin"
    chain_type: Bytes[2] = slice(origin, 2, 2)
    assert (chain_type == b"\x00\x00" and size <= 38) or chain_type == b"\xca\x02", "origin"
    assert len(originRouter) > 0 and len(clientId) > 0, "binding"
    ATTESTERS = attesters
    QUORUM = convert(quorum, uint256)
    ORIGIN = origin
    ORIGIN_ROUTER = originRouter
    CLIENT = clientId
    AGE_MAX = convert(ageMaxSeconds, uint256)
    DRIFT_MAX = convert(driftMaxSeconds, uint256)
    BINDING = sha256(
        concat(
            b"\x17causeway/attestation/v1",
            convert(convert(size, uint16), bytes2),
            origin,
            convert(convert(len(originRouter), uint8), bytes1),
            originRouter,
            convert(convert(len(clientId), uint8), bytes1),
            convert(clientId, Bytes[64]),
        )
    )

# ----------------------------------------------------------------------------------------------------------------- errors

@internal
@pure
def _fail(selector: bytes4):
    """
    @notice Reverts with an error that has no arguments.
    """
    raw_revert(concat(selector, b""))

@internal
@pure
def _fail_with_word(selector: bytes4, a: uint256):
    """
    @notice Reverts with an error of one word.
    """
    raw_revert(concat(selector, convert(a, bytes32)))

@internal
@pure
def _fail_with_words(selector: bytes4, a: uint256, b: uint256):
    """
    @notice Reverts with an error of two words.
    """
    raw_revert(concat(selector, convert(a, bytes32), convert(b, bytes32)))

# --------------------------------------------------------------------------------------------------------------- evidence

@internal
def _accept(evidence: Bytes[2048], purpose: uint256, path: bytes32, asked: bytes32) -> (bytes32, uint256, uint256):
    """
    @notice Checks evidence and remembers it for this transaction. Order: shape, freshness, entries, signatures.
    @dev A body that is remembered is not checked again, whatever signatures follow it. Evidence of one packet that comes as
         its proof is not remembered, which saves 1,000 gas.
    @param purpose PROOF, UPDATE or CONFLICT. Freshness does not matter for a conflict, which ends in a frozen client.
    @param path The path hash that a proof is for, `asked` the commitment that it shall show there, zero for absence.
    @return Its digest; its claim, revision (64) | height (64) | seconds (64); what it says about the path: the commitment, 1
            for absence, 0 for nothing.
    """
    size: uint256 = len(evidence)
    if size == 33 and purpose == PROOF:
        earlier: bytes32 = extract32(evidence, 1)
        claim: uint256 = self._accepted[convert(earlier, uint256)]
        # The cell of an entry is no claim: nothing is remembered under it, so nothing could be proven with it.
        if claim == 0 or convert(slice(evidence, 0, 1), uint256) != EARLIER:
            self._fail_with_word(method_id("EvidenceNotAccepted(bytes32)", output_type=bytes4), convert(earlier, uint256))
        return earlier, claim, self._accepted[convert(keccak256(concat(earlier, path)), uint256)]
    if size < 57:
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    form: uint256 = convert(extract32(evidence, 0), uint256) >> 248
    # u64 revision || u64 height || u64 seconds || u32 count
    head: uint256 = convert(extract32(evidence, 1), uint256)
    count: uint256 = (head >> 32) & (2**32 - 1)
    head = head >> 64
    body_size: uint256 = 56
    if form == PACKETS:
        body_size = unsafe_add(28, unsafe_mul(64, count))
    elif form == QUESTION and purpose == PROOF:
        body_size = 24
    elif form != STATE:
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    at: uint256 = unsafe_add(1, body_size)
    if size < at or (head >> 64) & U64 == 0:
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    digest: bytes32 = empty(bytes32)
    if form == PACKETS:
        digest = sha256(concat(0x02, BINDING, sha256(slice(evidence, 1, body_size))))
    elif form == STATE:
        digest = sha256(concat(0x01, BINDING, sha256(slice(evidence, 1, 56))))
    else:
        # The one entry is the question.
        digest = sha256(
            concat(0x02, BINDING, sha256(concat(slice(evidence, 1, 24), 0x00000001, path, asked)))
        )
    alone: bool = form == QUESTION or (count == 1 and form == PACKETS and purpose == PROOF)
    if not alone and self._accepted[convert(digest, uint256)] != 0:
        return digest, head, self._accepted[convert(keccak256(concat(digest, path)), uint256)]
    found: uint256 = convert(asked, uint256) if form == QUESTION else 0
    if unsafe_add(AGE_MAX, DRIFT_MAX) != 0 and purpose != CONFLICT:
        seconds: uint256 = head & U64
        if seconds > block.timestamp + DRIFT_MAX:
            self._fail_with_words(method_id("FromTheFuture(uint256,uint256)", output_type=bytes4), seconds, block.timestamp)
        if seconds + AGE_MAX < block.timestamp:
            self._fail_with_words(method_id("TooOld(uint256,uint256)", output_type=bytes4), seconds, block.timestamp)
    if form == PACKETS:
        if count == 0:
            self._fail(0x1e6c84da)  # EmptyPackets()
        entry: uint256 = 29
        for i: uint256 in range(count, bound=32):
            commitment: uint256 = convert(extract32(evidence, unsafe_add(entry, 32)), uint256)
            if commitment <= ABSENT:
                if commitment == ABSENT:
                    self._fail(method_id("InvalidEvidence()", output_type=bytes4))
                commitment = ABSENT
            listed: bytes32 = extract32(evidence, entry)
            if listed == path:
                found = commitment
            if not alone:
                cell: uint256 = convert(keccak256(concat(digest, listed)), uint256)
                if self._accepted[cell] != 0:
                    self._fail_with_word(method_id("PathListedTwice(bytes32)", output_type=bytes4), convert(listed, uint256))
                self._accepted[cell] = commitment
            entry = unsafe_add(entry, 64)
    elif form == QUESTION and found <= ABSENT:
        if found == ABSENT:
            self._fail(method_id("InvalidEvidence()", output_type=bytes4))
        found = ABSENT
    signatures: uint256 = unsafe_sub(size, at) // SIGNATURE_SIZE
    if unsafe_add(at, unsafe_mul(signatures, SIGNATURE_SIZE)) != size:
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    if signatures < QUORUM:
        self._fail_with_words(0x378b0805, signatures, QUORUM)  # ThresholdNotMet(uint256,uint8)
    free: uint256 = 0
    for i: uint256 in range(signatures, bound=32):
        # Three words cover the 66 bytes: position and 31 bytes of r; its last and 31 of s; the last of s, and v.
        first: uint256 = convert(extract32(evidence, at), uint256)
        second: uint256 = convert(extract32(evidence, unsafe_add(at, 32)), uint256)
        third: uint256 = convert(extract32(evidence, unsafe_add(at, 34)), uint256)
        position: uint256 = first >> 248
        if position < free:
            self._fail_with_word(method_id("SignerOutOfOrder(uint256)", output_type=bytes4), position)
        free = unsafe_add(position, 1)
        s: uint256 = (second << 8) | ((third >> 8) & 255)
        if s > HALF_ORDER:
            self._fail_with_word(0xd78bce0c, s)  # ECDSAInvalidSignatureS(bytes32)
        signer: address = ecrecover(digest, third & 255, (first << 8) | (second >> 248), s)
        if signer != ATTESTERS[position]:
            self._fail_with_word(0xd7e8a2c2, convert(signer, uint256))  # UnknownSigner(address)
        at = unsafe_add(at, SIGNATURE_SIZE)
    if not alone:
        self._accepted[convert(digest, uint256)] = head
    return digest, head, found

@internal
@pure
def _contradict(a: uint256, b: uint256) -> bool:
    """
    @notice Whether two claims cannot both be true: one height with two times, or a higher height with an earlier time.
    """
    if a >> 64 == b >> 64:
        return a & U64 != b & U64
    if a >> 64 > b >> 64:
        return a & U64 < b & U64
    return b & U64 < a & U64

@internal
@view
def _check_claim(head: uint256, height: IBC.Height):
    """
    @notice Refuses a claim of a client that is frozen, one that contradicts the newest, and one of another height.
    """
    latest: uint256 = self._latest
    if latest & FROZEN != 0:
        self._fail(0x928b1233)  # FrozenClientState()
    if latest != 0 and self._contradict(head, latest):
        self._fail(method_id("Contradiction()", output_type=bytes4))
    given: uint256 = (convert(height.revisionNumber, uint256) << 64) | convert(height.revisionHeight, uint256)
    if head >> 64 != given:
        # HeightMismatch(uint64,uint64)
        self._fail_with_words(0xc7441689, convert(height.revisionHeight, uint256), (head >> 64) & U64)

# ----------------------------------------------------------------------------------------------------------- ILightClient

@external
def verifyMembership(msg_: Membership) -> uint256:
    """
    @notice Proves that a path holds a value. ILightClient (ICS-02 v2). Open to everyone.
    @return The time of the claim, in seconds.
    """
    if len(msg_.path) != 1:
        self._fail_with_words(0x88b3170e, 1, len(msg_.path))  # InvalidPathLength(uint256,uint256)
    digest: bytes32 = empty(bytes32)
    head: uint256 = 0
    commitment: uint256 = 0
    asked: bytes32 = extract32(msg_.value, 0)
    digest, head, commitment = self._accept(msg_.proof, PROOF, keccak256(msg_.path[0]), asked)
    self._check_claim(head, msg_.proofHeight)
    if commitment <= ABSENT or convert(asked, uint256) != commitment:
        self._fail(0x291fc442)  # NotMember()
    return head & U64

@external
def verifyNonMembership(msg_: NonMembership) -> uint256:
    """
    @notice Proves that a path holds nothing. ILightClient (ICS-02 v2). Open to everyone.
    @return The time of the claim, in seconds.
    """
    if len(msg_.path) != 1:
        self._fail_with_words(0x88b3170e, 1, len(msg_.path))  # InvalidPathLength(uint256,uint256)
    digest: bytes32 = empty(bytes32)
    head: uint256 = 0
    commitment: uint256 = 0
    digest, head, commitment = self._accept(msg_.proof, PROOF, keccak256(msg_.path[0]), empty(bytes32))
    self._check_claim(head, msg_.proofHeight)
    if commitment == 0:
        self._fail(0x291fc442)  # NotMember()
    if commitment != ABSENT:
        self._fail(0x9a960b4f)  # NotNonMember()
    return head & U64

@external
def updateClient(updateMsg: Bytes[2048]) -> uint8:
    """
    @notice Takes evidence, for the rest of this transaction and as the newest claim if it is. Evidence that contradicts the
            newest claim freezes the client for good. ILightClient (ICS-02). Open to everyone.
    @return 0 newer than all before, 1 frozen, 2 accepted and not newer.
    """
    latest: uint256 = self._latest
    if latest & FROZEN != 0:
        self._fail(0x928b1233)  # FrozenClientState()
    digest: bytes32 = empty(bytes32)
    head: uint256 = 0
    said: uint256 = 0
    digest, head, said = self._accept(updateMsg, UPDATE, empty(bytes32), empty(bytes32))
    if latest != 0 and self._contradict(head, latest):
        self._latest = latest | FROZEN
        log Frozen(first=empty(bytes32), second=digest)
        return MISBEHAVIOUR
    if head >> 64 <= latest >> 64:
        return NOTHING_NEW
    self._latest = head
    log Updated(
        revision=convert(head >> 128, uint64),
        height=convert((head >> 64) & U64, uint64),
        seconds=convert(head & U64, uint64),
    )
    return UPDATED

@external
def misbehaviour(misbehaviourMsg: Bytes[4352]):
    """
    @notice Freezes the client for good when two pieces of evidence contradict: one height with two times, two roots or two
            commitments of one path, or a higher height with an earlier time. ILightClient (ICS-02). Open to everyone.
    @param misbehaviourMsg `abi.encode(bytes, bytes)`: both pieces. They may be as old as they like, also with freshness.
    """
    latest: uint256 = self._latest
    if latest & FROZEN != 0:
        self._fail(0x928b1233)  # FrozenClientState()
    a: Bytes[2048] = b""
    b: Bytes[2048] = b""
    a, b = abi_decode(misbehaviourMsg, (Bytes[2048], Bytes[2048]))
    first: bytes32 = empty(bytes32)
    second: bytes32 = empty(bytes32)
    first_claim: uint256 = 0
    second_claim: uint256 = 0
    said: uint256 = 0
    first, first_claim, said = self._accept(a, CONFLICT, empty(bytes32), empty(bytes32))
    second, second_claim, said = self._accept(b, CONFLICT, empty(bytes32), empty(bytes32))
    conflict: bool = self._contradict(first_claim, second_claim)
    if not conflict and first_claim == second_claim and first != second:
        form: Bytes[1] = slice(a, 0, 1)
        if form == slice(b, 0, 1):
            if form == b"\x03":
                # One body has one digest, and the claims agree: the roots differ.
                conflict = True
            else:
                count: uint256 = convert(slice(b, 25, 4), uint256)
                for i: uint256 in range(count, bound=32):
                    path: bytes32 = extract32(b, 29 + 64 * i)
                    one: uint256 = self._accepted[convert(keccak256(concat(first, path)), uint256)]
                    two: uint256 = self._accepted[convert(keccak256(concat(second, path)), uint256)]
                    if one != 0 and one != two:
                        conflict = True
    if not conflict:
        self._fail(method_id("NoContradiction()", output_type=bytes4))
    self._latest = latest | FROZEN
    log Frozen(first=first, second=second)

# ------------------------------------------------------------------------------------------------------------------- views

@external
@view
def getClientState() -> Bytes[1248]:
    """
    @notice `abi.encode` of one tuple (address[] attesters, uint8 quorum, uint64 latestHeight, bool frozen), as Eureka's
            attestation client answers.
    """
    return abi_encode(
        ClientState(
            attesters=ATTESTERS,
            quorum=convert(QUORUM, uint8),
            latestHeight=convert((self._latest >> 64) & U64, uint64),
            frozen=self._latest & FROZEN != 0,
        )
    )

@external
@view
def latest() -> (uint64, uint64, uint64):
    """
    @notice The newest claim that an update brought: revision, height, seconds; zeros before the first.
    """
    latest: uint256 = self._latest
    return convert((latest >> 128) & U64, uint64), convert((latest >> 64) & U64, uint64), convert(latest & U64, uint64)

@external
@view
def status() -> uint8:
    """
    @notice 0 active, 2 frozen. Attesters do not expire.
    """
    return STATUS_FROZEN if self._latest & FROZEN != 0 else STATUS_ACTIVE

@external
@view
def standing() -> (uint8, uint64):
    """
    @notice Status and the newest time, for the router's sends.
    """
    latest: uint256 = self._latest
    return STATUS_FROZEN if latest & FROZEN != 0 else STATUS_ACTIVE, convert(latest & U64, uint64)

@external
@view
def attesters() -> DynArray[address, 32]:
    """
    @notice Who may attest, by position.
    """
    return ATTESTERS

@external
@view
def quorum() -> uint8:
    """
    @notice How many must sign.
    """
    return convert(QUORUM, uint8)

@external
@view
def binding() -> bytes32:
    """
    @notice S(binding): what every digest of this client has.
    """
    return BINDING

@internal
@pure
def _hex(octets: Bytes[64]) -> Bytes[128]:
    """
    @notice Lower-case hex without a prefix.
    """
    text: Bytes[128] = b""
    for i: uint256 in range(len(octets), bound=64):
        octet: uint256 = convert(slice(octets, i, 1), uint256)
        high: uint256 = octet >> 4
        low: uint256 = octet & 15
        high += 48 if high < 10 else 87
        low += 48 if low < 10 else 87
        text = convert(concat(text, convert(convert(high, uint8), bytes1), convert(convert(low, uint8), bytes1)), Bytes[128])
    return text

@external
@view
def policy() -> Bytes[8192]:
    """
    @notice This client as a policy, in canonical JSON (docs/spec/policy.md).
    """
    text: Bytes[8192] = b'{"attested":{"attesters":['
    for i: uint256 in range(len(ATTESTERS), bound=32):
        text = convert(
            concat(
                text,
                b'{"key":"0x' if i == 0 else b',{"key":"0x',
                self._hex(slice(convert(ATTESTERS[i], bytes32), 12, 20)),
                b'","suite":"secp256k1-address","weight":1}',
            ),
            Bytes[8192],
        )
    text = convert(concat(text, b'],"client":"', convert(CLIENT, Bytes[64]), b'","form":"packets"'), Bytes[8192])
    if AGE_MAX + DRIFT_MAX != 0:
        text = convert(
            concat(
                text,
                b',"freshness":{"ageMaxSeconds":',
                convert(uint2str(AGE_MAX), Bytes[78]),
                b',"driftMaxSeconds":',
                convert(uint2str(DRIFT_MAX), Bytes[78]),
                b"}",
            ),
            Bytes[8192],
        )
    domain: Bytes[128] = b""
    reference: Bytes[64] = slice(ORIGIN, 5, len(ORIGIN) - 6)
    if slice(ORIGIN, 2, 2) == b"\x00\x00":
        number: uint256 = 0
        for i: uint256 in range(len(reference), bound=32):
            number = (number << 8) | convert(slice(reference, i, 1), uint256)
        domain = concat(b"eip155:", convert(uint2str(number), Bytes[78]))
    else:
        domain = reference
    return convert(
        concat(
            text,
            b',"mode":"causeway","origin":"',
            domain,
            b'","quorum":',
            convert(uint2str(QUORUM), Bytes[78]),
            b',"router":"0x',
            self._hex(ORIGIN_ROUTER),
            b'","surplus":"allow","unknownSigners":"refuse"}}',
        ),
        Bytes[8192],
    )
