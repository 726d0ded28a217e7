// A load balancer: one address for a service, four servers behind it.
//
// Port 0 is where clients are, with the service's address $VIP; port 1 the servers' network with the gateway address
// $IN_IP, which is the servers' default router. Each new TCP or UDP flow to port $PORT of the service goes to the next
// server in turn and stays there; answers carry the service's address again.
//
//   clicklet boot load-balancer.click --name lb --port tap:clients --port tap:servers -d
//   clicklet handler lb rw.tcp_table      flows and the servers they went to
//   clicklet handler lb s0.count          packets for the first server

define($VIP 203.0.113.80, $PORT 80, $OUT_NET 203.0.113.80/24, $OUT_MAC 02:00:00:00:00:70, $GW 203.0.113.1,
       $IN_IP 10.1.0.1, $IN_NET 10.1.0.1/24, $IN_MAC 02:00:00:00:00:71,
       $S0 10.1.0.10, $S1 10.1.0.11, $S2 10.1.0.12, $S3 10.1.0.13);

// The next flow's server. The client's address and port stay as they are, so servers see who asks.
servers :: RoundRobinIPMapper(- - $S0 - 0 1, - - $S1 - 0 1, - - $S2 - 0 1, - - $S3 - 0 1);
rw :: IPRewriter(servers, drop, CAPACITY 2000);

FromDevice(0, SNAPLEN 9216) -> HostEtherFilter($OUT_MAC) -> kind0 :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
FromDevice(1, SNAPLEN 9216) -> HostEtherFilter($IN_MAC) -> kind1 :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
out0 :: Queue(512) -> ToDevice(0);
out1 :: Queue(512) -> ToDevice(1);
arp0 :: ARPQuerier($VIP, $OUT_MAC) -> out0;
arp1 :: ARPQuerier($IN_IP, $IN_MAC) -> out1;

kind0[0] -> ARPResponder($VIP $OUT_MAC) -> out0;
kind0[1] -> [1] arp0;
kind0[3] -> Discard;
kind1[0] -> ARPResponder($IN_IP $IN_MAC) -> out1;
kind1[1] -> [1] arp1;
kind1[3] -> Discard;

to_clients :: LinearIPLookup($OUT_NET 0, 0.0.0.0/0 $GW 0) -> [0] arp0;

// From clients: only the service, and pings of its address.
kind0[2] -> Strip(14) -> CheckIPHeader
  -> client :: IPClassifier(dst host $VIP and (tcp or udp) and dst port $PORT, dst host $VIP and icmp type echo, -);
client[0] -> DecIPTTL -> [0] rw;
client[1] -> ICMPPingResponder -> to_clients;
client[2] -> other :: Counter -> Discard;

// To the servers, counted each.
rw[0] -> server :: IPClassifier(dst host $S0, dst host $S1, dst host $S2, -);
to_servers :: GetIPAddress(16) -> [0] arp1;
server[0] -> s0 :: Counter -> to_servers;
server[1] -> s1 :: Counter -> to_servers;
server[2] -> s2 :: Counter -> to_servers;
server[3] -> s3 :: Counter -> to_servers;

// From the servers: answers of flows that came through here; the rest is dropped by the rewriter.
kind1[2] -> Strip(14) -> CheckIPHeader -> answer :: IPClassifier(dst host $IN_IP and icmp type echo, tcp or udp, -);
answer[0] -> ICMPPingResponder -> to_servers;
answer[1] -> DecIPTTL -> [1] rw;
answer[2] -> Discard;
rw[1] -> to_clients;
