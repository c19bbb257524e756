#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "causeway_wasmtime.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

causeway_wasmtime_status causeway_wasmtime_load(
    const char *path, causeway_wasmtime *table, char *why, size_t why_size) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(why, why_size, "%s", reason ? reason : "no reason given");
    return CAUSEWAY_WASMTIME_NOT_LOADABLE;
  }
  // POSIX promises that a function's address survives the trip through a data pointer.
#define CAUSEWAY_LOOK_UP(result, name, parameters) \
  *(void **)&table->name = dlsym(library, #name); \
  if (!*(void **)&table->name) { \
    snprintf(why, why_size, "%s", #name); \
    return CAUSEWAY_WASMTIME_MISSING_SYMBOL; \
  }
  CAUSEWAY_WASMTIME_FUNCTIONS(CAUSEWAY_LOOK_UP)
#undef CAUSEWAY_LOOK_UP
  return CAUSEWAY_WASMTIME_LOADED;
}

// The lowest address of this thread's stack, asked for once per thread: glibc reads /proc for the main thread.
static _Thread_local uintptr_t stack_low;
static _Thread_local bool stack_known;

size_t causeway_stack_left(void) {
  if (!stack_known) {
#if defined(__linux__)
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      void *low = NULL;
      size_t size = 0, guard = 0;
      if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
        pthread_attr_getguardsize(&attributes, &guard);
        stack_low = (uintptr_t)low + guard;
      }
      pthread_attr_destroy(&attributes);
    }
#elif defined(__APPLE__)
    pthread_t self = pthread_self();
    stack_low = (uintptr_t)pthread_get_stackaddr_np(self) - pthread_get_stacksize_np(self);
#endif
    stack_known = true;
  }
  if (stack_low == 0) return SIZE_MAX;
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  return here > stack_low ? here - stack_low : 0;
}

typedef struct { void (*body)(void *); void *argument; } causeway_errand;

static void *run_errand(void *pointer) {
  causeway_errand *errand = pointer;
  errand->body(errand->argument);
  return NULL;
}

int32_t causeway_run_with_stack(size_t stack_bytes, void (*body)(void *), void *argument) {
  pthread_attr_t attributes;
  int failure = pthread_attr_init(&attributes);
  if (failure) return failure;
  failure = pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread;
  causeway_errand errand = {body, argument};
  if (!failure) failure = pthread_create(&thread, &attributes, run_errand, &errand);
  pthread_attr_destroy(&attributes);
  if (!failure) failure = pthread_join(thread, NULL);
  return failure;
}
