#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What two servers make of the same files.

interop.py make PORT SHARE FOLDER	streams, attributes, times, EAs and ACLs, through a server
interop.py change PORT SHARE FOLDER	some of it, in what was made through the other server
interop.py show PORT SHARE FOLDER	all of it, and what two users may do, as sorted text

The SID of a file's owner is shown as OWNER: each server has a domain of its own.
"""
import struct
import sys

from impacket.ldap.ldaptypes import (ACCESS_ALLOWED_ACE, ACCESS_DENIED_ACE, ACCESS_MASK, ACE, ACL,
                                     LDAP_SID, SR_SECURITY_DESCRIPTOR)
from impacket.smb3structs import SMB2_0_INFO_FILE, SMB2_0_INFO_SECURITY
from impacket.smbconnection import SMBConnection, SessionError

FULL, READ, WRITE, MAXIMUM = 0x1F01FF, 0x120089, 0x120116, 0x02000000
DELETE, WRITE_ATTRIBUTES, SYNCHRONIZE = 0x10000, 0x100, 0x100000
OWNER_DACL, DACL = 7, 4
BASIC, ALL_EAS, STREAMS, EA_SIZE, ACCESS, STANDARD = 4, 15, 22, 7, 8, 5
READONLY, HIDDEN, SYSTEM, ARCHIVE = 1, 2, 4, 32
OPEN, CREATE = 1, 2
DIRECTORY = 1
EVERYONE, AUTHENTICATED = "S-1-1-0", "S-1-5-11"
CREATED = 0x01C0000012345678  # in 1997
WRITTEN = 0x01D0000087654321


class Files:
    def __init__(self, port, share, user="torture1", password="Torture-pw1"):
        self.keep = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=port)
        self.keep.login(user, password)
        self.smb = self.keep.getSMBServer()
        self.tree = self.keep.connectTree(share)

    def open(self, name, access=FULL, disposition=OPEN, options=0, attributes=0x80):
        return self.smb.create(self.tree, name, access, 7, options, disposition, attributes)

    def close(self, file):
        self.smb.close(self.tree, file)

    def query(self, file, level, kind=SMB2_0_INFO_FILE, additional=0):
        return self.smb.queryInfo(self.tree, file, infoType=kind, fileInfoClass=level,
                                  additionalInformation=additional)

    def set(self, file, level, blob, kind=SMB2_0_INFO_FILE, additional=0):
        self.smb.setInfo(self.tree, file, blob, kind, level, additional)

    def write(self, name, content):
        file = self.open(name, disposition=CREATE)
        if content:
            self.smb.write(self.tree, file, content, 0, len(content))
        return file

    def listing(self, folder):
        return sorted(f.get_longname() for f in self.keep.listPath(self.share_name, folder + "\\*")
                      if f.get_longname() not in (".", ".."))


# ---- making ----

def ace(kind, mask, sid, flags=0):
    entry, body = ACE(), kind()
    body["Mask"] = ACCESS_MASK()
    body["Mask"]["Mask"] = mask
    body["Sid"] = LDAP_SID()
    body["Sid"].fromCanonical(sid)
    entry["AceType"], entry["AceFlags"], entry["Ace"] = kind.ACE_TYPE, flags, body
    return entry


def descriptor(*aces, control=0x8004):
    acl = ACL()
    acl["AclRevision"], acl["Sbz1"], acl["Sbz2"] = 2, 0, 0
    acl.aces = list(aces)
    acl["AclSize"], acl["AceCount"], acl["Data"] = 0, len(aces), b""
    sd = SR_SECURITY_DESCRIPTOR()
    sd["Revision"], sd["Sbz1"], sd["Control"] = b"\1", b"\0", control
    sd["OwnerSid"] = sd["GroupSid"] = sd["Sacl"] = b""
    sd["Dacl"] = acl
    return sd.getData()


def full_ea(**values):
    out = []
    for i, (name, value) in enumerate(values.items()):
        raw = struct.pack("<BBH", 0, len(name), len(value)) + name.encode() + b"\0" + value
        size = 0 if i == len(values) - 1 else (len(raw) + 4 + 3) & ~3
        out.append(struct.pack("<I", size) + raw + (b"\0" * (size - len(raw) - 4) if size else b""))
    return b"".join(out)


def basic(attributes, created=CREATED, written=WRITTEN):
    return struct.pack("<QQQQII", created, 0, written, 0, attributes, 0)


def owner_of(files, file):
    sd = SR_SECURITY_DESCRIPTOR(data=files.query(file, 0, SMB2_0_INFO_SECURITY, OWNER_DACL))
    return sd["OwnerSid"].formatCanonical()


def set_acl(files, name, *aces, control=0x8004):
    file = files.open(name)
    files.set(file, 0, descriptor(*aces, control=control), SMB2_0_INFO_SECURITY, DACL)
    files.close(file)


def make(files, folder):
    allow, deny = ACCESS_ALLOWED_ACE, ACCESS_DENIED_ACE
    file = files.open(folder, disposition=CREATE, options=DIRECTORY)
    owner = owner_of(files, file)
    files.close(file)

    file = files.write(folder + "\\attributes", b"content")
    files.set(file, BASIC, basic(READONLY | HIDDEN | SYSTEM | ARCHIVE))
    files.close(file)
    file = files.write(folder + "\\streams", b"the file itself")
    files.set(file, ALL_EAS, full_ea(First=b"one", second=b"\0binary\xff"))
    files.close(file)
    for stream, content in (("small", b"x"), ("Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n"),
                            ("large", bytes(range(256)) * 80), ("empty", b"")):
        files.close(files.write(f"{folder}\\streams:{stream}", content))

    files.close(files.write(folder + "\\for everybody", b""))
    set_acl(files, folder + "\\for everybody", ace(allow, FULL, owner),
            ace(allow, READ | WRITE, EVERYONE))
    files.close(files.write(folder + "\\refused", b""))
    set_acl(files, folder + "\\refused", ace(deny, DELETE | WRITE_ATTRIBUTES, EVERYONE), ace(allow, FULL, owner),
            ace(allow, READ, AUTHENTICATED), control=0x9004)
    files.close(files.write(folder + "\\owner only", b""))
    set_acl(files, folder + "\\owner only", ace(allow, FULL, owner))

    inner = folder + "\\inner"
    files.close(files.open(inner, disposition=CREATE, options=DIRECTORY))
    set_acl(files, inner, ace(allow, FULL, owner, 3), ace(allow, FULL, "S-1-3-0", 11),
            ace(allow, READ | 0x20, EVERYONE, 3), ace(allow, WRITE_ATTRIBUTES, AUTHENTICATED, 9), control=0x8504)
    files.close(files.write(inner + "\\inherited", b"x"))
    files.close(files.open(inner + "\\deeper", disposition=CREATE, options=DIRECTORY))
    files.close(files.write(inner + "\\deeper:of a folder", b"stream"))
    file = files.open(inner + "\\deeper")
    files.set(file, BASIC, basic(HIDDEN | 16))
    files.close(file)


def change(files, folder):
    file = files.open(folder + "\\attributes", 0x100)
    files.set(file, BASIC, basic(HIDDEN, created=CREATED + 10000000, written=0))
    files.close(file)
    file = files.open(folder + "\\streams")
    owner = owner_of(files, file)
    files.set(file, ALL_EAS, full_ea(FIRST=b"", third=b"3"))
    files.close(file)
    files.close(files.write(folder + "\\streams:another", b"later"))
    file = files.open(folder + "\\streams:small", disposition=OPEN)
    files.smb.write(files.tree, file, b"longer now", 1, 10)
    files.close(file)
    set_acl(files, folder + "\\owner only", ace(ACCESS_ALLOWED_ACE, FULL, owner),
            ace(ACCESS_ALLOWED_ACE, READ, EVERYONE))
    files.close(files.write(folder + "\\inner\\deeper\\by the other", b"x"))


# ---- showing ----

def show_sd(sd):
    owner = sd["OwnerSid"].formatCanonical()

    def name(sid):
        return "OWNER" if sid.formatCanonical() == owner else sid.formatCanonical()

    yield f"control {sd['Control']:#x} group {name(sd['GroupSid'])}"
    if not owner.startswith(("S-1-5-21-", "S-1-22-1-")):
        yield f"owner {owner}"
    for entry in sd["Dacl"].aces if sd["Dacl"] else []:
        body = entry["Ace"]
        yield (f"ace {entry['AceType']} {entry['AceFlags']:#x} {body['Mask']['Mask']:#x} "
               f"{name(body['Sid'])}")


def show_eas(files, file):
    try:
        blob = files.query(file, ALL_EAS)
    except SessionError:
        return
    except Exception as error:  # pylint: disable=broad-except
        if "NO_EAS" in str(error) or "c0000052" in str(error).lower():
            return
        raise
    while blob:
        following, _, name_len, value_len = struct.unpack_from("<IBBH", blob)
        name = blob[8:8 + name_len]
        yield f"ea {name.decode()} {blob[9 + name_len:9 + name_len + value_len]!r}"
        blob = blob[following:] if following else b""


def show_streams(files, name, file):
    try:
        blob = files.query(file, STREAMS)
    except Exception:  # pylint: disable=broad-except
        return
    while len(blob) >= 24:
        following, name_len, size, _ = struct.unpack_from("<IIQQ", blob)
        stream = blob[24:24 + name_len].decode("utf-16le")
        data = b""
        if stream != "::$DATA":
            handle = files.open(name + stream, READ)
            data = files.smb.read(files.tree, handle, 0, size) if size else b""
            files.close(handle)
        yield f"stream {stream} {size} {sum(data)}"
        blob = blob[following:] if following else b""


def granted(files, name):
    try:
        file = files.open(name, MAXIMUM)
    except Exception as error:  # pylint: disable=broad-except
        return str(error).split("(")[0].split(":")[-1].strip() or "refused"
    access, = struct.unpack("<I", files.query(file, ACCESS))
    files.close(file)
    return f"{access:#x}"


def show(files, other, name):
    file = files.open(name, 0x120089)
    created, _, written, _, attributes, _ = struct.unpack("<QQQQII", files.query(file, BASIC))
    size, = struct.unpack_from("<Q", files.query(file, STANDARD), 8)
    lines = [f"attributes {attributes:#x} size {size}"]
    lines.append("created " + ("as set" if created == CREATED else "later"))
    lines.append("written " + ("as set" if written == WRITTEN else "later"))
    lines += show_sd(SR_SECURITY_DESCRIPTOR(
        data=files.query(file, 0, SMB2_0_INFO_SECURITY, OWNER_DACL)))
    lines += sorted(show_eas(files, file))
    lines += sorted(show_streams(files, name, file))
    files.close(file)
    # Samba 4.17 refuses to open what is read-only for all that may be had
    if not attributes & READONLY:
        lines.append(f"first user {granted(files, name)}")
        lines.append(f"second user {granted(other, name)}")
    for line in lines:
        print(f"{name}: {line}")
    if attributes & 16:
        for entry in files.listing(name):
            show(files, other, name + "\\" + entry)


def main():
    what, port, share, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    files = Files(port, share)
    files.share_name = share
    if what in ("make", "change"):
        {"make": make, "change": change}[what](files, folder)
    else:
        show(files, Files(port, share, "torture2", "Torture-pw2"), folder)


main()
