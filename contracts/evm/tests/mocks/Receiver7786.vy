# pragma version 0.4.3
"""What a gateway delivers to."""

count: public(uint256)
caller: public(address)
receiveId: public(bytes32)
sender: public(Bytes[128])
content: public(Bytes[8192])
mode: uint256

@external
def behave(mode: uint256):
    self.mode = mode

@external
@payable
def receiveMessage(receiveId: bytes32, sender: Bytes[128], content: Bytes[8192]) -> bytes4:
    if self.mode == 1:
        raise "no entry"
    self.count += 1
    self.caller = msg.sender
    self.receiveId = receiveId
    self.sender = sender
    self.content = content
    return 0xdeadbeef if self.mode == 2 else 0x2432ef26
