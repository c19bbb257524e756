import ArgumentParser

@main
struct CausewaySigner: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "causeway-signer",
    abstract: "Holds the keys of one domain, and signs what its rules allow.")
}
