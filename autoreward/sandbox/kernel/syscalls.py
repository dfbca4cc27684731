"""System call numbers, from the kernel's headers: asm/unistd_64.h (x86-64) and asm-generic/unistd.h (aarch64).

A name that an architecture lacks has no number there: aarch64 has openat but no open, clone but no fork.
"""

import platform


def _table(text: str) -> dict[str, int]:
    words = text.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


X86_64 = _table(
    """
    accept 43 accept4 288 access 21 acct 163 add_key 248 adjtimex 159 bind 49 bpf 321 brk 12 capset 126
    chdir 80 chmod 90 chown 92 chroot 161 clock_adjtime 305 clock_gettime 228 clock_nanosleep 230
    clock_settime 227 clone 56 clone3 435 close 3 connect 42 creat 85 delete_module 176 dup 32 execve 59
    execveat 322 exit 60 exit_group 231 faccessat 269 faccessat2 439 fanotify_init 300 fchmod 91 fchmodat
    268 fchmodat2 452 fchown 93 fchownat 260 fcntl 72 file_setattr 469 finit_module 313 fork 57 fremovexattr
    199 fsconfig 431 fsetxattr 190 fsmount 432 fsopen 430 fspick 433 fstat 5 ftruncate 77 futex 202
    futimesat 261 getcwd 79 getdents64 217 getpid 39 getppid 110 getrandom 318 getrusage 98 gettid 186
    gettimeofday 96 getxattr 191 init_module 175 inotify_init 253 inotify_init1 294 io_uring_enter 426
    io_uring_register 427 io_uring_setup 425 ioctl 16 ioperm 173 iopl 172 ioprio_set 251 kcmp 312
    kexec_file_load 320 kexec_load 246 keyctl 250 kill 62 landlock_add_rule 445 landlock_create_ruleset 444
    landlock_restrict_self 446 lchown 94 link 86 linkat 265 listen 50 lookup_dcookie 212 lremovexattr 198
    lseek 8 lsetxattr 189 lstat 6 madvise 28 mbind 237 membarrier 324 memfd_create 319 memfd_secret 447
    migrate_pages 256 mkdir 83 mkdirat 258 mknod 133 mknodat 259 mmap 9 modify_ldt 154 mount 165
    mount_setattr 442 move_mount 429 move_pages 279 mprotect 10 mq_open 240 mq_unlink 241 mremap 25 msgget
    68 munmap 11 name_to_handle_at 303 nanosleep 35 newfstatat 262 open 2 open_by_handle_at 304 open_tree
    428 openat 257 openat2 437 perf_event_open 298 personality 135 pidfd_getfd 438 pidfd_open 434
    pidfd_send_signal 424 pivot_root 155 pkey_alloc 330 pkey_mprotect 329 poll 7 ppoll 271 prctl 157
    prlimit64 302 process_madvise 440 process_mrelease 448 process_vm_readv 310 process_vm_writev 311 ptrace
    101 quotactl 179 read 0 readlink 89 readlinkat 267 readv 19 reboot 169 recvfrom 45 recvmsg 47
    removexattr 197 removexattrat 466 rename 82 renameat 264 renameat2 316 request_key 249 restart_syscall
    219 rmdir 84 rseq 334 rt_sigaction 13 rt_sigprocmask 14 rt_sigqueueinfo 129 rt_sigreturn 15
    rt_tgsigqueueinfo 297 sched_setaffinity 203 sched_setattr 314 sched_setparam 142 sched_setscheduler 144
    sched_yield 24 seccomp 317 semget 64 sendfile 40 sendmmsg 307 sendmsg 46 sendto 44 setdomainname 171
    setgid 106 setgroups 116 sethostname 170 setns 308 setpgid 109 setpriority 141 setregid 114 setresgid
    119 setresuid 117 setreuid 113 setrlimit 160 setsid 112 settimeofday 164 setuid 105 setxattr 188
    setxattrat 463 shmat 30 shmget 29 sigaltstack 131 socket 41 socketpair 53 splice 275 stat 4 statfs 137
    statx 332 swapoff 168 swapon 167 symlink 88 symlinkat 266 syslog 103 tee 276 tgkill 234 timer_create 222
    tkill 200 truncate 76 umount2 166 unlink 87 unlinkat 263 unshare 272 userfaultfd 323 utime 132 utimensat
    280 utimes 235 vfork 58 vhangup 153 vmsplice 278 write 1 writev 20
    """
)
AARCH64 = _table(
    """
    accept 202 accept4 242 acct 89 add_key 217 adjtimex 171 bind 200 bpf 280 brk 214 capset 91 chdir 49
    chroot 51 clock_adjtime 266 clock_gettime 113 clock_nanosleep 115 clock_settime 112 clone 220 clone3 435
    close 57 connect 203 delete_module 106 dup 23 execve 221 execveat 281 exit 93 exit_group 94 faccessat 48
    faccessat2 439 fanotify_init 262 fchmod 52 fchmodat 53 fchmodat2 452 fchown 55 fchownat 54 fcntl 25
    file_setattr 469 finit_module 273 fremovexattr 16 fsconfig 431 fsetxattr 7 fsmount 432 fsopen 430 fspick
    433 fstat 80 ftruncate 46 futex 98 getcwd 17 getdents64 61 getpid 172 getppid 173 getrandom 278
    getrusage 165 gettid 178 gettimeofday 169 getxattr 8 init_module 105 inotify_init1 26 io_uring_enter 426
    io_uring_register 427 io_uring_setup 425 ioctl 29 ioprio_set 30 kcmp 272 kexec_file_load 294 kexec_load
    104 keyctl 219 kill 129 landlock_add_rule 445 landlock_create_ruleset 444 landlock_restrict_self 446
    linkat 37 listen 201 lookup_dcookie 18 lremovexattr 15 lseek 62 lsetxattr 6 madvise 233 mbind 235
    membarrier 283 memfd_create 279 memfd_secret 447 migrate_pages 238 mkdirat 34 mknodat 33 mmap 222 mount
    40 mount_setattr 442 move_mount 429 move_pages 239 mprotect 226 mq_open 180 mq_unlink 181 mremap 216
    msgget 186 munmap 215 name_to_handle_at 264 nanosleep 101 newfstatat 79 open_by_handle_at 265 open_tree
    428 openat 56 openat2 437 perf_event_open 241 personality 92 pidfd_getfd 438 pidfd_open 434
    pidfd_send_signal 424 pivot_root 41 pkey_alloc 289 pkey_mprotect 288 ppoll 73 prctl 167 prlimit64 261
    process_madvise 440 process_mrelease 448 process_vm_readv 270 process_vm_writev 271 ptrace 117 quotactl
    60 read 63 readlinkat 78 readv 65 reboot 142 recvfrom 207 recvmsg 212 removexattr 14 removexattrat 466
    renameat 38 renameat2 276 request_key 218 restart_syscall 128 rseq 293 rt_sigaction 134 rt_sigprocmask
    135 rt_sigqueueinfo 138 rt_sigreturn 139 rt_tgsigqueueinfo 240 sched_setaffinity 122 sched_setattr 274
    sched_setparam 118 sched_setscheduler 119 sched_yield 124 seccomp 277 semget 190 sendfile 71 sendmmsg
    269 sendmsg 211 sendto 206 setdomainname 162 setgid 144 setgroups 159 sethostname 161 setns 268 setpgid
    154 setpriority 140 setregid 143 setresgid 149 setresuid 147 setreuid 145 setrlimit 164 setsid 157
    settimeofday 170 setuid 146 setxattr 5 setxattrat 463 shmat 196 shmget 194 sigaltstack 132 socket 198
    socketpair 199 splice 76 statfs 43 statx 291 swapoff 225 swapon 224 symlinkat 36 syslog 116 tee 77
    tgkill 131 timer_create 107 tkill 130 truncate 45 umount2 39 unlinkat 35 unshare 97 userfaultfd 282
    utimensat 88 vhangup 58 vmsplice 75 write 64 writev 66
    """
)
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What the kernel calls each architecture in a filter (linux/audit.h)."""
NUMBERS = {"x86_64": X86_64, "aarch64": AARCH64}


def machine() -> str:
    """This machine's architecture, as above; anything else has no table."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
