public import SwiftASN1
public import WireBytes

/// Certificates that a chain may end in, by the SHA-256 of their DER.
public struct X509Roots: Hashable, Sendable {
  public let fingerprints: Set<Bytes32>

  public init(_ fingerprints: Set<Bytes32>) { self.fingerprints = fingerprints }

  public func contains(_ certificate: X509Certificate) -> Bool {
    fingerprints.contains(certificate.fingerprint)
  }
}

/// What is asked of a chain besides names, times, signatures and its root.
public struct X509ChainRules: Hashable, Sendable {
  /// Certificates from leaf to root.
  public let lengthMax: Int
  /// Extensions that the caller looks at itself, so that they may be critical.
  public let understood: Set<ASN1ObjectIdentifier>
  /// A purpose that extendedKeyUsage must name; nil when any purpose does. Critical extendedKeyUsage without a purpose
  /// asked for is refused.
  public let purpose: ASN1ObjectIdentifier?

  public init(
    lengthMax: Int = 8, understood: Set<ASN1ObjectIdentifier> = [], purpose: ASN1ObjectIdentifier? = nil
  ) {
    self.lengthMax = lengthMax
    self.understood = understood
    self.purpose = purpose
  }
}

/// Why a chain was refused. `index` counts from the leaf, which is 0; times are UNIX seconds.
public enum X509ChainError: Error, Hashable, Sendable {
  /// No certificates, or too many.
  case length(limit: Int, actual: Int)
  /// The last certificate is not one of the pinned roots.
  case root(fingerprint: Bytes32)
  /// The issuer's name is not the subject's name of the next certificate.
  case names(index: Int)
  /// One certificate stands in the chain twice.
  case repeated(index: Int)
  case notYetValid(index: Int, secondsEarly: Int64)
  case expired(index: Int, secondsLate: Int64)
  /// Above the leaf, basicConstraints are absent or not those of an authority.
  case notAuthority(index: Int)
  /// More authorities follow than the path length of the one at `index` admits.
  case pathLength(index: Int, limit: UInt64, actual: UInt64)
  /// keyUsage leaves out what the certificate is used for: keyCertSign above the leaf, digitalSignature of the leaf.
  case usage(index: Int, missing: X509Certificate.Usage)
  /// The leaf may sign other certificates.
  case leafIsAuthority
  case purpose(index: Int)
  case unknownCriticalExtension(index: Int, ASN1ObjectIdentifier)
  /// The next certificate did not sign this one.
  case signature(index: Int, X509SignatureError)
}

/// Checks chains of certificates in a given order; it does not search for one.
public enum X509Chain {
  private static let extendedKeyUsage: ASN1ObjectIdentifier = [2, 5, 29, 37]

  /// Checks every certificate of `path` against its issuer.
  ///
  /// In order: length, pinned root, then for each certificate names, times, critical extensions, authority, path length,
  /// usage, and last the signatures. The root's own signature is checked when it names itself as its issuer.
  ///
  /// - Parameters:
  ///   - path: leaf first, root last.
  ///   - time: when the chain must be valid.
  public static func verify(
    _ path: [X509Certificate], roots: X509Roots, at time: Int64, rules: X509ChainRules = X509ChainRules()
  ) throws(X509ChainError) -> VerifiedX509Chain {
    guard path.count <= rules.lengthMax, let root = path.last else {
      throw .length(limit: rules.lengthMax, actual: path.count)
    }
    guard roots.contains(root) else { throw .root(fingerprint: root.fingerprint) }
    var notBefore = Int64.min
    var notAfter = Int64.max
    var seen: Set<[UInt8]> = []
    for (index, certificate) in path.enumerated() {
      guard seen.insert(certificate.der).inserted else { throw .repeated(index: index) }
      if index + 1 < path.count, certificate.issuer != path[index + 1].subject { throw .names(index: index) }
      guard certificate.notBefore <= time else {
        throw .notYetValid(index: index, secondsEarly: difference(certificate.notBefore, time))
      }
      guard time <= certificate.notAfter else {
        throw .expired(index: index, secondsLate: difference(time, certificate.notAfter))
      }
      try checkExtensions(certificate, index: index, rules: rules)
      if index == 0 {
        try checkLeaf(certificate, isRoot: path.count == 1)
      } else {
        try checkAuthority(certificate, path: path, index: index)
      }
      notBefore = max(notBefore, certificate.notBefore)
      notAfter = min(notAfter, certificate.notAfter)
    }
    for (index, certificate) in path.enumerated() {
      let issuer: X509Certificate
      if index + 1 < path.count {
        issuer = path[index + 1]
      } else if certificate.issuer == certificate.subject {
        issuer = certificate
      } else {
        continue
      }
      do { try certificate.verifySignature(by: issuer.publicKey) } catch {
        throw .signature(index: index, error)
      }
    }
    return VerifiedX509Chain(certificates: path, root: root, notBefore: notBefore, notAfter: notAfter)
  }

  /// `later - earlier`, kept in range.
  static func difference(_ later: Int64, _ earlier: Int64) -> Int64 {
    let (value, overflow) = later.subtractingReportingOverflow(earlier)
    return overflow ? .max : value
  }

  private static func checkExtensions(
    _ certificate: X509Certificate, index: Int, rules: X509ChainRules
  ) throws(X509ChainError) {
    for found in certificate.extensions {
      switch found.oid {
      case X509Certificate.basicConstraintsName, X509Certificate.keyUsageName: break
      case extendedKeyUsage where rules.purpose != nil: break
      default:
        guard !found.isCritical || rules.understood.contains(found.oid) else {
          throw .unknownCriticalExtension(index: index, found.oid)
        }
      }
    }
    guard let purpose = rules.purpose, index == 0 else { return }
    guard let found = certificate.extension(extendedKeyUsage),
      let purposes = try? DERElement(decoding: found.value).children(count: 1...32).map({ try $0.oid() }),
      purposes.contains(purpose)
    else { throw .purpose(index: index) }
  }

  private static func checkLeaf(_ leaf: X509Certificate, isRoot: Bool) throws(X509ChainError) {
    if let usage = leaf.keyUsage, !isRoot, !usage.contains(X509Certificate.Usage.digitalSignature.rawValue) {
      throw .usage(index: 0, missing: .digitalSignature)
    }
    if leaf.basicConstraints?.isAuthority == true, !isRoot { throw .leafIsAuthority }
  }

  private static func checkAuthority(
    _ certificate: X509Certificate, path: [X509Certificate], index: Int
  ) throws(X509ChainError) {
    guard let constraints = certificate.basicConstraints, constraints.isAuthority else {
      throw .notAuthority(index: index)
    }
    if let limit = constraints.pathLengthMax {
      // Authorities between this one and the leaf that are not self-issued (RFC 5280, section 6.1.4).
      let below = path[1..<index].count { $0.issuer != $0.subject }
      guard UInt64(below) <= limit else {
        throw .pathLength(index: index, limit: limit, actual: UInt64(below))
      }
    }
    if let usage = certificate.keyUsage, !usage.contains(X509Certificate.Usage.keyCertSign.rawValue) {
      throw .usage(index: index, missing: .keyCertSign)
    }
  }
}

/// A chain that was found good at a time.
public struct VerifiedX509Chain: Hashable, Sendable {
  /// Leaf first, root last.
  public let certificates: [X509Certificate]
  public let root: X509Certificate
  /// The latest start of all certificates.
  public let notBefore: Int64
  /// The earliest end of all certificates.
  public let notAfter: Int64

  fileprivate init(
    certificates: [X509Certificate], root: X509Certificate, notBefore: Int64, notAfter: Int64
  ) {
    self.certificates = certificates
    self.root = root
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// The certificate whose key was vouched for.
  public var leaf: X509Certificate { certificates[0] }
}
