// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pipe.c - one open named pipe: cuts what the client writes into PDUs, queues what it will read.
 */
#include <pthread.h>
#include <strings.h>

#include "rpc/dcerpc.h"

struct message {
	struct list_head link;
	size_t len, off; /* off: bytes read already */
	uint8_t data[];
};

struct rpc_pipe {
	pthread_mutex_t lock; /* everything below */
	const struct rpc_iface *iface;
	struct rpc_env env;
	struct dcerpc_conn *conn;
	bool disconnected;

	uint8_t *partial; /* the beginning of a PDU whose rest has not been written */
	size_t partial_len, partial_cap;

	struct list_head replies; /* struct message, each one PDU */
	size_t replies_bytes;	  /* unread */
	unsigned int num_replies;
};

static const struct rpc_iface *const interfaces[] = { &srvsvc_iface, &wkssvc_iface, &lsarpc_iface };

static const struct rpc_iface *find_interface(const char *name)
{
	static const char prefix[] = "pipe\\";

	if (*name == '\\')
		name++;
	if (!strncasecmp(name, prefix, strlen(prefix)))
		name += strlen(prefix);
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		if (!strcasecmp(name, interfaces[i]->pipe))
			return interfaces[i];
	return NULL;
}

/* One fragment of a reply becomes one message; messages live in the pipe until they are read. */
static bool queue_reply(void *arg, const void *pdu, size_t len)
{
	struct rpc_pipe *p = arg;
	struct message *m = malloc(sizeof(*m) + len);

	if (!m)
		return false;
	m->len = len;
	m->off = 0;
	memcpy(m->data, pdu, len);
	list_add_tail(&m->link, &p->replies);
	p->replies_bytes += len;
	p->num_replies++;
	return true;
}

struct rpc_pipe *rpc_pipe_open(const char *name, const struct rpc_env *env, ntstatus *status)
{
	const struct rpc_iface *iface = find_interface(name);
	struct rpc_pipe *p;

	*status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (!iface)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	p->iface = iface;
	p->env = *env;
	list_init(&p->replies);
	p->conn = dcerpc_conn_new(iface, &p->env, queue_reply, p);
	*status = NT_STATUS_SUCCESS;
	return p;
}

void rpc_pipe_close(struct rpc_pipe *p)
{
	struct message *m, *next;

	if (!p)
		return;
	list_for_each_safe (m, next, &p->replies, link)
		free(m);
	dcerpc_conn_free(p->conn);
	free(p->partial);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

const char *rpc_pipe_name(const struct rpc_pipe *p)
{
	return p->iface->pipe;
}

/* ---- in ---- */

/* A client that writes calls and reads no replies is cut off at twice what a reply may hold. */
static bool handle_pdu(struct rpc_pipe *p, const uint8_t *pdu, size_t len)
{
	return p->replies_bytes <= RPC_REPLY_MAX && dcerpc_receive(p->conn, pdu, len);
}

/* Moves bytes from *buf until partial holds n; false while it does not. */
static bool fill_partial(struct rpc_pipe *p, const uint8_t **buf, size_t *len, size_t n)
{
	size_t take = p->partial_len < n ? MIN(n - p->partial_len, *len) : 0;

	if (n > p->partial_cap) {
		p->partial = xrealloc(p->partial, n); /* a PDU is 64 KiB at most */
		p->partial_cap = n;
	}
	if (take)
		memcpy(p->partial + p->partial_len, *buf, take);
	p->partial_len += take;
	*buf += take;
	*len -= take;
	return p->partial_len >= n;
}

/* Handles the next PDU of *buf, or keeps its beginning. false: the stream is broken. */
static bool next_pdu(struct rpc_pipe *p, const uint8_t **buf, size_t *len)
{
	size_t frag;
	bool alive;

	/* the usual case: one write, one PDU, no copy */
	if (!p->partial_len && *len >= RPC_HEADER_SIZE) {
		frag = dcerpc_frag_length(*buf);
		if (!frag)
			return false;
		if (frag <= *len) {
			alive = handle_pdu(p, *buf, frag);
			*buf += frag;
			*len -= frag;
			return alive;
		}
	}
	if (!fill_partial(p, buf, len, RPC_HEADER_SIZE))
		return true;
	frag = dcerpc_frag_length(p->partial);
	if (!frag)
		return false;
	if (!fill_partial(p, buf, len, frag))
		return true;
	alive = handle_pdu(p, p->partial, frag);
	free(steal_ptr(&p->partial));
	p->partial_len = p->partial_cap = 0;
	return alive;
}

static ntstatus write_locked(struct rpc_pipe *p, const uint8_t *buf, size_t len)
{
	if (p->disconnected)
		return NT_STATUS_PIPE_DISCONNECTED;
	if (p->replies_bytes > RPC_REPLY_MAX)
		return NT_STATUS_PIPE_BUSY;
	while (len && !p->disconnected)
		p->disconnected = !next_pdu(p, &buf, &len);
	/* a fault or bind_nak says why; only a client that gets none hears it from the write */
	return p->disconnected && !p->num_replies ? NT_STATUS_PIPE_DISCONNECTED : NT_STATUS_SUCCESS;
}

ntstatus rpc_pipe_write(struct rpc_pipe *p, const void *buf, size_t len)
{
	ntstatus status;

	pthread_mutex_lock(&p->lock);
	status = write_locked(p, buf, len);
	pthread_mutex_unlock(&p->lock);
	return status;
}

/* ---- out ---- */

static ntstatus read_locked(struct rpc_pipe *p, void *buf, size_t cap, size_t *n, bool keep)
{
	struct message *m;
	size_t left;

	*n = 0;
	if (list_empty(&p->replies))
		return p->disconnected ? NT_STATUS_PIPE_DISCONNECTED : NT_STATUS_PIPE_EMPTY;
	m = list_first(&p->replies, struct message, link);
	left = m->len - m->off;
	*n = MIN(left, cap);
	if (*n)
		memcpy(buf, m->data + m->off, *n);
	if (!keep) {
		m->off += *n;
		p->replies_bytes -= *n;
		if (m->off == m->len) {
			list_del(&m->link);
			p->num_replies--;
			free(m);
		}
	}
	return *n == left ? NT_STATUS_SUCCESS : NT_STATUS_BUFFER_OVERFLOW;
}

ntstatus rpc_pipe_read(struct rpc_pipe *p, void *buf, size_t cap, size_t *n)
{
	ntstatus status;

	pthread_mutex_lock(&p->lock);
	status = read_locked(p, buf, cap, n, false);
	pthread_mutex_unlock(&p->lock);
	return status;
}

ntstatus rpc_pipe_peek(struct rpc_pipe *p, void *buf, size_t cap, size_t *n)
{
	ntstatus status;

	pthread_mutex_lock(&p->lock);
	status = read_locked(p, buf, cap, n, true);
	pthread_mutex_unlock(&p->lock);
	return status;
}

ntstatus rpc_pipe_transceive(struct rpc_pipe *p, const void *in, size_t in_len, void *out,
			     size_t cap, size_t *n)
{
	ntstatus status = NT_STATUS_PIPE_BUSY;

	*n = 0;
	pthread_mutex_lock(&p->lock);
	if (list_empty(&p->replies))
		status = write_locked(p, in, in_len);
	if (!nt_is_error(status))
		status = read_locked(p, out, cap, n, false);
	pthread_mutex_unlock(&p->lock);
	return status;
}

void rpc_pipe_state(struct rpc_pipe *p, struct rpc_pipe_state *out)
{
	struct message *m;

	pthread_mutex_lock(&p->lock);
	*out = (struct rpc_pipe_state) {
		.disconnected = p->disconnected,
		.read_available = p->replies_bytes,
		.messages = p->num_replies,
	};
	if (!list_empty(&p->replies)) {
		m = list_first(&p->replies, struct message, link);
		out->message_left = m->len - m->off;
	}
	pthread_mutex_unlock(&p->lock);
}
