import ArgumentParser
import Devnet

/// `causeway demo`: the whole story against a running devnet, through the same RPC as any user.
struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Tell the whole story against a running devnet: crossings, refunds, a replay, a forgery, the count.",
    discussion: """
      Every scene is checked; ends with 1 when a check fails. `script/demo` starts a devnet of its own for it.

        causeway up --directory /tmp/net &
        causeway demo --directory /tmp/net --contracts contracts/wasm/.build
      """)
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The devnet's directory.", valueName: "dir"),
    completion: .directory)
  var directory = DevnetDirectory.defaultPath

  @Option(
    help: ArgumentHelp("Where contracts were built (script/contracts); their scenes are left out without.", valueName: "dir"),
    completion: .directory)
  var contracts: String?

  @Option(
    help: ArgumentHelp("Where the EVM contracts were built, for the chapter of the EVM chain.", valueName: "dir"),
    completion: .directory)
  var evmContracts: String?

  func run() async throws {
    let devnet = try DevnetConnection(DevnetDirectory(directory), named: directory)
    let artifacts = evmContracts.map { EVMArtifacts(folder: $0) } ?? EVMArtifacts.find()
    var story = DemoStory(devnet, contracts: contracts, artifacts: artifacts)
    try await story.tell()
    if story.failed > 0 { throw ExitCode(1) }
  }
}
