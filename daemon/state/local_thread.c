// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * local_thread.c - the thread that waits for local programs, see local.h. It is started by the
 * first who needs it, and sleeps until there is something to ask or a signal comes.
 */
#include <signal.h>
#include <sys/syscall.h>

#include "state/local.h"

static struct {
	pthread_mutex_t lock; /* innermost */
	struct list_head polls;
	pthread_t thread;
	_Atomic pid_t tid;
} local = { .lock = PTHREAD_MUTEX_INITIALIZER, .polls = { &local.polls, &local.polls } };
static pthread_once_t once = PTHREAD_ONCE_INIT;

int local_signal(void)
{
	return SIGRTMIN + 5;
}

static bool any_polls(void)
{
	bool any;

	pthread_mutex_lock(&local.lock);
	any = !list_empty(&local.polls);
	pthread_mutex_unlock(&local.lock);
	return any;
}

static struct local_poll *take_first(struct list_head *l)
{
	struct local_poll *p = NULL;

	pthread_mutex_lock(&local.lock);
	if (!list_empty(l)) {
		p = list_first(l, struct local_poll, node);
		list_del(&p->node);
	}
	pthread_mutex_unlock(&local.lock);
	return p;
}

static void put_last(struct list_head *l, struct local_poll *p)
{
	pthread_mutex_lock(&local.lock);
	list_add_tail(&p->node, l);
	pthread_mutex_unlock(&local.lock);
}

/* Who is added meanwhile is asked too: he is new. */
static void ask_all(void)
{
	struct list_head again;
	struct local_poll *p;

	list_init(&again);
	while ((p = take_first(&local.polls)))
		if (p->fn(p))
			put_last(&again, p);
	while ((p = take_first(&again)))
		put_last(&local.polls, p);
}

static void *thread_main(void *arg)
{
	const struct timespec soon = { 0, LOCAL_POLL_NS }, later = { 1, 0 };
	uint64_t asked = 0;
	siginfo_t si;
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, local_signal());
	sigaddset(&set, SIGIO);
	atomic_store(&local.tid, (pid_t)syscall(SYS_gettid));
	for (;;) {
		int sig = sigtimedwait(&set, &si, any_polls() ? &soon : &later);

		if (sig == SIGIO) /* too many signals were queued, some are lost */
			local_lease_look();
		else if (sig > 0 && si.si_code > 0) /* the kernel's; a wake-up has SI_TKILL */
			local_lease_broken(si.si_fd);
		if (sig < 0 || now_ns() - asked >= LOCAL_POLL_NS) {
			ask_all();
			asked = now_ns();
		}
	}
	return NULL;
}

static void start(void)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&local.thread, NULL, thread_main, NULL) == 0) {
		pthread_detach(local.thread);
		while (!atomic_load(&local.tid))
			sched_yield();
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

pid_t local_thread_tid(void)
{
	pthread_once(&once, start);
	return atomic_load(&local.tid);
}

static void wake(void)
{
	if (local_thread_tid())
		(void)pthread_kill(local.thread, local_signal());
}

void local_poll_add(struct local_poll *p)
{
	bool first;

	pthread_mutex_lock(&local.lock);
	first = list_empty(&local.polls);
	list_add_tail(&p->node, &local.polls);
	pthread_mutex_unlock(&local.lock);
	if (first)
		wake();
}
