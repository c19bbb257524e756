// ForeignProtocols: filled by its owner.
