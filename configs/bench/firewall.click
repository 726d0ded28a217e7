// A packet filter of 20 rules, of which the last one matches: 64-byte IP packets from memory.
define($LIMIT 10000000);

InfiniteSource(DATA \<
    45000040 00004000 40066eaf 0a000002 c0000207
    1388 0050 00000001 00000000 50102000 afda 0000
    000000000000000000000000000000000000000000000000>,
  LIMIT $LIMIT, STOP true, TIMESTAMP false)
  -> MarkIPHeader
  -> filter :: IPFilter(
    deny ip frag,
    deny src net 127.0.0.0/8,
    deny src net 169.254.0.0/16,
    deny src net 172.16.0.0/12,
    deny src net 192.168.0.0/16,
    deny src net 224.0.0.0/3,
    deny dst net 10.1.0.0/16 and tcp dst port 23,
    deny dst host 192.0.2.1 and udp,
    allow dst host 192.0.2.2 and tcp dst port 25,
    allow dst host 192.0.2.3 and udp dst port 53,
    allow dst host 192.0.2.3 and tcp dst port 53,
    allow dst host 192.0.2.4 and tcp dst port 443,
    deny tcp dst port 135,
    deny tcp dst port 139,
    deny tcp dst port 445,
    deny udp dst port 137,
    deny udp dst port 161,
    allow icmp type echo,
    allow src net 198.51.100.0/24 and tcp dst port 22,
    allow dst net 192.0.2.0/24 and tcp dst port 80)
  -> c :: Counter
  -> Discard;
