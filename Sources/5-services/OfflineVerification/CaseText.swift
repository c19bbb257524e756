/// An error case as people read it: its name and numbers, without the types that it is nested in.
///
/// `proof(index: 0, existence(valueMismatch))` rather than the same with a module path before each name.
enum CaseText {
  static func of(_ error: any Error) -> String {
    var text = ""
    var word = ""
    for character in "\(error)" {
      if character.isLetter || character.isNumber || character == "_" || character == "." {
        word.append(character)
      } else {
        text += short(word)
        word = ""
        text.append(character)
      }
    }
    return text + short(word)
  }

  /// `Module.Type.name` without what stands before the name; numbers and plain words as they are.
  private static func short(_ word: String) -> String {
    guard word.first?.isUppercase == true, let dot = word.lastIndex(of: ".") else { return word }
    return String(word[word.index(after: dot)...])
  }
}
