/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_call.c - the client's side of the control socket.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/control.h"

#define REPLY_MAX (256u << 20)

/* A stopped server lets a few callers in; the next ones wait no longer than for a reply. */
static int connect_to(const char *run_dir, int timeout_ms)
{
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if ((size_t)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", run_dir, CONTROL_SOCKET) >=
	    sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return -errno;
	return steal_fd(&fd);
}

static int send_request(int fd, struct json_object *request)
{
	_cleanup_free_ char *line =
		xasprintf("%s\n", json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
	size_t n = strlen(line), done = 0;

	while (done < n) {
		ssize_t sent = send(fd, line + done, n - done, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		done += sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

static int wait_readable(int fd, uint64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ns();
		int n;

		if (now >= deadline)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)((deadline - now) / 1000000 + 1));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* As recv(); a file that came along becomes *passed, if that is wanted and there is none yet. */
static ssize_t recv_some(int fd, char *buf, size_t n, int *passed)
{
	struct iovec iov = { buf, n };
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl)
	};
	ssize_t got;
	int file;

	if (!passed)
		return recv(fd, buf, n, 0);
	got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	if (got < 0 || !CMSG_FIRSTHDR(&m) || ctl.hdr.cmsg_level != SOL_SOCKET ||
	    ctl.hdr.cmsg_type != SCM_RIGHTS || ctl.hdr.cmsg_len != CMSG_LEN(sizeof(int)))
		return got;
	memcpy(&file, CMSG_DATA(&ctl.hdr), sizeof(file));
	if (*passed < 0)
		*passed = file;
	else
		close(file);
	return got;
}

/* Feeds the tokener as the bytes come, so that a large reply is held once. */
static int read_reply(int fd, uint64_t deadline, struct json_object **reply, int *passed)
{
	struct json_tokener *tok = json_tokener_new_ex(16);
	size_t total = 0;
	char buf[16384];
	int rc = tok ? 0 : -ENOMEM;

	while (!rc && !*reply) {
		ssize_t n;

		rc = wait_readable(fd, deadline);
		if (rc)
			break;
		n = recv_some(fd, buf, sizeof(buf), passed);
		if (n <= 0) {
			rc = n ? -errno : -ECONNRESET;
			break;
		}
		total += (size_t)n;
		*reply = json_tokener_parse_ex(tok, buf, (int)n);
		if (!*reply &&
		    (json_tokener_get_error(tok) != json_tokener_continue || total > REPLY_MAX))
			rc = -EPROTO;
	}
	json_tokener_free(tok);
	return rc;
}

static int call(int fd, struct json_object *request, int timeout_ms, struct json_object **reply,
		int *passed)
{
	int rc = send_request(fd, request);

	*reply = NULL;
	if (!rc)
		rc = read_reply(fd, now_ns() + (uint64_t)timeout_ms * 1000000, reply, passed);
	if (!rc && !json_object_is_type(*reply, json_type_object))
		rc = -EPROTO;
	if (rc) {
		json_object_put(*reply);
		*reply = NULL;
	}
	return rc;
}

int control_call(const char *run_dir, struct json_object *request, int timeout_ms,
		 struct json_object **reply)
{
	_cleanup_close_ int fd = connect_to(run_dir, timeout_ms);

	*reply = NULL;
	return fd < 0 ? fd : call(fd, request, timeout_ms, reply, NULL);
}

int control_call_fd(const char *run_dir, struct json_object *request, int timeout_ms,
		    struct json_object **reply, int *sock, int *passed)
{
	_cleanup_close_ int fd = connect_to(run_dir, timeout_ms);
	int rc;

	*reply = NULL;
	*sock = *passed = -1;
	if (fd < 0)
		return fd;
	rc = call(fd, request, timeout_ms, reply, passed);
	if (rc && *passed >= 0)
		close(steal_fd(passed));
	if (!rc)
		*sock = steal_fd(&fd);
	return rc;
}
