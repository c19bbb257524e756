# pragma version 0.4.3
"""
@title Combined client: so many of several clients must say the same
@license Apache-2.0
@notice All, any or a threshold of its parts (docs/spec/policy.md, `all`, `any`, `threshold`): `required` of them must prove the
        same thing at the same height with the same time. A part that cannot, or says otherwise, does not stand in the way.
@dev A proof is `abi.encode(bytes[])`, one for each part in order, empty where a part is left out. A part gets at most what gas
     there is: one that is starved has not proven, which can refuse a proof and never make one.
"""
from interfaces import IBC

# What is read of a part.
interface IPart:
    def standing() -> (uint8, uint64): view
    def latest() -> (uint64, uint64, uint64): view
    def policy() -> Bytes[8192]: view

struct Membership:
    proof: Bytes[8192]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 2]
    value: Bytes[32]

struct NonMembership:
    proof: Bytes[8192]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 2]

struct PartMembership:
    proof: Bytes[2048]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 2]
    value: Bytes[32]

struct PartNonMembership:
    proof: Bytes[2048]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 2]

# A part's answer to an update or to misbehaviour, or that it reverted.
event PartAnswered:
    part: indexed(uint256)
    done: bool
    answer: Bytes[96]

PARTS_MAX: constant(uint256) = 3
UPDATED: constant(uint8) = 0
MISBEHAVIOUR: constant(uint8) = 1
NOTHING_NEW: constant(uint8) = 2

PARTS: immutable(DynArray[address, 3])
REQUIRED: immutable(uint256)

@deploy
def __init__(parts: DynArray[address, 3], required: uint8):
    """
    @notice Combines two or three clients, each once.
    @param required 1 for any of them, their number for all, else a threshold.
    """
    if required == 0 or convert(required, uint256) > len(parts) or len(parts) < 2:
        raw_revert(abi_encode(required, len(parts), method_id=method_id("BadQuorum(uint8,uint256)")))
    for i: uint256 in range(len(parts), bound=3):
        assert parts[i].is_contract, "part"
        for k: uint256 in range(i, bound=3):
            assert parts[i] != parts[k], "part"
    PARTS = parts
    REQUIRED = convert(required, uint256)

@internal
@pure
def _fail(selector: bytes4):
    """
    @notice Reverts with an error that has no arguments.
    """
    raw_revert(concat(selector, b""))

@internal
@view
def _agreed(times: uint256[3]) -> uint256:
    """
    @notice The time that enough parts gave; refused when there is none. Where several are, the earliest: it opens no timeout too
            soon.
    @param times For each part 1 + its time, 0 where it proved nothing.
    """
    agreed: uint256 = 0
    for i: uint256 in range(3):
        if times[i] == 0:
            continue
        count: uint256 = 0
        for k: uint256 in range(3):
            if times[k] == times[i]:
                count += 1
        if count >= REQUIRED and (agreed == 0 or times[i] < agreed):
            agreed = times[i]
    if agreed == 0:
        raw_revert(abi_encode(REQUIRED, method_id=method_id("TooFewParts(uint256)")))
    return agreed - 1

# ----------------------------------------------------------------------------------------------------------- ILightClient

@external
def verifyMembership(msg_: Membership) -> uint256:
    """
    @notice Proves that a path holds a value. ILightClient (ICS-02 v2).
    @return The time that enough parts gave, in seconds.
    """
    proofs: DynArray[Bytes[2048], 3] = abi_decode(msg_.proof, DynArray[Bytes[2048], 3])
    if len(proofs) != len(PARTS):
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    times: uint256[3] = empty(uint256[3])
    for i: uint256 in range(len(proofs), bound=3):
        if len(proofs[i]) == 0:
            continue
        proven: bool = False
        answer: Bytes[32] = b""
        proven, answer = raw_call(
            PARTS[i],
            abi_encode(
                PartMembership(
                    proof=proofs[i], proofHeight=msg_.proofHeight, path=msg_.path, value=msg_.value
                ),
                method_id=0x682ed5f0,
            ),
            max_outsize=32,
            revert_on_failure=False,
        )
        if proven and len(answer) == 32:
            times[i] = convert(convert(convert(answer, uint256), uint64), uint256) + 1
    return self._agreed(times)

@external
def verifyNonMembership(msg_: NonMembership) -> uint256:
    """
    @notice Proves that a path holds nothing. ILightClient (ICS-02 v2).
    @return The time that enough parts gave, in seconds.
    """
    proofs: DynArray[Bytes[2048], 3] = abi_decode(msg_.proof, DynArray[Bytes[2048], 3])
    if len(proofs) != len(PARTS):
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    times: uint256[3] = empty(uint256[3])
    for i: uint256 in range(len(proofs), bound=3):
        if len(proofs[i]) == 0:
            continue
        proven: bool = False
        answer: Bytes[32] = b""
        proven, answer = raw_call(
            PARTS[i],
            abi_encode(
                PartNonMembership(proof=proofs[i], proofHeight=msg_.proofHeight, path=msg_.path),
                method_id=0x4d6d9ffb,
            ),
            max_outsize=32,
            revert_on_failure=False,
        )
        if proven and len(answer) == 32:
            times[i] = convert(convert(convert(answer, uint256), uint64), uint256) + 1
    return self._agreed(times)

@external
def updateClient(updateMsg: Bytes[8192]) -> uint8:
    """
    @notice Hands each part its update: `abi.encode(bytes[])`, empty where a part has none. ILightClient (ICS-02).
    @return 1 when a part froze, else 0 when one was updated, else 2. Refused when every part refused.
    """
    updates: DynArray[Bytes[2048], 3] = abi_decode(updateMsg, DynArray[Bytes[2048], 3])
    if len(updates) != len(PARTS):
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    answered: bool = False
    result: uint8 = NOTHING_NEW
    for i: uint256 in range(len(updates), bound=3):
        if len(updates[i]) == 0:
            continue
        done: bool = False
        answer: Bytes[32] = b""
        done, answer = raw_call(
            PARTS[i],
            abi_encode(updates[i], method_id=0x0bece356),
            max_outsize=32,
            revert_on_failure=False,
        )
        log PartAnswered(part=i, done=done, answer=answer)
        if not done or len(answer) != 32:
            continue
        answered = True
        said: uint256 = convert(answer, uint256)
        if said == convert(MISBEHAVIOUR, uint256):
            result = MISBEHAVIOUR
        elif said == convert(UPDATED, uint256) and result == NOTHING_NEW:
            result = UPDATED
    if not answered:
        raw_revert(abi_encode(REQUIRED, method_id=method_id("TooFewParts(uint256)")))
    return result

@external
def misbehaviour(misbehaviourMsg: Bytes[4608]):
    """
    @notice Shows one part that it was lied to: `abi.encode(uint256 part, bytes)`. ILightClient (ICS-02).
    """
    part: uint256 = 0
    evidence: Bytes[4416] = b""
    part, evidence = abi_decode(misbehaviourMsg, (uint256, Bytes[4416]))
    raw_call(PARTS[part], abi_encode(evidence, method_id=0xddba6537))
    log PartAnswered(part=part, done=True, answer=b"")

# ------------------------------------------------------------------------------------------------------------------- views

@internal
@view
def _standing() -> (uint8, uint64):
    """
    @notice Active while enough parts are; the time that so many of the active ones have reached.
    """
    times: uint256[3] = empty(uint256[3])
    active: uint256 = 0
    for i: uint256 in range(len(PARTS), bound=3):
        status: uint8 = 0
        seconds: uint64 = 0
        status, seconds = staticcall IPart(PARTS[i]).standing()
        if status == 0:
            times[i] = convert(seconds, uint256) + 1
            active += 1
    if active < REQUIRED:
        return 2, 0
    reached: uint256 = 0
    for i: uint256 in range(3):
        count: uint256 = 0
        for k: uint256 in range(3):
            if times[k] >= times[i]:
                count += 1
        if times[i] > reached and count >= REQUIRED:
            reached = times[i]
    return 0, convert(reached - 1, uint64)

@external
@view
def standing() -> (uint8, uint64):
    """
    @notice Status and the newest time, for the router's sends.
    """
    return self._standing()

@external
@view
def status() -> uint8:
    """
    @notice 0 active, 2 frozen: fewer parts are active than are required.
    """
    status: uint8 = 0
    seconds: uint64 = 0
    status, seconds = self._standing()
    return status

@external
@view
def latest() -> (uint64, uint64, uint64):
    """
    @notice The newest claim of any part: revision, height, seconds.
    """
    newest: uint256 = 0
    at: uint64 = 0
    for i: uint256 in range(len(PARTS), bound=3):
        revision: uint64 = 0
        height: uint64 = 0
        seconds: uint64 = 0
        revision, height, seconds = staticcall IPart(PARTS[i]).latest()
        order: uint256 = (convert(revision, uint256) << 64) | convert(height, uint256)
        if order > newest:
            newest = order
            at = seconds
    return convert(newest >> 64, uint64), convert(newest & (2**64 - 1), uint64), at

@external
@view
def getClientState() -> Bytes[256]:
    """
    @notice `abi.encode(address[] parts, uint8 required)`. ILightClient.
    """
    return abi_encode(PARTS, convert(REQUIRED, uint8))

@external
@view
def parts() -> DynArray[address, 3]:
    """
    @notice The parts, in the order of proofs.
    """
    return PARTS

@external
@view
def required() -> uint8:
    """
    @notice How many of them must agree.
    """
    return convert(REQUIRED, uint8)

@external
@view
def policy() -> Bytes[25000]:
    """
    @notice This client as a policy, in canonical JSON (docs/spec/policy.md); its parts must have policies.
    """
    text: Bytes[25000] = b'{"threshold":{"of":['
    if REQUIRED == len(PARTS):
        text = b'{"all":['
    elif REQUIRED == 1:
        text = b'{"any":['
    for i: uint256 in range(len(PARTS), bound=3):
        part: Bytes[8192] = staticcall IPart(PARTS[i]).policy()
        text = convert(concat(text, b"" if i == 0 else b",", part), Bytes[25000])
    if REQUIRED == len(PARTS) or REQUIRED == 1:
        return convert(concat(text, b"]}"), Bytes[25000])
    return convert(concat(text, b'],"required":', convert(uint2str(REQUIRED), Bytes[78]), b"}}"), Bytes[25000])
