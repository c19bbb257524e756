/// Stands in until the analysis of uploaded code is here.
public struct CodeAnalysis: Hashable, Sendable {
  public init(checking wasm: [UInt8], limits: CodeLimits = .standard) throws(CodeAnalysisError) {}
}

public struct CodeLimits: Hashable, Sendable {
  public static let standard = CodeLimits()
}

public enum CodeAnalysisError: Error, Hashable, Sendable {
  case refused
  public var text: String { "refused" }
}
