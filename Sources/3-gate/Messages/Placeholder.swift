// Messages: filled by its owner.
