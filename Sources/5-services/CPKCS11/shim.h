// The interface of PKCS#11 modules, as Debian's libp11-kit-dev installs its header; a module is loaded at run time.
#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>
