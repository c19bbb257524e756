// ForeignProtocolsTests: filled by its owner.
