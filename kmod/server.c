// SPDX-License-Identifier: GPL-2.0-only
/*
 * server.c - servers: one per daemon, alive as long as its descriptor; connections that are still
 * ending hold it a little longer, without handles.
 */
#include <linux/anon_inodes.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "kmod.h"
#include "server.h"

DEFINE_PER_CPU(long, kh_objects[KH_OBJS]);

static const char *const object_names[KH_OBJS] = {
	[KH_OBJ_SERVER] = "servers", [KH_OBJ_CONN] = "connections", [KH_OBJ_CHAN] = "sessions",
	[KH_OBJ_HANDLE] = "handles", [KH_OBJ_REQ] = "requests",	    [KH_OBJ_TX] = "replies",
	[KH_OBJ_UP] = "upcalls",
};

static DEFINE_MUTEX(servers_lock); /* the list; outside server.lock */
static LIST_HEAD(servers);
static u32 last_id;
static struct dentry *debug_dir;

static void server_free(struct kref *ref)
{
	struct kh_server *s = container_of(ref, struct kh_server, ref);

	if (s->has_maps) {
		kvfree(s->handles);
		kh_maps_put(&s->maps);
	}
	put_net(s->net);
	kh_count(KH_OBJ_SERVER, -1);
	kfree(s);
}

void kh_server_get(struct kh_server *s)
{
	kref_get(&s->ref);
}

void kh_server_put(struct kh_server *s)
{
	kref_put(&s->ref, server_free);
}

/* ---- the descriptor ---- */

static int server_release(struct inode *inode, struct file *file)
{
	struct kh_server *s = file->private_data;

	mutex_lock(&servers_lock);
	list_del(&s->node);
	mutex_unlock(&servers_lock);
	mutex_lock(&s->lock);
	s->dead = true; /* nothing is given to it any more */
	mutex_unlock(&s->lock);
	kh_handles_drop(s);
	kh_server_put(s);
	return 0;
}

static const struct file_operations server_fops = {
	.owner = THIS_MODULE,
	.release = server_release,
};

struct file *kh_server_open(struct net *net, const char *instance, struct kh_server **out)
{
	struct kh_server *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!s)
		return ERR_PTR(-ENOMEM);
	kref_init(&s->ref);
	mutex_init(&s->lock);
	INIT_LIST_HEAD(&s->conns);
	strscpy(s->instance, instance, sizeof(s->instance));
	file = anon_inode_getfile("[ksmbd-hybrid]", &server_fops, s, O_RDWR);
	if (IS_ERR(file)) {
		kfree(s);
		return file;
	}
	s->net = get_net(net);
	kh_count(KH_OBJ_SERVER, 1);
	mutex_lock(&servers_lock);
	s->id = ++last_id;
	list_add_tail(&s->node, &servers);
	mutex_unlock(&servers_lock);
	*out = s;
	return file;
}

struct kh_server *kh_server_of(struct file *file)
{
	return file->f_op == &server_fops ? file->private_data : NULL;
}

struct kh_server *kh_server_next(const struct net *net, u32 id)
{
	struct kh_server *s, *found = NULL;

	mutex_lock(&servers_lock);
	list_for_each_entry(s, &servers, node) {
		if (s->id >= id && net_eq(s->net, net)) {
			kh_server_get(s);
			found = s;
			break;
		}
	}
	mutex_unlock(&servers_lock);
	return found;
}

/* ---- maps ---- */

int kh_server_bind_maps(struct kh_server *s, int handles_fd, int conns_fd, int op_stats_fd,
			struct netlink_ext_ack *extack)
{
	struct kh_maps maps = {};
	void *handles;
	int err;

	err = kh_maps_get(&maps, handles_fd, conns_fd, op_stats_fd, extack);
	if (err)
		return err;
	handles = kvcalloc(maps.nhandles, sizeof(*s->handles), GFP_KERNEL_ACCOUNT);
	if (!handles) {
		err = -ENOMEM;
		goto put;
	}
	mutex_lock(&s->lock);
	if (s->has_maps) {
		NL_SET_ERR_MSG(extack, "the server has its maps already");
		err = -EALREADY;
	} else {
		s->maps = maps;
		s->handles = handles;
		/* Who sees it without the lock sees the maps. */
		smp_store_release(&s->has_maps, true);
	}
	mutex_unlock(&s->lock);
	if (!err)
		return 0;
	kvfree(handles);
put:
	kh_maps_put(&maps);
	return err;
}

/* ---- debugfs ---- */

static long objects(enum kh_object what)
{
	long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += per_cpu(kh_objects[what], cpu);
	return n;
}

static int objects_show(struct seq_file *m, void *unused)
{
	int i;

	for (i = 0; i < KH_OBJS; i++)
		seq_printf(m, "%s %ld\n", object_names[i], objects(i));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(objects);

void kh_servers_init(void)
{
	debug_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("objects", 0400, debug_dir, NULL, &objects_fops);
}

/* What is left is a leak: said here, as nobody can look any more. */
void kh_servers_exit(void)
{
	int i;

	debugfs_remove_recursive(debug_dir);
	for (i = 0; i < KH_OBJS; i++)
		WARN(objects(i), "%s left: %ld\n", object_names[i], objects(i));
}
