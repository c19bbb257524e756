"""Values in JSON: quantities, byte strings, blocks, transactions, receipts and logs, as the execution API spells them."""

from __future__ import annotations

import re
from typing import Any

from eth._utils.address import generate_contract_address

from .errors import invalid_params

QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)")
BYTES = re.compile(r"0x([0-9a-fA-F]{2})*")


def quantity(number: int) -> str:
    return hex(number)


def hexadecimal(value: bytes) -> str:
    return "0x" + bytes(value).hex()


def parse_quantity(value: Any, what: str = "quantity", bits: int = 256) -> int:
    if not isinstance(value, str) or not QUANTITY.fullmatch(value):
        raise invalid_params(
            f"invalid argument: {what}: cannot unmarshal {value!r} as a hex quantity without leading zeros"
        )
    number = int(value, 16)
    if number >= 1 << bits:
        raise invalid_params(f"invalid argument: {what}: hex number > {bits} bits")
    return number


def parse_number(value: Any, what: str) -> int:
    """A whole number of a control method: 12 or "0xc"."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return parse_quantity(value, what)


def parse_bytes(value: Any, what: str = "data") -> bytes:
    if not isinstance(value, str) or not BYTES.fullmatch(value):
        raise invalid_params(f"invalid argument: {what}: cannot unmarshal {value!r} as hex bytes")
    return bytes.fromhex(value[2:])


def parse_fixed(value: Any, size: int, what: str) -> bytes:
    result = parse_bytes(value, what)
    if len(result) != size:
        raise invalid_params(f"invalid argument: {what}: hex string has {len(result)} bytes, want {size}")
    return result


def parse_address(value: Any, what: str = "address") -> bytes:
    return parse_fixed(value, 20, what)


def parse_hash(value: Any, what: str = "hash") -> bytes:
    return parse_fixed(value, 32, what)


def parse_slot(value: Any, what: str = "storage key") -> int:
    """A storage slot: up to 32 bytes of hex, with or without leading zeros, as geth takes it."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{0,64}", value):
        raise invalid_params(
            f"invalid argument: {what}: cannot unmarshal {value!r} as a slot of up to 32 bytes"
        )
    return int(value[2:] or "0", 16)


def header_fields(header: Any) -> dict:
    fields = {
        "number": quantity(header.block_number),
        "hash": hexadecimal(header.hash),
        "parentHash": hexadecimal(header.parent_hash),
        "sha3Uncles": hexadecimal(header.uncles_hash),
        "miner": hexadecimal(header.coinbase),
        "stateRoot": hexadecimal(header.state_root),
        "transactionsRoot": hexadecimal(header.transaction_root),
        "receiptsRoot": hexadecimal(header.receipt_root),
        "logsBloom": hexadecimal(header.bloom.to_bytes(256, "big")),
        "difficulty": quantity(header.difficulty),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": hexadecimal(header.extra_data),
        "mixHash": hexadecimal(header.mix_hash),
        "nonce": hexadecimal(header.nonce),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
        "withdrawalsRoot": hexadecimal(header.withdrawals_root),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": hexadecimal(header.parent_beacon_block_root),
    }
    if hasattr(header, "requests_hash"):
        fields["requestsHash"] = hexadecimal(header.requests_hash)
    return fields


def block_fields(block: Any, full: bool, size_bytes: int) -> dict:
    fields = header_fields(block.header)
    fields["size"] = quantity(size_bytes)
    fields["uncles"] = []
    fields["withdrawals"] = []
    if full:
        fields["transactions"] = [
            mined_transaction_fields(block, index) for index in range(len(block.transactions))
        ]
    else:
        fields["transactions"] = [hexadecimal(transaction.hash) for transaction in block.transactions]
    return fields


def transaction_type(transaction: Any) -> int:
    return transaction.type_id or 0


def effective_gas_price(transaction: Any, base_fee: int) -> int:
    return min(transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas + base_fee)


def transaction_fields(transaction: Any) -> dict:
    """A transaction that no block has yet."""
    kind = transaction_type(transaction)
    fields: dict[str, Any] = {
        "type": quantity(kind),
        "hash": hexadecimal(transaction.hash),
        "nonce": quantity(transaction.nonce),
        "from": hexadecimal(transaction.sender),
        "to": hexadecimal(transaction.to) if transaction.to else None,
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "input": hexadecimal(transaction.data),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
    }
    if kind == 0:
        fields["v"] = quantity(transaction.v)
        fields["gasPrice"] = quantity(transaction.gas_price)
        if transaction.chain_id is not None:
            fields["chainId"] = quantity(transaction.chain_id)
        return fields
    fields["v"] = fields["yParity"] = quantity(transaction.y_parity)
    fields["chainId"] = quantity(transaction.chain_id)
    fields["accessList"] = [
        {
            "address": hexadecimal(address),
            "storageKeys": [hexadecimal(slot.to_bytes(32, "big")) for slot in slots],
        }
        for address, slots in transaction.access_list
    ]
    if kind == 1:
        fields["gasPrice"] = quantity(transaction.gas_price)
        return fields
    fields["maxFeePerGas"] = fields["gasPrice"] = quantity(transaction.max_fee_per_gas)
    fields["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    if kind == 4:
        fields["authorizationList"] = [
            {
                "chainId": quantity(entry.chain_id),
                "address": hexadecimal(entry.address),
                "nonce": quantity(entry.nonce),
                "yParity": quantity(entry.y_parity),
                "r": quantity(entry.r),
                "s": quantity(entry.s),
            }
            for entry in transaction.authorization_list
        ]
    return fields


def mined_transaction_fields(block: Any, index: int) -> dict:
    transaction = block.transactions[index]
    fields = transaction_fields(transaction)
    fields["blockHash"] = hexadecimal(block.hash)
    fields["blockNumber"] = quantity(block.number)
    fields["transactionIndex"] = quantity(index)
    fields["gasPrice"] = quantity(effective_gas_price(transaction, block.header.base_fee_per_gas))
    return fields


def log_fields(log: Any, block: Any, transaction_index: int, log_index: int, removed: bool = False) -> dict:
    return {
        "address": hexadecimal(log.address),
        "topics": [hexadecimal(topic.to_bytes(32, "big")) for topic in log.topics],
        "data": hexadecimal(log.data),
        "blockNumber": quantity(block.number),
        "blockHash": hexadecimal(block.hash),
        "blockTimestamp": quantity(block.header.timestamp),
        "transactionHash": hexadecimal(block.transactions[transaction_index].hash),
        "transactionIndex": quantity(transaction_index),
        "logIndex": quantity(log_index),
        "removed": removed,
    }


def block_logs(block: Any, removed: bool = False) -> list[tuple[Any, dict]]:
    """All logs of a block in their order, each with its JSON."""
    logs: list[tuple[Any, dict]] = []
    for transaction_index, receipt in enumerate(block.receipts):
        for log in receipt.logs:
            logs.append((log, log_fields(log, block, transaction_index, len(logs), removed)))
    return logs


def receipt_fields(block: Any, index: int) -> dict:
    transaction, receipt = block.transactions[index], block.receipts[index]
    before = block.receipts[index - 1].gas_used if index else 0
    first_log = sum(len(earlier.logs) for earlier in block.receipts[:index])
    created = None if transaction.to else generate_contract_address(transaction.sender, transaction.nonce)
    return {
        "type": quantity(transaction_type(transaction)),
        "status": quantity(1 if receipt.state_root == b"\x01" else 0),
        "transactionHash": hexadecimal(transaction.hash),
        "transactionIndex": quantity(index),
        "blockHash": hexadecimal(block.hash),
        "blockNumber": quantity(block.number),
        "from": hexadecimal(transaction.sender),
        "to": hexadecimal(transaction.to) if transaction.to else None,
        "contractAddress": hexadecimal(created) if created else None,
        "cumulativeGasUsed": quantity(receipt.gas_used),
        "gasUsed": quantity(receipt.gas_used - before),
        "effectiveGasPrice": quantity(effective_gas_price(transaction, block.header.base_fee_per_gas)),
        "logsBloom": hexadecimal(receipt.bloom.to_bytes(256, "big")),
        "logs": [
            log_fields(log, block, index, first_log + offset) for offset, log in enumerate(receipt.logs)
        ],
    }
