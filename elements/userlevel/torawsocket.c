/** ToRawSocket: sends IPv4 packets of one protocol through a raw socket: a RawSocket without output.
 *
 * Synopsis: `ToRawSocket(TYPE [, PORT, <keywords> SNAPLEN, HEADROOM])`
 *
 * Arguments and handlers: those of RawSocket.
 *
 * Example: `InfiniteSource(LIMIT 5) -> UDPIPEncap(127.0.0.1, 9052, 127.0.0.1, 9053) -> Queue ->
 * ToRawSocket(UDP, 9052);`
 */
#include "rawsocket.h"

ELEMENT(ToRawSocket, .ports = "1/0", .processing = "l/", RAWSOCKET_MEMBERS);
