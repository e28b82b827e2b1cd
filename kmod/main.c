// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - loading and unloading. The module can go when no server and no channel descriptor is
 * open: each holds a reference of it (their file_operations' owner). Until a daemon says HELLO it
 * does nothing.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "kmod.h"
#include "netlink_gen.h"
#include "server.h"

struct workqueue_struct *kh_wq, *kh_req_wq;

static int __init kh_init(void)
{
	int err = -ENOMEM;

	/*
	 * Not WQ_HIGHPRI: a connection under load would then starve the daemon's reactor on the
	 * same CPU, which clients wait for as well. WQ_MEM_RECLAIM: a client on this machine may
	 * write back its pages through us. Bound to CPUs, as io_work runs where the packets arrive.
	 */
	kh_wq = alloc_workqueue("ksmbd_hybrid", WQ_MEM_RECLAIM, 0);
	if (!kh_wq)
		return err;
	/*
	 * Requests that wait for a disk have a queue of their own: there may be more of them than
	 * one runs at a time, from one client, and they are not to hold up the other connections.
	 */
	kh_req_wq = alloc_workqueue("ksmbd_hybrid_req", WQ_MEM_RECLAIM, 0);
	if (!kh_req_wq)
		goto destroy_wq;
	kh_pages_init();
	kh_servers_init();
	err = genl_register_family(&kh_nl_family);
	if (err)
		goto exit_servers;
	return 0;
exit_servers:
	kh_servers_exit();
	destroy_workqueue(kh_req_wq);
destroy_wq:
	destroy_workqueue(kh_wq);
	return err;
}

static void __exit kh_exit(void)
{
	genl_unregister_family(&kh_nl_family);
	destroy_workqueue(kh_req_wq);
	destroy_workqueue(kh_wq);
	kh_rx_exit();
	kh_tx_exit();
	kh_call_exit();
	kh_pages_exit();
	kh_servers_exit();
	rcu_barrier(); /* objects that wait to be freed are counted, and may have code of ours */
}

module_init(kh_init);
module_exit(kh_exit);

MODULE_AUTHOR("The ksmbd-hybrid developers");
MODULE_DESCRIPTION("Data path of the ksmbd-hybrid SMB server");
MODULE_LICENSE("GPL");
MODULE_VERSION(KH_VERSION);
MODULE_ALIAS_GENL_FAMILY(KSMBD_HYBRID_FAMILY_NAME);
/* Asked for by name when a session is set; here so that they are in an initramfs and loaded. */
MODULE_SOFTDEP("pre: gcm ccm cmac cbc hmac sha256 aes");
