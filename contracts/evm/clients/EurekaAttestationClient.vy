# pragma version 0.4.3
"""
@title The attestation client of IBC Eureka
@license Apache-2.0
@notice Answers as AttestationLightClient (cosmos/ibc @ 951c1a9, cosmos/solidity-ibc-eureka @ cae7e12) does: bytes, errors and
        the order of checks. An interop mode with keys of its own: nothing that is signed names chain, router or client, so that
        attesters of this client must serve one origin only (docs/spec/attestation.md, "The Eureka mode").
@dev Differences: at most 64 attestors, 32 signatures, 32 packets, 2,176 bytes of attestation and 8,192 of proof (the original has no
     limits); `latest`, `status` and `standing` are added for the router.
"""
from interfaces import IBC

struct Membership:
    proof: Bytes[8192]
    proofHeight: IBC.Height
    path: DynArray[Bytes[256], 4]
    value: Bytes[256]

struct NonMembership:
    proof: Bytes[8192]
    proofHeight: IBC.Height
    path: DynArray[Bytes[256], 4]

struct AttestationProof:
    attestationData: Bytes[2176]
    signatures: DynArray[Bytes[96], 32]

struct PacketCompact:
    path: bytes32
    commitment: bytes32

struct PacketAttestation:
    height: uint64
    packets: DynArray[PacketCompact, 32]

struct ClientState:
    attestorAddresses: DynArray[address, 64]
    minRequiredSigs: uint8
    latestHeight: uint64
    isFrozen: bool

event RoleGranted:
    role: indexed(bytes32)
    account: indexed(address)
    sender: indexed(address)

event RoleRevoked:
    role: indexed(bytes32)
    account: indexed(address)
    sender: indexed(address)

# keccak256("PROOF_SUBMITTER_ROLE")
PROOF_SUBMITTER_ROLE: public(constant(bytes32)) = 0xbd893629a699470e4ec82a5715bb4981fdaacc5d0a728bf5f55b801d8f4ef10b
DEFAULT_ADMIN_ROLE: public(constant(bytes32)) = empty(bytes32)
# Half of the order of secp256k1 (OpenZeppelin ECDSA).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

UPDATED: constant(uint8) = 0
MISBEHAVIOUR: constant(uint8) = 1
NOTHING_NEW: constant(uint8) = 2

ATTESTORS: immutable(DynArray[address, 64])
REQUIRED: immutable(uint8)

_latest_height: uint64
_frozen: bool
_seconds: HashMap[uint64, uint64]
_roles: HashMap[bytes32, HashMap[address, bool]]

# ----------------------------------------------------------------------------------------------------------- construction

@deploy
def __init__(
    attestorAddresses: DynArray[address, 64],
    minRequiredSigs: uint8,
    initialHeight: uint64,
    initialTimestampSeconds: uint64,
    roleManager: address,
):
    """
    @notice As the original's constructor.
    @param roleManager Who may submit and lets others submit, the router among them; zero lets everyone.
    """
    if len(attestorAddresses) == 0:
        self._fail(0x87a15126)  # NoAttestors()
    if minRequiredSigs == 0 or len(attestorAddresses) < convert(minRequiredSigs, uint256):
        # BadQuorum(uint8,uint256)
        self._fail_with_words(0x65846b7f, convert(minRequiredSigs, uint256), len(attestorAddresses))
    for i: uint256 in range(len(attestorAddresses), bound=64):
        for k: uint256 in range(i, bound=64):
            if attestorAddresses[k] == attestorAddresses[i]:
                self._fail_with_word(0xe021c4f2, convert(attestorAddresses[i], uint256))  # DuplicateSigner(address)
    ATTESTORS = attestorAddresses
    REQUIRED = minRequiredSigs
    self._latest_height = initialHeight
    self._seconds[initialHeight] = initialTimestampSeconds
    if roleManager == empty(address):
        self._grant(PROOF_SUBMITTER_ROLE, empty(address))
    else:
        self._grant(DEFAULT_ADMIN_ROLE, roleManager)
        self._grant(PROOF_SUBMITTER_ROLE, roleManager)

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

# ------------------------------------------------------------------------------------------------------------------ roles

@internal
def _grant(role: bytes32, account: address):
    """
    @notice OpenZeppelin AccessControl `_grantRole`.
    """
    if not self._roles[role][account]:
        self._roles[role][account] = True
        log RoleGranted(role=role, account=account, sender=msg.sender)

@internal
@view
def _only(role: bytes32):
    """
    @notice OpenZeppelin AccessControl `onlyRole`.
    """
    if not self._roles[role][msg.sender]:
        # AccessControlUnauthorizedAccount(address,bytes32)
        self._fail_with_words(0xe2517d3f, convert(msg.sender, uint256), convert(role, uint256))

@external
@view
def hasRole(role: bytes32, account: address) -> bool:
    """
    @notice OpenZeppelin AccessControl.
    """
    return self._roles[role][account]

@external
@pure
def getRoleAdmin(role: bytes32) -> bytes32:
    """
    @notice OpenZeppelin AccessControl: every role is administered by DEFAULT_ADMIN_ROLE.
    """
    return DEFAULT_ADMIN_ROLE

@external
def grantRole(role: bytes32, account: address):
    """
    @notice OpenZeppelin AccessControl. The router needs PROOF_SUBMITTER_ROLE, for it is the caller.
    """
    self._only(DEFAULT_ADMIN_ROLE)
    self._grant(role, account)

@external
def revokeRole(role: bytes32, account: address):
    """
    @notice OpenZeppelin AccessControl.
    """
    self._only(DEFAULT_ADMIN_ROLE)
    if self._roles[role][account]:
        self._roles[role][account] = False
        log RoleRevoked(role=role, account=account, sender=msg.sender)

@internal
@view
def _check_open():
    """
    @notice Refuses everything once frozen, and callers without the role where there are roles.
    """
    if self._frozen:
        self._fail(0x928b1233)  # FrozenClientState()
    if not self._roles[PROOF_SUBMITTER_ROLE][empty(address)]:
        self._only(PROOF_SUBMITTER_ROLE)

# -------------------------------------------------------------------------------------------------------------- signatures

@internal
@view
def _attested(proof: Bytes[8192], tag: bytes1) -> Bytes[2176]:
    """
    @notice The attestation of a proof, whose signatures must all be good: 65 bytes, low s, of a known attestor, each another.
    """
    decoded: AttestationProof = abi_decode(proof, AttestationProof)
    count: uint256 = len(decoded.signatures)
    if count == 0:
        self._fail(0x301b38b6)  # EmptySignatures()
    if count < convert(REQUIRED, uint256):
        self._fail_with_words(0x378b0805, count, convert(REQUIRED, uint256))  # ThresholdNotMet(uint256,uint8)
    digest: bytes32 = sha256(concat(tag, sha256(decoded.attestationData)))
    seen: uint256 = 0
    for i: uint256 in range(count, bound=32):
        if len(decoded.signatures[i]) != 65:
            raw_revert(abi_encode(decoded.signatures[i], method_id=0x2ee17a3d))  # InvalidSignatureLength(bytes)
        s: uint256 = convert(extract32(decoded.signatures[i], 32), uint256)
        if s > HALF_ORDER:
            self._fail_with_word(0xd78bce0c, s)  # ECDSAInvalidSignatureS(bytes32)
        signer: address = ecrecover(
            digest,
            convert(extract32(decoded.signatures[i], 33), uint256) & 255,
            convert(extract32(decoded.signatures[i], 0), uint256),
            s,
        )
        if signer == empty(address):
            self._fail(0xf645eedf)  # ECDSAInvalidSignature()
        position: uint256 = 256
        for k: uint256 in range(len(ATTESTORS), bound=64):
            if ATTESTORS[k] == signer:
                position = k
                break
        if position == 256:
            self._fail_with_word(0xd7e8a2c2, convert(signer, uint256))  # UnknownSigner(address)
        if (seen >> position) & 1 != 0:
            self._fail_with_word(0xe021c4f2, convert(signer, uint256))  # DuplicateSigner(address)
        seen |= 1 << position
    return decoded.attestationData

@internal
@view
def _packets(proof: Bytes[8192], height: uint64, path_count: uint256) -> (uint64, DynArray[PacketCompact, 32]):
    """
    @notice The time of a stored height and what a proof lists at it.
    """
    if path_count != 1:
        self._fail_with_words(0x88b3170e, 1, path_count)  # InvalidPathLength(uint256,uint256)
    seconds: uint64 = self._seconds[height]
    if seconds == 0:
        self._fail_with_word(0xf7caaa5c, convert(height, uint256))  # ConsensusTimestampNotFound(uint64)
    attestation: PacketAttestation = abi_decode(self._attested(proof, 0x02), PacketAttestation)
    if attestation.height != height:
        # HeightMismatch(uint64,uint64)
        self._fail_with_words(0xc7441689, convert(height, uint256), convert(attestation.height, uint256))
    if len(attestation.packets) == 0:
        self._fail(0x1e6c84da)  # EmptyPackets()
    return seconds, attestation.packets

# ----------------------------------------------------------------------------------------------------------- ILightClient

@external
def updateClient(updateMsg: Bytes[8192]) -> uint8:
    """
    @notice Takes a state attestation: the time of a height. ILightClient.
    @return 0 stored, 1 another time for a known height: frozen for good, 2 known already.
    """
    self._check_open()
    state: Bytes[2176] = self._attested(updateMsg, 0x01)
    # abi.encode(uint64,uint64); what follows is signed and not read.
    assert len(state) >= 64
    height: uint64 = convert(convert(extract32(state, 0), uint256), uint64)
    seconds: uint64 = convert(convert(extract32(state, 32), uint256), uint64)
    if height == 0 or seconds == 0:
        self._fail_with_words(0xdcbc5460, convert(height, uint256), convert(seconds, uint256))  # InvalidState(uint64,uint64)
    known: uint64 = self._seconds[height]
    if known != 0:
        if known != seconds:
            self._frozen = True
            return MISBEHAVIOUR
        return NOTHING_NEW
    if height > self._latest_height:
        self._latest_height = height
    self._seconds[height] = seconds
    return UPDATED

@external
@view
def verifyMembership(msg_: Membership) -> uint256:
    """
    @notice Proves that a path holds a value. ILightClient. Any entry of the path counts; of the value the first word does.
    @return The time of the height, in seconds.
    """
    self._check_open()
    if len(msg_.value) == 0:
        self._fail(0x1208b21b)  # EmptyValue()
    seconds: uint64 = 0
    packets: DynArray[PacketCompact, 32] = []
    seconds, packets = self._packets(msg_.proof, msg_.proofHeight.revisionHeight, len(msg_.path))
    assert len(msg_.value) >= 32
    commitment: bytes32 = extract32(msg_.value, 0)
    path: bytes32 = keccak256(msg_.path[0])
    for i: uint256 in range(len(packets), bound=32):
        if packets[i].path == path and packets[i].commitment == commitment:
            return convert(seconds, uint256)
    self._fail(0x291fc442)  # NotMember()
    return 0

@external
@view
def verifyNonMembership(msg_: NonMembership) -> uint256:
    """
    @notice Proves that a path holds nothing: its first entry has a commitment of zero. ILightClient.
    @return The time of the height, in seconds.
    """
    self._check_open()
    seconds: uint64 = 0
    packets: DynArray[PacketCompact, 32] = []
    seconds, packets = self._packets(msg_.proof, msg_.proofHeight.revisionHeight, len(msg_.path))
    path: bytes32 = keccak256(msg_.path[0])
    for i: uint256 in range(len(packets), bound=32):
        if packets[i].path == path:
            if packets[i].commitment != empty(bytes32):
                self._fail(0x9a960b4f)  # NotNonMember()
            return convert(seconds, uint256)
    self._fail(0x291fc442)  # NotMember()
    return 0

@external
@pure
def misbehaviour(misbehaviourMsg: Bytes[16384]):
    """
    @notice Not supported, as in the original: another time for a known height freezes through `updateClient`. ILightClient.
    """
    self._fail(0xda81d7c2)  # FeatureNotSupported()

# ------------------------------------------------------------------------------------------------------------------- views

@external
@view
def getClientState() -> Bytes[2272]:
    """
    @notice `abi.encode` of one tuple (address[] attestors, uint8 minSigs, uint64 latestHeight, bool frozen). ILightClient.
    """
    return abi_encode(
        ClientState(
            attestorAddresses=ATTESTORS,
            minRequiredSigs=REQUIRED,
            latestHeight=self._latest_height,
            isFrozen=self._frozen,
        )
    )

@external
@view
def getAttestationSet() -> (DynArray[address, 64], uint8):
    """
    @notice The attestors and how many of them must sign.
    """
    return ATTESTORS, REQUIRED

@external
@view
def getConsensusTimestamp(revisionHeight: uint64) -> uint64:
    """
    @notice The time of a height in seconds, zero where it is not known.
    """
    return self._seconds[revisionHeight]

@external
@view
def latest() -> (uint64, uint64, uint64):
    """
    @notice The highest known height: revision (always zero), height, seconds.
    """
    return 0, self._latest_height, self._seconds[self._latest_height]

@external
@view
def status() -> uint8:
    """
    @notice 0 active, 2 frozen.
    """
    return 2 if self._frozen else 0

@external
@view
def standing() -> (uint8, uint64):
    """
    @notice Status and the time of the highest known height, for the router's sends.
    """
    return 2 if self._frozen else 0, self._seconds[self._latest_height]
