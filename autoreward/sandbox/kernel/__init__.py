"""What the Linux kernel is asked to enforce on a process that runs candidate code. ctypes and the standard library only.

lock.py        all of it in order: what the process gives up before candidate code is loaded
syscalls.py    system call numbers of x86-64 and aarch64
filters.py     which calls are allowed, as a seccomp-BPF program
seccomp.py     load such a program
landlock.py    give up every path, socket and signal, but for what is granted
privileges.py  capabilities and core dumps, given up
proofs.py      try what must not work any more
"""
