# pragma version 0.4.3
"""A contract that sends calls to other domains and hears how they ended."""

heard: public(uint256)
crossing: public(bytes32)
client: public(String[64])
sequence: public(uint64)
status: public(uint8)
outcome: public(Bytes[8192])
caller: public(address)
mode: uint256
hookTarget: address
hookInput: Bytes[16000]
hookOk: public(bool)

@external
@payable
def __default__():
    pass

@external
def behave(mode: uint256):
    self.mode = mode

@external
def hook(target: address, input: Bytes[16000]):
    self.hookTarget = target
    self.hookInput = input

@external
@payable
def execute(target: address, data: Bytes[20000]) -> Bytes[4096]:
    return raw_call(target, data, max_outsize=4096, value=msg.value)

@external
def onSettled(crossing: bytes32, client: String[64], sequence: uint64, status: uint8, outcome: Bytes[8192]):
    if self.mode == 1:
        raise "not now"
    if self.mode == 2:
        waste: uint256 = 0
        for i: uint256 in range(100000000):
            waste = unsafe_add(waste, i)
        self.heard = waste
    self.heard += 1
    self.crossing = crossing
    self.client = client
    self.sequence = sequence
    self.status = status
    self.outcome = outcome
    self.caller = msg.sender
    if self.hookTarget != empty(address):
        self.hookOk = raw_call(self.hookTarget, self.hookInput, revert_on_failure=False)
