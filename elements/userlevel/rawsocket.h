/* rawsocket.h: RawSocket, FromRawSocket and ToRawSocket are one thing with other ports. */
#ifndef CLICKLET_RAWSOCKET_H
#define CLICKLET_RAWSOCKET_H
#include <clicklet/element.h>

typedef struct RawSocket {
  Element base;
  uint8_t proto;
  char *port_text;
  uint32_t snaplen, headroom;
  int fd, reserved; /* reserved: holds the port, so that the host's own stack gives it to nobody else */
  bool writing, complained;
  Packet *pending;
  Task task;
  SignalSet signals;
} RawSocket;
typedef RawSocket FromRawSocket;
typedef RawSocket ToRawSocket;

bool rawsocket_task(Element *e, Task *t);
int rawsocket_configure(Element *e, const Args *args, Errors *errs);
int rawsocket_initialize(Element *e, Errors *errs);
void rawsocket_cleanup(Element *e);
void rawsocket_selected(Element *e, int fd, bool readable, bool writable);

#define RAWSOCKET_MEMBERS                                                                                    \
  .flow = "x/y", .targets = TARGET_HOST, .run_task = rawsocket_task, .configure = rawsocket_configure,       \
  .initialize = rawsocket_initialize, .cleanup = rawsocket_cleanup, .selected = rawsocket_selected,          \
  .args =                                                                                                    \
      ARGS(ARG_MUST(RawSocket, IP_PROTO, "TYPE", proto), ARG_POS(RawSocket, WORD, "PORT", port_text, NULL),  \
           ARG(RawSocket, U32, "SNAPLEN", snaplen, "2048", .min = 20, .max = 65536),                         \
           ARG(RawSocket, U32, "HEADROOM", headroom, "28", .min = 0, .max = 8192)),                          \
  .handlers = HANDLERS(TASK_HANDLERS(RawSocket, task))

#endif
