import ArgumentParser

/// The enclave's program.
@main
struct CausewayEnclave: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "causeway-enclave", abstract: "Runs a measured program on sealed inputs, under attested keys.")
}
