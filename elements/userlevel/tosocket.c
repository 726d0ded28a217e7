/** ToSocket: sends packets to a socket: a Socket that is a client.
 *
 * Synopsis: `ToSocket(TCP|UDP, IP, PORT [, <keywords>])`, `ToSocket(UNIX|UNIX_DGRAM, FILENAME [,
 * <keywords>])`
 *
 * Takes pushed packets too, which the reference's does not.
 *
 * Arguments and handlers: those of Socket.
 *
 * Example: `InfiniteSource(LIMIT 5) -> ToSocket(UDP, 127.0.0.1, 9000);`
 */
#include "socket.h"

ELEMENT(ToSocket, .ports = "1/0", .processing = "a/", SOCKET_MEMBERS);
