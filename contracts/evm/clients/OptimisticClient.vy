# pragma version 0.4.3
"""
@title Optimistic client: what nobody objects to in time
@license Apache-2.0
@notice A proposer states with a bond what paths of the origin held at a height. After `window` seconds without a challenge it is
        believed. A watcher who knows better challenges with the same bond; then another client, the arbiter, decides: it must
        uphold every entry within `judgement` seconds, or the proposal falls and the challenger has both bonds. So one honest
        watcher is enough for safety, and the arbiter for progress.
@dev A body is the packets body of docs/spec/attestation.md: u64 revision || u64 height || u64 seconds || u32 count || count x
     (path hash || commitment), 1 to 31 entries, zero for absence, no path twice. It is named by its SHA-256. A proof is
     `02 || body`. Bonds are the chain's own coin, and are taken out by those they belong to (`withdraw`).
"""
from interfaces import IBC

# The arbiter is a light client too.
interface IArbiter:
    def verifyMembership(msg_: Membership) -> uint256: nonpayable
    def verifyNonMembership(msg_: NonMembership) -> uint256: nonpayable

struct Membership:
    proof: Bytes[2048]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 1]
    value: Bytes[32]

struct NonMembership:
    proof: Bytes[2048]
    proofHeight: IBC.Height
    path: DynArray[Bytes[105], 1]

struct Proposal:
    proposer: address
    # When it was posted, in this chain's time; a challenge sets it to when that came.
    at: uint64
    stage: uint8
    # Entries that the arbiter has upheld, one bit each.
    upheld: uint256
    challenger: address

# A proposal, and until when it can be challenged.
event Proposed:
    id: indexed(bytes32)
    proposer: indexed(address)
    body: Bytes[2012]
    until: uint256

# Somebody objects; until when the arbiter must have upheld it.
event Challenged:
    id: indexed(bytes32)
    challenger: indexed(address)
    until: uint256

# The arbiter agrees with an entry.
event EntryUpheld:
    id: indexed(bytes32)
    entry: uint256

# The end of a challenge, and who has the bonds.
event Judged:
    id: indexed(bytes32)
    upheld: bool
    winner: indexed(address)

event Released:
    id: indexed(bytes32)
    proposer: indexed(address)

event Updated:
    revision: uint64
    height: uint64
    seconds: uint64

# Two claims that were believed cannot both be true.
event Frozen:
    first: bytes32
    second: bytes32

event Withdrawn:
    account: indexed(address)
    amount: uint256

# Stages of a proposal.
UNKNOWN: constant(uint8) = 0
OPEN: constant(uint8) = 1
CHALLENGED: constant(uint8) = 2
BELIEVED: constant(uint8) = 3
FALLEN: constant(uint8) = 4

U64: constant(uint256) = 2**64 - 1
FROZEN: constant(uint256) = 2**192
ENTRIES_MAX: constant(uint256) = 31
UPDATED: constant(uint8) = 0
MISBEHAVIOUR: constant(uint8) = 1
NOTHING_NEW: constant(uint8) = 2

ARBITER: public(immutable(address))
BOND: public(immutable(uint256))
WINDOW: public(immutable(uint256))
JUDGEMENT: public(immutable(uint256))

proposals: public(HashMap[bytes32, Proposal])
credit: public(HashMap[address, uint256])
# The newest claim that was believed: frozen (1 bit) | revision (64) | height (64) | seconds (64).
_latest: uint256

@deploy
def __init__(arbiter: address, bond: uint256, window: uint64, judgement: uint64):
    """
    @notice Makes an optimistic client.
    @param arbiter Who decides a challenge: a light client of the same origin, better a slower and stricter one.
    @param bond What a proposal costs, and a challenge; not zero.
    @param window How long a proposal can be challenged, in seconds of this chain; at least a minute.
    @param judgement How long the arbiter's proofs may take after a challenge, in seconds of this chain.
    """
    assert arbiter.is_contract, "arbiter"
    assert bond > 0, "bond"
    assert window >= 60 and judgement >= 60, "times"
    ARBITER = arbiter
    BOND = bond
    WINDOW = convert(window, uint256)
    JUDGEMENT = convert(judgement, uint256)

@internal
@pure
def _fail(selector: bytes4):
    """
    @notice Reverts with an error that has no arguments.
    """
    raw_revert(concat(selector, b""))

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
def _is_believed(proposal: Proposal) -> bool:
    """
    @notice Whether a proposal counts: nobody challenged it in its window, or the arbiter upheld it.
    """
    if proposal.stage == OPEN:
        return block.timestamp >= convert(proposal.at, uint256) + WINDOW
    return proposal.stage == BELIEVED

# -------------------------------------------------------------------------------------------------------------- proposals

@external
@payable
def propose(body: Bytes[2012]) -> bytes32:
    """
    @notice States what paths held at a height, with a bond. Open to everyone. A body that fell may be proposed again.
    @return The proposal's name: SHA-256 of the body.
    """
    if msg.value != BOND:
        raw_revert(abi_encode(BOND, msg.value, method_id=method_id("WrongBond(uint256,uint256)")))
    size: uint256 = len(body)
    if size < 92:
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    count: uint256 = convert(slice(body, 24, 4), uint256)
    if count == 0 or count > ENTRIES_MAX or size != 28 + 64 * count or convert(slice(body, 8, 8), uint256) == 0:
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    for i: uint256 in range(count, bound=31):
        path: bytes32 = extract32(body, 28 + 64 * i)
        for k: uint256 in range(i, bound=31):
            if extract32(body, 28 + 64 * k) == path:
                raw_revert(abi_encode(path, method_id=method_id("PathListedTwice(bytes32)")))
    id: bytes32 = sha256(body)
    stage: uint8 = self.proposals[id].stage
    if stage != UNKNOWN and stage != FALLEN:
        raw_revert(abi_encode(id, method_id=method_id("AlreadyProposed(bytes32)")))
    self.proposals[id] = Proposal(
        proposer=msg.sender, at=convert(block.timestamp, uint64), stage=OPEN, upheld=0, challenger=empty(address)
    )
    log Proposed(id=id, proposer=msg.sender, body=body, until=block.timestamp + WINDOW)
    return id

@external
@payable
def challenge(id: bytes32):
    """
    @notice Objects to a proposal within its window, with the same bond. Open to everyone.
    """
    if msg.value != BOND:
        raw_revert(abi_encode(BOND, msg.value, method_id=method_id("WrongBond(uint256,uint256)")))
    proposal: Proposal = self.proposals[id]
    if proposal.stage != OPEN or block.timestamp >= convert(proposal.at, uint256) + WINDOW:
        raw_revert(abi_encode(id, proposal.stage, method_id=method_id("WrongStage(bytes32,uint8)")))
    self.proposals[id].stage = CHALLENGED
    self.proposals[id].at = convert(block.timestamp, uint64)
    self.proposals[id].challenger = msg.sender
    log Challenged(id=id, challenger=msg.sender, until=block.timestamp + JUDGEMENT)

@external
def uphold(id: bytes32, body: Bytes[2012], entry: uint256, path: Bytes[105], proof: Bytes[2048]):
    """
    @notice Shows that the arbiter agrees with one entry of a challenged proposal, at its height and time. When it agrees with
            all, the proposal is believed and the proposer has both bonds. Open to everyone.
    @param path The path whose hash the entry has, under the origin's prefix.
    @param proof The arbiter's proof.
    """
    proposal: Proposal = self.proposals[id]
    if proposal.stage != CHALLENGED or block.timestamp >= convert(proposal.at, uint256) + JUDGEMENT:
        raw_revert(abi_encode(id, proposal.stage, method_id=method_id("WrongStage(bytes32,uint8)")))
    count: uint256 = convert(slice(body, 24, 4), uint256)
    if sha256(body) != id or entry >= count or keccak256(path) != extract32(body, 28 + 64 * entry):
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    height: IBC.Height = IBC.Height(
        revisionNumber=convert(slice(body, 0, 8), uint64), revisionHeight=convert(slice(body, 8, 8), uint64)
    )
    commitment: bytes32 = extract32(body, 60 + 64 * entry)
    seconds: uint256 = 0
    if commitment == empty(bytes32):
        seconds = extcall IArbiter(ARBITER).verifyNonMembership(
            NonMembership(proof=proof, proofHeight=height, path=[path])
        )
    else:
        seconds = extcall IArbiter(ARBITER).verifyMembership(
            Membership(proof=proof, proofHeight=height, path=[path], value=concat(commitment, b""))
        )
    if seconds != convert(slice(body, 16, 8), uint256):
        self._fail(method_id("OtherTime()", output_type=bytes4))
    upheld: uint256 = self.proposals[id].upheld | (1 << entry)
    self.proposals[id].upheld = upheld
    log EntryUpheld(id=id, entry=entry)
    if upheld == (1 << count) - 1:
        self.proposals[id].stage = BELIEVED
        self.credit[proposal.proposer] += 2 * BOND
        log Judged(id=id, upheld=True, winner=proposal.proposer)

@external
def judge(id: bytes32):
    """
    @notice Lets a challenged proposal fall that the arbiter has not upheld in time: the challenger has both bonds. Open to
            everyone.
    """
    proposal: Proposal = self.proposals[id]
    if proposal.stage != CHALLENGED or block.timestamp < convert(proposal.at, uint256) + JUDGEMENT:
        raw_revert(abi_encode(id, proposal.stage, method_id=method_id("WrongStage(bytes32,uint8)")))
    self.proposals[id].stage = FALLEN
    self.credit[proposal.challenger] += 2 * BOND
    log Judged(id=id, upheld=False, winner=proposal.challenger)

@external
def release(id: bytes32):
    """
    @notice Gives a proposer the bond back when the window has passed. Open to everyone.
    """
    proposal: Proposal = self.proposals[id]
    if proposal.stage != OPEN or not self._is_believed(proposal):
        raw_revert(abi_encode(id, proposal.stage, method_id=method_id("WrongStage(bytes32,uint8)")))
    self.proposals[id].stage = BELIEVED
    self.credit[proposal.proposer] += BOND
    log Released(id=id, proposer=proposal.proposer)

@external
def withdraw():
    """
    @notice Pays the caller what belongs to the caller.
    """
    amount: uint256 = self.credit[msg.sender]
    self.credit[msg.sender] = 0
    log Withdrawn(account=msg.sender, amount=amount)
    raw_call(msg.sender, b"", value=amount)

# ----------------------------------------------------------------------------------------------------------- ILightClient

@internal
@view
def _body_claim(body: Bytes[2048], offset: uint256) -> uint256:
    """
    @notice The claim of a believed body that begins at `offset`: revision (64) | height (64) | seconds (64).
    """
    size: uint256 = len(body)
    if size < 92 + offset or size > 2012 + offset:
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    id: bytes32 = sha256(slice(body, offset, size - offset))
    if not self._is_believed(self.proposals[id]):
        raw_revert(abi_encode(id, method_id=method_id("NotBelieved(bytes32)")))
    return convert(slice(body, offset, 24), uint256)

@internal
@view
def _proven(proof: Bytes[2048], height: IBC.Height, path: bytes32) -> (uint256, bytes32):
    """
    @notice What a believed body says about a path: its claim's time and the commitment; refused when it is not listed.
    """
    latest: uint256 = self._latest
    if latest & FROZEN != 0:
        self._fail(0x928b1233)  # FrozenClientState()
    if len(proof) == 0 or slice(proof, 0, 1) != b"\x02":
        self._fail(method_id("InvalidEvidence()", output_type=bytes4))
    head: uint256 = self._body_claim(proof, 1)
    if latest != 0 and self._contradict(head, latest):
        self._fail(method_id("Contradiction()", output_type=bytes4))
    given: uint256 = (convert(height.revisionNumber, uint256) << 64) | convert(height.revisionHeight, uint256)
    if head >> 64 != given:
        # HeightMismatch(uint64,uint64)
        raw_revert(abi_encode(height.revisionHeight, (head >> 64) & U64, method_id=0xc7441689))
    count: uint256 = convert(slice(proof, 25, 4), uint256)
    for i: uint256 in range(count, bound=31):
        if extract32(proof, 29 + 64 * i) == path:
            return head & U64, extract32(proof, 61 + 64 * i)
    self._fail(0x291fc442)  # NotMember()
    return 0, empty(bytes32)

@external
@view
def verifyMembership(msg_: Membership) -> uint256:
    """
    @notice Proves that a path holds a value. ILightClient (ICS-02 v2).
    @return The time of the claim, in seconds.
    """
    if len(msg_.path) != 1:
        raw_revert(abi_encode(convert(1, uint256), len(msg_.path), method_id=0x88b3170e))  # InvalidPathLength(uint256,uint256)
    seconds: uint256 = 0
    commitment: bytes32 = empty(bytes32)
    seconds, commitment = self._proven(msg_.proof, msg_.proofHeight, keccak256(msg_.path[0]))
    if commitment == empty(bytes32) or len(msg_.value) != 32 or extract32(msg_.value, 0) != commitment:
        self._fail(0x291fc442)  # NotMember()
    return seconds

@external
@view
def verifyNonMembership(msg_: NonMembership) -> uint256:
    """
    @notice Proves that a path holds nothing. ILightClient (ICS-02 v2).
    @return The time of the claim, in seconds.
    """
    if len(msg_.path) != 1:
        raw_revert(abi_encode(convert(1, uint256), len(msg_.path), method_id=0x88b3170e))  # InvalidPathLength(uint256,uint256)
    seconds: uint256 = 0
    commitment: bytes32 = empty(bytes32)
    seconds, commitment = self._proven(msg_.proof, msg_.proofHeight, keccak256(msg_.path[0]))
    if commitment != empty(bytes32):
        self._fail(0x9a960b4f)  # NotNonMember()
    return seconds

@external
def updateClient(updateMsg: Bytes[2048]) -> uint8:
    """
    @notice Takes a believed body as the newest claim, if it is; one that contradicts the newest freezes the client for good.
            ILightClient (ICS-02). Open to everyone.
    @return 0 newer than all before, 1 frozen, 2 not newer.
    """
    latest: uint256 = self._latest
    if latest & FROZEN != 0:
        self._fail(0x928b1233)  # FrozenClientState()
    head: uint256 = self._body_claim(updateMsg, 0)
    if latest != 0 and self._contradict(head, latest):
        self._latest = latest | FROZEN
        log Frozen(first=empty(bytes32), second=sha256(updateMsg))
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
    @notice Freezes the client for good when two believed bodies contradict: one height with two times or two commitments of one
            path, or a higher height with an earlier time. ILightClient (ICS-02). Open to everyone.
    @param misbehaviourMsg `abi.encode(bytes, bytes)`: both bodies.
    """
    latest: uint256 = self._latest
    if latest & FROZEN != 0:
        self._fail(0x928b1233)  # FrozenClientState()
    a: Bytes[2048] = b""
    b: Bytes[2048] = b""
    a, b = abi_decode(misbehaviourMsg, (Bytes[2048], Bytes[2048]))
    first: uint256 = self._body_claim(a, 0)
    second: uint256 = self._body_claim(b, 0)
    conflict: bool = self._contradict(first, second)
    if first == second:
        for i: uint256 in range(convert(slice(a, 24, 4), uint256), bound=31):
            for k: uint256 in range(convert(slice(b, 24, 4), uint256), bound=31):
                if extract32(a, 28 + 64 * i) == extract32(b, 28 + 64 * k) and (
                    extract32(a, 60 + 64 * i) != extract32(b, 60 + 64 * k)
                ):
                    conflict = True
    if not conflict:
        self._fail(method_id("NoContradiction()", output_type=bytes4))
    self._latest = latest | FROZEN
    log Frozen(first=sha256(a), second=sha256(b))

# ------------------------------------------------------------------------------------------------------------------- views

@external
@view
def isBelieved(id: bytes32) -> bool:
    """
    @notice Whether a proposal counts.
    """
    return self._is_believed(self.proposals[id])

@external
@view
def getClientState() -> Bytes[160]:
    """
    @notice `abi.encode(address arbiter, uint256 bond, uint256 window, uint256 judgement, bool frozen)`. ILightClient.
    """
    return abi_encode(ARBITER, BOND, WINDOW, JUDGEMENT, self._latest & FROZEN != 0)

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
    @notice 0 active, 2 frozen.
    """
    return 2 if self._latest & FROZEN != 0 else 0

@external
@view
def standing() -> (uint8, uint64):
    """
    @notice Status and the newest time, for the router's sends.
    """
    latest: uint256 = self._latest
    return 2 if latest & FROZEN != 0 else 0, convert(latest & U64, uint64)
