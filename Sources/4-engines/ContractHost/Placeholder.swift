/// The room is being built.
enum ContractHostPlaceholder {}
