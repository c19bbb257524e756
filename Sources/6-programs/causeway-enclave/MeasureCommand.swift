import ArgumentParser
import Attestation
import EnclaveService
import Encodings
import Foundation
import TPMAccess
import WireBytes

/// `causeway-enclave measure`.
struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Say what a platform will measure of a program and its policy.",
    discussion: """
      The two hashes are what an enclave's keys name, what its launch log has, and what people compare before they seal \
      anything to it. A TPM's PCR 14 also depends on when, and how often, the enclave was started: a policy asks for the \
      launches in the log, not for one value. On Nitro the register 16 has one value, which is printed.

        causeway-enclave measure auction.wasm --policy auction.json
      """)

  @OptionGroup var workload: WorkloadArguments
  @Flag(help: "JSON on standard output.")
  var json = false

  func run() throws {
    let identity = try workload.identity()
    let nitro = Hex.encode(NitroPlatform.launchValue(identity))
    let program = Hex.encode(identity.program.span)
    let policy = Hex.encode(identity.policy.span)
    if json {
      let value: JSONValue = [
        "program": .string(program), "policy": .string(policy),
        "launchRegister": .number(String(TPMLaunchLog.pcr)),
        "launches": [["program": .string(program), "policy": .string(policy)]],
        "nitroRegister16": .string(nitro),
      ]
      Terminal.print(value.text())
    } else {
      Terminal.print("program  \(program)")
      Terminal.print("policy   \(policy)")
      Terminal.print(
        "tpm      PCR \(TPMLaunchLog.pcr) of sha256: launches of exactly this program and policy")
      Terminal.print("nitro    PCR 16: \(nitro)")
    }
  }
}

/// `causeway-enclave policy`.
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Write the attestation policy that takes this program on this machine, and nothing else.",
    discussion: """
      For a TPM the attestation key of the enclave's folder is named in it, made now if it is not there yet; who takes the \
      policy over should have that name from the machine itself. Add what the boot is to be with --boot.

        causeway-enclave policy auction.wasm --policy auction.json --platform tpm --folder ./enclave > attestation.json
      """)

  @OptionGroup var workload: WorkloadArguments
  @OptionGroup var platform: PlatformArguments
  @Option(help: ArgumentHelp("The enclave's folder.", valueName: "path"))
  var folder: String
  @Option(
    help: ArgumentHelp("Also demand a PCR's value; may be given more than once.", valueName: "PCR=0xVALUE"))
  var boot: [String] = []
  @Option(help: ArgumentHelp("How old a statement may be, in seconds.", valueName: "seconds"))
  var maximumAge: Int64?

  func run() throws {
    let identity = try workload.identity()
    do {
      switch platform.platform {
      case .simulated:
        Terminal.complain("causeway-enclave: \(SimulatedPlatform.warning)")
        Terminal.print(try EnclaveDemands.simulated(identity, ageMaxSeconds: maximumAge).text)
      case .tpm:
        try EnclaveFolder.make(folder)
        guard let machine = try platform.open(folder: folder) as? TPMPlatform else { return }
        let values = try boot.map(Self.value)
        let policy = try EnclaveDemands.tpm(
          identity, names: [machine.attestationKey.name], boot: values, ageMaxSeconds: maximumAge,
          isProduction: true)
        Terminal.print(policy.text)
      case .nitro, .snp, .tdx:
        throw Complaint(
          "measurements of \(platform.platform.rawValue) are of the machine's image: write the policy by hand"
        )
      }
    } catch let error as AttestationPolicyError { throw Complaint("no such policy: \(error)") }
  }

  private static func value(_ text: String) throws -> (register: Int, values: [[UInt8]]) {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let register = Int(parts[0]), (0..<TPMRegisters.count).contains(register),
      let value = try? Hex.decode(parts[1]), value.count == 32
    else { throw Complaint("--boot is a PCR's number, =, and 32 bytes in hexadecimal") }
    return (register, [value])
  }
}

/// The folder of an enclave: its owner's alone.
enum EnclaveFolder {
  static func make(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw Complaint("\(path) cannot be made") }
  }
}
