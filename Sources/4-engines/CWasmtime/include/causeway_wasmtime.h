#ifndef CAUSEWAY_WASMTIME_H
#define CAUSEWAY_WASMTIME_H

// The part of wasmtime's C API that ContractHost uses, looked up in its shared library at run time.

#endif
