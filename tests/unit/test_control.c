/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_control.c - the control socket with good, slow, greedy and dying clients.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/control.h"
#include "tap.h"

static char dir[] = "/tmp/test_control.XXXXXX";
static atomic_bool stop;

static char *echo_verb(void *arg, struct json_object *req, struct json_object *reply)
{
	struct json_object *v;

	if (!json_object_object_get_ex(req, "say", &v))
		return xstrdup("Nothing to say.");
	json_object_object_add(reply, "said", json_object_get(v));
	return arg ? NULL : xstrdup("no argument");
}

static char *big_verb(void *arg, struct json_object *req, struct json_object *reply)
{
	struct json_object *a = json_object_new_array();

	(void)arg;
	(void)req;
	for (int i = 0; i < 200000; i++)
		json_object_array_add(a, json_object_new_int(i));
	json_object_object_add(reply, "numbers", a);
	return NULL;
}

/* ---- a file goes along, and the end of the client is known ---- */

static struct control *control;
static atomic_int gone;

static void went(void *arg)
{
	gone += (int)(intptr_t)arg;
}

static char *pass_verb(void *arg, struct json_object *req, struct json_object *reply)
{
	int p[2];

	(void)arg;
	(void)req;
	(void)reply;
	if (pipe(p))
		return xstrdup("no pipe");
	if (write(p[1], "through", 7) != 7)
		return xstrdup("a full pipe");
	close(p[1]);
	control_pass(control, p[0], went, (void *)1);
	return NULL;
}

static bool soon(atomic_int *v, int value)
{
	for (int i = 0; i < 500 && *v != value; i++)
		usleep(10000);
	return *v == value;
}

static void *server(void *arg)
{
	struct control *c = arg;

	while (!stop) {
		struct pollfd p = { .fd = control_fd(c), .events = POLLIN };

		if (poll(&p, 1, 20) > 0)
			control_run(c);
	}
	return NULL;
}

static int call(const char *text, struct json_object **reply)
{
	struct json_object *req = json_tokener_parse(text);
	int rc = control_call(dir, req, 5000, reply);

	json_object_put(req);
	return rc;
}

static const char *member(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) ? json_object_get_string(v) : NULL;
}

static int raw_connect(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/control.sock", dir);
	return connect(fd, (void *)&sa, sizeof(sa)) ? -1 : fd;
}

static void test_calls(void)
{
	struct json_object *r = NULL, *v;

	is_int(call("{\"verb\":\"echo\",\"say\":\"hi\\n\"}", &r), 0, "call");
	is_str(member(r, "ok"), "true", "ok");
	is_str(member(r, "said"), "hi\n", "reply");
	json_object_put(r);
	call("{\"verb\":\"echo\"}", &r);
	is_str(member(r, "ok"), "false", "refused");
	is_str(member(r, "error"), "Nothing to say.", "by a sentence");
	json_object_put(r);
	call("{\"verb\":\"nothing\"}", &r);
	ok(strstr(member(r, "error"), "does not know"), "unknown verb");
	json_object_put(r);
	call("[1]", &r);
	is_str(member(r, "ok"), "false", "not an object");
	json_object_put(r);
	is_int(call("{\"verb\":\"big\"}", &r), 0, "large reply");
	ok(json_object_object_get_ex(r, "numbers", &v) && json_object_array_length(v) == 200000,
	   "whole");
	json_object_put(r);
}

static void test_bad_clients(void)
{
	int fds[CONTROL_CLIENTS_MAX + 10], fd = raw_connect();
	struct json_object *r = NULL;
	char buf[4096], junk[8192];
	ssize_t n = 0;

	ok(fd >= 0 && send(fd, "}}{\n{\"verb\":\"echo\",\"say\":1}\n", 28, 0) == 28, "two lines");
	for (size_t got = 0; got < sizeof(buf) - 1 && (n < 2 || !strstr(buf, "said"));) {
		n = recv(fd, buf + got, sizeof(buf) - 1 - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
		buf[got] = 0;
		n = (ssize_t)got;
	}
	ok(n > 0 && strstr(buf, "not a JSON object") && strstr(buf, "\"said\":1"), "two answers");
	close(fd);
	fd = raw_connect();
	memset(junk, 'x', sizeof(junk));
	while (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) > 0)
		;
	ok(recv(fd, buf, sizeof(buf), 0) <= 0, "an endless line ends the connection");
	close(fd);
	/* Asks for much and reads nothing, then dies. */
	fd = raw_connect();
	ok(send(fd, "{\"verb\":\"big\"}\n{\"verb\":\"big\"}\n", 30, 0) == 30, "greedy");
	usleep(50000);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = raw_connect();
	is_int(call("{\"verb\":\"echo\",\"say\":2}", &r), 0, "a full house lets the next one in");
	json_object_put(r);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_files(void)
{
	struct json_object *req = json_tokener_parse("{\"verb\":\"pass\"}"), *r = NULL;
	int sock = -1, passed = -1, fd;
	char buf[16] = "";

	is_int(control_call_fd(dir, req, 5000, &r, &sock, &passed), 0, "a call for a file");
	ok(passed >= 0 && read(passed, buf, sizeof(buf)) == 7 && !strcmp(buf, "through"),
	   "the file came");
	is_int(gone, 0, "the client is there");
	json_object_put(r);
	close(passed);
	close(sock);
	ok(soon(&gone, 1), "its end is known");
	/* A second file of the same client ends the first; who reads nothing leaves nothing. */
	fd = raw_connect();
	ok(send(fd, "{\"verb\":\"pass\"}\n{\"verb\":\"pass\"}\n", 32, 0) == 32, "two at once");
	ok(soon(&gone, 2), "the first ended");
	close(fd);
	ok(soon(&gone, 3), "and the second");
	json_object_put(req);
	req = json_tokener_parse("{\"verb\":\"echo\",\"say\":1}");
	is_int(control_call_fd(dir, req, 5000, &r, &sock, &passed), 0, "a verb that passes none");
	is_int(passed, -1, "there is none");
	json_object_put(r);
	close(sock);
	json_object_put(req);
}

int main(void)
{
	_cleanup_free_ char *path = NULL;
	struct json_object *r;
	struct control *c;
	struct stat st;
	pthread_t t;
	int err;

	if (!mkdtemp(dir))
		return skip_all("no temporary folder");
	is_int(call("{}", &r), -ENOENT, "nobody there");
	c = control_open(dir, &err);
	ok(c, "open");
	if (!c)
		return done_testing();
	path = xasprintf("%s/control.sock", dir);
	ok(!stat(path, &st) && (st.st_mode & 07777) == 0600, "mode 0600");
	control_register(c, "echo", echo_verb, c);
	control_register(c, "big", big_verb, NULL);
	control_register(c, "pass", pass_verb, NULL);
	control = c;
	pthread_create(&t, NULL, server, c);
	test_calls();
	test_bad_clients();
	test_files();
	stop = true;
	pthread_join(t, NULL);
	control_close(c);
	ok(!rmdir(dir), "the socket is gone");
	ok(!control_open("/nonexistent/folder", &err) && err == -ENOENT, "no folder");
	return done_testing();
}
