"""The system calls that no sandboxed program may make, by name: one list for every backend's seccomp filter.

A kernel knows more calls than a program needs, and these are what escapes were built from, or what a limit does not
count. The filters refuse them with EPERM, and those of `ABSENT` with ENOSYS, so that the C library falls back to an
older call that a filter can look into. A name that an architecture lacks is left out by the filter.
"""

from __future__ import annotations

__all__ = ["ABSENT", "CLONE_NAMESPACES", "DENIED", "SOCKET_FAMILIES"]

DENIED: tuple[str, ...] = (
    # Another program's memory and descriptors.
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    # The host's keyring, which is not part of any namespace.
    *("add_key", "request_key", "keyctl"),
    # Large young parts of the kernel: programs for it, its rings, its faults, its counters, its watchers.
    *("bpf", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "perf_event_open"),
    *("fanotify_init", "fanotify_mark", "lookup_dcookie", "remap_file_pages"),
    # Namespaces and mounts.
    *("unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen"),
    *("fsconfig", "fsmount", "fspick", "mount_setattr", "open_tree_attr", "statmount", "listmount"),
    # Files by number instead of by path.
    *("name_to_handle_at", "open_by_handle_at"),
    # The machine itself.
    *("init_module", "finit_module", "delete_module", "create_module", "get_kernel_syms", "query_module"),
    *("kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "syslog", "acct", "quotactl", "quotactl_fd"),
    *("settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "stime"),
    *("sethostname", "setdomainname", "iopl", "ioperm", "vhangup", "nfsservctl", "_sysctl", "sysfs", "ustat", "uselib"),
    *("vm86", "vm86old", "modify_ldt", "afs_syscall", "getpmsg", "putpmsg", "security", "tuxcall", "vserver"),
    # Where pages of memory lie.
    *("mbind", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages"),
    # How programs are laid out in memory, and locks that a memory limit cannot take back.
    *("personality", "mlock", "mlock2", "mlockall", "memfd_secret"),
    # Queues of messages, which outlive the process that made them.
    *("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"),
)
"""Refused whatever the arguments."""

ABSENT: tuple[str, ...] = ("clone3",)
"""Answered with ENOSYS: its flags lie in memory, where a filter cannot see whether they ask for a namespace."""

CLONE_NAMESPACES: tuple[int, ...] = (
    0x00020000,  # mounts
    0x02000000,  # cgroup
    0x04000000,  # hostname
    0x08000000,  # queues
    0x10000000,  # users
    0x20000000,  # processes
    0x40000000,  # network
)
"""Flags of `clone` that ask for a namespace; a call with any of them is refused. That of time is for `clone3`."""

SOCKET_FAMILIES: tuple[int, ...] = (2, 10)
"""What `socket` may open: AF_INET and AF_INET6. AF_UNIX would reach a socket of the host in a shared folder; AF_VSOCK
and AF_NETLINK do not heed a network namespace or talk to the kernel. `socketpair` stays, as it connects to nobody."""
