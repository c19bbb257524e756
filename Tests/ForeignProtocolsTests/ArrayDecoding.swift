import ForeignProtocols
import WireBytes

// A span must not be formed inside an expectation: these form it in a function of its own.

extension WormholeGovernance {
  init(bytes: [UInt8]) throws(WormholePayloadError) { try self.init(decoding: bytes.span) }
}

extension TokenBridgePayload {
  init(bytes: [UInt8]) throws(WormholePayloadError) { try self.init(decoding: bytes.span) }
}

extension NTTTransceiverMessage {
  init(bytes: [UInt8]) throws(WormholePayloadError) { try self.init(decoding: bytes.span) }
}

extension NTTTransceiverNotice {
  init(bytes: [UInt8]) throws(WormholePayloadError) { try self.init(decoding: bytes.span) }
}

extension NativeTokenTransfer {
  init(bytes: [UInt8]) throws(WormholePayloadError) { try self.init(decoding: bytes.span) }
}

extension CrossChainQuery {
  init(bytes: [UInt8]) throws(WormholePayloadError) { try self.init(decoding: bytes.span) }
}

extension CrossChainQueryResponse {
  init(bytes: [UInt8]) throws(WormholePayloadError) { try self.init(decoding: bytes.span) }
}

extension MessageIDMultisigMetadata {
  init(bytes: [UInt8]) throws(HyperlaneMetadataError) { try self.init(decoding: bytes.span) }
}

extension MerkleRootMultisigMetadata {
  init(bytes: [UInt8]) throws(HyperlaneMetadataError) { try self.init(decoding: bytes.span) }
}

extension WarpTransfer {
  init(bytes: [UInt8]) throws(WarpTransferError) { try self.init(decoding: bytes.span) }
}

extension HyperlaneModule {
  func verify(
    _ message: HyperlaneMessage, metadata: [UInt8]
  ) throws(HyperlaneRefusal) -> VerifiedHyperlaneMessage { try verify(message, metadata: metadata.span) }
}
