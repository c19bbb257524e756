#ifndef CAUSEWAY_PROCESS_H
#define CAUSEWAY_PROCESS_H

// What a process says about itself to the kernel, where the C interface is variadic or a macro and Swift cannot call it.
// Each returns 0, or the errno of the call that failed.

// No core file, and no other process of this user may read this one's memory (PR_SET_DUMPABLE 0, RLIMIT_CORE 0).
int causeway_forbid_core_dumps(void);

// execve gives no new privileges from here on (PR_SET_NO_NEW_PRIVS).
int causeway_forbid_new_privileges(void);

// All pages, present and future, stay in memory (mlockall); EPERM or ENOMEM where the limit does not allow it.
int causeway_lock_memory(void);

#endif
