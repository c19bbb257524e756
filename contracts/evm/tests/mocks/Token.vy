# pragma version 0.4.3
"""An ERC-20 with bad habits: 0 none, 1 a fee of one percent, 2 answers false, 3 fails, 4 answers true and moves nothing,
5 calls somebody while it moves, 6 burns all gas."""

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
totalSupply: public(uint256)
decimals: public(constant(uint8)) = 6
mode: uint256
hookTarget: address
hookInput: Bytes[16000]
hookOk: public(bool)
hookOutput: public(Bytes[1024])

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

@external
def behave(mode: uint256):
    self.mode = mode

@external
def hook(target: address, input: Bytes[16000]):
    self.hookTarget = target
    self.hookInput = input

@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
    self.totalSupply += amount

@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True

@internal
def _move(source: address, to: address, amount: uint256) -> bool:
    if self.mode == 2:
        return False
    if self.mode == 3:
        raise "the token refuses"
    if self.mode == 4:
        return True
    if self.mode == 5:
        target: address = self.hookTarget
        self.hookOk, self.hookOutput = raw_call(target, self.hookInput, max_outsize=1024, revert_on_failure=False)
    if self.mode == 6:
        waste: uint256 = 0
        for i: uint256 in range(100000000):
            waste = unsafe_add(waste, i)
        self.totalSupply = waste
    fee: uint256 = amount // 100 if self.mode == 1 else 0
    self.balanceOf[source] -= amount
    self.balanceOf[to] += amount - fee
    self.totalSupply -= fee
    log Transfer(sender=source, receiver=to, amount=amount)
    return True

@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)

@external
def transferFrom(source: address, to: address, amount: uint256) -> bool:
    self.allowance[source][msg.sender] -= amount
    return self._move(source, to, amount)
