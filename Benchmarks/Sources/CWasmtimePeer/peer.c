#include "CWasmtimePeer.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Declarations as in wasmtime 50's C API (https://docs.wasmtime.dev/c-api/).
typedef struct { uint64_t store; void *item; } function;
typedef struct { uint64_t store; size_t item; } instance;
typedef struct { struct { uint64_t store; uint32_t a; } in; uint32_t b; } memory;
typedef struct { uint8_t kind; union { function func; memory mem; uint64_t room[3]; } of; } export;
typedef union { int32_t i32; int64_t i64; uint64_t words[2]; } cell;
typedef struct { size_t size; void **items; } list;
typedef void *(*callback)(void *env, void *caller, cell *cells, size_t count);

#define FUNCTIONS(F) \
  F(void *, wasm_config_new, (void)) \
  F(void *, wasm_engine_new_with_config, (void *)) \
  F(void, wasm_engine_delete, (void *)) \
  F(void, wasmtime_config_consume_fuel_set, (void *, bool)) \
  F(void, wasmtime_config_cranelift_nan_canonicalization_set, (void *, bool)) \
  F(void, wasmtime_config_max_wasm_stack_set, (void *, size_t)) \
  F(void, wasmtime_config_memory_reservation_set, (void *, uint64_t)) \
  F(void, wasmtime_config_memory_guard_size_set, (void *, uint64_t)) \
  F(void, wasmtime_config_memory_may_move_set, (void *, bool)) \
  F(void *, wasmtime_pooling_allocation_config_new, (void)) \
  F(void, wasmtime_pooling_allocation_config_delete, (void *)) \
  F(void, wasmtime_pooling_allocation_config_total_core_instances_set, (void *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_memories_set, (void *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_tables_set, (void *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_max_memory_size_set, (void *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_table_elements_set, (void *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_linear_memory_keep_resident_set, (void *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_table_keep_resident_set, (void *, size_t)) \
  F(void, wasmtime_pooling_allocation_strategy_set, (void *, const void *)) \
  F(void *, wasmtime_module_new, (void *, const uint8_t *, size_t, void **)) \
  F(void, wasmtime_module_delete, (void *)) \
  F(void *, wasm_valtype_new, (uint8_t)) \
  F(void, wasm_valtype_vec_new_uninitialized, (list *, size_t)) \
  F(void *, wasm_functype_new, (list *, list *)) \
  F(void, wasm_functype_delete, (void *)) \
  F(void *, wasmtime_linker_new, (void *)) \
  F(void, wasmtime_linker_delete, (void *)) \
  F(void *, wasmtime_linker_define_func_unchecked, \
    (void *, const char *, size_t, const char *, size_t, const void *, callback, void *, void (*)(void *))) \
  F(void *, wasmtime_linker_define_unknown_imports_as_traps, (void *, void *)) \
  F(void *, wasmtime_linker_instantiate_pre, (const void *, const void *, void **)) \
  F(void, wasmtime_instance_pre_delete, (void *)) \
  F(void *, wasmtime_instance_pre_instantiate, (const void *, void *, instance *, void **)) \
  F(bool, wasmtime_instance_export_get, (void *, const instance *, const char *, size_t, export *)) \
  F(void *, wasmtime_store_new, (void *, void *, void (*)(void *))) \
  F(void *, wasmtime_store_context, (void *)) \
  F(void, wasmtime_store_delete, (void *)) \
  F(void *, wasmtime_context_get_data, (const void *)) \
  F(void *, wasmtime_context_set_fuel, (void *, uint64_t)) \
  F(void *, wasmtime_caller_context, (void *)) \
  F(uint8_t *, wasmtime_memory_data, (const void *, const memory *)) \
  F(void *, wasmtime_func_call_unchecked, (void *, const function *, cell *, size_t, void **)) \
  F(void, wasm_trap_delete, (void *)) \
  F(void, wasmtime_error_delete, (void *))

typedef struct {
#define FIELD(result, name, parameters) result(*name) parameters;
  FUNCTIONS(FIELD)
#undef FIELD
} table;

enum { ENTRIES = 64, KEY = 128, VALUE = 512, PAGES = 512, PAGE = 65536 };

typedef struct { size_t key_size, value_size; uint8_t key[KEY], value[VALUE]; } entry_t;

struct causeway_peer {
  table api;
  void *engine, *module, *linker, *prepared;
  bool fuel;
  size_t count;
  entry_t entries[ENTRIES];
};

typedef struct { causeway_peer *peer; void *context; memory mem; function allocate; } running;
typedef struct { uint32_t offset, capacity, length; } region;

static region *region_at(running *now, uint32_t pointer, uint8_t **start) {
  *start = now->peer->api.wasmtime_memory_data(now->context, &now->mem);
  return (region *)(*start + pointer);
}

static int call(running *now, const function *callee, cell *cells, size_t count) {
  void *trap = NULL;
  void *error = now->peer->api.wasmtime_func_call_unchecked(now->context, callee, cells, count, &trap);
  if (error) now->peer->api.wasmtime_error_delete(error);
  if (trap) now->peer->api.wasm_trap_delete(trap);
  return error || trap ? -1 : 0;
}

static uint32_t give(running *now, const uint8_t *bytes, size_t count) {
  cell cells[1] = {{.i32 = (int32_t)count}};
  if (call(now, &now->allocate, cells, 1)) return 0;
  uint8_t *start;
  region *to = region_at(now, (uint32_t)cells[0].i32, &start);
  if (count) memcpy(start + to->offset, bytes, count);
  to->length = (uint32_t)count;
  return (uint32_t)cells[0].i32;
}

static running *now_of(void *env, void *caller) {
  causeway_peer *peer = env;
  return peer->api.wasmtime_context_get_data(peer->api.wasmtime_caller_context(caller));
}

static entry_t *find(causeway_peer *peer, const uint8_t *key, size_t size) {
  for (size_t i = 0; i < peer->count; i++)
    if (peer->entries[i].key_size == size && !memcmp(peer->entries[i].key, key, size)) return &peer->entries[i];
  return NULL;
}

static void *db_read(void *env, void *caller, cell *cells, size_t count) {
  running *now = now_of(env, caller);
  uint8_t *start;
  region *key = region_at(now, (uint32_t)cells[0].i32, &start);
  entry_t *found = find(now->peer, start + key->offset, key->length);
  cells[0].i32 = found ? (int32_t)give(now, found->value, found->value_size) : 0;
  return NULL;
}

static void *db_write(void *env, void *caller, cell *cells, size_t count) {
  running *now = now_of(env, caller);
  uint8_t *start;
  region *key = region_at(now, (uint32_t)cells[0].i32, &start);
  region *value = region_at(now, (uint32_t)cells[1].i32, &start);
  entry_t *entry = find(now->peer, start + key->offset, key->length);
  if (!entry) {
    if (now->peer->count == ENTRIES || key->length > KEY) abort();
    entry = &now->peer->entries[now->peer->count++];
    entry->key_size = key->length;
    memcpy(entry->key, start + key->offset, key->length);
  }
  if (value->length > VALUE) abort();
  entry->value_size = value->length;
  memcpy(entry->value, start + value->offset, value->length);
  return NULL;
}

// Every address is good.
static void *addr_validate(void *env, void *caller, cell *cells, size_t count) {
  cells[0].i32 = 0;
  return NULL;
}

// And all of them have these bytes.
static void *addr_canonicalize(void *env, void *caller, cell *cells, size_t count) {
  running *now = now_of(env, caller);
  uint8_t *start;
  region *to = region_at(now, (uint32_t)cells[1].i32, &start);
  memset(start + to->offset, 7, 20);
  to->length = 20;
  cells[0].i32 = 0;
  return NULL;
}

static void *nothing(void *env, void *caller, cell *cells, size_t count) { return NULL; }

static int define(causeway_peer *peer, const char *name, size_t parameters, size_t results, callback called) {
  list take, give;
  peer->api.wasm_valtype_vec_new_uninitialized(&take, parameters);
  peer->api.wasm_valtype_vec_new_uninitialized(&give, results);
  for (size_t i = 0; i < parameters; i++) take.items[i] = peer->api.wasm_valtype_new(0);
  for (size_t i = 0; i < results; i++) give.items[i] = peer->api.wasm_valtype_new(0);
  void *type = peer->api.wasm_functype_new(&take, &give);
  void *error = peer->api.wasmtime_linker_define_func_unchecked(
      peer->linker, "env", 3, name, strlen(name), type, called, peer, NULL);
  peer->api.wasm_functype_delete(type);
  return error ? -1 : 0;
}

causeway_peer *causeway_peer_open(const char *path, const uint8_t *wasm, size_t count, int fuel) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  causeway_peer *peer = calloc(1, sizeof *peer);
  if (!library || !peer) return NULL;
  peer->fuel = fuel;
  table *api = &peer->api;
#define LOOK_UP(result, name, parameters) \
  *(void **)&api->name = dlsym(library, #name); \
  if (!*(void **)&api->name) return NULL;
  FUNCTIONS(LOOK_UP)
#undef LOOK_UP
  void *config = api->wasm_config_new();
  api->wasmtime_config_consume_fuel_set(config, fuel);
  api->wasmtime_config_cranelift_nan_canonicalization_set(config, true);
  api->wasmtime_config_max_wasm_stack_set(config, 512 << 10);
  api->wasmtime_config_memory_reservation_set(config, (uint64_t)PAGES * PAGE);
  api->wasmtime_config_memory_guard_size_set(config, PAGE);
  api->wasmtime_config_memory_may_move_set(config, false);
  void *pool = api->wasmtime_pooling_allocation_config_new();
  api->wasmtime_pooling_allocation_config_total_core_instances_set(pool, 4);
  api->wasmtime_pooling_allocation_config_total_memories_set(pool, 4);
  api->wasmtime_pooling_allocation_config_total_tables_set(pool, 4);
  api->wasmtime_pooling_allocation_config_max_memory_size_set(pool, (size_t)PAGES * PAGE);
  api->wasmtime_pooling_allocation_config_table_elements_set(pool, 2500);
  api->wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 4 * PAGE);
  api->wasmtime_pooling_allocation_config_table_keep_resident_set(pool, 4 * PAGE);
  api->wasmtime_pooling_allocation_strategy_set(config, pool);
  api->wasmtime_pooling_allocation_config_delete(pool);
  peer->engine = api->wasm_engine_new_with_config(config);
  if (!peer->engine) return NULL;
  if (api->wasmtime_module_new(peer->engine, wasm, count, &peer->module)) return NULL;
  peer->linker = api->wasmtime_linker_new(peer->engine);
  if (define(peer, "db_read", 1, 1, db_read) || define(peer, "db_write", 2, 0, db_write) ||
      define(peer, "addr_validate", 1, 1, addr_validate) ||
      define(peer, "addr_canonicalize", 2, 1, addr_canonicalize) || define(peer, "debug", 1, 0, nothing))
    return NULL;
  if (api->wasmtime_linker_define_unknown_imports_as_traps(peer->linker, peer->module)) return NULL;
  if (api->wasmtime_linker_instantiate_pre(peer->linker, peer->module, &peer->prepared)) return NULL;
  return peer;
}

void causeway_peer_close(causeway_peer *peer) {
  peer->api.wasmtime_instance_pre_delete(peer->prepared);
  peer->api.wasmtime_linker_delete(peer->linker);
  peer->api.wasmtime_module_delete(peer->module);
  peer->api.wasm_engine_delete(peer->engine);
  free(peer);
}

void causeway_peer_clear(causeway_peer *peer) { peer->count = 0; }

static void *start(running *now, instance *made) {
  table *api = &now->peer->api;
  void *store = api->wasmtime_store_new(now->peer->engine, now, NULL);
  now->context = api->wasmtime_store_context(store);
  if (now->peer->fuel) api->wasmtime_context_set_fuel(now->context, UINT64_MAX / 2);
  void *trap = NULL;
  export allocate, mem;
  if (api->wasmtime_instance_pre_instantiate(now->peer->prepared, now->context, made, &trap) || trap ||
      !api->wasmtime_instance_export_get(now->context, made, "allocate", 8, &allocate) ||
      !api->wasmtime_instance_export_get(now->context, made, "memory", 6, &mem)) {
    api->wasmtime_store_delete(store);
    return NULL;
  }
  now->allocate = allocate.of.func;
  now->mem = mem.of.mem;
  return store;
}

int causeway_peer_instance(causeway_peer *peer) {
  running now = {.peer = peer};
  instance made;
  void *store = start(&now, &made);
  if (!store) return 1;
  cell cells[1] = {{.i32 = 64}};
  int failed = call(&now, &now.allocate, cells, 1);
  peer->api.wasmtime_store_delete(store);
  return failed ? 2 : 0;
}

long causeway_peer_call(
    causeway_peer *peer, const char *entry, const causeway_peer_bytes *arguments, size_t count, uint8_t *answer,
    size_t capacity) {
  running now = {.peer = peer};
  instance made;
  void *store = start(&now, &made);
  if (!store) return -1;
  long answered = -2;
  export callee;
  cell cells[4] = {{0}};
  if (count <= 4 && peer->api.wasmtime_instance_export_get(now.context, &made, entry, strlen(entry), &callee)) {
    for (size_t i = 0; i < count; i++) cells[i].i32 = (int32_t)give(&now, arguments[i].bytes, arguments[i].count);
    answered = -3;
    if (!call(&now, &callee.of.func, cells, count)) {
      uint8_t *begin;
      region *from = region_at(&now, (uint32_t)cells[0].i32, &begin);
      answered = -4;
      if (from->length <= capacity) {
        memcpy(answer, begin + from->offset, from->length);
        answered = (long)from->length;
      }
    }
  }
  peer->api.wasmtime_store_delete(store);
  return answered;
}
