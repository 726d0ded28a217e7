/** FromRawSocket: receives IPv4 packets of one protocol through a raw socket: a RawSocket without input.
 *
 * Synopsis: `FromRawSocket(TYPE [, PORT, <keywords> SNAPLEN, HEADROOM])`
 *
 * Arguments: those of RawSocket.
 *
 * Example: `FromRawSocket(UDP, 9053) -> IPPrint -> Discard;`
 */
#include "rawsocket.h"

ELEMENT(FromRawSocket, .ports = "0/1", .processing = "/h", RAWSOCKET_MEMBERS);
