// WireBytesTests: filled by its owner.
