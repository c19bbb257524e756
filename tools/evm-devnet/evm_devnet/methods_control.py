"""Controls that no real node has: blocks, time, snapshots, reorganisations, finality, faults.

The names that hardhat and anvil have for the same are taken too where they mean the same.
"""

from __future__ import annotations

from typing import Any

from .encoding import hexadecimal, parse_bytes, parse_hash, parse_number, quantity
from .errors import RPCError, invalid_params
from .faults import parse_faults
from .methods import Context, method
from .node import BLOCKS_MINED_AT_ONCE_MAX, Node
from .store import Block


def fields_of(value: Any, allowed: set[str], name: str) -> dict:
    if not isinstance(value, dict):
        raise invalid_params(f"{name} takes one object")
    unknown = set(value) - allowed
    if unknown:
        raise invalid_params(
            f"{name} has no {', '.join(sorted(unknown))}; there are {', '.join(sorted(allowed))}"
        )
    return {key: entry for key, entry in value.items() if entry is not None}


def where_it_is(block: Block) -> dict:
    return {
        "number": quantity(block.number),
        "hash": hexadecimal(block.hash),
        "timestamp": quantity(block.header.timestamp),
    }


def mine(node: Node, count: int, timestamp: int | None, interval: int | None, from_pool: bool) -> None:
    if not 0 <= count <= BLOCKS_MINED_AT_ONCE_MAX:
        raise invalid_params(f"at most {BLOCKS_MINED_AT_ONCE_MAX} blocks at once")
    if timestamp is not None:
        node.require_later(timestamp)
        node.next_timestamp = timestamp
    for index in range(count):
        if index and interval is not None:
            node.next_timestamp = node.chain.head.header.timestamp + interval
        node.mine(from_pool)


@method("evm_mine")
def evm_mine(context: Context, argument: Any = None) -> dict:
    """[], [timestamp], or [{"blocks", "timestamp", "interval", "empty"}]."""
    if not isinstance(argument, dict):
        timestamp = None if argument is None else parse_number(argument, "timestamp")
        mine(context.node, 1, timestamp, None, True)
    else:
        given = fields_of(argument, {"blocks", "timestamp", "interval", "empty"}, "evm_mine")
        mine(
            context.node,
            parse_number(given.get("blocks", 1), "blocks"),
            parse_number(given["timestamp"], "timestamp") if "timestamp" in given else None,
            parse_number(given["interval"], "interval") if "interval" in given else None,
            not given.get("empty", False),
        )
    return where_it_is(context.node.chain.head)


@method("anvil_mine", "hardhat_mine")
def anvil_mine(context: Context, count: Any = 1, interval: Any = None) -> None:
    mine(
        context.node,
        parse_number(count, "blocks"),
        None,
        parse_number(interval, "interval") if interval is not None else None,
        True,
    )


@method("evm_setAutomine")
def set_automine(context: Context, on: Any) -> bool:
    context.node.automine = bool(on)
    context.node.mine_waiting()
    return True


@method("evm_setIntervalMining")
def set_interval_mining(context: Context, seconds: Any) -> bool:
    """Seconds between blocks, fractions allowed; 0 stops."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 1_000_000:
        raise invalid_params("wanted seconds")
    context.node.automine = context.node.automine and seconds == 0
    context.node.set_interval(float(seconds))
    return True


@method("evm_increaseTime")
def increase_time(context: Context, seconds: Any) -> str:
    """Moves the clock forward for all blocks to come; answers by how much it is ahead of the machine's."""
    node = context.node
    step = parse_number(seconds, "seconds")
    # Also from the head's time, which may be ahead of the clock when blocks came faster than one a second.
    ahead = node.chain.head.header.timestamp - node.now()
    node.set_time_offset(node.time_offset + max(0, ahead) + step)
    return quantity(max(0, node.time_offset))


@method("evm_setNextBlockTimestamp")
def set_next_block_timestamp(context: Context, timestamp: Any) -> bool:
    moment = parse_number(timestamp, "timestamp")
    context.node.require_later(moment)
    context.node.next_timestamp = moment
    return True


@method("evm_snapshot", "anvil_snapshot")
def snapshot(context: Context) -> str:
    return quantity(context.node.snapshot())


@method("evm_revert", "anvil_revert")
def revert(context: Context, identifier: Any) -> bool:
    return context.node.revert(parse_number(identifier, "snapshot"))


@method("devnet_setNextBaseFee", "anvil_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas")
def set_next_base_fee(context: Context, wei: Any) -> bool:
    """The base fee of the next block alone; it moves on from there."""
    context.node.next_base_fee = parse_number(wei, "base fee")
    context.node.mine_waiting()
    return True


@method("devnet_dropTransaction", "anvil_dropTransaction", "hardhat_dropTransaction")
def drop_transaction(context: Context, hash: Any) -> bool:
    """Forgets a waiting transaction, as nodes do."""
    return context.node.pool.drop(parse_hash(hash, "transaction hash"))


@method("devnet_reorg")
def reorg(context: Context, argument: Any) -> dict:
    """[{"depth" or "common", "blocks", "drop", "include", "transactions", "timestamp"}]."""
    given = fields_of(
        argument, {"depth", "common", "blocks", "drop", "include", "transactions", "timestamp"}, "devnet_reorg"
    )
    node = context.node
    if ("depth" in given) == ("common" in given):
        raise invalid_params("either depth or common is given")
    if "common" in given:
        # The block that stays: whoever wants one taken away need not know how many came after it meanwhile.
        depth = node.chain.head.number - parse_number(given["common"], "common")
        if depth < 1:
            raise invalid_params("common is below the head")
        given.setdefault("blocks", depth + 1)
    else:
        depth = parse_number(given["depth"], "depth")
    include = given.get("include", "pool")
    if include not in ("pool", "none"):
        raise invalid_params("include is pool or none")
    before = node.chain.head
    common = node.chain.block_at(before.number - depth)
    after = node.reorganise(
        depth=depth,
        blocks=parse_number(given.get("blocks", depth), "blocks"),
        dropped={parse_hash(one, "transaction hash") for one in given.get("drop", [])},
        given=[parse_bytes(one, "raw transaction") for one in given.get("transactions", [])],
        from_pool=include == "pool",
        timestamp=parse_number(given["timestamp"], "timestamp") if "timestamp" in given else None,
    )
    if common is None:
        raise RPCError("there is no such ancestor")
    return {"before": where_it_is(before), "common": where_it_is(common), "head": where_it_is(after)}


@method("devnet_setFinality")
def set_finality(context: Context, argument: Any) -> dict:
    """[{"safe", "finalized"}]: by how many blocks these tags are behind the head."""
    given = fields_of(argument, {"safe", "finalized"}, "devnet_setFinality")
    node = context.node
    node.safe_distance = parse_number(given.get("safe", node.safe_distance), "safe")
    node.finalized_distance = parse_number(given.get("finalized", node.finalized_distance), "finalized")
    return {"safe": quantity(node.safe_distance), "finalized": quantity(node.finalized_distance)}


@method("devnet_setFaults")
def set_faults(context: Context, argument: Any) -> bool:
    """[{"path": "/", …}]: replaces the faults of one endpoint; without anything but a path it is honest again."""
    if not isinstance(argument, dict):
        raise invalid_params("devnet_setFaults takes one object")
    path = argument.get("path", "/")
    if not isinstance(path, str) or not path.startswith("/"):
        raise invalid_params("path begins with /")
    faults = parse_faults(argument, context.node.chain.head.hash)
    if faults.head is not None and context.node.store.block(faults.head) is None:
        raise RPCError("header not found")
    if set(argument) <= {"path"}:
        context.node.faults.pop(path, None)
    else:
        context.node.faults[path] = faults
    return True


@method("devnet_faults")
def get_faults(context: Context) -> dict:
    return {path: faults.given for path, faults in context.node.faults.items()}


@method("devnet_closeSockets")
def close_sockets(context: Context, path: Any = None) -> str:
    """Cuts WebSocket connections (at one path, or all); the caller's own, too. Answers how many."""
    return quantity(context.node.hub.close_sessions(path))


@method("devnet_status")
def status(context: Context) -> dict:
    node = context.node
    executable, queued = node.pool.split(node.chain.state(node.chain.head))
    return {
        "head": where_it_is(node.chain.head),
        "fork": node.options.fork,
        "automine": node.automine,
        "interval": node.interval,
        "timeOffset": node.time_offset,
        "baseFee": quantity(node.peek_base_fee(node.chain.head)),
        "pending": len(executable),
        "queued": len(queued),
        "safe": node.safe_distance,
        "finalized": node.finalized_distance,
    }
