import Foundation

/// `/dev/nsm`: the driver takes a request and an answer's buffer in one ioctl.
///
/// Source: aws/aws-nitro-enclaves-nsm-api, src/driver/mod.rs: `_IOWR(0x0a, 0, struct { iovec request, response; })`.
public struct SystemNSMDevice: NSMDevice {
  public static let path = "/dev/nsm"
  /// Direction read and write, 32 bytes, magic 0x0a, number 0 (asm-generic/ioctl.h).
  static let command: UInt = 3 << 30 | 32 << 16 | 0x0a << 8

  private let path: String

  public init(path: String = Self.path) { self.path = path }

  public func exchange(_ request: [UInt8]) throws(NSMError) -> [UInt8] {
    // The path is a string of Swift's, ended by a zero for the call.
    let file = unsafe open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { throw .device(errno: errno) }
    defer { close(file) }
    var request = request
    var answer = [UInt8](repeating: 0, count: NSMResponse.sizeMax)
    var code: Int32 = 0
    var count = 0
    // Both arrays are unique and outlive the ioctl, which reads the one and writes no more than the other has; the driver
    // sets the second length to what it wrote.
    unsafe request.withUnsafeMutableBytes { from in
      unsafe answer.withUnsafeMutableBytes { to in
        var message = (
          unsafe iovec(iov_base: from.baseAddress, iov_len: from.count),
          unsafe iovec(iov_base: to.baseAddress, iov_len: to.count)
        )
        code = unsafe ioctl(file, Self.command, &message) == 0 ? 0 : errno
        count = unsafe Int(message.1.iov_len)
      }
    }
    guard code == 0 else { throw .device(errno: code) }
    guard (1...answer.count).contains(count) else {
      throw .responseLength(max: NSMResponse.sizeMax, actual: count)
    }
    return [UInt8](answer.prefix(count))
  }
}
