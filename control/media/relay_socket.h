// The link over a Unix SOCK_SEQPACKET socket, non-blocking, on the loop's libevent base.
#pragma once

#include "control/loop.h"
#include "control/media/relay_link.h"

struct relay_socket;

// Connects nowhere yet; borrows path. Returns 0, -ENOMEM, -EINVAL (a manual loop), -ENAMETOOLONG.
[[nodiscard]] int relay_socket_create(struct loop *loop, const char *path, struct relay_socket **out);
void relay_socket_destroy(struct relay_socket *s);
struct relay_link relay_socket_link(struct relay_socket *s);
