// MessagesTests: filled by its owner.
