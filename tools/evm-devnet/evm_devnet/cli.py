"""The command line of the node."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from eth_keys import keys

from .forks import FORKS
from .node import GAS_LIMIT, Node, Options, WrongState
from .server import Server

ACCOUNT_WEI = 10**24
ACCOUNTS_MAX = 1_000

DESCRIPTION = """\
An EVM chain for tests on this machine: py-evm behind Ethereum's JSON-RPC, over HTTP and WebSocket on one port, with
controls of blocks, time, reorganisations and faults. Not for anything of value, and not reachable from elsewhere.

When it listens, it says so in one line of JSON on standard output:
  {"ready": true, "url": "http://127.0.0.1:8545", "ws": "ws://127.0.0.1:8545", "chainId": 31337, "accounts": ["0x7e5f…"]}
"""

EPILOG = """\
The private keys of the funded accounts are the numbers 1 to N: everybody knows them.

Examples:
  script/evm-devnet                                  a block for every transaction
  script/evm-devnet --block-time 1 --finalized 8     a block a second; the tag finalized is 8 blocks behind
  script/evm-devnet --port 0 --exit-with-parent      as a fixture of a test: reads the port from the ready line
  script/evm-devnet --state out/evm                  goes on where it stopped

  curl -s -H 'content-type: application/json' http://127.0.0.1:8545 \\
    -d '{"jsonrpc":"2.0","id":1,"method":"devnet_reorg","params":[{"depth":2}]}'

docs/evm-devnet.md has all methods and controls, and how to use geth or anvil instead.
"""


def block_time(text: str) -> float | None:
    if text == "auto":
        return None
    seconds = float(text)
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError("seconds are above 0 and at most 86400")
    return seconds


def funded(text: str) -> tuple[bytes, int]:
    address, separator, wei = text.partition("=")
    try:
        account = bytes.fromhex(address.removeprefix("0x"))
        if len(account) != 20 or not separator:
            raise ValueError
        return account, int(wei, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not ADDRESS=WEI") from None


def key_address(number: int) -> bytes:
    return keys.PrivateKey(number.to_bytes(32, "big")).public_key.to_canonical_address()


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="script/evm-devnet",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--port", type=int, default=8545, help="0 lets the kernel choose (default 8545)")
    add("--chain-id", type=int, default=31_337, metavar="N", help="default 31337")
    add("--fork", choices=sorted(FORKS), default="prague", help="the rules of all blocks (default prague)")
    add(
        "--block-time",
        type=block_time,
        default=None,
        metavar="SECONDS|auto",
        help="a block every so many seconds, fractions allowed; auto is one for every transaction, at once (default)",
    )
    add("--no-mining", action="store_true", help="no blocks but those that evm_mine asks for")
    add("--accounts", type=int, default=10, metavar="N", help="how many accounts have ether (default 10)")
    add(
        "--fund",
        type=funded,
        action="append",
        default=[],
        metavar="ADDRESS=WEI",
        help="another one; may be repeated",
    )
    add("--base-fee", type=int, metavar="WEI", help="fixed; else it moves as EIP-1559 says, from 1 gwei")
    add("--gas-limit", type=int, default=GAS_LIMIT, metavar="GAS", help=f"of a block (default {GAS_LIMIT})")
    add(
        "--safe",
        type=int,
        default=0,
        metavar="BLOCKS",
        help="how far the tag safe is behind the head (default 0)",
    )
    add("--finalized", type=int, default=0, metavar="BLOCKS", help="and the tag finalized (default 0)")
    add("--log-range-max", type=int, metavar="BLOCKS", help="refuse eth_getLogs over more blocks than this")
    add(
        "--price-limit",
        type=int,
        default=1,
        metavar="WEI",
        help="the least tip that the pool takes (default 1, geth's)",
    )
    add(
        "--allow-unprotected-txs",
        action="store_true",
        help="take transactions without a chain id, as deployers that work on every chain use",
    )
    add(
        "--equal-timestamps",
        action="store_true",
        help="blocks within one second have one timestamp, as on rollups; else time runs ahead by a second a block",
    )
    add(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep the chain in this folder and go on with it at the next start",
    )
    add("--exit-with-parent", action="store_true", help="stop when standard input closes")
    add("--verbose", action="store_true", help="say on standard error what happens")
    return result


def main() -> int:
    arguments = parser().parse_args()
    if not 0 <= arguments.accounts <= ACCOUNTS_MAX:
        print(f"evm-devnet: --accounts is at most {ACCOUNTS_MAX}", file=sys.stderr)
        return 2
    accounts = [key_address(number) for number in range(1, arguments.accounts + 1)]
    balances = {account: ACCOUNT_WEI for account in accounts}
    balances.update(arguments.fund)
    options = Options(
        chain_id=arguments.chain_id,
        fork=arguments.fork,
        block_time=arguments.block_time,
        balances=balances,
        base_fee=arguments.base_fee,
        gas_limit=arguments.gas_limit,
        safe_distance=arguments.safe,
        finalized_distance=arguments.finalized,
        logs_range_max=arguments.log_range_max,
        price_limit=arguments.price_limit,
        unprotected=arguments.allow_unprotected_txs,
        equal_timestamps=arguments.equal_timestamps,
        state=arguments.state,
        verbose=arguments.verbose,
    )
    try:
        node = Node(options)
    except WrongState as problem:
        print(f"evm-devnet: {problem}", file=sys.stderr)
        return 1
    if arguments.no_mining:
        node.automine = False
    try:
        server = Server(node, arguments.port)
    except OSError as problem:
        print(f"evm-devnet: cannot listen on port {arguments.port}: {problem.strerror}", file=sys.stderr)
        return 1

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.exit_with_parent:

        def watch() -> None:
            while os.read(0, 4_096):
                pass
            stop.set()

        threading.Thread(target=watch, daemon=True).start()
    threading.Thread(target=node.mine_at_intervals, daemon=True).start()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    where = f"127.0.0.1:{server.port}"
    ready = {
        "ready": True,
        "url": f"http://{where}",
        "ws": f"ws://{where}",
        "chainId": options.chain_id,
        "accounts": ["0x" + account.hex() for account in accounts],
    }
    print(json.dumps(ready), flush=True)
    stop.wait()
    server.shutdown()
    node.close()
    return 0
