#ifndef CAUSEWAY_WASMTIME_H
#define CAUSEWAY_WASMTIME_H

// The part of wasmtime's C API that ContractHost uses, written down anew and looked up in its shared library at
// run time: nothing of wasmtime is needed to build. The layouts are those of wasmtime 50.0.1, compared with the
// `_bindings.py` of its Python wheel; `causeway_wasmtime_load` therefore refuses every other major version.
// What each function does: https://docs.wasmtime.dev/c-api/

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// The major version whose layouts stand below.
#define CAUSEWAY_WASMTIME_MAJOR 50

// Things that only wasmtime looks into.
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_caller wasmtime_caller_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_instance_pre wasmtime_instance_pre_t;
typedef struct wasmtime_pooling_allocation_config_t wasmtime_pooling_allocation_config_t;

typedef struct { size_t size; char * _Nullable data; } wasm_byte_vec_t;
typedef struct { size_t size; wasm_valtype_t * _Nonnull * _Nullable data; } wasm_valtype_vec_t;

typedef struct { uint64_t store_id; void * _Nullable private_; } wasmtime_func_t;
typedef struct { uint64_t store_id; size_t private_; } wasmtime_instance_t;
typedef struct { struct { uint64_t store_id; uint32_t private1; } in_store; uint32_t private2; } wasmtime_memory_t;
typedef struct { uint64_t store_id; uint32_t private1, private2, private3; } wasmtime_global_t;

/// `kind`: 0 function, 1 global, 2 table, 3 memory.
typedef struct {
  uint8_t kind;
  union { wasmtime_func_t func; wasmtime_global_t global; wasmtime_memory_t memory; } of;
} wasmtime_extern_t;

/// One argument or result of a call whose types the caller vouches for; 16 bytes, as a v128 would fit.
typedef union { int32_t i32; int64_t i64; float f32; double f64; uint64_t words[2]; } wasmtime_val_raw_t;

typedef wasm_trap_t * _Nullable (*wasmtime_func_unchecked_callback_t)(
    void * _Nullable env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args_and_results, size_t count);

_Static_assert(sizeof(wasm_byte_vec_t) == 16, "layout of wasmtime 50");
_Static_assert(sizeof(wasmtime_func_t) == 16, "layout of wasmtime 50");
_Static_assert(sizeof(wasmtime_instance_t) == 16, "layout of wasmtime 50");
_Static_assert(sizeof(wasmtime_memory_t) == 24, "layout of wasmtime 50");
_Static_assert(sizeof(wasmtime_global_t) == 24, "layout of wasmtime 50");
_Static_assert(sizeof(wasmtime_extern_t) == 32, "layout of wasmtime 50");
_Static_assert(sizeof(wasmtime_val_raw_t) == 16, "layout of wasmtime 50");

#define CAUSEWAY_WASMTIME_FUNCTIONS(F) \
  F(wasm_config_t * _Nonnull, wasm_config_new, (void)) \
  F(wasm_engine_t * _Nullable, wasm_engine_new_with_config, (wasm_config_t *)) \
  F(void, wasm_engine_delete, (wasm_engine_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_config_target_set, (wasm_config_t *, const char *)) \
  F(void, wasmtime_config_consume_fuel_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_max_wasm_stack_set, (wasm_config_t *, size_t)) \
  F(void, wasmtime_config_wasm_threads_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_tail_call_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_simd_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_relaxed_simd_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_multi_memory_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_memory64_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_custom_page_sizes_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_wide_arithmetic_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_cranelift_nan_canonicalization_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_memory_may_move_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_memory_reservation_set, (wasm_config_t *, uint64_t)) \
  F(void, wasmtime_config_memory_guard_size_set, (wasm_config_t *, uint64_t)) \
  F(wasmtime_pooling_allocation_config_t * _Nonnull, wasmtime_pooling_allocation_config_new, (void)) \
  F(void, wasmtime_pooling_allocation_config_delete, (wasmtime_pooling_allocation_config_t *)) \
  F(void, wasmtime_pooling_allocation_config_total_core_instances_set, \
    (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_memories_set, \
    (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_tables_set, \
    (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_max_memory_size_set, \
    (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_max_core_instance_size_set, \
    (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_table_elements_set, \
    (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_linear_memory_keep_resident_set, \
    (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_table_keep_resident_set, \
    (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_strategy_set, \
    (wasm_config_t *, const wasmtime_pooling_allocation_config_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_module_new, \
    (wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t * _Nullable * _Nonnull)) \
  F(void, wasmtime_module_delete, (wasmtime_module_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_module_serialize, (wasmtime_module_t *, wasm_byte_vec_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_module_deserialize, \
    (wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t * _Nullable * _Nonnull)) \
  F(wasm_functype_t * _Nullable, wasm_functype_new, (wasm_valtype_vec_t *, wasm_valtype_vec_t *)) \
  F(void, wasm_functype_delete, (wasm_functype_t *)) \
  F(wasm_valtype_t * _Nonnull, wasm_valtype_new, (uint8_t)) \
  F(void, wasm_valtype_vec_new_uninitialized, (wasm_valtype_vec_t *, size_t)) \
  F(wasmtime_linker_t * _Nonnull, wasmtime_linker_new, (wasm_engine_t *)) \
  F(void, wasmtime_linker_delete, (wasmtime_linker_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_linker_define_func_unchecked, \
    (wasmtime_linker_t *, const char *, size_t, const char *, size_t, const wasm_functype_t *, \
     wasmtime_func_unchecked_callback_t, void * _Nullable, void (* _Nullable)(void * _Nullable))) \
  F(wasmtime_error_t * _Nullable, wasmtime_linker_instantiate_pre, \
    (const wasmtime_linker_t *, const wasmtime_module_t *, wasmtime_instance_pre_t * _Nullable * _Nonnull)) \
  F(void, wasmtime_instance_pre_delete, (wasmtime_instance_pre_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_instance_pre_instantiate, \
    (const wasmtime_instance_pre_t *, wasmtime_context_t *, wasmtime_instance_t *, \
     wasm_trap_t * _Nullable * _Nonnull)) \
  F(bool, wasmtime_instance_export_get, \
    (wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t, wasmtime_extern_t *)) \
  F(wasmtime_store_t * _Nonnull, wasmtime_store_new, \
    (wasm_engine_t *, void * _Nullable, void (* _Nullable)(void * _Nullable))) \
  F(wasmtime_context_t * _Nonnull, wasmtime_store_context, (wasmtime_store_t *)) \
  F(void, wasmtime_store_limiter, (wasmtime_store_t *, int64_t, int64_t, int64_t, int64_t, int64_t)) \
  F(void, wasmtime_store_delete, (wasmtime_store_t *)) \
  F(void * _Nullable, wasmtime_context_get_data, (const wasmtime_context_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_context_set_fuel, (wasmtime_context_t *, uint64_t)) \
  F(wasmtime_error_t * _Nullable, wasmtime_context_get_fuel, (const wasmtime_context_t *, uint64_t *)) \
  F(wasmtime_context_t * _Nonnull, wasmtime_caller_context, (wasmtime_caller_t *)) \
  F(uint8_t * _Nonnull, wasmtime_memory_data, (const wasmtime_context_t *, const wasmtime_memory_t *)) \
  F(size_t, wasmtime_memory_data_size, (const wasmtime_context_t *, const wasmtime_memory_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_func_call_unchecked, \
    (wasmtime_context_t *, const wasmtime_func_t *, wasmtime_val_raw_t *, size_t, \
     wasm_trap_t * _Nullable * _Nonnull)) \
  F(wasm_trap_t * _Nonnull, wasmtime_trap_new, (const char *, size_t)) \
  F(bool, wasmtime_trap_code, (const wasm_trap_t *, uint8_t *)) \
  F(void, wasm_trap_delete, (wasm_trap_t *)) \
  F(void, wasmtime_error_message, (const wasmtime_error_t *, wasm_byte_vec_t *)) \
  F(void, wasmtime_error_delete, (wasmtime_error_t *)) \
  F(void, wasm_byte_vec_delete, (wasm_byte_vec_t *)) \
  F(wasmtime_error_t * _Nullable, wasmtime_wat2wasm, (const char *, size_t, wasm_byte_vec_t *))

/// Pointers to the functions of one loaded library; every one is set.
typedef struct {
#define CAUSEWAY_FIELD(result, name, parameters) result (* _Nonnull name) parameters;
  CAUSEWAY_WASMTIME_FUNCTIONS(CAUSEWAY_FIELD)
#undef CAUSEWAY_FIELD
} causeway_wasmtime;

typedef enum : int32_t {
  CAUSEWAY_WASMTIME_LOADED = 0,
  /// dlopen refused the file; `why` holds its words.
  CAUSEWAY_WASMTIME_NOT_LOADABLE = 1,
  /// A function is missing; `why` holds its name.
  CAUSEWAY_WASMTIME_MISSING_SYMBOL = 2,
} causeway_wasmtime_status;

/// Opens the library at `path` and fills `table`. It stays open until the process ends: code compiled by it may
/// run on any thread. `why` receives at most `why_size` bytes, ended by a zero.
causeway_wasmtime_status causeway_wasmtime_load(
    const char *path, causeway_wasmtime *table, char *why, size_t why_size);

/// Bytes of stack left below the caller on this thread, or SIZE_MAX where that cannot be told.
size_t causeway_stack_left(void);

/// Calls `body(argument)` on a new thread with a stack of `stack_bytes` and waits for it. Zero, or an errno.
int32_t causeway_run_with_stack(
    size_t stack_bytes, void (*body)(void * _Nullable), void * _Nullable argument);

#pragma clang assume_nonnull end

#endif
