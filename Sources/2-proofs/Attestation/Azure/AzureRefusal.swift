/// Why evidence of an Azure confidential machine was refused.
public enum AzureRefusal: Error, Hashable, Sendable {
  case statement(AzureStatement.DecodingError)
  case report(HCLReport.DecodingError)
  /// The policy does not name the hardware.
  case hardwareNotNamed(HCLReport.Hardware)
  /// With TDX a TD quote must be there, and with SNP none.
  case tdQuote(bytes: Int)
  case sevSNP(SEVSNPRefusal)
  case tdx(IntelRefusal)
  /// The hardware vouches for other claims of the runtime than these.
  case reportData(expected: [UInt8], actual: [UInt8])
  /// The key that the hardware vouches for did not sign the quote.
  case signature(TokenKeyError)
  case quote(TPMRefusal)
}
