# @title  An owner, who hands over in two steps, and a guardian, who may only make things tighter
# @notice A module: `initializes: Owned`, `exports: Owned.__interface__`. The owner is meant to be a Timelock.

event OwnershipTransferStarted:
    owner: indexed(address)
    next: indexed(address)

event OwnershipTransferred:
    owner: indexed(address)
    next: indexed(address)

event GuardianChanged:
    guardian: indexed(address)
    next: indexed(address)

owner: public(address)
pendingOwner: public(address)
guardian: public(address)


@deploy
def __init__(owner: address, guardian: address):
    assert owner != empty(address)
    self.owner = owner
    self.guardian = guardian
    log OwnershipTransferred(owner=empty(address), next=owner)
    log GuardianChanged(guardian=empty(address), next=guardian)


@internal
@view
def refuse(caller: address):
    raw_revert(abi_encode(caller, method_id=method_id("Unauthorized(address)")))


@internal
@view
def onlyOwner():
    if msg.sender != self.owner:
        self.refuse(msg.sender)


@internal
@view
def onlyOwnerOrGuardian():
    if msg.sender != self.owner and msg.sender != self.guardian:
        self.refuse(msg.sender)


@external
def transferOwnership(next: address):
    self.onlyOwner()
    self.pendingOwner = next
    log OwnershipTransferStarted(owner=self.owner, next=next)


@external
def acceptOwnership():
    if msg.sender != self.pendingOwner:
        self.refuse(msg.sender)
    log OwnershipTransferred(owner=self.owner, next=msg.sender)
    self.owner = msg.sender
    self.pendingOwner = empty(address)


@external
def setGuardian(next: address):
    self.onlyOwner()
    log GuardianChanged(guardian=self.guardian, next=next)
    self.guardian = next
