/** FromSocket: receives packets from a socket: a Socket that is a server.
 *
 * Synopsis: `FromSocket(TCP|UDP, IP, PORT [, <keywords>])`, `FromSocket(UNIX|UNIX_DGRAM, FILENAME [,
 * <keywords>])`
 *
 * Arguments and handlers: those of Socket.
 *
 * Example: `FromSocket(UDP, 127.0.0.1, 9000) -> Print -> Discard;`
 */
#include "socket.h"

ELEMENT(FromSocket, .ports = "0/1", .processing = "/h", SOCKET_MEMBERS);
