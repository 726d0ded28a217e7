/** KernelHandlerProxy: reads and writes handlers of the reference's kernel module.
 *
 * Synopsis: `KernelHandlerProxy([<keyword> VERBOSE])`
 *
 * Its handler `E.H` is handler H of element E of the router that runs in the Linux kernel, under /click.
 * There is one for every name; whether the kernel has it shows when it is read or written. ControlSocket's
 * PROXY makes the kernel's router answer there. This package has no kernel module: a router of its own is
 * reached by `clicklet handler`.
 *
 * Arguments: VERBOSE (bool): says on the terminal why a handler could not be read. Default false.
 *
 * Handlers: any `E.H` (read, write).
 *
 * Example: `proxy :: KernelHandlerProxy; ControlSocket(TCP, 8800, PROXY proxy, LOCALHOST true);`
 */
#define _GNU_SOURCE
#include <clicklet/element.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PROXY_HANDLERS_MAX = 65536 }; /* names asked for */

typedef struct ProxyHandler {
  Handler handler;
  struct ProxyHandler *next;
} ProxyHandler;

typedef struct KernelHandlerProxy {
  Element base;
  bool verbose;
  ProxyHandler *handlers;
  unsigned nhandlers;
} KernelHandlerProxy;

/* "E.H", of characters that can be in names and nothing that leads elsewhere. */
static bool proxy_name(const char *name) {
  const char *dot = strchr(name, '.');
  if (!dot || !dot[1] || !strcmp(dot, "..") || !strcmp(dot, "...")) return false;
  for (const char *s = name; s < dot; s++)
    if (!is_alpha(*s) && !is_digit(*s) && *s != '_' && *s != '/' && *s != '@') return false;
  for (const char *s = dot + 1; *s; s++)
    if (*s < 32 || *s >= 127 || *s == '/') return false;
  return true;
}

static int proxy_open(const char *name, int flags) {
  Text path = {0};
  const char *dot = strchr(name, '.');
  text_printf(&path, "/click/%.*s%s%s%s", (int)(dot - name), name, dot > name ? "/" : "",
              access("/click/.h", F_OK) ? "" : ".h/", dot + 1);
  int fd = open(text_cstr(&path), flags | O_CLOEXEC);
  text_free(&path);
  return fd;
}

/* Says why, from errno. */
static int proxy_complain(const char *name, Errors *errs) {
  Text element = {0};
  int saved = errno, length = (int)(strchr(name, '.') - name), rc;
  text_printf(&element, "/click/%.*s", length, name);
  if (saved == ENOENT && access("/click", F_OK))
    rc = error(errs, "No router installed");
  else if (saved == ENOENT && length && access(text_cstr(&element), F_OK))
    rc = error(errs, "No element named '%.*s'", length, name);
  else if (saved == ENOENT || saved == EISDIR)
    rc = error(errs, "No handler named '%s'", name);
  else if (saved == EACCES)
    rc = error(errs, "Permission denied for '%s'", name);
  else
    rc = error(errs, "Handler '%s' error: %s", name, strerror(saved));
  text_free(&element);
  return rc;
}

static int proxy_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  char buffer[4096];
  ssize_t n = -1;
  (void)param;
  int fd = proxy_open(h->name, O_RDONLY);
  while (fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0) text_add(out, buffer, (size_t)n);
  if (n < 0) {
    int saved = errno;
    if (((KernelHandlerProxy *)e)->verbose) chatter(e, "cannot read '%s': %s", h->name, strerror(saved));
    errno = saved;
    proxy_complain(h->name, errs);
  }
  if (fd >= 0) close(fd);
  return n < 0 ? -1 : 0;
}

static int proxy_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  int fd = proxy_open(h->name, O_WRONLY | O_TRUNC);
  (void)e;
  if (fd < 0) return proxy_complain(h->name, errs);
  for (size_t left = strlen(value); left;) {
    ssize_t n = write(fd, value, left);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      proxy_complain(h->name, errs);
      close(fd);
      return -1;
    }
    value += n;
    left -= (size_t)n;
  }
  /* The kernel carries it out when the file is closed. */
  return close(fd) ? error(errs, "Error executing kernel write handler '%s': see /click/errors", h->name) : 0;
}

static const Handler *proxy_handler(Element *e, const char *name, unsigned index) {
  KernelHandlerProxy *k = (KernelHandlerProxy *)e;
  ProxyHandler *p = k->handlers;
  if (!name) {
    while (p && index--) p = p->next;
    return p ? &p->handler : NULL;
  }
  while (p && strcmp(p->handler.name, name)) p = p->next;
  if (p) return &p->handler;
  char *copy = proxy_name(name) && k->nhandlers < PROXY_HANDLERS_MAX ? mem_string(name, strlen(name)) : NULL;
  if (!copy || !(p = mem_alloc(sizeof *p))) {
    mem_free(copy);
    return NULL;
  }
  p->handler = (Handler)RW_FN(copy, proxy_read, proxy_write);
  p->next = k->handlers;
  k->handlers = p;
  k->nhandlers++;
  return &p->handler;
}

static void proxy_cleanup(Element *e) {
  for (ProxyHandler *p = ((KernelHandlerProxy *)e)->handlers, *next; p; p = next) {
    next = p->next;
    mem_free((char *)(uintptr_t)p->handler.name);
    mem_free(p);
  }
}

ELEMENT(KernelHandlerProxy, .ports = "0/0", .targets = TARGET_HOST, .extra_handler = proxy_handler,
        .cleanup = proxy_cleanup, .args = ARGS(ARG(KernelHandlerProxy, BOOL, "VERBOSE", verbose, "false")));
