/// Which token, behind which module.
public struct PKCS11Configuration: Hashable, Sendable {
  /// An absolute path: modules are not searched for by name.
  public let modulePath: String
  /// `CKA_LABEL` of the token, without the blanks that pad it.
  public let tokenLabel: String
  /// Needed where two tokens have one label.
  public let tokenSerial: String?
  /// How many sessions sign at once, 1 to ``sessionsMaxAllowed``; one more is open while a key is made or destroyed.
  public let sessionsMax: Int

  public static let sessionsMaxAllowed = 64

  /// - Parameter sessionsMax: taken into the bounds that it has.
  public init(modulePath: String, tokenLabel: String, tokenSerial: String? = nil, sessionsMax: Int = 8) {
    self.modulePath = modulePath
    self.tokenLabel = tokenLabel
    self.tokenSerial = tokenSerial
    self.sessionsMax = min(max(sessionsMax, 1), Self.sessionsMaxAllowed)
  }
}

/// Codes of ours in ``KeyBackEndError``, above all that a module can return: `CK_RV` has 32 bits.
public enum PKCS11Condition: UInt64, Hashable, Sendable, CaseIterable {
  /// The path is not absolute, or names no plain file.
  case moduleUnreadable = 0x1_0000_0001
  /// Others than its owner may write the module's file.
  case moduleWritable
  /// The system's loader refused the file.
  case moduleNotLoaded
  /// The file is a library, but has no function list.
  case notPKCS11
  /// The function list is of a version that is neither 2 nor 3.
  case moduleVersion
  /// Two tokens have the label, and no serial number tells them apart.
  case tokenAmbiguous
  /// One more wrong PIN would lock the token: nothing logs in by itself any more. A person does, and checks the PIN.
  case finalTry
  /// The process is a child of the one that opened the module.
  case forked
  /// No session came free in time.
  case sessionsBusy
  /// The label is not 1 to 64 characters of `a-z 0-9 . _ -`.
  case label
  /// The token made a key that is not sensitive, or that can be extracted; it was destroyed again.
  case keyNotGuarded
}
