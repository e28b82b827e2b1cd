// SPDX-License-Identifier: GPL-2.0-or-later
/* net.c - connections and sessions: logins, requests out, answers in, cuts. */
#include "chaos.h"

#include <poll.h>
#include <sys/socket.h>

#define ANSWER_S 60u /* for anything that is not patient, with a break's 35 seconds inside */

struct link links[LINKS_MAX];
struct session *sessions;
unsigned int nsessions;

static const char *const shares[] = { "\\\\chaos\\share" };

static const struct {
	const char *user, *password;
} users[] = { { "torture1", "Torture-pw1" }, { "torture2", "Torture-pw2" } };

/* Leases want 2.1, channels and durable v2 3.x. */
static const struct manner manners[] = {
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, SMB2_SIGNING_AES_GMAC, SIGNED, false },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES128_GCM, SMB2_SIGNING_AES_GMAC, PLAIN, false },
	{ SMB2_DIALECT_210, 0, 0, PLAIN, false },
	{ SMB2_DIALECT_311, SMB2_ENCRYPTION_AES256_GCM, SMB2_SIGNING_AES_GMAC, SEALED, false },
	{ SMB2_DIALECT_300, SMB2_ENCRYPTION_AES128_CCM, 0, SIGNED, false },
	{ SMB2_DIALECT_302, SMB2_ENCRYPTION_AES128_CCM, 0, PLAIN, false },
};

void net_start(void)
{
	struct client *clients;

	nsessions = MAX(set.connections * 3 / 5, 2u);
	sessions = xcalloc(nsessions, sizeof(*sessions));
	clients = xcalloc(nsessions, sizeof(*clients));
	for (unsigned int i = 0; i < nsessions; i++) {
		struct session *s = &sessions[i];
		struct client *c = &clients[i % 4 == 3 ? i - 1 : i]; /* some share a GUID */

		if (c == &clients[i]) {
			list_init(&c->leases);
			list_init(&c->lost);
			c->n = i;
			kh_put_le64(c->guid, 0xC4A05ull << 40 | i);
			kh_put_le64(c->guid + 8, set.seed);
		}
		s->client = c;
		s->n = i;
		s->m = manners[i % ARRAY_SIZE(manners)];
		s->random = set.seed ^ (i + 1) * 0x9E3779B97F4A7C15ull;
		list_init(&s->opens);
	}
}

static struct link *free_link(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < LINKS_MAX; i++)
		n += links[i].session != NULL;
	for (unsigned int i = 0; i < LINKS_MAX && n < set.connections; i++)
		if (!links[i].session)
			return &links[i];
	return NULL;
}

static bool login(struct session *s, const struct wire *bind)
{
	struct link *l = free_link();
	unsigned int u = s->client->n % ARRAY_SIZE(users);

	if (!l)
		return false;
	memset(l, 0, sizeof(*l));
	list_init(&l->requests);
	l->as = (struct wire_as) { .user = users[u].user,
				   .password = users[u].password,
				   .capabilities = SMB2_GLOBAL_CAP_LEASING |
						   SMB2_GLOBAL_CAP_MULTI_CHANNEL |
						   SMB2_GLOBAL_CAP_DIRECTORY_LEASING,
				   .shares = shares,
				   .nshares = 1,
				   .bind = bind };
	memcpy(l->as.client_guid, s->client->guid, 16);
	if (!wire_login(&l->w, set.port, &s->m, &l->as)) {
		violation(NULL, "login", "s%u cannot %s: %s", s->n, bind ? "bind" : "log in",
			  nt_name(l->w.why));
		return false;
	}
	l->as.bind = NULL;
	l->session = s;
	s->links[s->nlinks++] = l;
	count_thing(bind ? "channels bound" : "sessions");
	return true;
}

bool session_login(struct session *s)
{
	s->ending = s->bound = false;
	memset(s->early, 0, sizeof(s->early));
	if (!login(s, NULL))
		return false;
	story(NULL, "s%u logged in", s->n);
	reconnect_some(s);
	return true;
}

bool session_bind(struct session *s)
{
	if (!s->nlinks || s->nlinks >= CHANNELS || !login(s, &s->links[0]->w))
		return false;
	return s->bound = true;
}

struct link *session_link(struct session *s)
{
	struct link *best = NULL;

	for (unsigned int i = 0; i < s->nlinks; i++)
		if (!best || s->links[i]->inflight < best->inflight ||
		    (s->links[i]->inflight == best->inflight && chance(&s->random, 50)))
			best = s->links[i];
	return best;
}

/* ---- the end of connections ---- */

static void request_end(struct request *q, const struct answer *a)
{
	list_del(&q->node);
	q->link->inflight--;
	if (q->open)
		q->open->inflight--;
	q->done(q, a);
	open_unref(q->open);
	open_unref(q->old);
	cache_unref(q->cache);
	free(q);
}

/* Durable ones wait for a reconnect, the others are gone. */
static void lose_opens(struct session *s)
{
	struct open *o, *next;

	list_for_each_safe (o, next, &s->opens, session_node) {
		if (!o->durable || s->ending) {
			open_drop(o);
			continue;
		}
		count_thing("durable opens lost");
		story(o->inode, "s%u lost its durable v%u open", s->n, o->durable);
		o->had = o->cache ? o->cache->state : 0;
		o->lost_at = now;
		open_ends(o);
		o->session = NULL;
		list_del(&o->session_node);
		list_add_tail(&o->session_node, &s->client->lost);
	}
	s->nopens = 0;
}

void link_cut(struct link *l)
{
	struct session *s = l->session;
	struct linger reset = { 1, 0 };
	struct open *o;
	unsigned int n = 0;

	tick();
	if (chance(&s->random, 50))
		setsockopt(l->w.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	wire_free(&l->w);
	for (unsigned int i = 0; i < s->nlinks; i++)
		if (s->links[i] != l)
			s->links[n++] = s->links[i];
	s->nlinks = n;
	if (!n)
		lose_opens(s);
	list_for_each (o, &s->opens, session_node) /* a break may have been on its way here */
		if (o->cache && !o->cache->doubt)
			o->cache->doubt = now;
	while (!list_empty(&l->requests))
		request_end(list_first(&l->requests, struct request, node), NULL);
	l->session = NULL;
}

void session_cut(struct session *s)
{
	story(NULL, "s%u is cut", s->n);
	while (s->nlinks)
		link_cut(s->links[s->nlinks - 1]);
	s->not_before = now + below(&s->random, chance(&s->random, 80) ? 500 : 5000) * 1000000ull;
}

/* ---- requests ---- */

struct request *request_new(struct link *l, uint16_t command, struct open *o,
			    void (*done)(struct request *q, const struct answer *a))
{
	struct request *q = xcalloc(1, sizeof(*q));

	q->link = l;
	q->session = l->session;
	q->command = command;
	q->done = done;
	q->must_answer = NEVER;
	if (o) {
		q->open = open_ref(o);
		o->inflight++;
	}
	list_add_tail(&q->node, &l->requests);
	l->inflight++;
	return q;
}

static void put_message(struct link *l, const struct smb2_hdr *h, const struct smb2_wr *body)
{
	uint8_t msg[SMB2_HDR_SIZE + BLOCK * BLOCKS + 1024];
	struct smb2_wr w = wr_init(msg, sizeof(msg));
	enum protection p = l->session->m.protection;

	smb2_hdr_put(&w, h);
	wr_bytes(&w, body->buf, body->off);
	if (!wr_ok(&w) || body->bad) {
		fprintf(stderr, "chaos: a request of ours is too long\n");
		exit(2);
	}
	if (p == SIGNED)
		wire_sign(&l->w, msg, w.off);
	wire_send_message(&l->w, msg, w.off, p == SEALED);
}

void request_send(struct request *q, const struct smb2_wr *body)
{
	struct link *l = q->link;
	struct smb2_hdr h = { .command = q->command,
			      .credits = 1,
			      .credit_charge = 1,
			      .message_id = l->w.next_mid++,
			      .tree_id = q->command == SMB2_LOGOFF ? 0 : l->w.trees[0],
			      .session_id = l->w.session_id };

	tick();
	q->mid = h.message_id;
	q->sent = now;
	put_message(l, &h, body);
}

void request_cancel(struct request *q)
{
	struct smb2_hdr h = { .command = SMB2_CANCEL,
			      .message_id = q->mid,
			      .flags = q->async_id ? SMB2_FLAGS_ASYNC_COMMAND : 0,
			      .async_id = q->async_id,
			      .session_id = q->link->w.session_id };
	uint8_t buf[4];
	struct smb2_wr w = wr_init(buf, sizeof(buf));

	tick();
	q->cancelled_at = now;
	q->must_answer = now + 2 * set.grace_ns;
	wr_le16(&w, 4);
	wr_le16(&w, 0);
	put_message(q->link, &h, &w);
	count_thing("CANCELs");
}

unsigned int net_inflight(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < LINKS_MAX; i++)
		n += links[i].session ? links[i].inflight : 0;
	return n;
}

/* ---- answers ---- */

static void took(struct link *l, const struct answer *a)
{
	struct request *q;

	if (a->signature < 0)
		violation(NULL, "form", "s%u: a wrong signature", l->session->n);
	if (a->h.message_id == UINT64_MAX) {
		cache_broken(l, a);
		return;
	}
	list_for_each (q, &l->requests, node)
		if (q->mid == a->h.message_id)
			break;
	if (&q->node == &l->requests) {
		violation(NULL, "form", "s%u: an answer to nothing (%s)", l->session->n,
			  nt_name(a->h.status));
	} else if (a->h.status == NT_STATUS_PENDING) {
		q->pending_at = now;
		q->async_id = a->h.async_id;
	} else {
		count_answer(q->command, a->h.status);
		request_end(q, a);
	}
}

static void take(struct link *l)
{
	struct session *s = l->session;
	struct answer *a;
	size_t n;

	wire_take(&l->w, 0);
	a = steal_ptr(&l->w.answers);
	n = l->w.nanswers;
	l->w.nanswers = l->w.answers_cap = 0;
	for (size_t i = 0; i < n; i++) {
		tick();
		if (l->session)
			took(l, &a[i]);
		free(a[i].p);
	}
	free(a);
	if (!l->session)
		return;
	if (l->w.broken)
		violation(NULL, "form", "s%u: %s", s->n, l->w.broken);
	if (!l->w.closed && !l->w.broken)
		return;
	if (!s->ending)
		violation(NULL, "connection", "s%u: the server closed it", s->n);
	link_cut(l);
}

static void overdue(struct link *l)
{
	struct request *q;

	list_for_each (q, &l->requests, node) {
		uint64_t by = q->must_answer;

		if (by == NEVER && !q->patient)
			by = q->sent + ANSWER_S * NS_PER_S + 2 * set.grace_ns;
		if (now < by)
			continue;
		violation(q->open ? q->open->inode : NULL, "waiting",
			  "s%u: no answer to command %u \"%s\" sent at %.6f%s", l->session->n,
			  q->command, q->name, (double)q->sent / NS_PER_S,
			  q->cancelled_at ? ", and it is cancelled" : "");
		q->must_answer = NEVER;
		q->patient = true;
	}
}

void net_poll(int timeout_ms)
{
	struct pollfd p[LINKS_MAX];
	struct link *of[LINKS_MAX];
	nfds_t n = 0;

	for (struct link *l = links; l < links + LINKS_MAX; l++) {
		if (!l->session)
			continue;
		of[n] = l;
		p[n++] = (struct pollfd) { l->w.fd, POLLIN, 0 };
	}
	if (poll(p, n, timeout_ms) < 0)
		return;
	for (nfds_t i = 0; i < n; i++)
		if (of[i]->session && (p[i].revents || of[i]->w.nanswers))
			take(of[i]);
	tick();
	for (nfds_t i = 0; i < n; i++)
		if (of[i]->session)
			overdue(of[i]);
}
