# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the module's netlink family that takes its names from uapi/ksmbd_hybrid.yaml."""

import ctypes
import os
import socket
import struct
import subprocess

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
NETLINK_GENERIC = 16
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 0x10, 3
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
NLA_F_NESTED = 0x8000
PACK = {"u16": "H", "u32": "I", "s32": "i", "uint": "Q"}


class Refused(Exception):
    def __init__(self, err, sentence):
        super().__init__(f"{os.strerror(err)}: {sentence}")
        self.errno, self.sentence = err, sentence


def raw(kind, payload):
    data = struct.pack("HH", 4 + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def parse(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("HH", data)
        yield kind & 0x3FFF, data[4:size]
        data = data[size + 3 & ~3:]


class Family:
    def __init__(self):
        with open(os.path.join(TOP, "uapi/ksmbd_hybrid.yaml"), encoding="utf-8") as f:
            spec = yaml.safe_load(f)
        self.sets = {s["name"]: s["attributes"] for s in spec["attribute-sets"]}
        self.ops = {o["name"]: i + 1 for i, o in enumerate(spec["operations"]["list"])}
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.sock.bind((0, 0))
        self.seq = 0
        body = self.talk(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, raw(2, spec["name"].encode() + b"\0"))
        self.id = struct.unpack("H", dict(parse(body[0]))[1])[0]

    def talk(self, family, cmd, payload, flags=NLM_F_ACK):
        """Sends, and returns the payloads of what came back behind the genetlink header."""
        self.seq += 1
        msg = struct.pack("IHHII", 20 + len(payload), family, NLM_F_REQUEST | flags, self.seq, 0)
        self.sock.send(msg + struct.pack("BBH", cmd, 1, 0) + payload)
        replies = []
        while True:
            data = self.sock.recv(1 << 18)
            while data:
                size, kind, nl_flags, seq, _ = struct.unpack_from("IHHII", data)
                body, data = data[16:size], data[size + 3 & ~3:]
                if seq != self.seq:
                    continue
                if kind == NLMSG_DONE:
                    return replies
                if kind == NLMSG_ERROR:
                    self.check(nl_flags, body)
                    return replies
                replies.append(body[4:])

    @staticmethod
    def check(flags, body):
        err, sentence = -struct.unpack_from("i", body)[0], ""
        if not err:
            return
        if flags & NLM_F_ACK_TLVS and flags & NLM_F_CAPPED:
            sentence = dict(parse(body[20:])).get(1, b"").rstrip(b"\0").decode()
        raise Refused(err, sentence)

    def pack(self, set_name, values):
        out = b""
        for name, value in values.items():
            kind, attr = next((i + 1, a) for i, a in enumerate(self.sets[set_name])
                              if a["name"] == name)
            if attr["type"] == "nest":
                for one in value if isinstance(value, list) else [value]:
                    nested = self.pack(attr["nested-attributes"], one)
                    out += raw(kind | NLA_F_NESTED, nested)
            elif attr["type"] in PACK:
                out += raw(kind, struct.pack(PACK[attr["type"]], value))
            elif attr["type"] == "string":
                out += raw(kind, value.encode() + b"\0")
            else:
                out += raw(kind, b"" if value is True else value)
        return out

    def unpack(self, set_name, data):
        out = {}
        for kind, payload in parse(data):
            attr = self.sets[set_name][kind - 1]
            if attr["type"] == "nest":
                value = self.unpack(attr["nested-attributes"], payload)
            elif attr["type"] == "string":
                value = payload.rstrip(b"\0").decode()
            else:
                value = int.from_bytes(payload, "little", signed=attr["type"] == "s32")
            out[attr["name"]] = value
        return out

    def do(self, op, **values):
        """do("conn-attach", server=3, conn={...}); - in names is _ in keywords."""
        values = {k.replace("_", "-"): v for k, v in values.items()}
        replies = self.talk(self.id, self.ops[op], self.pack("message", values))
        return self.unpack("message", replies[0]) if replies else {}

    def dump(self, op):
        return [self.unpack("message", r)
                for r in self.talk(self.id, self.ops[op], b"", NLM_F_DUMP)]


def objects():
    """The module's counters."""
    with open("/sys/kernel/debug/ksmbd_hybrid/objects", encoding="ascii") as f:
        return {k: int(v) for k, v in (line.split() for line in f)}


BPF_MAP_CREATE, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE = 0, 2, 1024


def bpf_array(value_size, entries, flags=BPF_F_MMAPABLE):
    attr = struct.pack("IIIII108x", BPF_MAP_TYPE_ARRAY, 4, value_size, entries, flags)
    fd = ctypes.CDLL(None, use_errno=True).syscall(321, BPF_MAP_CREATE, attr, len(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "bpf(BPF_MAP_CREATE)")
    return fd


def map_fds():
    """handles of 64, conns of 16 entries, op_stats of two lanes."""
    return {"handles_map": bpf_array(192, 64), "conns_map": bpf_array(320, 16),
            "op_stats_map": bpf_array(256, 2 * 2 * 32)}


def window(low=4, granted=16, span=16, most=64, size=2072):
    return struct.pack("QIII4x", low, span, granted, most).ljust(size, b"\0")[:size]


def run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
