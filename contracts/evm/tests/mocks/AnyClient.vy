# pragma version 0.4.3
"""A client that believes everything, or nothing, and remembers what it was asked: the router's tests need no signatures."""

struct Height:
    revisionNumber: uint64
    revisionHeight: uint64

struct Membership:
    proof: Bytes[16384]
    proofHeight: Height
    path: DynArray[Bytes[256], 4]
    content: Bytes[1024]

struct NonMembership:
    proof: Bytes[16384]
    proofHeight: Height
    path: DynArray[Bytes[256], 4]

time: public(uint256)
verdict: public(uint8)
refusing: public(bool)
asked: public(uint256)
frozen: public(bool)
proof: public(Bytes[16384])
height: public(Height)
_path: DynArray[Bytes[256], 4]
content: public(Bytes[1024])
absence: public(bool)
message: public(Bytes[16384])
proven: public(uint64)
hookTarget: address
hookInput: Bytes[20000]
hookOk: public(bool)

@deploy
def __init__(time: uint256):
    self.time = time

@external
def set(time: uint256, refusing: bool, verdict: uint8):
    self.time = time
    self.refusing = refusing
    self.verdict = verdict

@external
def hook(target: address, data: Bytes[20000]):
    self.hookTarget = target
    self.hookInput = data

@internal
def _gate():
    if self.refusing:
        raw_revert(method_id("NotMember()"))
    if self.hookTarget != empty(address):
        self.hookOk = raw_call(self.hookTarget, self.hookInput, revert_on_failure=False)

@external
def updateClient(message: Bytes[16384]) -> uint8:
    self._gate()
    self.message = message
    return self.verdict

@external
def misbehaviour(message: Bytes[16384]):
    self._gate()
    self.message = message
    self.frozen = True

@external
def verifyMembership(message: Membership) -> uint256:
    self._gate()
    self.asked += 1
    self.proof = message.proof
    self.height = message.proofHeight
    self._path = message.path
    self.content = message.content
    self.absence = False
    return self.time

@external
def verifyNonMembership(message: NonMembership) -> uint256:
    self._gate()
    self.asked += 1
    self.proof = message.proof
    self.height = message.proofHeight
    self._path = message.path
    self.content = b""
    self.absence = True
    return self.time

@external
@view
def getClientState() -> Bytes[32]:
    return b"any"

@external
@view
def latest() -> (uint64, uint64, uint64):
    return 0, 1, convert(self.time, uint64)

@external
@view
def status() -> uint8:
    return 2 if self.frozen else 0

@external
@view
def standing() -> (uint8, uint64):
    return 2 if self.frozen else 0, self.proven

@external
def prove(proven: uint64):
    self.proven = proven

@external
@view
def policy() -> String[32]:
    return "any"

@external
@view
def path() -> DynArray[Bytes[256], 4]:
    return self._path
