// A transparent firewall between two networks: a bridge that lets through what its rules allow.
//
// Port 0 is the inside, port 1 the outside. Everything may go out; in may come ARP, answers to TCP connections made
// from inside, DNS answers, pings and what is meant for the servers named below.
//
//   clicklet boot firewall.click --name fw --port tap:inside --port tap:outside -d
//   clicklet handler fw outside.count

define($WEB 10.0.0.80, $MAIL 10.0.0.25);

elementclass Bridge { // Ethernet in and out; output 1 and input 1 are IP packets to be judged
  input[0] -> kind :: Classifier(12/0800, 12/0806, -);
  kind[0] -> MarkIPHeader(14) -> [1] output;
  kind[1] -> [0] output;   // ARP passes
  kind[2] -> Discard;      // nothing else does
  input[1] -> [0] output;
}

FromDevice(0, SNAPLEN 9216) -> inside :: Counter -> b0 :: Bridge -> to_outside :: Queue(512) -> ToDevice(1);
FromDevice(1, SNAPLEN 9216) -> outside :: Counter -> b1 :: Bridge -> to_inside :: Queue(512) -> ToDevice(0);

// Outwards: no address but our own may leave.
b0[1] -> out :: IPFilter(
    deny src net 127.0.0.0/8 or src net 224.0.0.0/4,
    allow all)
  -> [1] b0;

// Inwards: the first rule that fits decides.
b1[1] -> in :: IPFilter(
    deny src net 127.0.0.0/8 or src net 224.0.0.0/4,
    deny ip frag and not icmp,
    allow dst host $WEB and tcp and (dst port 80 or dst port 443),
    allow dst host $MAIL and tcp and dst port 25,
    allow tcp and tcp opt ack,                  // part of a connection that was made from inside
    allow udp and src port 53,
    allow icmp type echo or icmp type echo-reply or icmp type unreachable or icmp type timeexceeded,
    deny all)
  -> [1] b1;
