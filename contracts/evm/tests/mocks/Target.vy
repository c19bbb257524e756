# pragma version 0.4.3
"""What calls from other domains are aimed at: it remembers who called, and fails in all ways there are."""

interface ERC20:
    def balanceOf(who: address) -> uint256: view
    def transfer(to: address, amount: uint256) -> bool: nonpayable

count: public(uint256)
caller: public(address)
input: public(Bytes[4096])
seen: public(uint256)
entered: public(bool)
output: public(Bytes[1024])
gasSeen: public(uint256)

@external
@payable
def run(input: Bytes[4096]) -> Bytes[4096]:
    self.gasSeen = msg.gas
    self.count += 1
    self.caller = msg.sender
    self.input = input
    return input

@external
def add(a: uint256) -> uint256:
    self.count += a
    return self.count

@external
def fail(reason: Bytes[20000]):
    self.count += 1
    raw_revert(reason)

@external
def failSilently():
    self.count += 1
    raw_revert(b"")

@external
def burn():
    waste: uint256 = 0
    for i: uint256 in range(100000000):
        waste = unsafe_add(waste, i)
    self.count = waste

@external
def echo(input: Bytes[4096]) -> Bytes[4096]:
    return input

@external
def holding(token: address) -> uint256:
    self.seen = staticcall ERC20(token).balanceOf(self)
    return self.seen

@external
def enter(target: address, input: Bytes[16000]) -> bool:
    self.count += 1
    ok: bool = False
    output: Bytes[1024] = b""
    ok, output = raw_call(target, input, max_outsize=1024, revert_on_failure=False)
    self.entered = ok
    self.output = output
    return ok
