# @title  Changes only after a delay
# @notice The owner of the router and of the applications. The council queues a call, everybody can see it, and after
#         the delay anyone may execute it, for 14 days. The guardian may cancel, and may pause a client at once: it can
#         stop things and start none.
# @dev    Meant to be guardian of the router as well, so that `pauseClient` works. Everything about this contract
#         itself changes through a queued call too.

struct Operation:
    id: bytes32
    target: address
    selector: bytes4
    readyAt: uint256

interface Router:
    def pauseClient(client: String[64]): nonpayable

event Queued:
    id: indexed(bytes32)
    target: indexed(address)
    amount: uint256
    input: Bytes[4096]
    salt: bytes32
    readyAt: uint256

event Executed:
    id: indexed(bytes32)
    target: indexed(address)

event Cancelled:
    id: indexed(bytes32)
    by: indexed(address)

event DelayChanged:
    old: uint256
    next: uint256

event CouncilChanged:
    old: indexed(address)
    next: indexed(address)

event GuardianChanged:
    old: indexed(address)
    next: indexed(address)

PENDING_MAX: constant(uint256) = 64
GRACE: public(constant(uint256)) = 14 * 86400
DELAY_MIN: public(immutable(uint256))
DELAY_MAX: public(constant(uint256)) = 60 * 86400

council: public(address)
guardian: public(address)
delay: public(uint256)
# When an operation may be executed; 0 when it is not queued.
readyAt: public(HashMap[bytes32, uint256])
operations: DynArray[Operation, PENDING_MAX]


# @param minimum  the shortest delay that may ever be set, in seconds
@deploy
def __init__(council: address, guardian: address, delay: uint256, minimum: uint256):
    assert council != empty(address) and minimum <= delay and delay <= DELAY_MAX
    self.council = council
    self.guardian = guardian
    self.delay = delay
    DELAY_MIN = minimum
    log CouncilChanged(old=empty(address), next=council)
    log GuardianChanged(old=empty(address), next=guardian)
    log DelayChanged(old=0, next=delay)


@internal
@view
def _only(allowed: address):
    if msg.sender != allowed:
        raw_revert(abi_encode(msg.sender, method_id=method_id("Unauthorized(address)")))


@internal
@view
def _id(target: address, amount: uint256, input: Bytes[4096], salt: bytes32) -> bytes32:
    return keccak256(abi_encode(target, amount, keccak256(input), salt))


# @notice The name of an operation: keccak256 of target, amount, keccak256 of the input, and salt, as 32 bytes each.
@external
@view
def idOf(target: address, amount: uint256, input: Bytes[4096], salt: bytes32) -> bytes32:
    return self._id(target, amount, input, salt)


# @notice What waits; also what waited too long and was not removed.
@external
@view
def pending() -> DynArray[Operation, PENDING_MAX]:
    return self.operations


# @notice From the council: a call that may be executed after the delay.
@external
def queue(target: address, amount: uint256, input: Bytes[4096], salt: bytes32) -> bytes32:
    self._only(self.council)
    id: bytes32 = self._id(target, amount, input, salt)
    if self.readyAt[id] != 0:
        raw_revert(abi_encode(id, method_id=method_id("AlreadyQueued(bytes32)")))
    at: uint256 = block.timestamp + self.delay
    self.readyAt[id] = at
    selector: bytes4 = empty(bytes4)
    if len(input) >= 4:
        selector = convert(slice(input, 0, 4), bytes4)
    self.operations.append(Operation(id=id, target=target, selector=selector, readyAt=at))
    log Queued(id=id, target=target, amount=amount, input=input, salt=salt, readyAt=at)
    return id


@internal
def _remove(id: bytes32):
    self.readyAt[id] = 0
    count: uint256 = len(self.operations)
    for i: uint256 in range(count, bound=PENDING_MAX):
        if self.operations[i].id == id:
            self.operations[i] = self.operations[count - 1]
            self.operations.pop()
            return


# @notice Makes a call whose time has come. Fails as the call fails, and may then be tried again.
@external
@payable
@nonreentrant
def execute(target: address, amount: uint256, input: Bytes[4096], salt: bytes32) -> Bytes[1024]:
    id: bytes32 = self._id(target, amount, input, salt)
    at: uint256 = self.readyAt[id]
    if at == 0 or block.timestamp > at + GRACE:
        raw_revert(abi_encode(id, method_id=method_id("NotQueued(bytes32)")))
    if block.timestamp < at:
        raw_revert(abi_encode(id, at, method_id=method_id("TooEarly(bytes32,uint256)")))
    self._remove(id)
    log Executed(id=id, target=target)
    return raw_call(target, input, value=amount, max_outsize=1024)


# @notice From the council or the guardian; anyone may remove what waited too long.
@external
def cancel(id: bytes32):
    at: uint256 = self.readyAt[id]
    if at == 0:
        raw_revert(abi_encode(id, method_id=method_id("NotQueued(bytes32)")))
    if msg.sender != self.council and block.timestamp <= at + GRACE:
        self._only(self.guardian)
    self._remove(id)
    log Cancelled(id=id, by=msg.sender)


# @notice From the guardian or the council: stops a client at once. Only a queued call starts it again.
@external
def pauseClient(router: address, client: String[64]):
    if msg.sender != self.council:
        self._only(self.guardian)
    extcall Router(router).pauseClient(client)


@external
def setDelay(delay: uint256):
    self._only(self)
    assert DELAY_MIN <= delay and delay <= DELAY_MAX
    log DelayChanged(old=self.delay, next=delay)
    self.delay = delay


@external
def setCouncil(council: address):
    self._only(self)
    assert council != empty(address)
    log CouncilChanged(old=self.council, next=council)
    self.council = council


@external
def setGuardian(guardian: address):
    self._only(self)
    log GuardianChanged(old=self.guardian, next=guardian)
    self.guardian = guardian


@external
@payable
def __default__():
    assert len(msg.data) == 0
