#include "dpdk_app/controllers.h"

#include <errno.h>
#include <pwd.h>

enum { PASSWD_LINE = 4096 };

bool controllers_have(const struct controllers *c, uid_t uid) {
	for (unsigned i = 0; i < c->n; i++) {
		if (c->uids[i] == uid)
			return true;
	}
	return false;
}

static void add(struct controllers *c, uid_t uid) {
	if (c->n < CONTROLLERS_MAX && !controllers_have(c, uid))
		c->uids[c->n++] = uid;
}

static int add_whose_group(struct controllers *c, gid_t gid, const char *passwd) {
	struct passwd entry, *found;
	char line[PASSWD_LINE];
	FILE *file = fopen(passwd, "re");

	if (file == NULL)
		return -errno;
	while (fgetpwent_r(file, &entry, line, sizeof(line), &found) == 0) {
		if (entry.pw_gid == gid)
			add(c, entry.pw_uid);
	}
	fclose(file);
	return 0;
}

int controllers_find(uid_t own, const struct config_user *control, gid_t gid, const char *passwd,
	struct controllers *out) {
	*out = (struct controllers){0};
	add(out, 0);
	add(out, own);
	if (control->name[0] == '\0')
		return add_whose_group(out, gid, passwd);
	add(out, control->uid);
	return 0;
}

const char *controllers_format(const struct controllers *c, char buf[static CONTROLLERS_TEXT]) {
	int n = 0;

	for (unsigned i = 0; i < c->n; i++)
		n += snprintf(buf + n, (size_t)(CONTROLLERS_TEXT - n), "%s%u", i > 0 ? "," : "", c->uids[i]);
	return buf;
}
