# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a row's time goes: samples of everything that ran in the guest, by side and by function.

In the virtual machine perf samples with call chains, and a sample belongs to the server if a
function of its module, or its process, is in the chain. User-mode Linux has no perf, but it is a
process: the machine's perf samples it with its stack pointer; a kernel stack belongs to the server
if functions of its module ran on it. Names come from the guest's /proc/kallsyms.
"""
import bisect
import collections
import re
import subprocess

# The server's modules and processes; the client's. Of a chain the outermost that is known counts.
SERVER = {"ksmbd", "ksmbd_hybrid"}
CLIENT = {"cifs", "netfs"}
SERVER_COMM = r"ksmbd|smbd|khd-"
CLIENT_COMM = r"cifs|fio"
STACK = 16384  # of user-mode Linux
GROUPS = (  # the first that matches a function's name
    ("copying", r"copy_|memcpy|memmove|rep_movs|_copy|clear_page|memset|csum"),
    ("cipher, hash", r"aes|gcm|ghash|cmac|sha256|crypto|shash|scatterwalk|skcipher|aead|gf128"),
    ("TCP, IP, loopback", r"tcp|^ip_|^__ip|inet|skb|sock|net_|dev_|napi|loopback|_rcv|netif|qdisc"
                          r"|nf_|sk_|__sk|softirq|eth_"),
    ("scheduler", r"sched|switch|wake|ttwu|enqueue|dequeue|pick_|update_curr|update_load|worker"
                  r"|process_one|queue_work|wait_|prepare_to|finish_|rq_|_se$|entity|timer|idle"
                  r"|try_to|select_task|set_next|avg|vruntime|deadline|kthread|cpu"),
    ("memory", r"alloc|free|slab|kmem|page|folio|vmalloc|vunmap|vmap|kvmalloc|mempool|tlb"),
    ("files", r"shmem|vfs|file|iov|iter|fget|fput|fsnotify|security|dentry|inode|dget|dput|xas|xa_"),
    ("locks", r"lock|mutex|rwsem|down_|up_|rcu|preempt|atomic"),
)


class Symbols:
    def __init__(self, kallsyms):
        rows = []
        with open(kallsyms, encoding="ascii", errors="replace") as f:
            for line in f:
                m = re.match(r"([0-9a-f]+) [tTwW] (\S+)(?:\s+\[(\S+)\])?", line)
                if m:
                    rows.append((int(m[1], 16), m[2], m[3]))
        rows.sort(key=lambda r: r[0])
        self.rows, self.starts = rows, [r[0] for r in rows]

    def find(self, address):
        """(name, module or None)"""
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address - self.starts[i] > 1 << 20:
            return "user space", None
        return self.rows[i][1:]


def side_of(modules, comm=""):
    """modules: of a chain, the outermost first."""
    for name in modules:
        if name in SERVER:
            return "server"
        if name in CLIENT:
            return "client"
    if re.match(SERVER_COMM, comm):
        return "server"
    return "client" if re.match(CLIENT_COMM, comm) else None


def read_chains(text, symbols):
    """`perf script -F comm,ip` of the virtual machine: (side, leaf, chain) of every sample."""
    for block in text.split("\n\n"):
        lines = block.strip("\n").splitlines()
        if not lines:
            continue
        comm = lines[0].strip()
        chain = [symbols.find(int(line, 16)) for line in lines[1:]]
        if not chain or comm.startswith("swapper"):
            continue
        yield side_of([m for _, m in reversed(chain)], comm) or "other", chain[0], chain


def read_stacks(text, symbols):
    """`perf script -F uregs` of user-mode Linux: the same, without chains."""
    samples, owners = [], collections.defaultdict(collections.Counter)
    for line in text.splitlines():
        m = re.search(r"SP:0x([0-9a-f]+).*IP:0x([0-9a-f]+)", line)
        if not m:
            continue
        leaf = symbols.find(int(m[2], 16))
        stack = int(m[1], 16) // STACK
        samples.append((stack, leaf))
        if side_of([leaf[1]]):
            owners[stack][side_of([leaf[1]])] += 1
    for stack, leaf in samples:
        owner = owners[stack].most_common(1)
        yield owner[0][0] if owner else "other", leaf, [leaf]


def group_of(name, module):
    if name == "user space":
        return name
    if module in SERVER | CLIENT:
        return f"[{module}]"
    for title, pattern in GROUPS:
        if re.search(pattern, name):
            return title
    return "rest"


def report(samples, seconds, operations, out, top=28):
    """Seconds per operation by side, by kind of work, and the functions that take most."""
    by_side, groups = collections.Counter(), collections.Counter()
    leaves = collections.Counter()
    for side, leaf, _ in samples:
        by_side[side] += 1
        groups[side, group_of(*leaf)] += 1
        leaves[side, leaf] += 1
    total = sum(by_side.values())
    if not total:
        out("no samples")
        return
    each = seconds / total / operations * 1e6
    out(f"{seconds / operations * 1e6:.2f} us per operation, {total} samples")
    for side, count in by_side.most_common():
        out(f"  {side}: {count * each:.2f} us ({100 * count / total:.0f} %)")
        for (s, group), n in groups.most_common():
            if s == side and n * 100 >= total:
                out(f"    {n * each:7.2f}  {group}")
    out("  functions of the server, and of what it calls:")
    shown = 0
    for (side, (name, module)), n in leaves.most_common():
        if side == "server" and shown < top:
            out(f"    {n * each:7.2f}  {name}{f' [{module}]' if module else ''}")
            shown += 1


def machine_record(pid, path):
    """The machine's perf on user-mode Linux; interrupt it to end it."""
    return subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "4999",
                             "--user-regs=sp,ip", "-p", str(pid), "-o", path],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def script(path, fields):
    return subprocess.run(["perf", "script", "-i", path, "-F", fields], check=True, text=True,
                          capture_output=True).stdout
