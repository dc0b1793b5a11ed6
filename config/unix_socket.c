#include "config/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16, GROUP_BUFFER = 16384 };

static int address_of(const char *path, const char *suffix, struct sockaddr_un *out) {
	int n;

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(out->sun_path, sizeof(out->sun_path), "%s%s", path, suffix);
	if (n <= 0 || (size_t)n >= sizeof(out->sun_path))
		return n == 0 ? -ENOENT : -ENAMETOOLONG;
	return 0;
}

int instance_lock(const char *socket_path) {
	struct sockaddr_un name; // no longer than the socket's own name may be
	int fd, ret;

	ret = address_of(socket_path, ".lock", &name);
	if (ret < 0)
		return ret;
	fd = open(name.sun_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	ret = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return ret;
}

static int find_group(const char *name, gid_t *out) {
	struct group entry, *found = NULL;
	char *buf = malloc(GROUP_BUFFER);
	int ret;

	if (buf == NULL)
		return -ENOMEM;
	ret = -getgrnam_r(name, &entry, buf, GROUP_BUFFER, &found);
	if (ret == 0 && found == NULL)
		ret = -EINVAL;
	if (ret == 0)
		*out = entry.gr_gid;
	free(buf);
	return ret;
}

// Nobody can connect before listen(), so mode and group come first.
static int prepare(int fd, const struct sockaddr_un *name, const char *group) {
	gid_t gid = (gid_t)-1;
	int ret = 0;

	if (group != NULL)
		ret = find_group(group, &gid);
	if (ret < 0)
		return ret;
	if (bind(fd, (const struct sockaddr *)name, sizeof(*name)) < 0)
		return -errno;
	if (chmod(name->sun_path, 0660) < 0 || (group != NULL && chown(name->sun_path, (uid_t)-1, gid) < 0) ||
		listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int unix_socket_listen(const char *path, int type, const char *group) {
	struct sockaddr_un name;
	int fd, ret;

	ret = address_of(path, ".new", &name);
	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(name.sun_path); // of a start that was killed here
	ret = prepare(fd, &name, group);
	if (ret == 0 && rename(name.sun_path, path) < 0)
		ret = -errno;
	if (ret == 0)
		return fd;
	unlink(name.sun_path);
	close(fd);
	return ret;
}

int unix_socket_connect(const char *path, int type, unsigned timeout_ms) {
	struct timeval timeout = {
		.tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
	struct sockaddr_un name;
	int fd, ret;

	ret = address_of(path, "", &name);
	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	// A Unix connect waits for room in the listener's backlog as long as SO_SNDTIMEO says.
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
		connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}
