/** KernelTap: a network interface of the host whose other end is the router; Ethernet frames.
 *
 * Synopsis: `KernelTap(ADDR/MASK [, GATEWAY, <keywords> BURST, HEADROOM, MTU, ETHER, DEVNAME,
 * IGNORE_QUEUE_OVERFLOWS])`
 *
 * As KernelTun, with Ethernet headers: the host asks for the router's Ethernet addresses by ARP, and takes
 * frames sent to its own address, ETHER. The arguments and handlers are those of KernelTun.
 *
 * Example: `t :: KernelTap(10.99.0.1/24) -> c :: Classifier(12/0806, -); c[0] -> ARPResponder(0.0.0.0/0
 * 1:1:1:1:1:1) -> t; c[1] -> Discard;`
 */
#include "kerneltun.h"

ELEMENT(KernelTap, KERNELTUN_MEMBERS("true"));
