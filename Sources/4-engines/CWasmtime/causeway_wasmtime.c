#include "causeway_wasmtime.h"
