/* vhost_backend.h: between the backend's messages and its socket. */
#ifndef CLICKLET_VIRTIO_VHOST_BACKEND_H
#define CLICKLET_VIRTIO_VHOST_BACKEND_H
#include "vhost_user.h"

const char *vhost_message(VhostBackend *b);
void vhost_rings_reset(VhostBackend *b);
void vhost_memory_unmap(VhostBackend *b);

#endif
