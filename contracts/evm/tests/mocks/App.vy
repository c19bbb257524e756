# pragma version 0.4.3
"""
An application that does as it is told: it answers, fails, burns its gas, or calls others while it is called. It also
makes any call that a test wants a contract to make.
"""

struct Payload:
    sourcePort: String[128]
    destPort: String[128]
    version: String[128]
    encoding: String[128]
    content: Bytes[20000]

struct OnPacket:
    sourceClient: String[128]
    destinationClient: String[128]
    sequence: uint64
    payload: Payload
    relayer: address

struct OnAcknowledgement:
    sourceClient: String[128]
    destinationClient: String[128]
    sequence: uint64
    payload: Payload
    acknowledgement: Bytes[20000]
    relayer: address

flag Mode:
    ANSWER
    FAIL
    FAIL_SILENTLY
    BURN

RECEIVE: constant(uint256) = 0
ACKNOWLEDGE: constant(uint256) = 1
TIME_OUT: constant(uint256) = 2
SEND: constant(uint256) = 3

modes: HashMap[uint256, Mode]
answer: Bytes[20000]
hookTarget: HashMap[uint256, address]
hookInput: HashMap[uint256, Bytes[20000]]
hookOk: public(HashMap[uint256, bool])
hookOutput: public(HashMap[uint256, Bytes[1024]])
called: public(HashMap[uint256, uint256])
caller: public(address)
relayer: public(address)
sequence: public(uint64)
sourceClient: public(String[128])
destinationClient: public(String[128])
content: public(Bytes[20000])
acknowledgement: public(Bytes[20000])
quiet: public(bool)

@deploy
@payable
def __init__():
    self.answer = b"\x01"
    for i: uint256 in range(4):
        self.modes[i] = Mode.ANSWER

@external
def behave(kind: uint256, mode: uint256, answer: Bytes[20000]):
    self.modes[kind] = convert(1 << mode, Mode)
    self.answer = answer

@external
def hook(kind: uint256, target: address, data: Bytes[20000]):
    self.hookTarget[kind] = target
    self.hookInput[kind] = data

@external
def hush(quiet: bool):
    self.quiet = quiet

@external
@payable
def execute(target: address, data: Bytes[20000]) -> Bytes[4096]:
    return raw_call(target, data, max_outsize=4096, value=msg.value)

@external
@payable
def __default__():
    pass

@internal
def _callback(kind: uint256, who: address, payload: Payload, sequence: uint64, source: String[128], destination: String[128]):
    if not self.quiet:
        self.called[kind] += 1
        self.caller = msg.sender
        self.relayer = who
        self.sequence = sequence
        self.sourceClient = source
        self.destinationClient = destination
        self.content = payload.content
    if self.hookTarget[kind] != empty(address):
        ok: bool = False
        output: Bytes[1024] = b""
        ok, output = raw_call(self.hookTarget[kind], self.hookInput[kind], max_outsize=1024, revert_on_failure=False)
        self.hookOk[kind] = ok
        self.hookOutput[kind] = output
    mode: Mode = self.modes[kind]
    if mode == Mode.FAIL:
        raw_revert(self.answer)
    if mode == Mode.FAIL_SILENTLY:
        raw_revert(b"")
    if mode == Mode.BURN:
        waste: uint256 = 0
        for i: uint256 in range(100000000):
            waste = unsafe_add(waste, i)
        self.called[kind] = waste

@external
def onRecvPacket(message: OnPacket) -> Bytes[20000]:
    self._callback(
        RECEIVE, message.relayer, message.payload, message.sequence, message.sourceClient, message.destinationClient)
    return self.answer

@external
def onAcknowledgementPacket(message: OnAcknowledgement):
    self.acknowledgement = message.acknowledgement
    self._callback(
        ACKNOWLEDGE, message.relayer, message.payload, message.sequence, message.sourceClient, message.destinationClient)

@external
def onTimeoutPacket(message: OnPacket):
    self._callback(
        TIME_OUT, message.relayer, message.payload, message.sequence, message.sourceClient, message.destinationClient)

@external
def onSendPacket(message: OnPacket):
    self._callback(
        SEND, message.relayer, message.payload, message.sequence, message.sourceClient, message.destinationClient)
