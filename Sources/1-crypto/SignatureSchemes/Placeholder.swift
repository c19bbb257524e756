// SignatureSchemes: filled by its owner.
