import ArgumentParser
import Attestation
import EnclaveService
import Enclaves
import Foundation
import Messages
import TPMAccess
import WireBytes

/// What an enclave runs: a program with its policy, or a chain that it follows.
struct WorkloadArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("The program: WASM with a CosmWasm `query`.", valueName: "program"))
  var program: String?
  @Option(
    help: ArgumentHelp("The enclave's policy: JSON, schema causeway-enclave-policy/1.", valueName: "file"))
  var policy: String?
  @Option(
    help: ArgumentHelp(
      "Follow a chain instead of computing cases: JSON, schema causeway-enclave-follow/1.", valueName: "file")
  )
  var follow: String?

  private enum Files {
    case cases(wasm: [UInt8], EnclavePolicy)
    case follow(FollowPolicy)
  }

  private func read() throws -> Files {
    switch (program, policy, follow) {
    case (let program?, let policy?, nil):
      let wasm = try InputFile.read(program, sizeMax: 8 << 20)
      let text = try InputFile.read(policy, sizeMax: EnclavePolicy.textSizeMax)
      do { return .cases(wasm: wasm, try EnclavePolicy(decoding: text)) } catch {
        throw Complaint("\(policy) is no enclave policy: \(error)")
      }
    case (nil, nil, let follow?):
      let text = try InputFile.read(follow, sizeMax: FollowPolicy.textSizeMax)
      do { return .follow(try FollowPolicy(decoding: text)) } catch {
        throw Complaint("\(follow) is no policy to follow by: \(error)")
      }
    default:
      throw Complaint("give a program with --policy FILE, or --follow FILE; not both")
    }
  }

  /// What will be measured; needs nothing that runs it.
  func identity() throws -> EnclaveIdentity {
    switch try read() {
    case .cases(let wasm, let policy): EnclaveIdentity(program: wasm, policy: policy)
    case .follow(let policy): EnclaveIdentity(following: policy)
    }
  }

  func load() throws -> EnclaveWorkload {
    switch try read() {
    case .follow(let policy): return .follow(policy)
    case .cases(let wasm, let policy):
      do { return try .cases(wasm: wasm, policy: policy) } catch {
        throw Complaint("no wasmtime that runs it: \(error)", code: Complaint.notNow)
      }
    }
  }
}

/// The machine that vouches.
struct PlatformArguments: ParsableArguments {
  enum Name: String, CaseIterable, ExpressibleByArgument {
    case tpm, simulated, nitro, snp, tdx
  }

  @Option(help: "The platform that says what runs: tpm, simulated (for trying out), nitro, snp or tdx.")
  var platform: Name
  @Option(
    help: ArgumentHelp(
      "The TPM, as tpm2-tss names it: device:/dev/tpmrm0, swtpm:path=…", valueName: "transport"))
  var tpm = "device:/dev/tpmrm0"
  @Option(help: ArgumentHelp("PCRs whose present values the log's key is sealed to.", valueName: "list"))
  var bootRegisters = "7"
  @Option(help: ArgumentHelp("The index of the TPM's counter, or `none`.", valueName: "index"))
  var counter = "0x1434557"

  func open(folder: String) throws -> any EnclavePlatform {
    switch platform {
    case .simulated: return SimulatedPlatform(folder: folder)
    case .nitro: return NitroPlatform()
    case .snp: return ReportFolderPlatform(.snp)
    case .tdx: return ReportFolderPlatform(.tdx)
    case .tpm:
      do {
        let registers = bootRegisters.split(separator: ",").map { Int($0) ?? -1 }
        guard let boot = TPMRegisters(Set(registers)) else {
          throw Complaint("PCRs are numbers from 0 to 23")
        }
        let digits = counter.hasPrefix("0x") ? String(counter.dropFirst(2)) : ""
        let index = counter == "none" ? nil : UInt32(digits, radix: 16)
        guard counter == "none" || index != nil else { throw Complaint("an index is written 0x…, or `none`") }
        return try TPMPlatform(
          TPMConnection(try TPMConfiguration(transport: tpm)), folder: folder,
          configuration: TPMPlatform.Configuration(bootRegisters: boot, counterIndex: index))
      } catch let error as TPMConfigurationError {
        throw Complaint("\(tpm) is no TPM that is known here: \(error)")
      } catch let error as EnclavePlatformError {
        throw Complaint("the TPM does not do its part: \(error)", code: Complaint.notNow)
      }
    }
  }
}

/// Where an enclave listens.
struct SocketArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The enclave's socket.", valueName: "path"))
  var socket: String
  @Flag(help: "JSON on standard output.")
  var json = false

  func ask<Result>(_ body: (EnclaveClient) async throws -> Result) async throws -> Result {
    do { return try await body(EnclaveClient(path: socket)) } catch let error as EnclaveAccessError {
      switch error {
      case .away: throw Complaint("no enclave listens on \(socket)", code: Complaint.notNow)
      case .refused(let code, let text):
        throw Complaint("the enclave refuses (\(code.rawValue)): \(text)", code: Complaint.refused)
      default: throw Complaint("the enclave's answer cannot be used: \(error)", code: Complaint.refused)
      }
    }
  }
}

enum InputFile {
  static func read(_ path: String, sizeMax: Int) throws -> [UInt8] {
    guard let file = FileHandle(forReadingAtPath: path) else { throw Complaint("\(path) cannot be read") }
    defer { try? file.close() }
    guard let bytes = try? file.read(upToCount: sizeMax + 1) else {
      throw Complaint("\(path) cannot be read")
    }
    guard bytes.count <= sizeMax else { throw Complaint("\(path) has more than \(sizeMax) bytes") }
    return [UInt8](bytes)
  }
}

enum HexArgument {
  static func hash(_ text: String, _ name: String) throws -> Bytes32 {
    guard let hash = try? Bytes32(hex: text) else { throw Complaint("\(name) is 0x and 64 digits") }
    return hash
  }

  /// ERC-7930 in hexadecimal, or the CAIP-2 name of a chain.
  static func address(_ text: String, _ name: String) throws -> InteroperableAddress {
    if text.hasPrefix("0x") {
      guard let bytes = try? Hex.decode(text), let address = try? InteroperableAddress(decoding: bytes.span)
      else {
        throw Complaint("\(name) is no ERC-7930 address")
      }
      return address
    }
    guard let domain = try? DomainID(text), let address = try? InteroperableAddress(chain: domain) else {
      throw Complaint("\(name) is an ERC-7930 address in hexadecimal, or a chain such as cosmos:demo-1")
    }
    return address
  }
}
