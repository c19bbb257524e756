# @title  Keys of enclaves that registrars vouch for
# @notice No EVM chain can afford to verify a quote with its collateral. So registrars do it, off chain and each by itself
#         (`causeway verify`), and sign what they saw: the root of the whole EnclaveKeys, the 64 bytes of report data that the
#         quote holds, the hash of the evidence and of the policy it was judged by, and until when it counts. Anyone brings so
#         many of their signatures; from then on the key speaks for that program under that policy, until it expires, is
#         invalidated by registrars, or is followed by another.
# @dev    docs/spec/settlement-evm.md. Registrars and quorums never change: other registrars are another registry, and a
#         settlement contract names the one it believes. Keys are secp256k1 (suite `secp256k1-address`): the chain checks nothing else.

from enclaves import Merkle
from enclaves import Names

initializes: Names

# What an enclave's evidence binds, but for what is the same for all here: version 1, this chain, suite `secp256k1-address`.
struct Keys:
    operator: Bytes[64]
    program: bytes32
    policy: bytes32
    signer: address
    sealingSuite: uint16
    sealingKey: Bytes[2048]
    sequence: uint64
    anchorHeight: uint64
    anchorHash: bytes32
    issued: uint64
    expires: uint64

# What registrars say of the evidence.
struct Finding:
    # SHA-512(tag("causeway/enclave-keys/v1") ‖ registration), as the evidence holds it: 64 bytes.
    reportData: Bytes[64]
    # SHA-256 of the evidence, and of the attestation policy's canonical text.
    evidence: bytes32
    policy: bytes32
    # The first second at which the registration is void: of the evidence, its collateral and the policy the earliest.
    until: uint64

struct Registration:
    signer: address
    until: uint64
    # 1 registered, 2 invalidated.
    state: uint8
    program: bytes32
    policy: bytes32
    attestationPolicy: bytes32

# The same, its first word state << 224 | until << 160 | signer.
struct Stored:
    head: uint256
    program: bytes32
    policy: bytes32
    attestationPolicy: bytes32

event EnclaveRegistered:
    registration: indexed(bytes32)
    operator: indexed(bytes32)
    signer: indexed(address)
    program: bytes32
    policy: bytes32
    sealingSuite: uint16
    sealingKey: Bytes[2048]
    sequence: uint64
    reportData: Bytes[64]
    evidence: bytes32
    attestationPolicy: bytes32
    until: uint64

event EnclaveInvalidated:
    registration: indexed(bytes32)
    reason: bytes32

event EnclaveRemoved:
    registration: indexed(bytes32)

REGISTRARS_MAX: constant(uint256) = 16
SIGNATURE_SIZE: constant(uint256) = 66
# Blocks that the chain still knows the hash of.
ANCHOR_BLOCKS: constant(uint256) = 256
REGISTERED: constant(uint8) = 1
INVALIDATED: constant(uint8) = 2

# Their lengths before them.
REGISTER_TAG: constant(Bytes[31]) = b"\x1ecauseway/registrar-register/v1"
INVALIDATE_TAG: constant(Bytes[33]) = b"\x20causeway/registrar-invalidate/v1"
SUITE: constant(Bytes[17]) = b"secp256k1-address"

REGISTRARS: immutable(DynArray[address, 16])
QUORUM: public(immutable(uint256))
# How many registrars end a registration: fewer may do, since it only stops something.
INVALIDATION_QUORUM: public(immutable(uint256))

registrations: HashMap[bytes32, Stored]
# The newest sequence of an operator, by the hash of its ERC-7930 address: keys are registered once, in their order.
sequences: public(HashMap[bytes32, uint64])


@deploy
def __init__(registrars: DynArray[address, 16], quorum: uint256, invalidationQuorum: uint256):
    Names.__init__()
    assert len(registrars) > 0 and 0 < invalidationQuorum and invalidationQuorum <= quorum, "quorum"
    assert quorum <= len(registrars), "quorum"
    for i: uint256 in range(len(registrars), bound=16):
        assert registrars[i] != empty(address), "registrar"
        for k: uint256 in range(i, bound=16):
            assert registrars[k] != registrars[i], "registrar"
    REGISTRARS = registrars
    QUORUM = quorum
    INVALIDATION_QUORUM = invalidationQuorum


# MARK: what is signed

# @notice hash_tree_root(EnclaveKeys): the id of a registration.
@internal
@view
def _root(keys: Keys) -> bytes32:
    leaves: DynArray[bytes32, 256] = [
        Merkle.VERSION,
        Merkle.byte_list(Names.domain(), 1),
        Merkle.byte_list(keys.operator, 1),
        keys.program,
        keys.policy,
        Merkle.byte_list(SUITE, 1),
        Merkle.byte_list(concat(convert(keys.signer, bytes20), b""), 6),
        Merkle.number(convert(keys.sealingSuite, uint256)),
        Merkle.byte_list(keys.sealingKey, 6),
        Merkle.number(convert(keys.sequence, uint256)),
        Merkle.number(convert(keys.anchorHeight, uint256)),
        keys.anchorHash,
        Merkle.number(convert(keys.issued, uint256)),
        Merkle.number(convert(keys.expires, uint256)),
    ]
    return Merkle.tree(leaves, 4)


# @notice The id that keys have.
@external
@view
def registrationOf(keys: Keys) -> bytes32:
    return self._root(keys)


@internal
@view
def _findingDigest(registration: bytes32, finding: Finding) -> bytes32:
    content: bytes32 = sha256(
        concat(
            convert(self, bytes20),
            registration,
            finding.reportData,
            finding.evidence,
            finding.policy,
            convert(finding.until, bytes8),
        )
    )
    return Names.digest(REGISTER_TAG, content)


# @notice What registrars sign: S(tag ‖ S(domain) ‖ S(this contract ‖ registration ‖ report data ‖ evidence ‖ policy ‖ until)).
@external
@view
def findingDigest(registration: bytes32, finding: Finding) -> bytes32:
    return self._findingDigest(registration, finding)


@internal
@view
def _invalidationDigest(registration: bytes32, reason: bytes32) -> bytes32:
    return Names.digest(INVALIDATE_TAG, sha256(concat(convert(self, bytes20), registration, reason)))


# @notice What registrars sign to end one: S(tag ‖ S(domain) ‖ S(this contract ‖ registration ‖ reason)).
@external
@view
def invalidationDigest(registration: bytes32, reason: bytes32) -> bytes32:
    return self._invalidationDigest(registration, reason)


# @notice Each signature is u8 position of the registrar ‖ r ‖ s ‖ v; positions ascend, every one must be valid.
@internal
@view
def _check(digest: bytes32, signatures: Bytes[1056], needed: uint256):
    count: uint256 = len(signatures) // SIGNATURE_SIZE
    if len(signatures) != count * SIGNATURE_SIZE:
        raw_revert(method_id("InvalidSignatures()"))
    if count < needed:
        raw_revert(abi_encode(count, needed, method_id=method_id("ThresholdNotMet(uint256,uint256)")))
    free: uint256 = 0
    for i: uint256 in range(count, bound=16):
        position: uint256 = convert(slice(signatures, i * SIGNATURE_SIZE, 1), uint256)
        if position < free or position >= len(REGISTRARS):
            raw_revert(abi_encode(position, method_id=method_id("SignerOutOfOrder(uint256)")))
        free = position + 1
        signer: address = Names.signer(digest, slice(signatures, i * SIGNATURE_SIZE + 1, 65))
        if signer == empty(address) or signer != REGISTRARS[position]:
            raw_revert(abi_encode(position, method_id=method_id("InvalidSignature(uint256)")))


# MARK: registrations

# @notice Takes keys that registrars found to be an enclave's.
# @param  signatures  at least QUORUM of 66 bytes
# @return the id of the registration
@external
def register(keys: Keys, finding: Finding, signatures: Bytes[1056]) -> bytes32:
    # One encoding: an ERC-7930 account has a version, a type and two lengths at least.
    operatorSize: uint256 = len(keys.operator)
    if operatorSize < 7 or keys.signer == empty(address) or len(keys.sealingKey) == 0 or len(finding.reportData) != 64:
        raw_revert(method_id("InvalidKeys()"))
    if keys.issued >= keys.expires or finding.until > keys.expires or convert(finding.until, uint256) <= block.timestamp:
        raw_revert(abi_encode(finding.until, keys.expires, method_id=method_id("InvalidTimes(uint64,uint64)")))
    # Not older than a block that this chain remembers, nor of another chain's history.
    height: uint256 = convert(keys.anchorHeight, uint256)
    if height >= block.number or height + ANCHOR_BLOCKS < block.number or blockhash(height) != keys.anchorHash:
        raw_revert(abi_encode(keys.anchorHeight, method_id=method_id("UnknownAnchor(uint64)")))
    operator: bytes32 = sha256(keys.operator)
    if keys.sequence <= self.sequences[operator]:
        raw_revert(
            abi_encode(keys.sequence, self.sequences[operator], method_id=method_id("OldSequence(uint64,uint64)"))
        )
    registration: bytes32 = self._root(keys)
    self._check(self._findingDigest(registration, finding), signatures, QUORUM)
    self.sequences[operator] = keys.sequence
    self.registrations[registration] = Stored(
        head=(
            convert(keys.signer, uint256)
            | (convert(finding.until, uint256) << 160)
            | (convert(REGISTERED, uint256) << 224)
        ),
        program=keys.program,
        policy=keys.policy,
        attestationPolicy=finding.policy,
    )
    log EnclaveRegistered(
        registration=registration,
        operator=operator,
        signer=keys.signer,
        program=keys.program,
        policy=keys.policy,
        sealingSuite=keys.sealingSuite,
        sealingKey=keys.sealingKey,
        sequence=keys.sequence,
        reportData=finding.reportData,
        evidence=finding.evidence,
        attestationPolicy=finding.policy,
        until=finding.until,
    )
    return registration


# @notice Ends a registration at once: a key was lost, or newer collateral refuses the evidence.
# @param  reason  hash of what registrars publish about it
@external
def invalidate(registration: bytes32, reason: bytes32, signatures: Bytes[1056]):
    head: uint256 = self.registrations[registration].head
    if head >> 224 != convert(REGISTERED, uint256):
        raw_revert(abi_encode(registration, method_id=method_id("NotRegistered(bytes32)")))
    self._check(self._invalidationDigest(registration, reason), signatures, INVALIDATION_QUORUM)
    self.registrations[registration].head = (head & (2**224 - 1)) | (convert(INVALIDATED, uint256) << 224)
    log EnclaveInvalidated(registration=registration, reason=reason)


# @notice Takes away what has expired; anyone may. Its keys cannot come back: their sequence was used.
@external
def remove(registration: bytes32):
    known: Registration = self._known(registration)
    if known.state == 0 or block.timestamp < convert(known.until, uint256):
        raw_revert(abi_encode(registration, known.until, method_id=method_id("NotExpired(bytes32,uint64)")))
    self.registrations[registration] = empty(Stored)
    log EnclaveRemoved(registration=registration)


@internal
@view
def _known(registration: bytes32) -> Registration:
    stored: Stored = self.registrations[registration]
    return Registration(
        signer=convert(stored.head & (2**160 - 1), address),
        until=convert((stored.head >> 160) & (2**64 - 1), uint64),
        state=convert(stored.head >> 224, uint8),
        program=stored.program,
        policy=stored.policy,
        attestationPolicy=stored.attestationPolicy,
    )


# MARK: views

# @notice Whose signature counts now, and for what; all zero when the registration is unknown, invalidated or expired.
@external
@view
def live(registration: bytes32) -> (address, bytes32, bytes32, bytes32):
    known: Registration = self._known(registration)
    if known.state != REGISTERED or block.timestamp >= convert(known.until, uint256):
        return empty(address), empty(bytes32), empty(bytes32), empty(bytes32)
    return known.signer, known.program, known.policy, known.attestationPolicy


@external
@view
def registrationAt(registration: bytes32) -> Registration:
    return self._known(registration)


@external
@view
def registrars() -> DynArray[address, 16]:
    return REGISTRARS
