#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What impacket's SMBConnection can do, in each dialect that it knows: impacket_client.py PORT."""
import io
import sys

from impacket.dcerpc.v5 import srvs, transport
from impacket.smb3structs import (FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_OPEN_IF,
                                  FILE_READ_DATA, FILE_WRITE_DATA)
from impacket.smbconnection import (SMB2_DIALECT_002, SMB2_DIALECT_21, SMB2_DIALECT_30,
                                    SMBConnection, SessionError)

PORT = int(sys.argv[1])
HOST = "127.0.0.1"


def check(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, expected {wanted!r}")


def login(dialect=None):
    connection = SMBConnection(HOST, HOST, sess_port=PORT, preferredDialect=dialect)
    connection.login("torture1", "Torture-pw1")
    return connection


def files(connection, name):
    content = bytes(range(256)) * 1000
    connection.createDirectory("share", name)
    connection.putFile("share", f"{name}\\file", io.BytesIO(content).read)
    back = io.BytesIO()
    connection.getFile("share", f"{name}\\file", back.write)
    check(back.getvalue(), content, "content")
    names = sorted(f.get_longname() for f in connection.listPath("share", f"{name}\\*"))
    check(names, [".", "..", "file"], "listing")
    connection.rename("share", f"{name}\\file", f"{name}\\other")
    connection.deleteFile("share", f"{name}\\other")
    connection.deleteDirectory("share", name)


def offsets(connection):
    """Beyond 4 GiB, at the end, nothing at all."""
    tree = connection.connectTree("share")
    file = connection.openFile(tree, "sparse", FILE_READ_DATA | FILE_WRITE_DATA,
                               creationOption=FILE_NON_DIRECTORY_FILE,
                               creationDisposition=FILE_OPEN_IF)
    far = (5 << 30) + 7
    check(connection.writeFile(tree, file, b"far away", far), 8, "write beyond 4 GiB")
    check(connection.readFile(tree, file, far - 1, 100), b"\0far away", "read beyond 4 GiB")
    check(connection.readFile(tree, file, 0, 4), b"\0" * 4, "hole")
    connection.closeFile(tree, file)
    connection.deleteFile("share", "sparse")


def errors(connection):
    for what, wanted, action in (
            ("missing file", 0xC0000034,
             lambda t: connection.openFile(t, "missing", creationDisposition=FILE_OPEN)),
            ("missing folder", 0xC000003A,
             lambda t: connection.openFile(t, "no\\file", creationDisposition=FILE_OPEN)),
            ("bad name", 0xC0000033, lambda t: connection.openFile(t, "a|b"))):
        tree = connection.connectTree("share")
        try:
            action(tree)
            sys.exit(f"{what}: no error")
        except SessionError as error:
            check(error.getErrorCode(), wanted, what)


def shares(connection):
    rpc = transport.SMBTransport(HOST, filename=r"\srvsvc", smb_connection=connection)
    dce = rpc.get_dce_rpc()
    dce.connect()
    dce.bind(srvs.MSRPC_UUID_SRVS)
    answer = srvs.hNetrShareEnum(dce, 1)
    names = [e["shi1_netname"][:-1] for e in answer["InfoStruct"]["ShareInfo"]["Level1"]["Buffer"]]
    if "share" not in names or "IPC$" not in names:
        sys.exit(f"NetShareEnum: {names}")
    srvs.hNetrServerGetInfo(dce, 101)


def main():
    # Its 3.1.1 does not sign the TREE_CONNECT, which servers have to refuse.
    for dialect in (SMB2_DIALECT_002, SMB2_DIALECT_21, SMB2_DIALECT_30):
        connection = login(dialect)
        check(connection.getDialect(), dialect, "dialect")
        files(connection, f"impacket-{dialect:x}")
        connection.logoff()
    connection = login()
    offsets(connection)
    errors(connection)
    shares(connection)
    connection.logoff()
    try:
        SMBConnection(HOST, HOST, sess_port=PORT).login("torture1", "wrong")
        sys.exit("a wrong password was accepted")
    except SessionError as error:
        check(error.getErrorCode(), 0xC000006D, "wrong password")
    print("all of it")


if __name__ == "__main__":
    main()
