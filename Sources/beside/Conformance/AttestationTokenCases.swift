import Attestation
import Encodings
import WireBytes

/// EAR tokens, claims sets and keys.
enum AttestationTokenCases {
  static func run(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    if file.name.hasSuffix(".jwt") {
      token(file, folder, &report)
    } else if let json = file.json, json["kty"]?.string != nil {
      key(file, json, &report)
    } else if let json = file.json,
      json["eat_profile"] != nil || json["submods"] != nil || isClaimsName(file.name)
    {
      claims(file, json, &report)
    }
  }

  private static func isClaimsName(_ name: String) -> Bool {
    let plain = name.lowercased().filter { $0.isLetter }
    return plain.contains("claims") && plain.contains("ear") && plain.contains("set")
  }

  /// A JWK: those that hold only a public key pin tokens beside them.
  private static func key(_ file: AttestationFile, _ json: JSONValue, _ report: inout ConformanceReport) {
    do {
      _ = try TokenKey(jwk: json)
      report.pass(file.path, "key")
    } catch {
      if case .jwk("kty") = error {
        report.skip(file.path, "key", reason: "a key of another kind than P-256, P-384 and RSA")
      } else if file.isNamedWrong {
        report.pass(file.path, "key refused")
      } else {
        report.fail(file.path, "key", expected: "read", actual: "refused: \(error)")
      }
    }
  }

  /// A token must verify under a key beside it, unless its name says that it is wrong; judged at its own
  /// `iat`.
  private static func token(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    var text = file.bytes
    while text.last == 0x0a || text.last == 0x0d { text.removeLast() }
    var keys: [TokenKey] = []
    for path in folder.files(in: file.folder) where path.hasSuffix(".json") {
      // A private key is no pin.
      guard let bytes = folder.bytes(path), let json = try? JSONValue(decoding: bytes), json["kty"] != nil,
        json["d"] == nil, let key = try? TokenKey(jwk: json)
      else { continue }
      keys.append(key)
    }
    let token: JSONWebToken
    do { token = try JSONWebToken(decoding: text.span) } catch {
      if file.isNamedWrong { return report.pass(file.path, "token refused: \(error)") }
      return report.fail(file.path, "token", expected: "read", actual: "refused: \(error)")
    }
    let signed = keys.contains { key in
      do {
        try key.verify(token)
        return true
      } catch { return false }
    }
    if !signed, !file.isNamedWrong {
      // It may name a key itself, which nobody has pinned.
      return readOnly(file, token, hasKeys: !keys.isEmpty, &report)
    }
    do {
      let ear = try EARClaims(token.payload)
      let policy = try TokenPolicy(
        kind: .ear, keys: keys, profile: ear.profile,
        claims: ear.submodules.map {
          TokenPolicy.Claim(path: ["submods", $0.name, "ear.status"], values: [.string($0.status.name)])
        })
      let result = try TokenVerifier.verify(
        AttestationEvidence(platform: .token, statement: text), under: policy, at: .archival(ear.issued))
      if file.isNamedWrong {
        report.fail(file.path, "token", expected: "refused", actual: "accepted")
      } else {
        report.expect(file.path, "token", "\(ear.issued)", "\(result.issued ?? 0)")
      }
    } catch {
      if file.isNamedWrong {
        report.pass(file.path, "token refused: \(error)")
      } else {
        report.fail(file.path, "token", expected: "accepted", actual: "refused: \(error)")
      }
    }
  }

  private static func readOnly(
    _ file: AttestationFile, _ token: JSONWebToken, hasKeys: Bool, _ report: inout ConformanceReport
  ) {
    do { _ = try EARClaims(token.payload) } catch {
      return report.fail(file.path, "claims", expected: "read", actual: "refused: \(error)")
    }
    report.pass(file.path, "claims")
    if token.header["jwk"] != nil {
      report.skip(
        file.path, "signature", reason: "by a key that only the token itself names: nothing pins it")
    } else if hasKeys {
      report.fail(file.path, "signature", expected: "holds under a key beside it", actual: "under none")
    } else {
      report.skip(file.path, "signature", reason: "no key lies beside it")
    }
  }

  private static func claims(
    _ file: AttestationFile, _ json: JSONValue, _ report: inout ConformanceReport
  ) {
    let mustFail = file.isNamedWrong || file.name.lowercased().contains("empty")
    do {
      guard let members = json.object else { throw EARClaims.Refusal.claim("") }
      let ear = try EARClaims(members)
      if mustFail {
        report.fail(file.path, "claims", expected: "refused", actual: "read")
      } else {
        report.expect(file.path, "claims", json["eat_profile"]?.string ?? "", ear.profile)
      }
    } catch {
      if mustFail {
        report.pass(file.path, "claims refused: \(error)")
      } else {
        report.fail(file.path, "claims", expected: "read", actual: "refused: \(error)")
      }
    }
  }
}
