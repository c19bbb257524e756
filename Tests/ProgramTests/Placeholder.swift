// ProgramTests: filled by its owner.
