# pragma version 0.4.3
"""Stands where applications expect their router: it keeps what they send, and calls them as it is told."""

struct Payload:
    sourcePort: String[128]
    destPort: String[128]
    version: String[64]
    encoding: String[64]
    value: Bytes[8192]

struct MsgSendPacket:
    sourceClient: String[64]
    timeoutTimestamp: uint64
    payload: Payload

sequence: public(uint64)
client: public(String[64])
timeout: public(uint64)
payload: Payload
sender: public(address)
refusing: public(bool)

@external
def refuse(refusing: bool):
    self.refusing = refusing

@external
def sendPacket(message: MsgSendPacket) -> uint64:
    assert not self.refusing, "closed"
    self.sequence += 1
    self.client = message.sourceClient
    self.timeout = message.timeoutTimestamp
    self.payload = message.payload
    self.sender = msg.sender
    return self.sequence

@external
@view
def sent() -> Payload:
    return self.payload

@external
@payable
def execute(target: address, data: Bytes[20000]) -> Bytes[8192]:
    return raw_call(target, data, max_outsize=8192, value=msg.value)
