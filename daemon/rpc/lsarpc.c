// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lsarpc.c - the Local Security Authority, as much of it as names and SIDs need (MS-LSAT, and the
 * policy handle of MS-LSAD): smbcacls, rpcclient and the security page of Explorer.
 *
 * Parameters that cannot change the answer (names of the server, access masks, lookup levels) and
 * have only such ones behind them are left unread.
 */
#include <stdio.h>

#include "rpc/dcerpc.h"

#define LOOKUP_SIDS_MAX	 20480 /* MS-LSAT 2.2.17 */
#define LOOKUP_NAMES_MAX 1000
#define NO_DOMAIN	 0xFFFFFFFFu

#define LSA_PRIMARY_DOMAIN 3 /* POLICY_INFORMATION_CLASS, MS-LSAD 2.2.4.1 */
#define LSA_ACCOUNT_DOMAIN 5

/* ---- SIDs on the wire: MS-DTYP 2.4.2.3, RPC_SID ---- */

static void pull_sid(struct ndr_pull *in, struct rpc_sid *sid)
{
	uint32_t n = ndr_count(in, 4);

	sid->revision = ndr_u8(in);
	sid->num_auths = ndr_u8(in);
	rd_copy(&in->rd, sid->id_auth, 6);
	if (n != sid->num_auths || n > ARRAY_SIZE(sid->sub_auths)) {
		rd_fail(&in->rd);
		sid->num_auths = 0;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		sid->sub_auths[i] = ndr_u32(in);
}

static void put_sid(struct ndr_push *out, const struct rpc_sid *sid)
{
	ndr_put_u32(out, sid->num_auths);
	ndr_put_u8(out, sid->revision);
	ndr_put_u8(out, sid->num_auths);
	ndr_put_bytes(out, sid->id_auth, 6);
	for (uint32_t i = 0; i < sid->num_auths; i++)
		ndr_put_u32(out, sid->sub_auths[i]);
}

static const char *sid_string(struct ndr_mem *mem, const struct rpc_sid *sid)
{
	uint64_t authority = 0;
	char buf[200];
	int at;

	for (int i = 0; i < 6; i++)
		authority = authority << 8 | sid->id_auth[i];
	at = snprintf(buf, sizeof(buf), "S-%u-%llu", sid->revision, (unsigned long long)authority);
	for (uint32_t i = 0; i < sid->num_auths; i++)
		at += snprintf(buf + at, sizeof(buf) - (size_t)at, "-%u", sid->sub_auths[i]);
	return ndr_strdup(mem, buf);
}

/* ---- the policy handle ---- */

static uint32_t open_policy(struct rpc_call *call)
{
	struct rpc_handle handle;
	bool ok = !call->env->anonymous && rpc_handle_new(call, &handle);

	rpc_handle_put(&call->out, ok ? &handle : NULL);
	ndr_put_u32(&call->out, ok ? (uint32_t)NT_STATUS_SUCCESS
				: call->env->anonymous
					? (uint32_t)NT_STATUS_ACCESS_DENIED
					: (uint32_t)NT_STATUS_INSUFFICIENT_RESOURCES);
	return 0;
}

/* The first parameter of most calls. */
static uint32_t pull_policy(struct rpc_call *call, struct rpc_handle *handle)
{
	rpc_handle_pull(&call->in, handle);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	return rpc_handle_known(call, handle) ? 0 : RPC_FAULT_CONTEXT_MISMATCH;
}

static uint32_t close_policy(struct rpc_call *call)
{
	struct rpc_handle handle;
	uint32_t fault = pull_policy(call, &handle);

	if (fault)
		return fault;
	rpc_handle_close(call, &handle);
	rpc_handle_put(&call->out, NULL);
	ndr_put_u32(&call->out, NT_STATUS_SUCCESS);
	return 0;
}

/* A standalone server: accounts hang below its own name, the workgroup is a name without a SID. */
static uint32_t query_policy(struct rpc_call *call)
{
	const struct rpc_env *env = call->env;
	struct ndr_push *out = &call->out;
	struct rpc_handle handle;
	uint32_t fault = pull_policy(call, &handle);
	uint16_t level = ndr_u16(&call->in);
	const char *name = level == LSA_ACCOUNT_DOMAIN ? env->server_name : env->domain;
	bool known = level == LSA_ACCOUNT_DOMAIN || level == LSA_PRIMARY_DOMAIN;
	bool sid = level == LSA_ACCOUNT_DOMAIN && env->machine_sid.num_auths;

	if (fault || !ndr_ok(&call->in))
		return fault ? fault : RPC_FAULT_NDR;
	if (ndr_put_ptr(out, known)) {
		ndr_put_u16(out, level);
		ndr_put_unicode_head(out, name, level == LSA_ACCOUNT_DOMAIN);
		ndr_put_ptr(out, sid);
		ndr_put_unicode_body(out, name, level == LSA_ACCOUNT_DOMAIN);
		if (sid)
			put_sid(out, &env->machine_sid);
	}
	ndr_put_u32(out,
		    known ? (uint32_t)NT_STATUS_SUCCESS : (uint32_t)NT_STATUS_INVALID_INFO_CLASS);
	return 0;
}

/* ---- the results of a lookup, and the domains that they refer to ---- */

struct domain {
	const char *name;
	struct rpc_sid sid;
};

struct result {
	struct rpc_account account;
	const char *name;
	uint32_t domain; /* index, or NO_DOMAIN */
	bool known;
};

struct lookup {
	struct rpc_call *call;
	uint32_t count, mapped, num_domains;
	struct result *results;
	struct domain *domains; /* room for count */
};

static bool lookup_init(struct lookup *l, struct rpc_call *call, uint32_t count)
{
	*l = (struct lookup) { .call = call, .count = count };
	l->results = ndr_alloc(&call->mem, MAX(count, 1u), sizeof(*l->results));
	l->domains = ndr_alloc(&call->mem, MAX(count, 1u), sizeof(*l->domains));
	return l->results && l->domains;
}

static uint32_t domain_index(struct lookup *l, const struct rpc_account *a)
{
	struct domain *d;

	for (uint32_t i = 0; i < l->num_domains; i++)
		if (!strcmp(l->domains[i].name, a->domain))
			return i;
	d = &l->domains[l->num_domains];
	d->name = ndr_strdup(&l->call->mem, a->domain);
	d->sid = a->sid;
	if (a->type != RPC_SID_DOMAIN && d->sid.num_auths)
		d->sid.num_auths--;
	return l->num_domains++;
}

/* One thing looked up; unknown ones are named by what they were asked as. */
static void lookup_add(struct lookup *l, uint32_t i, bool known, const char *asked)
{
	struct result *r = &l->results[i];

	r->known = known;
	r->domain = NO_DOMAIN;
	r->name = asked;
	if (!known) {
		r->account.type = RPC_SID_UNKNOWN;
		return;
	}
	r->account.sid.num_auths = MIN(r->account.sid.num_auths, 15);
	r->name = r->account.name;
	r->domain = domain_index(l, &r->account);
	l->mapped++;
}

static void put_domains(struct lookup *l)
{
	struct ndr_push *out = &l->call->out;

	ndr_put_ptr(out, true);
	ndr_put_u32(out, l->num_domains);
	ndr_put_ptr(out, l->num_domains > 0);
	ndr_put_u32(out, MAX(32u, l->num_domains)); /* MaxEntries: ignored by everybody */
	if (!l->num_domains)
		return;
	ndr_put_u32(out, l->num_domains);
	for (uint32_t i = 0; i < l->num_domains; i++) {
		ndr_put_unicode_head(out, l->domains[i].name, true);
		ndr_put_ptr(out, true);
	}
	for (uint32_t i = 0; i < l->num_domains; i++) {
		ndr_put_unicode_body(out, l->domains[i].name, true);
		put_sid(out, &l->domains[i].sid);
	}
}

static void put_status(struct lookup *l)
{
	ntstatus status = NT_STATUS_SUCCESS;

	if (l->mapped < l->count)
		status = l->mapped ? (ntstatus)NT_STATUS_SOME_NOT_MAPPED
				   : (ntstatus)NT_STATUS_NONE_MAPPED;
	ndr_put_u32(&l->call->out, l->mapped);
	ndr_put_u32(&l->call->out, status);
}

/* ---- SIDs to names ---- */

static void put_names(struct lookup *l, bool flags)
{
	struct ndr_push *out = &l->call->out;

	ndr_put_u32(out, l->count);
	if (!ndr_put_ptr(out, l->count > 0))
		return;
	ndr_put_u32(out, l->count);
	for (uint32_t i = 0; i < l->count; i++) {
		ndr_put_u16(out, l->results[i].account.type);
		ndr_put_unicode_head(out, l->results[i].name, false);
		ndr_put_u32(out, l->results[i].domain);
		if (flags)
			ndr_put_u32(out, 0);
	}
	for (uint32_t i = 0; i < l->count; i++)
		ndr_put_unicode_body(out, l->results[i].name, false);
}

/* LSAPR_SID_ENUM_BUFFER, MS-LSAT 2.2.17 */
static struct rpc_sid *pull_sids(struct rpc_call *call, uint32_t *count)
{
	struct ndr_pull *in = &call->in;
	uint32_t n = ndr_u32(in), max = ndr_ptr(in) ? ndr_count(in, 4) : 0;
	struct rpc_sid *sids;

	if (!ndr_ok(in) || max != n || n > LOOKUP_SIDS_MAX) {
		rd_fail(&in->rd);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!ndr_ptr(in))
			rd_fail(&in->rd);
	sids = ndr_alloc(&call->mem, MAX(n, 1u), sizeof(*sids));
	for (uint32_t i = 0; sids && i < n && ndr_ok(in); i++)
		pull_sid(in, &sids[i]);
	*count = n;
	return sids;
}

static uint32_t lookup_sids(struct rpc_call *call, bool flags)
{
	const struct rpc_env *env = call->env;
	struct rpc_sid *sids;
	struct lookup l;
	uint32_t n = 0;

	sids = pull_sids(call, &n);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	if (env->anonymous)
		return RPC_FAULT_ACCESS_DENIED;
	if (!sids || !lookup_init(&l, call, n))
		return RPC_FAULT_NO_MEMORY;
	for (uint32_t i = 0; i < n; i++)
		lookup_add(&l, i,
			   env->sid_to_account &&
				   env->sid_to_account(env->ctx, &sids[i], &l.results[i].account),
			   sid_string(&call->mem, &sids[i]));
	put_domains(&l);
	put_names(&l, flags);
	put_status(&l);
	return 0;
}

static uint32_t lookup_sids1(struct rpc_call *call)
{
	struct rpc_handle handle;
	uint32_t fault = pull_policy(call, &handle);

	return fault ? fault : lookup_sids(call, false);
}

static uint32_t lookup_sids2(struct rpc_call *call)
{
	struct rpc_handle handle;
	uint32_t fault = pull_policy(call, &handle);

	return fault ? fault : lookup_sids(call, true);
}

/* ---- names to SIDs ---- */

static const char **pull_names(struct rpc_call *call, uint32_t *count)
{
	struct ndr_pull *in = &call->in;
	uint32_t n = ndr_u32(in), max = ndr_count(in, 8);
	const char **names;
	bool *present;

	if (!ndr_ok(in) || max != n || n > LOOKUP_NAMES_MAX) {
		rd_fail(&in->rd);
		return NULL;
	}
	names = ndr_alloc(&call->mem, MAX(n, 1u), sizeof(*names));
	present = ndr_alloc(&call->mem, MAX(n, 1u), sizeof(*present));
	for (uint32_t i = 0; names && present && i < n; i++) {
		ndr_u32(in); /* Length, MaximumLength: the array behind says it again */
		present[i] = ndr_ptr(in);
	}
	for (uint32_t i = 0; names && present && i < n; i++)
		names[i] = present[i] ? ndr_wchars(in) : "";
	*count = n;
	return names;
}

/* LSA_TRANSLATED_SID (a RID), _EX (with flags), _EX2 (a whole SID): MS-LSAT 2.2.14, 2.2.23, 2.2.25
 */
static void put_sids(struct lookup *l, bool flags, bool whole)
{
	struct ndr_push *out = &l->call->out;
	struct result *r;

	ndr_put_u32(out, l->count);
	if (!ndr_put_ptr(out, l->count > 0))
		return;
	ndr_put_u32(out, l->count);
	for (uint32_t i = 0; i < l->count; i++) {
		const struct rpc_sid *sid = &l->results[i].account.sid;
		bool rid = l->results[i].known && sid->num_auths &&
			   l->results[i].account.type != RPC_SID_DOMAIN;

		ndr_put_u16(out, l->results[i].account.type);
		if (whole)
			ndr_put_ptr(out, l->results[i].known);
		else
			ndr_put_u32(out, rid ? sid->sub_auths[sid->num_auths - 1] : NO_DOMAIN);
		ndr_put_u32(out, l->results[i].domain);
		if (flags)
			ndr_put_u32(out, 0);
	}
	for (r = l->results; whole && r < l->results + l->count; r++)
		if (r->known)
			put_sid(out, &r->account.sid);
}

static uint32_t lookup_names(struct rpc_call *call, bool flags, bool whole)
{
	const struct rpc_env *env = call->env;
	const char **names;
	struct lookup l;
	uint32_t n = 0;

	names = pull_names(call, &n);
	if (!ndr_ok(&call->in))
		return RPC_FAULT_NDR;
	if (env->anonymous)
		return RPC_FAULT_ACCESS_DENIED;
	if (!names || !lookup_init(&l, call, n))
		return RPC_FAULT_NO_MEMORY;
	for (uint32_t i = 0; i < n; i++)
		lookup_add(&l, i,
			   env->name_to_account && names[i] && *names[i] &&
				   env->name_to_account(env->ctx, names[i], &l.results[i].account),
			   names[i]);
	put_domains(&l);
	put_sids(&l, flags, whole);
	put_status(&l);
	return 0;
}

static uint32_t lookup_names1(struct rpc_call *call)
{
	struct rpc_handle handle;
	uint32_t fault = pull_policy(call, &handle);

	return fault ? fault : lookup_names(call, false, false);
}

static uint32_t lookup_names2(struct rpc_call *call)
{
	struct rpc_handle handle;
	uint32_t fault = pull_policy(call, &handle);

	return fault ? fault : lookup_names(call, true, false);
}

static uint32_t lookup_names3(struct rpc_call *call)
{
	struct rpc_handle handle;
	uint32_t fault = pull_policy(call, &handle);

	return fault ? fault : lookup_names(call, true, true);
}

/* LsarGetUserName, MS-LSAT 3.1.4.2: who am I */
static uint32_t get_user_name(struct rpc_call *call)
{
	struct ndr_pull *in = &call->in;
	struct ndr_push *out = &call->out;
	const char *user = call->env->user ? call->env->user : "";
	const char *domain = call->env->user_domain ? call->env->user_domain : "";

	ndr_unique_wstr(in);
	if (ndr_ptr(in)) { /* [in, out] UserName: what comes in is ignored */
		ndr_u32(in);
		if (ndr_ptr(in))
			ndr_wchars(in);
	}
	ndr_put_ptr(out, true);
	ndr_put_unicode_head(out, user, false);
	ndr_put_unicode_body(out, user, false);
	if (ndr_put_ptr(out, ndr_ptr(in))) {
		ndr_put_ptr(out, true);
		ndr_put_unicode_head(out, domain, false);
		ndr_put_unicode_body(out, domain, false);
	}
	ndr_put_u32(out, NT_STATUS_SUCCESS);
	return ndr_ok(in) ? 0 : RPC_FAULT_NDR;
}

static rpc_op_fn *const ops[] = {
	[0] = close_policy,   [6] = open_policy,    [7] = query_policy,
	[14] = lookup_names1, [15] = lookup_sids1,  [44] = open_policy, /* OpenPolicy2 */
	[45] = get_user_name, [46] = query_policy, /* QueryInformationPolicy2 */
	[57] = lookup_sids2,  [58] = lookup_names2, [68] = lookup_names3,
	/* 76 and 77, LookupSids3 and LookupNames4, are for secure channels over TCP only */
};

/* 12345778-1234-abcd-ef00-0123456789ab, 0.0 */
const struct rpc_iface lsarpc_iface = {
	.pipe = "lsarpc",
	.sec_addr = "\\PIPE\\lsarpc",
	.uuid = { { 0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45,
		    0x67, 0x89, 0xab } },
	.major = 0,
	.minor = 0,
	.ops = ops,
	.num_ops = ARRAY_SIZE(ops),
};
