// The control protocol's socket: connections in, messages to the media core's server, replies out. Main thread.
#pragma once

#include "config/config.h"
#include "dpdk_app/poller.h"
#include "relay/relay.h"

struct control_socket;

// Listen at the config's path, under the server r, with the config's lock held. The socket's group may connect and look; who
// may control is said in controllers.h. Borrows all until close. stats_fd: what observers get. Logs. Returns 0 or a negative
// errno.
[[nodiscard]] int control_socket_open(const struct config *config, struct relay *r, struct poller *p,
	int stats_fd, struct control_socket **out);
// Close all connections and remove the path. NULL is fine.
void control_socket_close(struct control_socket *s);
