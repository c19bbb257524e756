#ifndef CAUSEWAY_PROCESS_H
#define CAUSEWAY_PROCESS_H

#include <stddef.h>
#include <stdint.h>

// What a process says about itself to the kernel, where the C interface is variadic or a macro and Swift cannot call it.
// Each returns 0, or the errno of the call that failed, unless it says otherwise. ENOSYS: not on this system.

// No core file, and no other process of this user may read this one's memory (PR_SET_DUMPABLE 0, RLIMIT_CORE 0).
int causeway_forbid_core_dumps(void);

// execve gives no new privileges from here on (PR_SET_NO_NEW_PRIVS).
int causeway_forbid_new_privileges(void);

// All pages, present and future, stay in memory once they are used (mlockall with MCL_ONFAULT). EPERM or ENOMEM where
// the limit does not allow it. A limit that is finite, and binds this process, is answered with ENOMEM without trying:
// the call may succeed, and the process would then die at some later allocation.
int causeway_lock_memory(void);

// How many bytes this process may lock; UINT64_MAX: as many as it likes.
uint64_t causeway_lockable_bytes(void);

// Files are made closed to all other users from here on (umask 077).
void causeway_close_new_files(void);

// What a process needs beside files, memory, time, its threads, and sockets that it has listened on.
enum {
  // To map code: tokens' modules are loaded late.
  CAUSEWAY_FILTER_MAP_CODE = 1,
  // To connect: tokens behind a socket.
  CAUSEWAY_FILTER_CONNECT = 2,
  // Sockets of the internet, beside those of this machine.
  CAUSEWAY_FILTER_INTERNET = 4,
};

enum {
  // What is not on the list is refused, and some of it ends the process.
  CAUSEWAY_FILTER_ENFORCE = 0,
  // What is not on the list is written to the kernel's log and goes on.
  CAUSEWAY_FILTER_LOG = 1,
};

// The system calls that this process may make from here on, in all of its threads, for ever (seccomp).
int causeway_filter_system_calls(int mode, int needs);

// Whether this process is filtered: 0 no, 1 strict, 2 by a filter; -1 where that cannot be asked.
int causeway_filter_state(void);

// What a filtered process may not do, tried: for the test that it may not. Returns 0 when it was possible, or the
// errno; does not return when it ends the process.
enum {
  CAUSEWAY_ATTEMPT_EXECUTE = 0,
  CAUSEWAY_ATTEMPT_FORK = 1,
  CAUSEWAY_ATTEMPT_TRACE = 2,
  CAUSEWAY_ATTEMPT_READ_OTHER = 3,
  CAUSEWAY_ATTEMPT_MAP_CODE = 4,
  CAUSEWAY_ATTEMPT_CONNECT = 5,
  CAUSEWAY_ATTEMPT_INTERNET = 6,
  CAUSEWAY_ATTEMPT_DUMPABLE = 7,
  CAUSEWAY_ATTEMPT_CORE_LIMIT = 8,
  CAUSEWAY_ATTEMPT_MOUNT = 9,
  CAUSEWAY_ATTEMPT_BPF = 10,
  CAUSEWAY_ATTEMPT_KEYRING = 11,
  CAUSEWAY_ATTEMPT_MODULE = 12,
  CAUSEWAY_ATTEMPT_ABORT = 13,
};
int causeway_attempt(int what);

// Whether the terminal `file` shows what is typed; returns 0, or the errno (ENOTTY: no terminal).
int causeway_terminal_echo(int file, int shown);

#endif
