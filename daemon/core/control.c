/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.c - the server's side of the control socket.
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/control.h"

#define VERBS_MAX 32

struct client {
	struct list_head link;
	int fd;
	char *in; /* CONTROL_REQUEST_MAX, allocated with the first byte */
	size_t in_len;
	char *out; /* reply under way, or NULL; requests wait behind it */
	size_t out_len, out_done;
	bool eof; /* said all: goes when the reply is out */
	int pass; /* goes along with the first byte of the reply; -1: none */
	void (*gone)(void *arg);
	void *gone_arg;
};

struct verb {
	const char *name;
	control_fn fn;
	void *arg;
};

struct control {
	int epfd, listener;
	char *path;
	struct list_head clients;
	unsigned int nclients;
	struct verb verbs[VERBS_MAX];
	unsigned int nverbs;
	struct list_head dead; /* freed when no event can name them any more */
	struct client *asking; /* whose request is being answered */
};

/* ---- clients ---- */

static void client_drop(struct control *c, struct client *cl)
{
	epoll_ctl(c->epfd, EPOLL_CTL_DEL, cl->fd, NULL);
	close(cl->fd);
	cl->fd = -1;
	if (cl->pass >= 0)
		close(steal_fd(&cl->pass));
	if (cl->gone)
		cl->gone(cl->gone_arg);
	list_del(&cl->link);
	list_add_tail(&cl->link, &c->dead);
	c->nclients--;
}

static void bury(struct control *c)
{
	struct client *cl, *next;

	list_for_each_safe (cl, next, &c->dead, link) {
		list_del(&cl->link);
		free(cl->in);
		free(cl->out);
		free(cl);
	}
}

static void watch(struct control *c, struct client *cl)
{
	struct epoll_event ev = { .events = cl->out ? EPOLLOUT : EPOLLIN, .data.ptr = cl };

	epoll_ctl(c->epfd, EPOLL_CTL_MOD, cl->fd, &ev);
}

static void accept_one(struct control *c)
{
	struct epoll_event ev = { .events = EPOLLIN };
	_cleanup_close_ int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *cl;

	if (fd < 0)
		return;
	/* The oldest has waited longest for its end: a full house never locks the owner out. */
	if (c->nclients >= CONTROL_CLIENTS_MAX)
		client_drop(c, list_first(&c->clients, struct client, link));
	cl = xcalloc(1, sizeof(*cl));
	ev.data.ptr = cl;
	if (epoll_ctl(c->epfd, EPOLL_CTL_ADD, fd, &ev)) {
		free(cl);
		return;
	}
	cl->fd = steal_fd(&fd);
	cl->pass = -1;
	list_add_tail(&cl->link, &c->clients);
	c->nclients++;
}

/* ---- requests ---- */

static char *dispatch(struct control *c, struct json_object *req, struct json_object *reply)
{
	struct json_object *v;
	const char *name;

	if (!req || !json_object_is_type(req, json_type_object))
		return xstrdup("The request is not a JSON object on one line.");
	if (!json_object_object_get_ex(req, "verb", &v) ||
	    !json_object_is_type(v, json_type_string))
		return xstrdup("The request names no verb.");
	name = json_object_get_string(v);
	for (unsigned int i = 0; i < c->nverbs; i++)
		if (!strcmp(c->verbs[i].name, name))
			return c->verbs[i].fn(c->verbs[i].arg, req, reply);
	return xasprintf("This server does not know the request \"%.64s\".", name);
}

static struct json_object *parse_request(const char *line, size_t n)
{
	struct json_tokener *tok = json_tokener_new_ex(8);
	struct json_object *req = NULL;

	if (!tok)
		return NULL;
	req = json_tokener_parse_ex(tok, line, (int)n);
	/* A number or the like is complete only when the text ends. */
	if (!req && json_tokener_get_error(tok) == json_tokener_continue)
		req = json_tokener_parse_ex(tok, "", 1);
	json_tokener_free(tok);
	return req;
}

static void answer(struct control *c, struct client *cl, const char *line, size_t n)
{
	struct json_object *req = parse_request(line, n);
	struct json_object *reply = json_object_new_object();
	_cleanup_free_ char *error = NULL;
	const char *text;

	c->asking = cl;
	error = dispatch(c, req, reply);
	c->asking = NULL;
	if (error) {
		json_object_put(reply);
		reply = json_object_new_object();
		json_object_object_add(reply, "error", json_object_new_string(error));
	}
	json_object_object_add(reply, "ok", json_object_new_boolean(!error));
	text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN);
	cl->out_len = strlen(text) + 1;
	cl->out_done = 0;
	cl->out = xmalloc(cl->out_len + 1);
	snprintf(cl->out, cl->out_len + 1, "%s\n", text);
	json_object_put(reply);
	json_object_put(req);
}

/* As send(); a file that is to be passed goes with it. */
static ssize_t send_some(struct client *cl)
{
	struct iovec iov = { cl->out + cl->out_done, cl->out_len - cl->out_done };
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} ctl = { .hdr = { .cmsg_len = CMSG_LEN(sizeof(int)),
			   .cmsg_level = SOL_SOCKET,
			   .cmsg_type = SCM_RIGHTS } };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (cl->pass >= 0) {
		memcpy(CMSG_DATA(&ctl.hdr), &cl->pass, sizeof(cl->pass));
		m.msg_control = &ctl;
		m.msg_controllen = sizeof(ctl);
	}
	n = sendmsg(cl->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n >= 0 && cl->pass >= 0)
		close(steal_fd(&cl->pass));
	return n;
}

/* true: the reply is out, or there is none. */
static bool flush_reply(struct control *c, struct client *cl)
{
	while (cl->out) {
		ssize_t n = send_some(cl);

		if (n < 0 && errno == EAGAIN) {
			watch(c, cl);
			return false;
		}
		if (n < 0) {
			client_drop(c, cl);
			return false;
		}
		cl->out_done += (size_t)n;
		if (cl->out_done == cl->out_len) {
			free(cl->out);
			cl->out = NULL;
		}
	}
	watch(c, cl);
	return true;
}

/* Answers the whole lines that are there, one by one, as fast as the client takes the replies. */
static void serve_lines(struct control *c, struct client *cl)
{
	char *nl;

	while (flush_reply(c, cl)) {
		size_t n;

		nl = cl->in ? memchr(cl->in, '\n', cl->in_len) : NULL;
		if (!nl) {
			if (cl->eof || cl->in_len == CONTROL_REQUEST_MAX)
				client_drop(c, cl);
			return;
		}
		n = (size_t)(nl - cl->in);
		answer(c, cl, cl->in, n);
		cl->in_len -= n + 1;
		memmove(cl->in, nl + 1, cl->in_len);
	}
}

static void client_ready(struct control *c, struct client *cl)
{
	ssize_t n;

	if (!cl->out) {
		if (!cl->in)
			cl->in = xmalloc(CONTROL_REQUEST_MAX);
		n = recv(cl->fd, cl->in + cl->in_len, CONTROL_REQUEST_MAX - cl->in_len,
			 MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			client_drop(c, cl);
			return;
		}
		cl->in_len += (size_t)n;
		cl->eof = !n;
	}
	serve_lines(c, cl);
}

/* ---- the interface ---- */

static int listen_on(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	mode_t old;
	int rc;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	old = umask(0177);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 16) ? -errno : 0;
	umask(old);
	return rc ? rc : steal_fd(&fd);
}

struct control *control_open(const char *run_dir, int *err)
{
	struct control *c = xcalloc(1, sizeof(*c));
	struct epoll_event ev = { .events = EPOLLIN };

	list_init(&c->clients);
	list_init(&c->dead);
	c->path = xasprintf("%s/%s", run_dir, CONTROL_SOCKET);
	c->epfd = epoll_create1(EPOLL_CLOEXEC);
	*err = c->epfd < 0 ? -errno : 0;
	c->listener = listen_on(c->path);
	if (c->listener < 0)
		*err = c->listener;
	else if (!*err && epoll_ctl(c->epfd, EPOLL_CTL_ADD, c->listener, &ev))
		*err = -errno;
	if (!*err)
		return c;
	control_close(c);
	return NULL;
}

void control_register(struct control *c, const char *verb, control_fn fn, void *arg)
{
	if (c->nverbs < VERBS_MAX)
		c->verbs[c->nverbs++] = (struct verb) { verb, fn, arg };
}

void control_pass(struct control *c, int fd, void (*gone)(void *arg), void *arg)
{
	if (c->asking->pass >= 0)
		close(c->asking->pass);
	if (c->asking->gone)
		c->asking->gone(c->asking->gone_arg);
	c->asking->pass = fd;
	c->asking->gone = gone;
	c->asking->gone_arg = arg;
}

int control_fd(const struct control *c)
{
	return c->epfd;
}

void control_run(struct control *c)
{
	struct epoll_event ev[16];
	int n = epoll_wait(c->epfd, ev, ARRAY_SIZE(ev), 0);

	for (int i = 0; i < n; i++) {
		struct client *cl = ev[i].data.ptr;

		if (!cl)
			accept_one(c);
		else if (cl->fd >= 0)
			client_ready(c, cl);
	}
	bury(c);
}

void control_close(struct control *c)
{
	struct client *cl, *next;

	if (!c)
		return;
	list_for_each_safe (cl, next, &c->clients, link)
		client_drop(c, cl);
	bury(c);
	if (c->listener >= 0) {
		close(c->listener);
		unlink(c->path);
	}
	if (c->epfd >= 0)
		close(c->epfd);
	free(c->path);
	free(c);
}
