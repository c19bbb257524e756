// libsecp256k1 with its recovery module, as Debian's libsecp256k1-dev installs it.
#include <secp256k1.h>
#include <secp256k1_recovery.h>
