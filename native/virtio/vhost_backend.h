/* vhost_backend.h: between the backend's messages and its socket. */
#ifndef CLICKLET_VIRTIO_VHOST_BACKEND_H
#define CLICKLET_VIRTIO_VHOST_BACKEND_H
#include "vhost_user.h"

const char *vhost_message(VhostBackend *b);
void vhost_rings_reset(VhostBackend *b);
void vhost_memory_unmap(VhostBackend *b);

/* Accesses to the mapping survive that its file is shortened: *lost is set then and the eventfd written.
 * False: too many mappings. */
bool vhost_guard(uint8_t *start, uint64_t bytes, uint32_t *lost, int broken);
void vhost_unguard(uint8_t *start);

#endif
