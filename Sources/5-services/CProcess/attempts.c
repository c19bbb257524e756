#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>

#ifdef __linux__

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int result(long answer) { return answer < 0 ? errno : 0; }

static int attempt_fork(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  if (child > 0) waitpid(child, NULL, 0);
  return result(child);
}

static int attempt_connect(int family) {
  int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0) return errno;
  int code = 0;
  if (family == AF_UNIX) {
    struct sockaddr_un nowhere = {.sun_family = AF_UNIX};
    code = result(connect(file, (const struct sockaddr *)&nowhere, sizeof(sa_family_t) + 1));
  }
  close(file);
  return code;
}

int causeway_attempt(int what) {
  switch (what) {
    case CAUSEWAY_ATTEMPT_EXECUTE: {
      char *arguments[] = {"/bin/true", NULL};
      char *environment[] = {NULL};
      return result(execve(arguments[0], arguments, environment));
    }
    case CAUSEWAY_ATTEMPT_FORK: return attempt_fork();
    case CAUSEWAY_ATTEMPT_TRACE: return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    case CAUSEWAY_ATTEMPT_READ_OTHER: {
      char here = 0, there = 1;
      struct iovec local = {&here, 1}, remote = {&there, 1};
      return result(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
    }
    case CAUSEWAY_ATTEMPT_MAP_CODE: {
      void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return code == MAP_FAILED ? errno : 0;
    }
    case CAUSEWAY_ATTEMPT_CONNECT: return attempt_connect(AF_UNIX);
    case CAUSEWAY_ATTEMPT_INTERNET: return attempt_connect(AF_INET);
    case CAUSEWAY_ATTEMPT_DUMPABLE: return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    case CAUSEWAY_ATTEMPT_CORE_LIMIT: {
      struct rlimit limit = {1, RLIM_INFINITY};
      return result(setrlimit(RLIMIT_CORE, &limit));
    }
    case CAUSEWAY_ATTEMPT_MOUNT: return result(mount("none", "/nowhere", "tmpfs", 0, NULL));
    case CAUSEWAY_ATTEMPT_BPF: return result(syscall(SYS_bpf, 0, NULL, 0));
    case CAUSEWAY_ATTEMPT_KEYRING: return result(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    case CAUSEWAY_ATTEMPT_MODULE: return result(syscall(SYS_init_module, NULL, 0, ""));
    case CAUSEWAY_ATTEMPT_ABORT: abort();
    default: return EINVAL;
  }
}

#else

int causeway_attempt(int what) {
  (void)what;
  return ENOSYS;
}

#endif
