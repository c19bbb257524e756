// tpm2-tss, as Debian's libtss2-dev installs it: the enhanced system API, loading a transport, and marshalling.
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
