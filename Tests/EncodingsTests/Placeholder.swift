// EncodingsTests: filled by its owner.
