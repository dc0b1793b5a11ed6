// Endpoints as the socket calls know them.
#pragma once

#include "relay/endpoint.h"

#include <sys/socket.h>

// Returns the length of what was written.
socklen_t sockaddr_put(const struct endpoint *e, struct sockaddr_storage *out);
// Another family than IPv4 and IPv6 gives an endpoint that is not set.
struct endpoint sockaddr_get(const struct sockaddr_storage *sa);
