#pragma once

// wasmtime alone: a contract called from C with nothing around it. No gas is counted, no pointer is checked, storage is a
// short list: whatever a host of contracts does on top of this is its own. The engine is set up as ContractHost's is.

#include <stddef.h>
#include <stdint.h>

typedef struct causeway_peer causeway_peer;
typedef struct { const uint8_t *_Nullable bytes; size_t count; } causeway_peer_bytes;

/// Loads the library at `path` and compiles `wasm` with it; NULL when either fails. With `fuel`, wasmtime counts fuel.
causeway_peer *_Nullable causeway_peer_open(
    const char *_Nonnull path, const uint8_t *_Nonnull wasm, size_t count, int fuel);
void causeway_peer_close(causeway_peer *_Nonnull peer);

/// Makes an instance, has it allocate 64 bytes, and drops it. 0, or what failed.
int causeway_peer_instance(causeway_peer *_Nonnull peer);

/// Makes an instance, hands over the arguments, calls `entry`, copies its answer (at most `capacity` bytes), drops the
/// instance. The bytes answered, or what failed as a negative number. What is stored stays for the next call.
long causeway_peer_call(
    causeway_peer *_Nonnull peer, const char *_Nonnull entry, const causeway_peer_bytes *_Nonnull arguments,
    size_t count, uint8_t *_Nonnull answer, size_t capacity);

/// Forgets what is stored.
void causeway_peer_clear(causeway_peer *_Nonnull peer);
