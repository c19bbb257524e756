// The interface of PKCS#11 modules, as Debian's libp11-kit-dev installs its header. Only the header is used: a module is
// loaded at run time, and p11-kit itself is not linked.
#define CRYPTOKI_GNU 1
#if __has_include(<p11-kit/pkcs11.h>)
#include <p11-kit/pkcs11.h>
#else
#include <p11-kit-1/p11-kit/pkcs11.h>
#endif
