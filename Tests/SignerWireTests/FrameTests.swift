import SignerWire
import Testing
import WireBytes

@Suite("Frames")
struct FrameTests {
  @Test("are read from any cut of the stream")
  func cuts() throws {
    let frames = [SignerFrame(.open, [1, 2, 3]), SignerFrame(.prove, []), SignerFrame(.refused, [9])]
    let stream = frames.flatMap { $0.encoded() }
    for size in 1...stream.count {
      var reader = SignerFrameReader()
      var read: [SignerFrame] = []
      var offset = 0
      while offset < stream.count {
        reader.append(stream[offset..<min(offset + size, stream.count)])
        offset += size
        while let frame = try reader.next() { read.append(frame) }
      }
      #expect(read == frames)
      #expect(reader.waiting == 0)
    }
  }

  @Test("are refused by their head when they are too long")
  func tooLarge() throws {
    var reader = SignerFrameReader()
    reader.append([0, 0, 2, 1, 1])
    #expect(throws: SignerFrameError.tooLarge(limit: 512, actual: 513)) { try reader.next() }
    var open = SignerFrameReader(bodySizeMax: SignerLimits.frameSizeMax)
    open.append([0xff, 0xff, 0xff, 0xff, 5])
    #expect(throws: SignerFrameError.tooLarge(limit: 1 << 20, actual: 0xffff_ffff)) { try open.next() }
    var exact = SignerFrameReader()
    exact.append([0, 0, 2, 0, 1] + [UInt8](repeating: 0, count: 512))
    #expect(try exact.next()?.body.count == 512)
  }

  @Test("of unknown kinds are refused", arguments: [UInt8(0), 10, 0xff])
  func kind(_ kind: UInt8) {
    var reader = SignerFrameReader()
    reader.append([0, 0, 0, 0, kind])
    #expect(throws: SignerFrameError.unknownKind(kind)) { try reader.next() }
  }

  @Test("a refusal without a session is read as it was written, and at no other length")
  func bareRefusal() throws {
    for fault in SignerFault.allCases {
      let frame = BareRefusal(SignerRefusal(fault), nonce: 7).frame
      let read = try BareRefusal(decoding: frame.body)
      #expect(read.refusal.fault == fault)
      #expect(read.refusal.retry == fault.retry)
      #expect(read.refusal.name == fault.name)
      #expect(read.nonce == 7)
      for count in 0..<frame.body.count {
        #expect(throws: SignerMessageError.self) {
          try BareRefusal(decoding: Array(frame.body.prefix(count)))
        }
      }
      #expect(throws: SignerMessageError.form(.trailingBytes(offset: frame.body.count, count: 1))) {
        try BareRefusal(decoding: frame.body + [0])
      }
    }
    #expect(SignerRefusal(code: 1, name: "no spaces\n", retry: .never).name == "no-spaces-")
    #expect(SignerRefusal(code: 1, name: "", retry: .never).name == "unnamed")
  }
}
