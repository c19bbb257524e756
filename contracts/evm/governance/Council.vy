# @title  m of n
# @notice Members, accounts or contracts, propose calls and approve them; with enough approvals any member executes.
#         Combined with a Timelock, which waits, this is who may change a deployment.

struct Proposal:
    target: address
    amount: uint256
    input: Bytes[4608]
    proposer: address
    proposedAt: uint256
    # Of the members at that time: a change of members ends what waits.
    epoch: uint256
    # One bit for each member, by position.
    approvals: uint256
    executed: bool

event Proposed:
    id: indexed(uint256)
    proposer: indexed(address)
    target: indexed(address)
    amount: uint256
    input: Bytes[4608]

event Approved:
    id: indexed(uint256)
    member: indexed(address)
    approvals: uint256

event Revoked:
    id: indexed(uint256)
    member: indexed(address)
    approvals: uint256

event Executed:
    id: indexed(uint256)

event MembersChanged:
    members: DynArray[address, MEMBERS_MAX]
    threshold: uint256

MEMBERS_MAX: constant(uint256) = 32
# A proposal that is not executed in this time is void.
LIFETIME: public(constant(uint256)) = 30 * 86400

members: DynArray[address, MEMBERS_MAX]
threshold: public(uint256)
epoch: public(uint256)
# Position + 1, in this epoch.
positions: HashMap[uint256, HashMap[address, uint256]]
proposals: HashMap[uint256, Proposal]
proposalCount: public(uint256)


@deploy
def __init__(members: DynArray[address, MEMBERS_MAX], threshold: uint256):
    self._setMembers(members, threshold)


@internal
def _setMembers(members: DynArray[address, MEMBERS_MAX], threshold: uint256):
    assert threshold > 0 and threshold <= len(members), "threshold"
    self.epoch += 1
    position: uint256 = 0
    for member: address in members:
        assert member != empty(address) and self.positions[self.epoch][member] == 0, "member"
        position += 1
        self.positions[self.epoch][member] = position
    self.members = members
    self.threshold = threshold
    log MembersChanged(members=members, threshold=threshold)


@internal
@view
def _bit() -> uint256:
    position: uint256 = self.positions[self.epoch][msg.sender]
    if position == 0:
        raw_revert(abi_encode(msg.sender, method_id=method_id("Unauthorized(address)")))
    return 1 << (position - 1)


@internal
@view
def _open(id: uint256) -> uint256:
    if (
        id >= self.proposalCount
        or self.proposals[id].executed
        or self.proposals[id].epoch != self.epoch
        or block.timestamp > self.proposals[id].proposedAt + LIFETIME
    ):
        raw_revert(abi_encode(id, method_id=method_id("NotOpen(uint256)")))
    return self.proposals[id].approvals


@internal
@pure
def _count(approvals: uint256) -> uint256:
    count: uint256 = 0
    for i: uint256 in range(MEMBERS_MAX):
        count += (approvals >> i) & 1
    return count


@external
@view
def getMembers() -> DynArray[address, MEMBERS_MAX]:
    return self.members


@external
@view
def isMember(account: address) -> bool:
    return self.positions[self.epoch][account] != 0


# @return the proposal, how many have approved, and whether it can still be executed
@external
@view
def getProposal(id: uint256) -> (Proposal, uint256, bool):
    proposal: Proposal = self.proposals[id]
    return (
        proposal,
        self._count(proposal.approvals),
        not proposal.executed
        and proposal.epoch == self.epoch
        and block.timestamp <= proposal.proposedAt + LIFETIME,
    )


# @notice Proposes a call and approves it.
@external
def propose(target: address, amount: uint256, input: Bytes[4608]) -> uint256:
    bit: uint256 = self._bit()
    id: uint256 = self.proposalCount
    self.proposalCount = id + 1
    self.proposals[id] = Proposal(
        target=target,
        amount=amount,
        input=input,
        proposer=msg.sender,
        proposedAt=block.timestamp,
        epoch=self.epoch,
        approvals=bit,
        executed=False,
    )
    log Proposed(id=id, proposer=msg.sender, target=target, amount=amount, input=input)
    log Approved(id=id, member=msg.sender, approvals=1)
    return id


@external
def approve(id: uint256):
    approvals: uint256 = self._open(id) | self._bit()
    self.proposals[id].approvals = approvals
    log Approved(id=id, member=msg.sender, approvals=self._count(approvals))


@external
def revoke(id: uint256):
    approvals: uint256 = self._open(id) & ~self._bit()
    self.proposals[id].approvals = approvals
    log Revoked(id=id, member=msg.sender, approvals=self._count(approvals))


# @notice Makes the call of a proposal that enough members have approved. Fails as the call fails.
@external
@payable
@nonreentrant
def execute(id: uint256) -> Bytes[1024]:
    bit: uint256 = self._bit()
    approvals: uint256 = self._count(self._open(id))
    if approvals < self.threshold:
        raw_revert(
            abi_encode(id, approvals, self.threshold, method_id=method_id("NotApproved(uint256,uint256,uint256)"))
        )
    self.proposals[id].executed = True
    log Executed(id=id)
    return raw_call(
        self.proposals[id].target, self.proposals[id].input, value=self.proposals[id].amount, max_outsize=1024
    )


# @notice From the council itself, by a proposal. What was proposed before is void.
@external
def setMembers(members: DynArray[address, MEMBERS_MAX], threshold: uint256):
    if msg.sender != self:
        raw_revert(abi_encode(msg.sender, method_id=method_id("Unauthorized(address)")))
    self._setMembers(members, threshold)


@external
@payable
def __default__():
    assert len(msg.data) == 0
