#include "config/config_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20 };

static int read_all(int fd, char *buf, size_t *len) {
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, buf + n, TEXT_MAX + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > TEXT_MAX)
			return -EFBIG;
	}
	buf[n] = '\0';
	*len = n;
	return 0;
}

int config_text_read(const char *path, bool only_regular, char **out, size_t *len) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | (only_regular ? O_NONBLOCK : 0));
	struct stat st;
	char *buf = NULL;
	int ret;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret == 0 && only_regular && !S_ISREG(st.st_mode))
		ret = -EINVAL;
	if (ret == 0) {
		buf = malloc(TEXT_MAX + 1);
		ret = buf == NULL ? -ENOMEM : read_all(fd, buf, len);
	}
	close(fd);
	if (ret < 0) {
		free(buf);
		return ret;
	}
	*out = buf;
	return 0;
}
