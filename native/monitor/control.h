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
void console_open(Monitor *m);
uint32_t console_send(const uint8_t *p, uint32_t n); /* returns how many bytes found room */
/* control.c */
void control_from_guest(const uint8_t *p, uint32_t n);
void control_to_guest(void); /* sends on what waits */
/* status.c */
uint32_t monitor_request(uint16_t type, Bytes *payload); /* answers it; returns the status */
void status_open(void);
void report_boot_errors(const uint8_t *records, uint32_t n); /* as an event */

#endif
