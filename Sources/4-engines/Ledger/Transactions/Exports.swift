// All that this room says, it says of transactions, coins and account keys: who imports Ledger gets their types too.
// They have a room of their own so that a signer can build what it signs without a ledger.
@_exported public import Transactions
