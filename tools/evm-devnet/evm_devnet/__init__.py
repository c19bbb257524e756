"""An EVM node for tests: py-evm behind Ethereum's JSON-RPC, with controls of blocks, time, reorganisations and faults.

errors, encoding   how errors and values look in JSON
forks              the rules of blocks (Cancun, Prague) and what genesis holds
store              blocks, receipts, logs and state in one SQLite file, or in memory
chain              building blocks on any parent, and which branch is canonical
pool               transactions that wait, with geth's rules and words
execution, proofs  eth_call, eth_estimateGas; eth_getProof
views, faults      what an endpoint sees, and how it lies when a test wants it to
node               all of it together, under one lock: mining, time, snapshots, subscriptions
methods_*          the JSON-RPC methods by name
rpc, server        requests and batches; HTTP and WebSocket on one port
"""
