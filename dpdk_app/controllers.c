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

// False: there is no more room.
static bool add(struct controllers *c, uid_t uid) {
	if (controllers_have(c, uid))
		return true;
	if (c->n == CONTROLLERS_MAX)
		return false;
	c->uids[c->n++] = uid;
	return true;
}

static int add_whose_group(struct controllers *c, gid_t gid, const char *passwd) {
	struct passwd entry, *found;
	char line[PASSWD_LINE];
	FILE *file = fopen(passwd, "re");
	int ret = 0;

	if (file == NULL)
		return -errno;
	while (ret == 0 && (ret = fgetpwent_r(file, &entry, line, sizeof(line), &found)) == 0) {
		if (entry.pw_gid == gid && !add(c, entry.pw_uid))
			ret = E2BIG;
	}
	fclose(file);
	return ret == ENOENT ? 0 : -ret; // ENOENT: the file's end
}

int controllers_find(uid_t own, const struct config_user *control, gid_t gid, const char *passwd,
	struct controllers *out) {
	*out = (struct controllers){0};
	(void)add(out, 0); // there is room for these
	(void)add(out, own);
	if (control->name[0] == '\0')
		return add_whose_group(out, gid, passwd);
	(void)add(out, control->uid);
	return 0;
}

const char *controllers_format(const struct controllers *c, char buf[static CONTROLLERS_TEXT]) {
	int n = 0;

	for (unsigned i = 0; i < c->n; i++)
		n += snprintf(buf + n, (size_t)(CONTROLLERS_TEXT - n), "%s%u", i > 0 ? "," : "", c->uids[i]);
	return buf;
}
