// FuzzTests: filled by its owner.
