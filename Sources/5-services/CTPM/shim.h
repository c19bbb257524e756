// tpm2-tss, as Debian's libtss2-dev installs it: the enhanced system API, loading a transport, and marshalling.
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include <signal.h>
#include <string.h>
#include <time.h>

// tpm2-tss writes to its sockets with write(2): where the other end is gone, that is a SIGPIPE, which kills a process
// that did not ask to ignore it. Between these two calls the thread takes none, and one that came is dropped.
typedef struct {
  sigset_t before;
  int held;
  int pending;
} ctpm_pipe_signal;

static inline void ctpm_hold_pipe_signal(ctpm_pipe_signal *signal) {
  sigset_t pipe, pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  signal->pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
  signal->held = pthread_sigmask(SIG_BLOCK, &pipe, &signal->before) == 0;
}

static inline void ctpm_release_pipe_signal(ctpm_pipe_signal *signal) {
  sigset_t pipe, pending;
  if (!signal->held) return;
  if (!signal->pending && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1) {
    struct timespec none = {0, 0};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigtimedwait(&pipe, NULL, &none);
  }
  pthread_sigmask(SIG_SETMASK, &signal->before, NULL);
}

static inline void ctpm_pause(long nanoseconds) {
  struct timespec time = {0, nanoseconds};
  // A signal may cut it short, which only makes the next try earlier.
  nanosleep(&time, NULL);
}
