/** UMLSwitch: sends packets to a User Mode Linux switch and receives them.
 *
 * Synopsis: `UMLSwitch([PATH])`
 *
 * Connects to the switch (the daemon uml_switch, or vde_switch where it speaks the same protocol, version 3)
 * when the router starts. Input is pulled; what the switch sends goes out.
 *
 * Arguments: PATH (file name): the switch's control socket. Default /tmp/uml.ctl.
 *
 * Handlers: `received`, `sent`, `dropped` (read). `scheduled`, `tickets`.
 *
 * Example: `sw :: UMLSwitch(/tmp/uml.ctl); RatedSource(RATE 1) -> Queue -> sw -> Print -> Discard;`
 */
#define _GNU_SOURCE
#include "socket.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* What a client of the switch says first; its answer is the address to send frames to. */
typedef struct UMLRequest {
  uint32_t magic, version, type;
  struct sockaddr_un from; /* where frames are to be sent */
} UMLRequest;
enum { UML_VERSION = 3, UML_NEW_CONTROL = 0, UML_PATIENCE = 5 /* s */ };
#define UML_MAGIC 0xfeedface

typedef struct UMLSwitch {
  Socket socket;
  char *path;
  int control;
} UMLSwitch;

static int uml_configure(Element *e, const Args *args, Errors *errs) {
  UMLSwitch *u = (UMLSwitch *)e;
  Socket *s = &u->socket;
  (void)args;
  u->control = s->fd = s->listener = -1;
  s->local = s->client = s->has_local = s->timestamp = true;
  s->snaplen = 2048;
  s->headroom = 28;
  s->remote_address = mem_alloc(sizeof(struct sockaddr_storage));
  s->local_address = mem_alloc(sizeof(struct sockaddr_storage));
  if (!s->remote_address || !s->local_address) return error(errs, "out of memory");
  if (strlen(u->path) >= sizeof((struct sockaddr_un *)0)->sun_path)
    return error(errs, "PATH: '%s' is too long for a socket", u->path);
  return 0;
}

static int uml_initialize(Element *e, Errors *errs) {
  UMLSwitch *u = (UMLSwitch *)e;
  Socket *s = &u->socket;
  struct sockaddr_un to = {.sun_family = AF_UNIX}, *mine = s->local_address, *data = s->remote_address;
  struct timeval patience = {.tv_sec = UML_PATIENCE};
  if ((u->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
    return error(errs, "socket: %s", strerror(errno));
  setsockopt(u->control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(u->control, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  strcpy(to.sun_path, u->path);
  if (connect(u->control, (struct sockaddr *)&to, sizeof to) < 0)
    return error(errs, "could not connect to control socket %s: %s", u->path, strerror(errno));
  /* A name that is no file's, and nobody else's. */
  mine->sun_family = AF_UNIX;
  int pid = getpid();
  uint32_t number = random_u32(e);
  memcpy(mine->sun_path + 1, &pid, sizeof pid);
  memcpy(mine->sun_path + 1 + sizeof pid, &number, sizeof number);
  UMLRequest request = {.magic = UML_MAGIC, .version = UML_VERSION, .type = UML_NEW_CONTROL, .from = *mine};
  if (send(u->control, &request, sizeof request, MSG_NOSIGNAL) != sizeof request)
    return error(errs, "control setup request failed: %s", strerror(errno));
  ssize_t n = recv(u->control, data, sizeof *data, MSG_WAITALL);
  if (n != sizeof *data || data->sun_family != AF_UNIX)
    return error(errs, "%s: no answer of a UML switch: %s", u->path, n < 0 ? strerror(errno) : "too short");
  s->local_size = s->remote_size = sizeof *data;
  return socket_initialize(e, errs);
}

static void uml_cleanup(Element *e) {
  UMLSwitch *u = (UMLSwitch *)e;
  socket_cleanup(e);
  if (u->control >= 0) close(u->control); /* the switch then forgets us */
  mem_free(u->path);
}

ELEMENT(UMLSwitch, .ports = "0-1/0-1", .processing = "l/h", .flags = "S3", .flow = "x/y",
        .targets = TARGET_HOST, .push = socket_push, .run_task = socket_task, .configure = uml_configure,
        .initialize = uml_initialize, .cleanup = uml_cleanup, .selected = socket_selected,
        .args = ARGS(ARG_POS(UMLSwitch, FILENAME, "PATH", path, "/tmp/uml.ctl")),
        .handlers = HANDLERS(READ_FIELD(Socket, U64, "received", received),
                             READ_FIELD(Socket, U64, "sent", sent),
                             READ_FIELD(Socket, U64, "dropped", dropped), TASK_HANDLERS(Socket, task)));
