import ArgumentParser

/// `HOST:PORT`; an IPv6 address stands in brackets.
struct HostPort: ExpressibleByArgument, CustomStringConvertible {
  let host: String
  let port: Int

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":") else { return nil }
    let digits = argument[argument.index(after: colon)...]
    var host = argument[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    if isBracketed { host = host.dropFirst().dropLast() }
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(digits), !host.isEmpty,
      isBracketed == host.contains(":"), !host.contains(where: { "[]/@ ".contains($0) })
    else { return nil }
    self.init(host: String(host), port: Int(port))
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// `tls://HOST:PORT`.
struct SignerURL: ExpressibleByArgument {
  let place: HostPort

  init?(argument: String) {
    let scheme = "tls://"
    guard argument.hasPrefix(scheme), let place = HostPort(argument: String(argument.dropFirst(scheme.count)))
    else { return nil }
    self.place = place
  }
}
