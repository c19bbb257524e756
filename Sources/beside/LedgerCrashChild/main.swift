// Makes blocks in a directory as fast as it can, until it is killed. Tests of crash safety run it.
//
// Arguments: the directory, which holds `genesis.json` and `validators.json`; the count of transactions in a
// block. After each block it prints a line: height, a space, the block's hash in hex.
//
// With `--replay FILE` it repeats a recorded chain in memory instead; see Replay.swift.

import Crypto
import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import WireBytes

let arguments = CommandLine.arguments
if arguments.count == 3, arguments[1] == "--replay" {
  try Replay.run(file: arguments[2])
  exit(0)
}
guard arguments.count == 3, let count = Int(arguments[2]),
  let text = FileManager.default.contents(atPath: arguments[1] + "/genesis.json")
else {
  FileHandle.standardError.write(Data("usage: LedgerCrashChild DIRECTORY TRANSACTIONS\n".utf8))
  exit(64)
}
let genesis = try Genesis(json: try JSONValue(decoding: [UInt8](text)))
let validators = try LocalValidators(path: arguments[1] + "/validators.json", count: 1)
let domain = try EmbeddedDomain(
  directory: arguments[1], genesis: genesis, host: .ledger(domain: try DomainID("cosmos:crash-1")),
  signer: validators)

// The account that the genesis funds: its key is no secret.
let key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 1, count: 32))
let account = AccountKey.ed25519(try Bytes32([UInt8](key.publicKey.rawRepresentation)))
while true {
  let known = try await domain.queries.account(account.address)
  for index in 0..<UInt64(count) {
    let sequence = (known?.sequence ?? 0) + index
    let send = LedgerMessage.send(
      from: account.address, to: AccountAddress(module: "sink-\(sequence % 7)"),
      coins: [Coin(UInt256(sequence + 1), genesis.rules.feeDenom)])
    let unsigned = UnsignedTransaction(
      [send.encoded()], fee: [Coin(UInt256(UInt64(200)), genesis.rules.feeDenom)], gasLimit: 200_000,
      key: account,
      sequence: sequence, chainID: genesis.rules.chainID, accountNumber: known?.number ?? 0)
    try await domain.submit(unsigned.signed([UInt8](key.signature(for: unsigned.signBytes))))
  }
  let committed = try await domain.produceBlock(now: EmbeddedDomain.wallClock())
  let hash = committed.block.blockID.hash?.array ?? []
  FileHandle.standardOutput.write(Data("\(committed.block.header.height) \(Hex.encode(hash))\n".utf8))
}
