/* control.h: between the parts of the control channel: rings (console.c), clients (control.c), what the
 * monitor itself answers (status.c). */
#ifndef CLICKLET_MONITOR_CONTROL_H
#define CLICKLET_MONITOR_CONTROL_H
#include <clicklet/channel.h>
#include "monitor.h"

typedef struct Bytes { /* a growing buffer; `at` bytes of it are done with */
  uint8_t *data;
  uint32_t len, capacity, at;
} Bytes;
bool bytes_add(Bytes *b, const void *data, uint32_t n);
void bytes_done(Bytes *b, uint32_t n); /* the first n bytes have been used */
void bytes_free(Bytes *b);

/* console.c */
void console_open(void);
uint32_t console_send(const uint8_t *p, uint32_t n); /* returns how many bytes found room */
/* The two rings at rest: whether they are in use, and what was taken from each. */
typedef struct ConsoleState {
  uint32_t started;
  uint16_t seen[2];
} ConsoleState;
void console_save(ConsoleState *out);
bool console_restore(const ConsoleState *from); /* false: the rings are not in the guest's memory */
/* control.c */
/* Bytes under way to the guest and from it; the requests they answer are forgotten in a restored guest. */
typedef struct ControlState {
  const uint8_t *to_guest, *from_guest;
  uint32_t to_bytes, from_bytes, last_id;
} ControlState;
void control_save(ControlState *out);
bool control_restore(const ControlState *from); /* false: no memory */
void control_from_guest(const uint8_t *p, uint32_t n);
void control_to_guest(void); /* sends on what waits */
/* status.c */
/* Answers it: returns the status, and in `answer` its payload (text for people where it failed). */
uint32_t monitor_request(const void *client, uint16_t type, const uint8_t *payload, uint32_t n,
                         Bytes *answer);
void status_forget(const void *client); /* it has gone: closes what it had asked for */
void status_open(void);
void report_boot_errors(const uint8_t *records, uint32_t n); /* as an event */

#endif
