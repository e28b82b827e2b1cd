// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * metrics_http.c - a listener that answers GET /metrics, and nothing else: one request per
 * connection, bounded in number and size; a newcomer takes the place of who has been here longest.
 */
#include "config/config.h"
#include "core/metrics.h"
#include "core/util.h"

#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>

#define REQUEST_MAX 4096
#define BACKLOG	    64

struct client {
	struct list_head link;
	int fd;
	char in[REQUEST_MAX + 1];
	size_t in_len;
	char *out; /* NULL: the request is not complete yet */
	size_t out_len, out_done;
};

struct metrics_http {
	int epfd, listener;
	char *where;
	char *path; /* of a Unix socket, to be removed; or NULL */
	const struct view *v;
	struct list_head clients;
	unsigned int nclients;
	struct list_head dead; /* freed when no event can name them any more */
};

/* ---- clients ---- */

static void drop(struct metrics_http *m, struct client *c)
{
	close(c->fd);
	c->fd = -1;
	list_del(&c->link);
	list_add_tail(&c->link, &m->dead);
	m->nclients--;
}

static void bury(struct metrics_http *m)
{
	struct client *c, *next;

	list_for_each_safe (c, next, &m->dead, link) {
		list_del(&c->link);
		free(c->out);
		free(c);
	}
}

static void accept_one(struct metrics_http *m)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = accept4(m->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	if (fd < 0)
		return;
	if (m->nclients >= METRICS_CLIENTS_MAX)
		drop(m, list_first(&m->clients, struct client, link));
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	ev.data.ptr = c;
	list_add_tail(&c->link, &m->clients);
	m->nclients++;
	if (epoll_ctl(m->epfd, EPOLL_CTL_ADD, fd, &ev))
		drop(m, c);
}

/* ---- requests ---- */

static void reply(struct client *c, const char *status, const char *type, const char *more,
		  const char *body, bool head)
{
	c->out = xasprintf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
			   "Connection: close\r\n\r\n%s",
			   status, type, strlen(body), more, head ? "" : body);
	c->out_len = strlen(c->out);
}

static void refuse(struct client *c, const char *status, const char *more)
{
	_cleanup_free_ char *body = xasprintf("%s\n", status);

	reply(c, status, "text/plain", more, body, false);
}

static void answer(struct metrics_http *m, struct client *c)
{
	char method[8], target[256], version[16];
	_cleanup_free_ char *text = NULL;
	bool head;

	if (sscanf(c->in, "%7[A-Z] %255[^ \r\n] %15[^ \r\n]", method, target, version) != 3 ||
	    strncmp(version, "HTTP/1.", 7) != 0) {
		refuse(c, "400 Bad Request", "");
		return;
	}
	head = !strcmp(method, "HEAD");
	target[strcspn(target, "?")] = 0;
	if (!head && strcmp(method, "GET") != 0)
		refuse(c, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
	else if (strcmp(target, "/metrics") != 0)
		refuse(c, "404 Not Found", "");
	else if (!(text = metrics_text(m->v)))
		refuse(c, "503 Service Unavailable", "");
	else
		reply(c, "200 OK", METRICS_TYPE, "", text, head);
}

/* The empty line is there: nothing behind it is of interest. */
static bool complete(const struct client *c)
{
	return strstr(c->in, "\r\n\r\n") || strstr(c->in, "\n\n");
}

static void take(struct metrics_http *m, struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, REQUEST_MAX - c->in_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(m, c);
		return;
	}
	c->in_len += (size_t)n;
	if (complete(c))
		answer(m, c);
	else if (c->in_len == REQUEST_MAX || memchr(c->in, 0, c->in_len))
		refuse(c, "400 Bad Request", "");
}

static void give(struct metrics_http *m, struct client *c)
{
	struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = c };

	while (c->out_done < c->out_len) {
		ssize_t n =
			send(c->fd, c->out + c->out_done, c->out_len - c->out_done, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			epoll_ctl(m->epfd, EPOLL_CTL_MOD, c->fd, &ev);
			return;
		}
		if (n < 0)
			break;
		c->out_done += (size_t)n;
	}
	shutdown(c->fd, SHUT_WR);
	drop(m, c);
}

void metrics_http_run(struct metrics_http *m)
{
	struct epoll_event ev[METRICS_CLIENTS_MAX + 1];
	int n = epoll_wait(m->epfd, ev, ARRAY_SIZE(ev), 0);

	for (int i = 0; i < n; i++) {
		struct client *c = ev[i].data.ptr;

		if (!c) {
			accept_one(m);
			continue;
		}
		if (c->fd >= 0 && !c->out)
			take(m, c);
		if (c->fd >= 0 && c->out)
			give(m, c);
	}
	bury(m);
}

int metrics_http_fd(const struct metrics_http *m)
{
	return m ? m->epfd : -1;
}

/* ---- the listener ---- */

/* A socket file that a dead server left is replaced; anything else that stands there is not. */
static int bind_unix(int fd, const struct sockaddr *sa, socklen_t len, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	if (fchmod(fd, 0600) < 0) /* bind() takes it from there */
		return -errno;
	return bind(fd, sa, len) < 0 ? -errno : 0;
}

static int listen_at(struct metrics_http *m, const struct conf_metrics_listen *where)
{
	struct epoll_event ev = { .events = EPOLLIN };
	const struct sockaddr *sa = (const struct sockaddr *)&where->addr;
	int one = 1, err = 0;

	m->epfd = epoll_create1(EPOLL_CLOEXEC);
	m->listener = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (m->epfd < 0 || m->listener < 0)
		return -errno;
	if (sa->sa_family == AF_UNIX) {
		m->path = xstrdup(((const struct sockaddr_un *)&where->addr)->sun_path);
		err = bind_unix(m->listener, sa, where->len, m->path);
	} else {
		setsockopt(m->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		err = bind(m->listener, sa, where->len) < 0 ? -errno : 0;
	}
	if (err)
		free(steal_ptr(&m->path));
	if (!err && (listen(m->listener, BACKLOG) < 0 ||
		     epoll_ctl(m->epfd, EPOLL_CTL_ADD, m->listener, &ev) < 0))
		err = -errno;
	return err;
}

struct metrics_http *metrics_http_open(const char *where, const struct view *v, char **why)
{
	struct metrics_http *m = xcalloc(1, sizeof(*m));
	struct conf_metrics_listen l;
	const char *how = conf_parse_metrics_listen(where, &l);
	int err;

	m->epfd = m->listener = -1;
	m->v = v;
	m->where = xstrdup(where);
	list_init(&m->clients);
	list_init(&m->dead);
	err = how ? 0 : listen_at(m, &l);
	if (!how && !err)
		return m;
	*why = how ? xasprintf("metrics listen %s", how)
		   : xasprintf("metrics listen = %s: %s", where, strerror(-err));
	metrics_http_close(m);
	return NULL;
}

void metrics_http_close(struct metrics_http *m)
{
	struct client *c, *next;

	if (!m)
		return;
	list_for_each_safe (c, next, &m->clients, link)
		drop(m, c);
	bury(m);
	if (m->listener >= 0)
		close(m->listener);
	if (m->epfd >= 0)
		close(m->epfd);
	if (m->path)
		unlink(m->path);
	free(m->path);
	free(m->where);
	free(m);
}

char *metrics_http_move(struct metrics_http **m, const char *where, const struct view *v)
{
	char *why = NULL;

	if (*m && where && !strcmp((*m)->where, where))
		return NULL;
	metrics_http_close(steal_ptr(m));
	if (where)
		*m = metrics_http_open(where, v, &why);
	return why;
}
