public import Encodings

extension EVMDomainAccess {
  /// Any method of the node itself, such as the controls of a development chain.
  ///
  /// - Returns: its result, as the node gave it.
  public func ask(_ method: String, _ parameters: [JSONValue] = []) async throws(AccessError) -> JSONValue {
    let answers = try await endpoint.call(all: [EVMRequest(method, parameters)])
    return try answers[0].get()
  }
}
