// SignatureSchemesTests: filled by its owner.
