// Who may control over the control socket: root, the relay's own user, and the user that kedge-control runs as. That one
// is the setting control.user or, without it, whoever has the socket's group as own group: a service's user does, those
// who were only added to the group, so that they may look, do not.
#pragma once

#include "config/config.h"

enum { CONTROLLERS_MAX = 16, CONTROLLERS_TEXT = CONTROLLERS_MAX * 11 };

struct controllers {
	uid_t uids[CONTROLLERS_MAX];
	unsigned n;
};

// own: the relay's user; gid: the socket's group; passwd: the file of the host's own users, which no directory service can
// make us wait for. Returns 0 or a negative errno when that can't be read to its end, -E2BIG when more have that group than there is
// room for; *out is good, as far as it goes.
[[nodiscard]] int controllers_find(
	uid_t own, const struct config_user *control, gid_t gid, const char *passwd, struct controllers *out);
bool controllers_have(const struct controllers *c, uid_t uid);
// "0,105", into buf. Returns buf.
const char *controllers_format(const struct controllers *c, char buf[static CONTROLLERS_TEXT]);
