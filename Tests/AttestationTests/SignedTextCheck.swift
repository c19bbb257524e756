import Attestation
import SignatureSchemes

enum SignedTextCheck {
  static func holds(_ signed: IntelSignedText, _ key: ECDSAP256.PublicKey) -> Bool {
    (try? ECDSAP256.verify(signed.text.span, signature: signed.signature.span, key: key)) != nil
  }
}
