// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntacl - shows or sets a file's Windows descriptor on the server's side, without a server: to
 * compare with what smbcacls says, and to see what is on disk.
 *
 *	ntacl [-p] get FILE			-p: without stored descriptors, POSIX only
 *	ntacl [-p] set FILE [OWNER] TYPE/FLAGS/MASK/SID...
 *	ntacl [-p] access FILE UID GID MASK	what a user gets of it (0x2000000: all there is)
 */
#include "vfs/acl.h"

#include <fcntl.h>
#include <stdio.h>

static int object_open(const char *path, struct acl_object *obj)
{
	struct stat st;

	obj->fd = open(path, O_PATH | O_CLOEXEC);
	if (obj->fd < 0 || fstat(obj->fd, &st)) {
		perror(path);
		return -1;
	}
	obj->uid = st.st_uid;
	obj->gid = st.st_gid;
	obj->mode = st.st_mode;
	return 0;
}

static int status(ntstatus st)
{
	if (st)
		fprintf(stderr, "ntacl: %s\n", nt_name(st));
	return st ? 2 : 0;
}

static int cmd_get(const struct acl_object *obj, const struct acl_policy *pol)
{
	_cleanup_sd_ struct sd *sd = NULL;
	char buf[SID_STR_MAX];
	ntstatus st = acl_get(obj, pol, SECINFO_ALL, &sd);

	if (st)
		return status(st);
	printf("CONTROL:0x%04x\nOWNER:%s\n", sd->control | SD_SELF_RELATIVE,
	       sid_format(&sd->owner, buf));
	printf("GROUP:%s\n", sid_format(&sd->group, buf));
	for (unsigned int i = 0; sd->dacl && i < sd->dacl->count; i++) {
		const struct ace *a = &sd->dacl->aces[i];

		printf("ACL:%s:%u/0x%x/0x%08x\n", sid_format(&a->sid, buf), a->type, a->flags,
		       a->mask);
	}
	return 0;
}

static int cmd_set(struct acl_object *obj, const struct acl_policy *pol, char **args)
{
	struct security_token *root = token_new(0, 0, NULL, 0, 0);
	_cleanup_sd_ struct sd *sd = sd_new();
	uint32_t secinfo = SECINFO_DACL;
	int r;

	sd_dacl_add(sd, 0, 0, 0, NULL);
	for (; *args; args++) {
		unsigned int type, flags, mask;
		char text[SID_STR_MAX];
		struct sid sid;

		if (!sid_parse(*args, &sd->owner)) {
			sd->has_owner = true;
			secinfo |= SECINFO_OWNER;
		} else if (sscanf(*args, "%i/%i/%i/%191s", (int *)&type, (int *)&flags,
				  (int *)&mask, text) == 4 &&
			   !sid_parse(text, &sid)) {
			sd_dacl_add(sd, (uint8_t)type, (uint8_t)flags, mask, &sid);
		} else {
			fprintf(stderr, "ntacl: what is %s?\n", *args);
			token_free(root);
			return 1;
		}
	}
	r = status(acl_set(obj, pol, root, secinfo, sd));
	token_free(root);
	return r;
}

static int cmd_access(const struct acl_object *obj, const struct acl_policy *pol, char **args)
{
	struct security_token *t;
	uint32_t granted = 0;
	ntstatus st;

	if (!args[0] || !args[1] || !args[2])
		return 1;
	t = token_new((uint32_t)strtoul(args[0], NULL, 0), (uint32_t)strtoul(args[1], NULL, 0),
		      NULL, 0, 0);
	st = acl_access(obj, NULL, pol, t, (uint32_t)strtoul(args[2], NULL, 0), &granted);
	printf("0x%08x\n", granted);
	token_free(t);
	return status(st);
}

int main(int argc, char **argv)
{
	struct acl_policy pol = { .stored = true };
	const char *domain = getenv("NTACL_DOMAIN");
	struct acl_object obj;
	struct sid dom;

	if (argc > 1 && !strcmp(argv[1], "-p")) {
		pol.stored = false;
		argv++;
		argc--;
	}
	if (domain && !sid_parse(domain, &dom))
		acl_domain_set(&dom);
	if (argc < 3) {
		fprintf(stderr, "usage: ntacl [-p] get|set|access FILE ...\n");
		return 1;
	}
	if (object_open(argv[2], &obj))
		return 2;
	if (!strcmp(argv[1], "get"))
		return cmd_get(&obj, &pol);
	if (!strcmp(argv[1], "set"))
		return cmd_set(&obj, &pol, argv + 3);
	if (!strcmp(argv[1], "access"))
		return cmd_access(&obj, &pol, argv + 3);
	return 1;
}
