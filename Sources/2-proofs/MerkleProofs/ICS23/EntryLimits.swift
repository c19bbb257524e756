extension ICS23 {
  /// What a store of ours may hold, so that every entry can be proven, and every absence.
  ///
  /// ICS-23 has no empty keys and no empty values (go/ops.go, `LeafOp.Apply`). An absence proof holds two keys
  /// and two values, and must stay under ``ICS23/sizeBytesMax``.
  public enum EntryLimits {
    /// Longest key, in bytes.
    public static let keyBytesMax = 4_096
    /// Longest value, in bytes.
    public static let valueBytesMax = 1 << 20
  }
}
