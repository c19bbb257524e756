public import Encodings

/// A part of an enclave format, named in refusals.
public enum EnclaveField: String, Hashable, Sendable {
  case domain, `operator`, signingSuite, signingKey, sealingSuite, sealingKey, sequence, issued, expires
  case sender, encapsulated, ciphertext, replySuite, replyKey, body, name, value, fields, plaintext, salt
  case payouts, account, coins, denom, amount, signature, registration, number, opener, coordinatorSuite
  case coordinatorKey, closes, maximumInputs, inputs, count, status, height, time, launches, policy
}

/// Why bytes or parts are none of the enclave formats.
public enum EnclaveFormatError: Error, Hashable, Sendable {
  case ssz(SSZError)
  /// Only version 1 of each container is defined.
  case version(UInt64)
  /// An ERC-7930 field that does not read.
  case address(EnclaveField, InteroperableAddressError)
  /// A field that names a chain has an account too.
  case addressHasAccount(EnclaveField)
  /// A field that names an account names none, or none of a chain.
  case addressWithoutAccount(EnclaveField)
  /// A suite that no enclave may sign with; nil when its name is not even ASCII.
  case signingSuite(String?)
  /// A suite that nothing is sealed with.
  case sealingSuite(UInt64)
  /// A key, an encapsulation or a signature of another length than its suite's.
  case length(EnclaveField, expected: Int, actual: Int)
  /// A part that must not be empty, or a number that must not be zero, is.
  case empty(EnclaveField)
  case overLimit(EnclaveField, max: Int, actual: Int)
  /// The second moment must lie after the first. UNIX seconds.
  case times(EnclaveField, first: UInt64, second: UInt64)
  /// An entry does not come after the one before it: `index` counts from 0.
  case order(EnclaveField, index: Int)
  /// A number that stands for nothing defined.
  case unknown(EnclaveField, UInt64)
}
