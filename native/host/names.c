/* names.c: addresses of the host's interfaces ("eth0", "eth0:eth") and services, for name_query. */
#include <arpa/inet.h>
#include <clicklet/platform.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netpacket/packet.h>

static bool device_address(int kind, const char *name, void *value) {
  struct ifaddrs *list;
  bool ok = false;
  if (getifaddrs(&list)) return false;
  for (struct ifaddrs *i = list; i && !ok; i = i->ifa_next) {
    if (strcmp(i->ifa_name, name) || !i->ifa_addr) continue;
    int family = i->ifa_addr->sa_family;
    if (kind == NAME_ETHER && family == AF_PACKET) {
      struct sockaddr_ll ll;
      memcpy(&ll, i->ifa_addr, sizeof ll);
      ok = ll.sll_halen == 6;
      if (ok) memcpy(value, ll.sll_addr, 6);
    } else if ((kind == NAME_IP || kind == NAME_IP_PREFIX) && family == AF_INET) {
      struct sockaddr_in in, mask = {0};
      memcpy(&in, i->ifa_addr, sizeof in);
      if (i->ifa_netmask) memcpy(&mask, i->ifa_netmask, sizeof mask);
      if (kind == NAME_IP)
        memcpy(value, &in.sin_addr, 4);
      else {
        IPPrefix p = {in.sin_addr.s_addr, mask.sin_addr.s_addr};
        memcpy(value, &p, sizeof p);
      }
      ok = true;
    } else if (kind == NAME_IP6 && family == AF_INET6) {
      struct sockaddr_in6 in6;
      memcpy(&in6, i->ifa_addr, sizeof in6);
      memcpy(value, &in6.sin6_addr, 16);
      ok = true;
    }
  }
  freeifaddrs(list);
  return ok;
}

bool platform_lookup_name(int kind, const char *name, void *value, size_t size) {
  (void)size;
  if (kind == NAME_TCP_PORT || kind == NAME_UDP_PORT) {
    struct servent *s = getservbyname(name, kind == NAME_TCP_PORT ? "tcp" : "udp");
    if (!s) return false;
    uint16_t port = ntohs((uint16_t)s->s_port);
    memcpy(value, &port, 2);
    return true;
  }
  if (kind == NAME_ETHER || kind == NAME_IP || kind == NAME_IP_PREFIX || kind == NAME_IP6)
    return device_address(kind, name, value);
  return false;
}
