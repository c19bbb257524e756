#pragma once
#include <stdint.h>

/// Calls of malloc, calloc, realloc and the aligned allocators since the process started.
uint64_t causeway_allocation_count(void);
