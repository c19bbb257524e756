"""ICS-20 v2: the data of a transfer, trace paths and what denominations become when they cross."""
from eth_abi import encode

SUCCESS = b'{"result":"AQ=="}'
PORT, VERSION, ENCODING = "transfer", "ics20-1", "application/x-solidity-abi"


def transfer(denom: str, sender: str, receiver: str, amount: int, memo: str = "") -> bytes:
    return encode(["(string,string,string,uint256,string)"], [(denom, sender, receiver, amount, memo)])


def arrives_as(denom: str, source: str, dest: str) -> tuple:
    """(True, base) when the token returns to where it came from, else (False, the path of its voucher here)."""
    prefix = f"{PORT}/{source}/"
    if denom.startswith(prefix):
        return True, denom[len(prefix):]
    return False, f"{PORT}/{dest}/{denom}"
