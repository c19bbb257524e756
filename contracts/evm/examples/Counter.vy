# @title  The smallest contract to call from another domain

event Counted:
    caller: indexed(address)
    count: uint256

count: public(uint256)


# @notice Adds, and answers the new count. Anyone may call, from here or from elsewhere.
@external
def add(amount: uint256) -> uint256:
    assert amount != 13, "unlucky"
    self.count += amount
    log Counted(caller=msg.sender, count=self.count)
    return self.count
