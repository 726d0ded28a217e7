/* controlsocket.h: between the parts of ControlSocket: connections (controlsocket.c) and what is said on them
 * (controlsocket_commands.c). */
#ifndef CLICKLET_ELEMENTS_CONTROLSOCKET_H
#define CLICKLET_ELEMENTS_CONTROLSOCKET_H
#include "../standard/script.h"

typedef struct ControlClient {
  int fd;
  Text in, out;
  uint32_t sent;
  bool eof, quit;
  struct ControlClient *next;
} ControlClient;

typedef struct ControlSocket {
  Element base;
  char *type, *address, *proxy;
  bool readonly, verbose, localhost, retry_warnings;
  enum { TCP, UNIX, SOCKET } kind;
  int32_t retries;
  int fd;
  uint16_t port;
  ControlClient *clients;
  Timer timer;
} ControlSocket;

/* Carries out the first command of what came in, and adds the answer to what goes out. Returns the command's
 * bytes, 0 if it is not whole. *swapped: it brought a new configuration. */
uint32_t control_run_command(ControlSocket *s, ControlClient *c, bool *swapped);

#endif
