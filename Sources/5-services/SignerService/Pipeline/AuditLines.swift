import Messages
import SignerJournal
import SignerWire
import SigningRules
import Transactions
import WireBytes

/// The audit log's words for what happens to a request. No secrets are near; what a client wrote is cut and escaped there.
enum AuditLines {
  static func granted(_ item: SigningItem, _ client: ClientName, at now: UnixMilliseconds) -> AuditEntry {
    AuditEntry(.grant, at: now.milliseconds, fields(item, client))
  }

  static func refused(
    _ item: SigningItem, _ client: ClientName, _ refusal: SignerRefusal, at now: UnixMilliseconds
  ) -> AuditEntry {
    AuditEntry(
      .refusal, at: now.milliseconds,
      fields(item, client) + [.number(.code, UInt64(refusal.code)), .text(.reason, refusal.name)])
  }

  static func administered(
    _ request: AdminRequest, _ client: ClientName, _ refusal: SignerRefusal?, at now: UnixMilliseconds
  ) -> AuditEntry {
    var fields: [AuditField] = [.text(.client, client.text), .text(.operation, request.operation.rawValue)]
    if let refusal {
      fields += [.number(.code, UInt64(refusal.code)), .text(.reason, refusal.name)]
    }
    return AuditEntry(.administration, at: now.milliseconds, fields)
  }

  static func session(_ client: PolicyClient, _ peer: ClientPeer, at now: UInt64) -> AuditEntry {
    AuditEntry(.session, at: now, [.text(.client, client.name.text), .text(.peer, peer.text)])
  }

  static func refusedSession(_ fault: SignerFault, _ peer: ClientPeer, at now: UInt64) -> AuditEntry {
    AuditEntry(
      .session, at: now,
      [.text(.peer, peer.text), .number(.code, UInt64(fault.rawValue)), .text(.reason, fault.name)])
  }

  private static func fields(_ item: SigningItem, _ client: ClientName) -> [AuditField] {
    var fields: [AuditField] = [
      .hash(.key, item.key.bytes), .text(.client, client.text),
      .text(.purpose, item.request.purpose.rawValue),
    ]
    switch item.request {
    case .attestation(let statement):
      fields += [
        .text(.origin, statement.binding.origin.text), .number(.height, statement.height.number),
        .hash(.payload, statement.digest),
      ]
    case .foreignAttestation(let origin, let statement):
      let height =
        switch statement {
        case .state(let height, _), .packets(let height, _): height
        }
      fields += [.text(.origin, origin.text), .number(.height, height), .hash(.payload, statement.digest)]
    case .vote(let vote):
      fields += [
        .text(.chain, vote.chainID), .number(.height, UInt64(clamping: vote.height)),
        .number(.round, UInt64(clamping: vote.round)), .number(.step, vote.kind == .prevote ? 1 : 2),
      ]
    case .transaction(let transaction):
      fields.append(.text(.chain, transaction.chainID))
      if let first = transaction.messages.first { fields.append(.text(.typeURL, first.typeURL)) }
      fields.append(.number(.count, UInt64(transaction.messages.count)))
    case .evmTransaction(let transaction):
      fields += [
        .text(.chain, transaction.chainName), .number(.nonce, transaction.nonce),
        .text(.address, transaction.to?.description ?? "none"), .hash(.payload, transaction.signingHash),
      ]
      if transaction.input.count >= 4 {
        fields.append(.text(.operation, FixedBytes<4>(transaction.input.span, at: 0).description))
      }
    }
    return fields
  }
}

extension ClientPeer {
  var text: String {
    switch self {
    case .uid(let number): "uid:\(number)"
    case .spiffe(let uri): uri
    }
  }
}
