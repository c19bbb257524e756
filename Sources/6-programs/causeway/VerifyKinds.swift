import ArgumentParser
import OfflineVerification

struct VerifyWormhole: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wormhole",
    abstract: "A Wormhole VAA, under mainnet's guardian sets or those of a file.",
    discussion: """
      FILE holds the VAA as hex, base64, raw bytes, or JSON with a member 'vaa'. Judged by the guardian set that the \
      VAA names; with --live a set that has been replaced is refused, as contracts do.
      """)
  @OptionGroup var options: VerifyOptions
  @Option(help: ArgumentHelp("Guardian sets as JSON, instead of mainnet's.", valueName: "file"))
  var guardianSets: String?
  @Option(help: ArgumentHelp("Judge as of this time (Unix seconds or RFC 3339).", valueName: "time"))
  var at: Moment?
  @Flag(help: "Refuse what a contract would refuse today: guardian sets that have been replaced.")
  var live = false

  func run() throws {
    try options.run { bytes in
      let sets = try guardianSets.map { try VerifyOptions.parse(try Terminal.read($0)) }
      return try WormholeVerification.verify(bytes, guardianSets: sets, at: at?.seconds, live: live)
    }
  }
}

struct VerifyHyperlane: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hyperlane",
    abstract: "A Hyperlane delivery (message-id or merkle-root multisig) or a signed checkpoint.",
    discussion:
      "FILE is JSON: message, metadata, validators, threshold and type; or a validator's checkpoint file.")
  @OptionGroup var options: VerifyOptions

  func run() throws {
    try options.runJSON { try HyperlaneVerification.verify($0) }
  }
}

struct VerifyICS23: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ics23",
    abstract: "An ICS-23 proof, alone or chained as IBC does, against a root.")
  @OptionGroup var options: VerifyOptions
  @Option(help: ArgumentHelp("The root, if the file does not hold it.", valueName: "hex"))
  var root: Root?

  func run() throws {
    try options.runJSON { try ICS23Verification.verify($0, root: root?.bytes) }
  }
}

struct VerifyCometBFT: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cometbft",
    abstract: "A CometBFT header, from a header that you trust already.")
  @OptionGroup var options: VerifyOptions
  @Option(help: ArgumentHelp("Now, if the file does not say (Unix seconds or RFC 3339).", valueName: "time"))
  var at: Moment?

  func run() throws {
    try options.runJSON { try CometBFTVerification.verify($0, at: at?.seconds) }
  }
}

struct VerifyMPT: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mpt",
    abstract: "An eth_getProof answer, against a state root.")
  @OptionGroup var options: VerifyOptions
  @Option(help: ArgumentHelp("The state root, if the file does not hold it.", valueName: "hex"))
  var stateRoot: Root?

  func run() throws {
    try options.runJSON { try EthereumProofVerification.verify($0, stateRoot: stateRoot?.bytes) }
  }
}

struct VerifyPolicy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Evidence, against a policy: what a destination domain would decide.")
  @OptionGroup var options: VerifyOptions
  @Option(help: ArgumentHelp("The policy, if the file does not hold it.", valueName: "file"))
  var policy: String?
  @Option(help: ArgumentHelp("Now at the destination (Unix seconds or RFC 3339).", valueName: "time"))
  var at: Moment?

  func run() throws {
    try options.runJSON { input in
      let policy = try policy.map { try VerifyOptions.parse(try Terminal.read($0)) }
      return try PolicyVerification.verify(input, policy: policy, at: at?.seconds)
    }
  }
}
