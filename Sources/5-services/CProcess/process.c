#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

int causeway_forbid_core_dumps(void) {
  struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return errno;
#ifdef __linux__
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
#endif
  return 0;
}

int causeway_forbid_new_privileges(void) {
#ifdef __linux__
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
#else
  return ENOSYS;
#endif
}

#ifdef __linux__
// Whether limits of locked memory bind this process: CAP_IPC_LOCK frees it of them.
static int may_lock_everything(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
  memset(sets, 0, sizeof sets);
  if (syscall(SYS_capget, &header, sets) != 0) return 0;
  return (sets[0].effective & (1u << CAP_IPC_LOCK)) != 0;
}
#endif

uint64_t causeway_lockable_bytes(void) {
#ifdef __linux__
  if (may_lock_everything()) return UINT64_MAX;
#endif
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
}

int causeway_lock_memory(void) {
#ifdef __linux__
  if (causeway_lockable_bytes() != UINT64_MAX) return ENOMEM;
  return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 ? 0 : errno;
#else
  return ENOSYS;
#endif
}

void causeway_close_new_files(void) { umask(077); }

int causeway_filter_state(void) {
#ifdef __linux__
  // prctl(PR_GET_SECCOMP) is itself filtered; the kernel says it here, too.
  FILE *status = fopen("/proc/self/status", "re");
  if (status == NULL) return -1;
  char line[256];
  int state = -1;
  while (fgets(line, sizeof line, status) != NULL) {
    if (sscanf(line, "Seccomp: %d", &state) == 1) break;
  }
  fclose(status);
  return state;
#else
  return -1;
#endif
}

int causeway_terminal_echo(int file, int shown) {
  struct termios settings;
  if (tcgetattr(file, &settings) != 0) return errno;
  if (shown) {
    settings.c_lflag |= ECHO;
  } else {
    settings.c_lflag &= ~(tcflag_t)ECHO;
  }
  return tcsetattr(file, TCSAFLUSH, &settings) == 0 ? 0 : errno;
}
