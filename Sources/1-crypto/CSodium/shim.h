// libsodium, as Debian's libsodium-dev installs it: guarded memory and the scalar arithmetic of Ed25519's group.
#include <sodium.h>
