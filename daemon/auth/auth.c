// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * auth.c - the exchange as its caller sees it: limits, raw NTLMSSP or SPNEGO, the mechanism table.
 */
#include "auth/mech.h"

/* 1.3.6.1.4.1.311.2.2.10 */
static const uint8_t oid_ntlmssp[] = { 0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10 };

const struct auth_mech auth_mechs[] = {
	{ "NTLMSSP", oid_ntlmssp, sizeof(oid_ntlmssp), ntlmssp_step, ntlmssp_mic },
};
const size_t auth_mechs_n = ARRAY_SIZE(auth_mechs);

void auth_blob_set(struct auth_blob *b, const void *data, size_t n)
{
	auth_blob_free(b);
	if (!n)
		return;
	b->data = xmalloc(n);
	b->len = n;
	memcpy(b->data, data, n);
}

void auth_blob_free(struct auth_blob *b)
{
	crypto_wipe(b->data, b->len);
	free(b->data);
	b->data = NULL;
	b->len = 0;
}

struct auth *auth_new(const struct auth_config *cfg)
{
	struct auth *a = xcalloc(1, sizeof(*a));

	a->cfg = *cfg;
	return a;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	auth_blob_free(&a->mech_list);
	auth_blob_free(&a->ntlm.msg1);
	auth_blob_free(&a->ntlm.msg2);
	crypto_wipe(a, sizeof(*a));
	free(a);
}

ntstatus auth_step(struct auth *a, const void *in, size_t in_len, struct auth_blob *out)
{
	ntstatus status;

	out->data = NULL;
	out->len = 0;
	if (a->done)
		return NT_STATUS_INVALID_PARAMETER;
	a->legs++;
	a->bytes += MIN(in_len, (size_t)AUTH_BYTES_MAX + 1);
	if (a->legs > AUTH_LEGS_MAX || a->bytes > AUTH_BYTES_MAX) {
		a->done = true;
		a->why = "too many or too long messages";
		return (ntstatus)NT_STATUS_INSUFFICIENT_RESOURCES;
	}
	if (a->wrap == AUTH_WRAP_UNKNOWN)
		a->wrap = in_len >= sizeof(ntlmssp_signature) &&
					  !memcmp(in, ntlmssp_signature, sizeof(ntlmssp_signature))
				  ? AUTH_WRAP_NONE
				  : AUTH_WRAP_SPNEGO;
	if (a->wrap == AUTH_WRAP_NONE)
		status = ntlmssp_step(a, in, in_len, out);
	else
		status = spnego_step(a, in, in_len, out);
	if (status != NT_STATUS_SUCCESS && status != (ntstatus)NT_STATUS_MORE_PROCESSING_REQUIRED)
		auth_blob_free(out);
	a->ok = status == NT_STATUS_SUCCESS;
	a->done = status != (ntstatus)NT_STATUS_MORE_PROCESSING_REQUIRED;
	return status;
}

const char *auth_why(const struct auth *a)
{
	return a->why ? a->why : "malformed message";
}

const char *auth_client_name(const struct auth *a)
{
	return a->result.client_name;
}

const struct auth_result *auth_result(const struct auth *a)
{
	return a->ok ? &a->result : NULL;
}
