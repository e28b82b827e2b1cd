/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_nic.c - tune's logic without a network card: sets of CPUs, /proc/interrupts as different
 * drivers fill it, RSS tables, and the adviser.
 */
#include <linux/ethtool.h>

#include "../../ctl/nic.h"
#include "tap.h"

/* ---- sets of CPUs ---- */

static void list_is(const char *text, const char *want, unsigned int count)
{
	struct cpus s;
	char *out;

	ok(cpus_parse_list(&s, text), text);
	out = cpus_list(&s);
	is_str(out, want, "the list, written again");
	is_int(cpus_count(&s), count, "CPUs in it");
	free(out);
}

static void mask_is(const char *text, const char *list, const char *mask)
{
	struct cpus s, again;
	char *l, *m;

	ok(cpus_parse_mask(&s, text), text);
	l = cpus_list(&s);
	m = cpus_mask(&s);
	is_str(l, list, "the mask as a list");
	is_str(m, mask, "the mask, written again");
	ok(cpus_parse_mask(&again, m) && cpus_equal(&s, &again), "and read again");
	free(l);
	free(m);
}

static void test_cpus(void)
{
	static const char *const bad[] = { "x", "1-", "3-1", "1024", "1;2", "-1", "1,,2", "99999" };
	struct cpus s;

	list_is("0-3,8\n", "0-3,8", 5);
	list_is("", "", 0);
	list_is("\n", "", 0);
	list_is("0", "0", 1);
	list_is("0,1,2,5,63-65,1023", "0-2,5,63-65,1023", 8);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!cpus_parse_list(&s, bad[i]), bad[i]);
	mask_is("3\n", "0-1", "3");
	mask_is("00000000,00000000", "", "0");
	mask_is("1,00000001", "0,32", "1,00000001");
	mask_is("80000000,00000000,0000000f", "0-3,95", "80000000,00000000,0000000f");
	mask_is("0000,00000000,FF", "0-7", "ff");
	ok(!cpus_parse_mask(&s, "0x1"), "no hex prefix");
	cpus_parse_list(&s, "4,7,9");
	is_int(cpus_nth(&s, 1), 7, "the second");
	is_int(cpus_nth(&s, 3), -1, "there is no fourth");
	cpus_add(&s, 4000);
	is_int(cpus_count(&s), 3, "a CPU beyond the end is not added");
	ok(!cpus_has(&s, 4000), "nor had");
}

/* ---- /proc/interrupts ---- */

static const char ixgbe[] =
	"            CPU0       CPU1       CPU2       CPU3       \n"
	"   0:         36          0          0          0   IO-APIC   2-edge      timer\n"
	"   8:          0          1          0          0   IO-APIC   8-edge      rtc0\n"
	"  16:          0          0         29          0   IO-APIC  16-fasteoi   ehci_hcd:usb1, "
	"i801_smbus\n"
	"  64:   18273645       1002          7          0   PCI-MSI 1572864-edge      "
	"eth0-TxRx-0\n"
	"  65:          0   99182736          0          0   PCI-MSI 1572865-edge      "
	"eth0-TxRx-1\n"
	"  66:          0          0   71625344          0   PCI-MSI 1572866-edge      "
	"eth0-TxRx-2\n"
	"  67:          0          0          0          5   PCI-MSI 1572867-edge      "
	"eth0-TxRx-3\n"
	"  68:          2          0          0          0   PCI-MSI 1572868-edge      eth0\n"
	" NMI:        111        112        113        114   Non-maskable interrupts\n"
	" ERR:          0\n";

static const char mlx5[] =
	"            CPU0       CPU1       CPU3\n"
	" 120:         11          0          0  PCI-MSIX-0000:3b:00.0   0-edge      "
	"mlx5_async0@pci:0000:3b:00.0\n"
	" 121:    4000000          1          2  PCI-MSIX-0000:3b:00.0   1-edge      "
	"mlx5_comp0@pci:0000:3b:00.0\n"
	" 122:          0    5000000          0  PCI-MSIX-0000:3b:00.0   2-edge      "
	"mlx5_comp1@pci:0000:3b:00.0\n"
	" 123:          0          0          0  PCI-MSIX-0000:3b:00.0   3-edge      \n";

static const char arm_hyperv[] =
	"           CPU0       CPU1\n"
	" 21:     654321         12     GICv3  27 Level     arch_timer\n"
	" 45:          1      77777   ITS-MSI 524289 Edge      ens5-Tx-Rx-1\n"
	" 24:          0       8888   Hyper-V PCIe MSI 3221225472-edge      mlx5_comp3@pci:1:00.0\n"
	"IPI0:    123456     654321       Rescheduling interrupts\n";

static void line_is(const struct irq_lines *l, unsigned int irq, uint64_t count, const char *name)
{
	const struct irq_line *line = irq_lines_find(l, irq);

	ok(line != NULL, name);
	if (!line)
		return;
	is_int(line->count, count, "its count");
	is_str(line->name, name, "its name");
}

static void test_interrupts(void)
{
	static const char *const broken[] = { "",
					      "CPU0\n",
					      "CPU0",
					      "CPU0\n1",
					      "CPU0\n1:",
					      "CPU0 CPU1\n 1: 5",
					      "CPU0\n:\n\n1:x\n",
					      "\n\n\n" };
	struct irq_lines l = irq_lines_parse(ixgbe);

	is_int(l.n, 8, "ixgbe: numbered lines");
	line_is(&l, 64, 18274654, "eth0-TxRx-0");
	line_is(&l, 67, 5, "eth0-TxRx-3");
	line_is(&l, 68, 2, "eth0");
	line_is(&l, 16, 29, "ehci_hcd:usb1, i801_smbus");
	ok(!irq_lines_find(&l, 111), "counts are not lines");
	free(l.v);
	l = irq_lines_parse(mlx5);
	is_int(l.n, 4, "mlx5: numbered lines");
	line_is(&l, 121, 4000003, "mlx5_comp0@pci:0000:3b:00.0");
	line_is(&l, 123, 0, "");
	free(l.v);
	l = irq_lines_parse(arm_hyperv);
	line_is(&l, 21, 654333, "arch_timer");
	line_is(&l, 45, 77778, "ens5-Tx-Rx-1");
	line_is(&l, 24, 8888, "mlx5_comp3@pci:1:00.0");
	free(l.v);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		l = irq_lines_parse(broken[i]);
		ok(l.n <= 2, "broken text");
		free(l.v);
	}
}

static void test_irq_names(void)
{
	static const struct {
		const char *name, *dev;
		unsigned int kind, queue;
	} v[] = {
		{ "eth0-TxRx-3", "eth0", NIC_RX | NIC_TX, 3 },
		{ "i40e-ens1f0-TxRx-12", "ens1f0", NIC_RX | NIC_TX, 12 },
		{ "mlx5_comp7@pci:0000:3b:00.0", "ens3", NIC_RX | NIC_TX, 7 },
		{ "virtio0-input.1", "eth0", NIC_RX, 1 },
		{ "virtio10-output.0", "eth0", NIC_TX, 0 },
		{ "ens5-Tx-Rx-5", "ens5", NIC_RX | NIC_TX, 5 },
		{ "ens192-rxtx-2", "ens192", NIC_RX | NIC_TX, 2 },
		{ "eth0-rx-0", "eth0", NIC_RX, 0 },
		{ "eth0-q1-tx", "eth0", NIC_TX, 1 },
		{ "eth4-q3", "eth4", NIC_RX | NIC_TX, 3 },
		{ "eth0-fp-9", "eth0", NIC_RX | NIC_TX, 9 },
		{ "eth0", "eth0", 0, 0 },
		{ "virtio0-config", "eth0", 0, 0 },
		{ "mlx5_async0@pci:0000:3b:00.0", "ens3", 0, 0 },
		{ "ena-mgmnt@pci:0000:00:05.0", "ens5", 0, 0 },
		{ "eth0-rx", "eth0", 0, 0 },
		{ "eth0-rx-99999999999999999999", "eth0", 0, 0 },
		{ "", "eth0", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		unsigned int queue = 0;

		is_int(irq_name_queue(v[i].name, v[i].dev, &queue), v[i].kind, v[i].name);
		if (v[i].kind)
			is_int(queue, v[i].queue, "its queue");
	}
	ok(irq_name_of("eth0-rx-0", "eth0"), "named after its interface");
	ok(!irq_name_of("eth01-rx-0", "eth0"), "another interface");
	ok(!irq_name_of("veth0-rx-0", "eth0"), "yet another");
}

/* ---- the adviser ---- */

struct world {
	struct tune_facts f;
	struct nic nic;
	struct nic_reactor reactors[8];
	struct nic_queue rx[8], tx[8];
	struct nic_irq irqs[8];
	uint32_t table[16];
	struct cpus nodes[2];
};

/* Everything as tune would have it: nq queues for nr reactors on as many CPUs. */
static void world(struct world *w, unsigned int nr, unsigned int nq)
{
	memset(w, 0, sizeof(*w));
	w->f = (struct tune_facts) { .running = true,
				     .reactors = w->reactors,
				     .nreactors = nr,
				     .steer = KH_STEER_CPU,
				     .steer_by_bpf = true,
				     .nodes = w->nodes,
				     .nnodes = 1,
				     .nics = &w->nic,
				     .nnics = 1 };
	w->nic = (struct nic) { .name = "eth0",
				.hardware = true,
				.node = -1,
				.speed = -1,
				.channels = { .known = true, .combined = nq, .max_combined = 8 },
				.rx = w->rx,
				.tx = w->tx,
				.nrx = nq,
				.ntx = nq,
				.irqs = w->irqs,
				.nirqs = nq,
				.rss = { .size = 16, .table = w->table },
				.offloads = { 1, 1, 1, 0 } };
	for (unsigned int i = 0; i < nr; i++) {
		w->reactors[i].cpu = (int)i;
		cpus_add(&w->f.online, i);
		cpus_add(&w->nodes[0], i);
	}
	for (unsigned int i = 0; i < nq; i++) {
		w->rx[i].known = w->tx[i].known = nq > 1;
		w->irqs[i] = (struct nic_irq) {
			.irq = 64 + i, .kind = NIC_RX | NIC_TX, .queue = i, .known = true
		};
		cpus_add(&w->irqs[i].affinity, i % nr);
		cpus_add(&w->tx[i].cpus, i % nr);
	}
	for (unsigned int i = 0; i < 16; i++)
		w->table[i] = i % nq;
}

/* What is advised, as words; steps of it. */
static void advice_is(struct world *w, const char *want, unsigned int nsteps)
{
	struct plan p = tune_advise(&w->f);
	char got[256] = "";

	for (size_t i = 0; i < p.nadvice; i++) {
		size_t n = strlen(got);

		snprintf(got + n, sizeof(got) - n, "%s%s", i ? " " : "",
			 advice_name(p.advice[i].about));
		ok(strchr(p.advice[i].sentence, ':') && p.advice[i].sentence[0] >= 'A' &&
			   p.advice[i].sentence[strlen(p.advice[i].sentence) - 1] == '.',
		   p.advice[i].sentence);
	}
	is_str(got, want, "what is advised");
	is_int(p.nsteps, nsteps, "steps");
	plan_free(&p);
}

static void test_advise_channels(void)
{
	struct world w;
	struct plan p;

	world(&w, 4, 4);
	advice_is(&w, "", 0);
	world(&w, 4, 2);
	p = tune_advise(&w.f);
	is_int(p.steps[0].channels.combined, 4, "a channel for each reactor");
	plan_free(&p);
	world(&w, 2, 8);
	w.nic.channels.max_combined = 8;
	advice_is(&w, "channels", 1);
	world(&w, 8, 4);
	w.nic.channels.max_combined = 4;
	advice_is(&w, "xps rps", 8);
	world(&w, 4, 4);
	w.nic.channels =
		(struct nic_channels) { .known = true, .rx = 4, .tx = 1, .max_rx = 4, .max_tx = 4 };
	advice_is(&w, "channels", 1);
	world(&w, 4, 1);
	w.nic.channels.known = false;
	w.rx[0].known = true;
	advice_is(&w, "rps", 1);
	w.nic.loopback = true;
	advice_is(&w, "", 0);
	w.f.nreactors = 0;
	advice_is(&w, "", 0);
}

static void test_advise_cpus(void)
{
	struct world w;
	struct plan p;

	world(&w, 4, 4);
	cpus_add(&w.irqs[2].affinity, 0);
	cpus_add(&w.tx[3].cpus, 0);
	cpus_add(&w.rx[1].cpus, 0);
	advice_is(&w, "irq xps rps", 3);
	p = tune_advise(&w.f);
	is_int(p.steps[0].index, 66, "the interrupt");
	is_int(cpus_nth(&p.steps[0].cpus, 0), 2, "its CPU");
	is_int(cpus_count(&p.steps[2].cpus), 0, "RPS goes off");
	plan_free(&p);
	world(&w, 4, 4);
	w.irqs[0].known = false;
	w.irqs[1].kind = 0;
	memset(&w.irqs[1].affinity, 0xff, sizeof(struct cpus));
	advice_is(&w, "", 0);
	/* Reactors elsewhere than on the first CPUs. */
	world(&w, 2, 2);
	w.reactors[0].cpu = 5;
	w.reactors[1].cpu = 7;
	p = tune_advise(&w.f);
	is_int(cpus_nth(&p.steps[1].cpus, 0), 7, "the reactor's CPU, not the queue's number");
	plan_free(&p);
	/* Reactors that are bound to none: as the server shares out CPUs. */
	for (int i = 0; i < 8; i++)
		cpus_add(&w.f.online, (unsigned int)i);
	w.reactors[0].cpu = w.reactors[1].cpu = w.reactors[2].cpu = -1;
	w.f.nreactors = 3;
	is_int(tune_reactor_cpu(&w.f, 1), 3, "the second of three on eight CPUs");
	is_int(tune_reactor_cpu(&w.f, 2), 6, "the third");
	w.f.nreactors = 16;
	for (int i = 0; i < 8; i++)
		w.reactors[i].cpu = -1;
	is_int(tune_reactor_cpu(&w.f, 7), 3, "two reactors on a CPU");
	world(&w, 2, 2);
	w.f.irqbalance = 812;
	w.reactors[0].cpu = 0;
	w.reactors[1].cpu = -1;
	advice_is(&w, "irqbalance", 0);
}

static void test_advise_rss(void)
{
	uint32_t low, high;
	struct world w;

	world(&w, 3, 3);
	rss_spread(&w.nic.rss, 3, &low, &high);
	is_int(low, 5, "16 entries over 3 queues: the least");
	is_int(high, 6, "and the most");
	ok(rss_is_default(&w.nic.rss, 3), "the table of a fresh driver");
	ok(!rss_is_default(&w.nic.rss, 2), "not for other queues");
	advice_is(&w, "", 0);
	memset(w.table, 0, sizeof(w.table));
	w.table[0] = 77; /* a table that names a queue beyond the last */
	advice_is(&w, "rss", 1);
	world(&w, 2, 2);
	w.nic.rss.tcp4 = RXH_IP_SRC | RXH_IP_DST;
	advice_is(&w, "hash", 0);
	w.f.steer = KH_STEER_CLIENT;
	advice_is(&w, "", 0);
}

static void test_advise_rest(void)
{
	struct world w;

	world(&w, 2, 2);
	w.nic.offloads = (struct nic_offloads) { 0, 0, 0, 0 };
	w.nic.rx_dropped = 12;
	w.nic.ring_rx = 256;
	w.nic.ring_rx_max = 4096;
	advice_is(&w, "offloads offloads rings", 0);
	world(&w, 2, 2);
	w.nic.offloads = (struct nic_offloads) { -1, -1, -1, -1 };
	w.nic.rx_dropped = 12;
	w.f.steer = KH_STEER_ROUND_ROBIN;
	strcpy(w.f.steer_why, "auto: one queue");
	advice_is(&w, "steer", 0);
	strcpy(w.f.steer_why, "set by hand");
	advice_is(&w, "", 0);
	world(&w, 2, 2);
	w.f.nnodes = 2;
	w.nic.node = 1;
	advice_is(&w, "node", 0);
	w.nic.node = 0;
	advice_is(&w, "", 0);
	w.nic.node = 9;
	advice_is(&w, "", 0);
}

static void test_balance(void)
{
	struct world w;

	world(&w, 4, 4);
	ok(tune_imbalance(&w.f) == 0, "no connections: no imbalance");
	w.reactors[1].connections = 3;
	ok(tune_imbalance(&w.f) == 4, "all on one of four");
	advice_is(&w, "", 0);
	w.reactors[1].connections = 30;
	advice_is(&w, "balance", 0);
	w.f.steer = KH_STEER_ROUND_ROBIN;
	advice_is(&w, "", 0);
	for (int i = 0; i < 4; i++)
		w.reactors[i].connections = 10;
	ok(tune_imbalance(&w.f) == 1, "even");
	advice_is(&w, "", 0);
}

int main(void)
{
	test_cpus();
	test_interrupts();
	test_irq_names();
	test_advise_channels();
	test_advise_cpus();
	test_advise_rss();
	test_advise_rest();
	test_balance();
	return done_testing();
}
