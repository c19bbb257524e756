"""Methods of the execution API, and those of debug_ and txpool_ that tests read raw bytes with."""

from __future__ import annotations

import platform
from typing import Any

import eth
import rlp
from eth_hash.auto import keccak

from . import execution, forks, proofs
from .encoding import (
    block_fields,
    block_logs,
    effective_gas_price,
    header_fields,
    hexadecimal,
    mined_transaction_fields,
    parse_address,
    parse_bytes,
    parse_hash,
    parse_quantity,
    parse_slot,
    quantity,
    receipt_fields,
    transaction_fields,
)
from .errors import METHOD_NOT_FOUND, RPCError, invalid_params
from .faults import range_error
from .logs import parse_filter
from .methods import Context, method
from .store import Block

TIP_SUGGESTED = 1_000_000_000
FEE_HISTORY_BLOCKS_MAX = 1_024
PROOF_KEYS_MAX = 1_024


# The chain


@method("eth_chainId")
def chain_id(context: Context) -> str:
    lie = context.faults.chain_id
    return quantity(context.node.chain.chain_id if lie is None else lie)


@method("net_version")
def net_version(context: Context) -> str:
    return str(int(chain_id(context), 16))


@method("net_listening")
def net_listening(context: Context) -> bool:
    return True


@method("net_peerCount")
def net_peer_count(context: Context) -> str:
    return "0x0"


@method("web3_clientVersion")
def client_version(context: Context) -> str:
    return f"causeway-devnet/py-evm-{eth.__version__}/{platform.system().lower()}/python{platform.python_version()}"


@method("web3_sha3")
def sha3(context: Context, text: Any) -> str:
    return hexadecimal(keccak(parse_bytes(text)))


@method("eth_syncing")
def syncing(context: Context) -> bool:
    return False


@method("eth_accounts")
def accounts(context: Context) -> list:
    # The keys of funded accounts are known, but the node does not sign.
    return []


@method("eth_blockNumber")
def block_number(context: Context) -> str:
    return quantity(context.view.number)


# Blocks


def block_size(block: Block) -> int:
    return len(
        rlp.encode(
            [rlp.decode(rlp.encode(block.header)), [one.encode() for one in block.transactions], [], []]
        )
    )


def pending_block(context: Context, full: bool) -> dict:
    """What the next block would begin with: not executed, so without roots of its own."""
    node, head = context.node, context.view.head
    base_fee = node.peek_base_fee(head)
    header = node.chain.pending_header(head, node.peek_timestamp(head), base_fee)
    waiting = list(node.pool.best(node.chain.state(head), base_fee))
    fields = header_fields(header)
    for name in ("hash", "nonce", "miner", "logsBloom"):
        fields[name] = None
    fields |= {"uncles": [], "withdrawals": [], "size": quantity(block_size(Block(header, b"", (), ())))}
    fields["transactions"] = [transaction_fields(one) if full else hexadecimal(one.hash) for one in waiting]
    return fields


@method("eth_getBlockByNumber")
def block_by_number(context: Context, where: Any, full: Any = False) -> dict | None:
    if where == "pending":
        return pending_block(context, bool(full))
    view = context.view
    block = view.block_at(view.number_of(where))
    return block_fields(block, bool(full), block_size(block)) if block else None


@method("eth_getBlockByHash")
def block_by_hash(context: Context, hash: Any, full: Any = False) -> dict | None:
    block = context.node.store.block(parse_hash(hash, "block hash"))
    if block is None or block.number > context.view.number:
        return None
    return block_fields(block, bool(full), block_size(block))


@method("eth_getHeaderByNumber")
def header_by_number(context: Context, where: Any) -> dict | None:
    view = context.view
    block = view.block_at(view.number_of(where))
    return header_fields(block.header) if block else None


@method("eth_getHeaderByHash")
def header_by_hash(context: Context, hash: Any) -> dict | None:
    block = context.node.store.block(parse_hash(hash, "block hash"))
    return header_fields(block.header) if block else None


@method("eth_getBlockTransactionCountByNumber", "eth_getBlockTransactionCountByHash")
def block_transaction_count(context: Context, where: Any) -> str | None:
    block = context.view.find(where)
    return quantity(len(block.transactions)) if block else None


@method("eth_getUncleCountByBlockNumber", "eth_getUncleCountByBlockHash")
def uncle_count(context: Context, where: Any) -> str | None:
    return "0x0" if context.view.find(where) else None


@method("eth_getBlockReceipts")
def block_receipts(context: Context, where: Any) -> list | None:
    block = context.view.find(where)
    if block is None:
        return None
    return [receipt_fields(block, index) for index in range(len(block.receipts))]


# Transactions


@method("eth_sendRawTransaction")
def send_raw_transaction(context: Context, raw: Any) -> str:
    return hexadecimal(context.node.accept(parse_bytes(raw, "raw transaction")))


@method("eth_getTransactionByHash")
def transaction_by_hash(context: Context, hash: Any) -> dict | None:
    key = parse_hash(hash, "transaction hash")
    placed = context.view.placed(key)
    if placed:
        return mined_transaction_fields(*placed)
    waiting = context.node.pool.hashes.get(key)
    return transaction_fields(waiting.transaction) if waiting else None


@method("eth_getTransactionByBlockNumberAndIndex", "eth_getTransactionByBlockHashAndIndex")
def transaction_by_index(context: Context, where: Any, index: Any) -> dict | None:
    block, position = context.view.find(where), parse_quantity(index, "index", 64)
    if block is None or position >= len(block.transactions):
        return None
    return mined_transaction_fields(block, position)


@method("eth_getTransactionReceipt")
def transaction_receipt(context: Context, hash: Any) -> dict | None:
    placed = context.view.placed(parse_hash(hash, "transaction hash"))
    return receipt_fields(*placed) if placed else None


@method("eth_getTransactionCount")
def transaction_count(context: Context, address: Any, where: Any = "latest") -> str:
    sender, state = parse_address(address), state_at(context, where)
    if where == "pending":
        return quantity(context.node.pool.next_nonce(sender, state))
    return quantity(state.get_nonce(sender))


@method("txpool_status")
def pool_status(context: Context) -> dict:
    node = context.node
    executable, queued = node.pool.split(node.chain.state(node.chain.head))
    return {"pending": quantity(len(executable)), "queued": quantity(len(queued))}


@method("txpool_content")
def pool_content(context: Context) -> dict:
    node = context.node
    content: dict = {}
    for name, part in zip(("pending", "queued"), node.pool.split(node.chain.state(node.chain.head))):
        by_sender: dict = {}
        for waiting in part:
            of_sender = by_sender.setdefault(hexadecimal(waiting.sender), {})
            of_sender[str(waiting.transaction.nonce)] = transaction_fields(waiting.transaction)
        content[name] = by_sender
    return content


# State


def block_with_state(context: Context, where: Any) -> Block:
    view = context.view
    block = view.require(where)
    depth = context.faults.pruned_depth
    if depth is not None and view.number - block.number > depth:
        root = block.header.state_root.hex()
        raise RPCError(f"missing trie node {root} (path ) state 0x{root} is not available, not found")
    return block


def state_at(context: Context, where: Any) -> Any:
    return context.node.chain.state(block_with_state(context, where))


@method("eth_getBalance")
def balance(context: Context, address: Any, where: Any = "latest") -> str:
    return quantity(state_at(context, where).get_balance(parse_address(address)))


@method("eth_getCode")
def code(context: Context, address: Any, where: Any = "latest") -> str:
    return hexadecimal(state_at(context, where).get_code(parse_address(address)))


@method("eth_getStorageAt")
def storage_at(context: Context, address: Any, slot: Any, where: Any = "latest") -> str:
    word = state_at(context, where).get_storage(parse_address(address), parse_slot(slot))
    return hexadecimal(word.to_bytes(32, "big"))


@method("eth_getProof")
def proof(context: Context, address: Any, slots: Any, where: Any = "latest") -> dict:
    if not isinstance(slots, list):
        raise invalid_params("invalid argument 1: wanted a list of storage keys")
    if len(slots) > PROOF_KEYS_MAX:
        raise invalid_params(f"too many keys (max {PROOF_KEYS_MAX})")
    block = block_with_state(context, where)
    return proofs.account_proof(context.node.store.db, block.header.state_root, parse_address(address), slots)


def call_header(context: Context, where: Any) -> Any:
    """The surroundings of a call: of the block itself, or of the one to come."""
    block = block_with_state(context, where)
    if where == "pending":
        return context.node.chain.pending_header(block, context.node.peek_timestamp(block), 0)
    return block.header


@method("eth_call")
def eth_call(context: Context, message: Any, where: Any = "latest", overrides: Any = None) -> str:
    header = call_header(context, where)
    parsed = execution.parse_call(message, header.gas_limit)
    return hexadecimal(execution.call(context.node.chain, header, parsed, overrides))


@method("eth_estimateGas")
def estimate_gas(context: Context, message: Any, where: Any = "latest", overrides: Any = None) -> str:
    header = call_header(context, where)
    parsed = execution.parse_call(message, header.gas_limit)
    return quantity(execution.estimate(context.node.chain, header, parsed, overrides))


# Logs


@method("eth_getLogs")
def get_logs(context: Context, query: Any) -> list:
    filter = parse_filter(query)
    view, faults, options = context.view, context.faults, context.node.options
    if "blockHash" in query:
        if "fromBlock" in query or "toBlock" in query:
            raise invalid_params(
                "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
            )
        block = context.node.store.block(parse_hash(query["blockHash"], "blockHash"))
        if block is None or block.number > view.number:
            raise RPCError("unknown block")
        found = [block]
    else:
        first = view.number_of(query.get("fromBlock") or "latest")
        last = view.number_of(query.get("toBlock") or "latest")
        if first > last:
            raise RPCError("invalid block range params")
        for limit in (options.logs_range_max, faults.logs_range_max):
            if limit is not None and last - first + 1 > limit:
                raise range_error(faults.logs_error_style, limit, first)
        addresses = None if filter.addresses is None else list(filter.addresses)
        found = [
            context.node.chain.required(hash)
            for number, hash in context.node.store.blocks_with_logs(first, min(last, view.number), addresses)
            if view.hash_at(number) == hash
        ]
    logs = [fields for block in found for log, fields in block_logs(block) if filter.matches(log)]
    if faults.logs_result_max is not None and len(logs) > faults.logs_result_max:
        raise RPCError(f"query returned more than {faults.logs_result_max} results", -32005)
    return logs


# Fees


@method("eth_maxPriorityFeePerGas")
def priority_fee(context: Context) -> str:
    """The 60th percentile of tips in the last 20 blocks, as geth; 1 gwei where there was nothing."""
    view = context.view
    tips = []
    for number in range(max(0, view.number - 19), view.number + 1):
        block = view.block_at(number)
        if block is not None:
            fee = block.header.base_fee_per_gas
            tips += [effective_gas_price(one, fee) - fee for one in block.transactions]
    return quantity(sorted(tips)[(len(tips) - 1) * 60 // 100] if tips else TIP_SUGGESTED)


@method("eth_gasPrice")
def gas_price(context: Context) -> str:
    return quantity(context.view.head.header.base_fee_per_gas + int(priority_fee(context), 16))


@method("eth_blobBaseFee")
def blob_base_fee(context: Context) -> str:
    return "0x1"


def rewards(block: Block, percentiles: list[float]) -> list[str]:
    """The tips at these percentiles of the block's gas."""
    base_fee = block.header.base_fee_per_gas
    shares = []
    before = 0
    for transaction, receipt in zip(block.transactions, block.receipts):
        shares.append((effective_gas_price(transaction, base_fee) - base_fee, receipt.gas_used - before))
        before = receipt.gas_used
    shares.sort()
    result = []
    for percentile in percentiles:
        threshold, total, value = block.header.gas_used * percentile / 100, 0, 0
        for value, gas in shares:
            total += gas
            if total >= threshold:
                break
        result.append(quantity(value))
    return result


@method("eth_feeHistory")
def fee_history(context: Context, count: Any, newest: Any, percentiles: Any = None) -> dict:
    view = context.view
    wanted = (
        count
        if isinstance(count, int) and not isinstance(count, bool)
        else parse_quantity(count, "block count", 64)
    )
    last = view.number_of(newest)
    if last > view.number:
        raise RPCError(f"request beyond head block: requested {last}, head {view.number}")
    percentiles = percentiles or []
    if any(not isinstance(one, (int, float)) or not 0 <= one <= 100 for one in percentiles):
        raise invalid_params("invalid reward percentile")
    if sorted(percentiles) != percentiles:
        raise invalid_params("invalid reward percentile: not ascending")
    wanted = max(0, min(wanted, FEE_HISTORY_BLOCKS_MAX, last + 1))
    if wanted == 0:
        return {"oldestBlock": "0x0", "gasUsedRatio": [], "baseFeePerGas": None}
    blocks = [block for number in range(last - wanted + 1, last + 1) if (block := view.block_at(number))]
    following = view.block_at(last + 1)
    if following is not None:
        next_fee = following.header.base_fee_per_gas
    elif last == view.number and context.node.chain.head.hash == blocks[-1].hash:
        next_fee = context.node.peek_base_fee(blocks[-1])
    else:
        next_fee = forks.next_base_fee(blocks[-1].header)
    result = {
        "oldestBlock": quantity(blocks[0].number),
        "baseFeePerGas": [quantity(block.header.base_fee_per_gas) for block in blocks] + [quantity(next_fee)],
        "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
        "baseFeePerBlobGas": ["0x1"] * (len(blocks) + 1),
        "blobGasUsedRatio": [0.0] * len(blocks),
    }
    if percentiles:
        result["reward"] = [rewards(block, percentiles) for block in blocks]
    return result


# Subscriptions


@method("eth_subscribe")
def subscribe(context: Context, kind: Any, filter: Any = None) -> str:
    if context.session is None:
        raise RPCError("notifications not supported", METHOD_NOT_FOUND)
    if kind not in ("newHeads", "logs", "newPendingTransactions"):
        raise invalid_params(f'no "{kind}" subscription in eth namespace')
    parsed = parse_filter(filter or {}) if kind == "logs" else None
    return context.node.hub.add(context.session, kind, parsed)


@method("eth_unsubscribe")
def unsubscribe(context: Context, identifier: Any) -> bool:
    if context.session is None:
        raise RPCError("notifications not supported", METHOD_NOT_FOUND)
    if not context.node.hub.remove(context.session, str(identifier)):
        raise RPCError("subscription not found")
    return True


# Raw bytes


def required_block(context: Context, where: Any) -> Block:
    block = context.view.find(where)
    if block is None:
        raise RPCError("block not found")
    return block


@method("debug_getRawHeader")
def raw_header(context: Context, where: Any) -> str:
    return hexadecimal(rlp.encode(required_block(context, where).header))


@method("debug_getRawReceipts")
def raw_receipts(context: Context, where: Any) -> list:
    return [hexadecimal(receipt.encode()) for receipt in required_block(context, where).receipts]


@method("debug_getRawTransaction")
def raw_transaction(context: Context, hash: Any) -> str:
    key = parse_hash(hash, "transaction hash")
    placed = context.view.placed(key)
    if placed:
        return hexadecimal(placed[0].transactions[placed[1]].encode())
    waiting = context.node.pool.hashes.get(key)
    return hexadecimal(waiting.raw) if waiting else "0x"
