/// The room is being built.
enum ContractsPlaceholder {}
