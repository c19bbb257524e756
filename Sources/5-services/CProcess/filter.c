#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>

#ifdef __linux__

#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

// What a signer does after it was started: files of its directory, sockets that it has opened, memory, time, its threads. Each
// was seen in a trace of a signer that serves, or is what another C library or architecture uses in its place;
// docs/operations/keys.md says what each group is for.
static const int permitted[] = {
    // Files.
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(_llseek),
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(stat),
    SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(flock), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(chmod),
    SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(umask),
    // Sockets, and waiting for them.
    SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(shutdown), SCMP_SYS(readv), SCMP_SYS(writev),
    SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
    // Memory.
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(mlock2),
    SCMP_SYS(munlock), SCMP_SYS(membarrier),
    // Threads, signals, time, chance.
    SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(gettid),
    SCMP_SYS(getpid), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack),
    // The first thread waits there for signals, which the others block.
    SCMP_SYS(rt_sigsuspend), SCMP_SYS(pause),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    // Who am I, and how much may I have.
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
    SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(arch_prctl),
};

// What modules of tokens may ask for as well: their own files, locks and pipes, and other ways to wait.
static const int permitted_to_tokens[] = {
    SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(fallocate), SCMP_SYS(fadvise64),
    SCMP_SYS(rmdir), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(pipe), SCMP_SYS(pipe2),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(eventfd), SCMP_SYS(timerfd_gettime),
    SCMP_SYS(msync), SCMP_SYS(getppid), SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getgroups), SCMP_SYS(times),
};

// Nothing here ever asks for these: whoever does has taken the process over, and it ends.
static const int deadly[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(fsopen), SCMP_SYS(open_tree),
    SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
    SCMP_SYS(create_module), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot), SCMP_SYS(iopl),
    SCMP_SYS(ioperm), SCMP_SYS(open_by_handle_at), SCMP_SYS(acct), SCMP_SYS(syslog), SCMP_SYS(io_uring_setup),
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(capset),
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

// A call that this architecture does not have needs no rule.
static int known(int code) { return code == -EDOM || code == -EINVAL || code == -EEXIST ? 0 : code; }

static int load_rules(scmp_filter_ctx filter, uint32_t mortal, int mode, int needs) {
  int code = 0;
  for (size_t index = 0; index < COUNT(permitted) && code == 0; index++) {
    code = known(seccomp_rule_add(filter, SCMP_ACT_ALLOW, permitted[index], 0));
  }
  const size_t more = needs & CAUSEWAY_FILTER_MAP_CODE ? COUNT(permitted_to_tokens) : 0;
  for (size_t index = 0; index < more && code == 0; index++) {
    code = known(seccomp_rule_add(filter, SCMP_ACT_ALLOW, permitted_to_tokens[index], 0));
  }
  for (size_t index = 0; mode == CAUSEWAY_FILTER_ENFORCE && index < COUNT(deadly) && code == 0; index++) {
    code = known(seccomp_rule_add(filter, mortal, deadly[index], 0));
  }
  if (code != 0) return code;

#define ALLOW(...)                                                     \
  do {                                                                 \
    code = known(seccomp_rule_add(filter, SCMP_ACT_ALLOW, __VA_ARGS__)); \
    if (code != 0) return code;                                        \
  } while (0)

  // Threads, and no processes. clone3 hides its flags in memory: the C library is told that there is none, and uses clone.
  ALLOW(SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  code = known(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
  if (code != 0) return code;

  if (needs & CAUSEWAY_FILTER_MAP_CODE) {
    ALLOW(SCMP_SYS(mmap), 0);
    ALLOW(SCMP_SYS(mmap2), 0);
    ALLOW(SCMP_SYS(mprotect), 0);
  } else {
    // Memory that holds what somebody wrote is never run.
    ALLOW(SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    ALLOW(SCMP_SYS(mmap2), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    ALLOW(SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  }

  ALLOW(SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
  if (needs & CAUSEWAY_FILTER_INTERNET) {
    ALLOW(SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_INET));
    ALLOW(SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_INET6));
  }
  if (needs & CAUSEWAY_FILTER_CONNECT) ALLOW(SCMP_SYS(connect), 0);

  ALLOW(SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FIONBIO));
  ALLOW(SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD));
  ALLOW(SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, TCGETS));
  ALLOW(SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
  ALLOW(SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_GET_NAME));
  ALLOW(SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_GET_DUMPABLE));
  // Limits are read, not set.
  ALLOW(SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
  // A trap ends this process; no other one gets a signal.
  ALLOW(SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
#undef ALLOW
  return 0;
}

int causeway_filter_system_calls(int mode, int needs) {
  uint32_t other = mode == CAUSEWAY_FILTER_LOG ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(EPERM);
  scmp_filter_ctx filter = seccomp_init(other);
  if (filter == NULL) return ENOSYS;
  // Threads that run already are filtered, too.
  int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (code == 0) code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
  // A binary tree of comparisons: signing makes few calls, but makes them often.
  if (code == 0) seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (code == 0) code = load_rules(filter, SCMP_ACT_KILL_PROCESS, mode, needs);
  if (code == 0) code = seccomp_load(filter);
  seccomp_release(filter);
  return code < 0 ? -code : code;
}

#else

int causeway_filter_system_calls(int mode, int needs) {
  (void)mode;
  (void)needs;
  return ENOSYS;
}

#endif
