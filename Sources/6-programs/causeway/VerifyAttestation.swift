import ArgumentParser
import Encodings
import OfflineVerification
import WireBytes

/// What every kind of attestation evidence takes.
struct AttestationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What is demanded: JSON of schema causeway-attestation-policy/1. Without one the verdict is undecided.",
      valueName: "file"), completion: .file())
  var policy: String?
  @Option(
    help: ArgumentHelp(
      "Judge as of this time (Unix seconds or RFC 3339); needed for a verdict.", valueName: "time"))
  var at: Moment?
  @Flag(help: "That time is now: also demand the policy's maximum age.")
  var live = false
  @Option(help: ArgumentHelp("The challenge that must be answered.", valueName: "hex"))
  var nonce: HexBytes?
  @Option(help: ArgumentHelp("What the holder must have bound.", valueName: "hex"))
  var reportData: HexBytes?

  /// Judges the file of `options` as evidence of `kind`.
  func run(
    _ options: VerifyOptions, _ kind: AttestationKind, collateral: String? = nil, eventLog: String? = nil
  ) throws {
    try options.run { bytes in
      let input = AttestationInput(
        collateral: try collateral.map { try Terminal.read($0) },
        policy: try policy.map { try VerifyOptions.parse(try Terminal.read($0)) }, time: at?.seconds,
        isLive: live,
        nonce: nonce?.bytes, reportData: reportData?.bytes,
        eventLog: try eventLog.map { try Terminal.read($0) })
      return try AttestationVerification.verify(bytes, kind: kind, input: input)
    }
  }
}

/// Bytes in hex, with or without `0x`.
struct HexBytes: ExpressibleByArgument {
  let bytes: [UInt8]

  init?(argument: String) {
    guard let bytes = try? Hex.decode(argument), !bytes.isEmpty else { return nil }
    self.bytes = bytes
  }
}

struct VerifyNitro: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nitro",
    abstract: "An attestation document of AWS Nitro Enclaves.",
    discussion: """
      FILE holds the document (COSE_Sign1) as it is, in hex or in base 64. Its certificate lives three hours: judge an \
      archived one at its own time.

        causeway verify nitro document.cbor --at 2025-12-25T14:00:00Z
        causeway verify nitro document.cbor --at 2025-12-25T14:00:00Z --policy policy.json --nonce 0x1234

      PCR0 is the image, PCR1 the kernel, PCR2 the application; all zero means debug mode, which is refused.
      """)
  @OptionGroup var options: VerifyOptions
  @OptionGroup var attestation: AttestationOptions
  @Option(help: ArgumentHelp("Revocation lists in PEM or DER.", valueName: "file"), completion: .file())
  var collateral: String?

  func run() throws { try attestation.run(options, .nitro, collateral: collateral) }
}

/// What quotes of SGX and TDX need besides.
struct IntelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Intel's word on the processor: JSON with tcb_info, qe_identity, their signatures and chains, and both lists.",
      valueName: "file"), completion: .file())
  var collateral: String?
}

struct VerifySGX: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sgx",
    abstract: "A DCAP quote of an Intel SGX enclave.",
    discussion: """
      FILE holds the quote as it is, in hex or in base 64. The same quote is up to date with one collateral and out of \
      date with a later one: the report says until when the one given may be used.

        causeway verify sgx quote.bin --collateral collateral.json --at 2025-07-01T00:00:00Z
      """)
  @OptionGroup var options: VerifyOptions
  @OptionGroup var attestation: AttestationOptions
  @OptionGroup var intel: IntelOptions

  func run() throws { try attestation.run(options, .sgx, collateral: intel.collateral) }
}

struct VerifyTDX: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tdx",
    abstract: "A DCAP quote of an Intel TDX domain.",
    discussion: """
      FILE holds the quote (version 4 or 5) as it is, in hex or in base 64. MRTD measures the firmware, RTMR0 to RTMR3 \
      what came after it.

        causeway verify tdx quote.bin --collateral collateral.json --at 2025-07-01T00:00:00Z --policy policy.json
      """)
  @OptionGroup var options: VerifyOptions
  @OptionGroup var attestation: AttestationOptions
  @OptionGroup var intel: IntelOptions

  func run() throws { try attestation.run(options, .tdx, collateral: intel.collateral) }
}

struct VerifySNP: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snp",
    abstract: "A report of an AMD SEV-SNP guest.",
    discussion: """
      FILE holds the report (1184 bytes) as it is, in hex or in base 64. The processor's certificate (VCEK, or a cloud's \
      VLEK) says which chip at which TCB signed it; AMD's own are known here.

        causeway verify snp report.bin --collateral vcek.pem --at 2025-07-01T00:00:00Z
      """)
  @OptionGroup var options: VerifyOptions
  @OptionGroup var attestation: AttestationOptions
  @Option(
    help: ArgumentHelp(
      "VCEK or VLEK, with its issuers if they are others, in PEM or DER.", valueName: "file"),
    completion: .file())
  var collateral: String?

  func run() throws { try attestation.run(options, .snp, collateral: collateral) }
}

struct VerifyTPM: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tpm",
    abstract: "A quote of a TPM 2.0, with the log of what was measured.",
    discussion: """
      FILE is a statement as causeway-enclave gives it, or JSON with hex: quote (TPMS_ATTEST), signature \
      (TPMT_SIGNATURE), key (TPM2B_PUBLIC), pcrs {"14": "0x…"}, and if they are there launchLog and certificates.

        causeway verify tpm examples/messages/tpm-statement.json --at 1780272000 \\
          --policy examples/messages/tpm-policy.json
        causeway verify tpm statement.json --at 2026-06-01T00:00:00Z --nonce 0x1234

      A key that is not restricted signs whatever its holder likes: such a quote is refused. A quote tells no time; ask \
      for a nonce.
      """)
  @OptionGroup var options: VerifyOptions
  @OptionGroup var attestation: AttestationOptions
  @Option(
    help: ArgumentHelp(
      "The firmware's event log: it must replay to the PCRs that are quoted.", valueName: "file"),
    completion: .file())
  var eventLog: String?

  func run() throws { try attestation.run(options, .tpm, eventLog: eventLog) }
}

struct VerifyAzure: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "azure",
    abstract: "Evidence of an Azure confidential machine: hardware report, vTPM's key, PCRs.",
    discussion: """
      FILE is JSON as the attesters az-snp-vtpm and az-tdx-vtpm of Confidential Containers write it, or a statement. The \
      hardware's report vouches for the key of the vTPM, and that key signed the quote.

        causeway verify azure evidence.json --at 2024-06-01T00:00:00Z
      """)
  @OptionGroup var options: VerifyOptions
  @OptionGroup var attestation: AttestationOptions
  @Option(
    help: ArgumentHelp(
      "SEV-SNP: certificates in PEM or DER; TDX: Intel's collateral as JSON.", valueName: "file"),
    completion: .file())
  var collateral: String?
  @Option(
    help: ArgumentHelp(
      "The firmware's event log: it must replay to the PCRs that are quoted.", valueName: "file"),
    completion: .file())
  var eventLog: String?

  func run() throws { try attestation.run(options, .azure, collateral: collateral, eventLog: eventLog) }
}

struct VerifyEAR: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ear",
    abstract: "An attestation result of another verifier (EAR, a signed token).",
    discussion: """
      FILE holds the token. Its verifier's key is pinned by you, as a JWK or in the policy; a key, an address of keys or \
      an algorithm that the token itself names chooses nothing.

        causeway verify ear token.jwt --key verifier.jwk --at 2022-10-18T12:00:00Z
      """)
  @OptionGroup var options: VerifyOptions
  @OptionGroup var attestation: AttestationOptions
  @Option(help: ArgumentHelp("The verifier's public key as a JWK.", valueName: "file"), completion: .file())
  var key: String?

  func run() throws { try attestation.run(options, .ear, collateral: key) }
}
