// Listening Unix sockets that never look half ready, and the lock that keeps a second process off the same config.
#pragma once

#include <sys/socket.h>

// Take "<socket_path>.lock" for this process (flock). Returns a file descriptor that holds the lock until it is closed
// (the process's end closes it too), -EBUSY when another process has it, or a negative errno. The file stays: removing
// it would let two processes lock two files of one name. What stands in it is the holder's.
[[nodiscard]] int instance_lock(const char *socket_path);

// Listen at path with a non-blocking socket of type SOCK_STREAM or SOCK_SEQPACKET: bound under a temporary name, mode 0660, given to
// group (NULL: left as it is), renamed over whatever stands at path when ready. Call it with instance_lock held.
// Returns the descriptor or a negative errno (-EINVAL: no such group, -ENAMETOOLONG).
[[nodiscard]] int unix_socket_listen(const char *path, int type, const char *group);

// Connect a blocking socket of a type; connecting, sending and receiving give up after timeout_ms each (-EAGAIN).
// Returns the descriptor or a negative errno (-ENOENT, -ECONNREFUSED: nobody listens).
[[nodiscard]] int unix_socket_connect(const char *path, int type, unsigned timeout_ms);
