/* serve.h: a control socket for a router that runs in a process of its own: the same frames that a virtual
 * router answers (channel.h), so the same client handles both. */
#ifndef CLICKLET_TOOLS_SERVE_H
#define CLICKLET_TOOLS_SERVE_H
#include <clicklet/engine.h>

/* Listens at a Unix socket, in a thread of its own; requests are done by the engine's thread between its
 * rounds. Call it before engine_run. Returns 0, or -1 with a line on stderr. */
int serve_start(Engine *e, const char *path);
/* After engine_run: answers what is under way, then closes and removes the socket. */
void serve_stop(void);

#endif
