# pragma version 0.4.3
"""Something to try the harness with."""
x: public(uint256)
t: transient(uint256)

event Put:
    who: indexed(address)
    name: indexed(String[32])
    amount: uint256

@external
@payable
def put(amount: uint256) -> uint256:
    assert amount != 13, "unlucky"
    self.x = amount
    self.t += 1
    log Put(who=msg.sender, name="box", amount=amount)
    return self.t

@external
def fail(code: uint256):
    raw_revert(concat(method_id("Custom(uint256,string)"), abi_encode(code, "why")))

@external
def spin():
    for i: uint256 in range(1000000):
        self.x = i
