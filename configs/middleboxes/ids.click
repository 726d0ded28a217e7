// An intrusion detection system on a wire: everything passes, and what looks like an attack is reported.
//
// Ports 0 and 1 are the two ends of the wire. Each rule counts its hits and prints them, at most $LINES a second of each,
// so that an attack cannot fill the log.
//
//   clicklet boot ids.click --name ids --port tap:a --port tap:b -d
//   clicklet logs -f ids
//   clicklet handler ids xmas_scan/hits.count

define($SYN_RATE 500, $LINES 10);

elementclass Rule { $label |
  input -> hits :: Counter -> limit :: RatedSplitter($LINES);
  limit[0] -> IPPrint($label, TIMESTAMP false) -> Discard;
  limit[1] -> Discard;
}

FromDevice(0, SNAPLEN 9216) -> c0 :: Counter -> copy0 :: Tee(2);   copy0[0] -> Queue(512) -> ToDevice(1);
FromDevice(1, SNAPLEN 9216) -> c1 :: Counter -> copy1 :: Tee(2);   copy1[0] -> Queue(512) -> ToDevice(0);

copy0[1] -> ip :: Classifier(12/0800, -);
copy1[1] -> ip;
ip[1] -> Discard;
ip[0] -> Strip(14)
  -> header :: CheckIPHeader2
  -> rules :: IPClassifier(
      // Scans: combinations of flags that no TCP sends.
      tcp and not tcp opt syn and not tcp opt fin and not tcp opt rst and not tcp opt ack and not tcp opt psh and not tcp opt urg,
      tcp opt fin and tcp opt psh and tcp opt urg,
      tcp opt syn and tcp opt fin,
      // Addresses that must not be seen as a source.
      src net 127.0.0.0/8 or src net 224.0.0.0/4 or src host 255.255.255.255,
      // Pings of whole networks; fragments of pings (the ping of death needs them).
      icmp type echo and (dst host 255.255.255.255 or dst net 224.0.0.0/4),
      icmp and ip frag,
      // Services that should not be in use any more: telnet, rlogin and rsh.
      tcp opt syn and not tcp opt ack and (dst port 23 or dst port 513 or dst port 514),
      // Beginnings of connections, for their rate; requests to web servers, for what they ask.
      tcp opt syn and not tcp opt ack,
      tcp and dst port 80,
      -);
header[1] -> broken_ip :: Rule(broken_ip);
rules[0] -> null_scan :: Rule(null_scan);
rules[1] -> xmas_scan :: Rule(xmas_scan);
rules[2] -> syn_fin :: Rule(syn_fin);
rules[3] -> forged_source :: Rule(forged_source);
rules[4] -> broadcast_ping :: Rule(broadcast_ping);
rules[5] -> ping_fragment :: Rule(ping_fragment);
rules[6] -> old_service :: Rule(old_service);
rules[7] -> syns :: Meter($SYN_RATE) -> Discard;
syns[1] -> syn_flood :: Rule(syn_flood);
// The payload's first bytes, behind IP and TCP headers without options or with the usual timestamps.
rules[8] -> request :: Classifier(
    0/45 32/50 40/474554202f2e2e2f,            // "GET /../"
    0/45 32/80 52/474554202f2e2e2f,
    0/45 32/50 40/474554202f6367692d62696e,    // "GET /cgi-bin"
    0/45 32/80 52/474554202f6367692d62696e,
    -);
request[0] -> path_traversal :: Rule(path_traversal);
request[1] -> path_traversal;
request[2] -> cgi_probe :: Rule(cgi_probe);
request[3] -> cgi_probe;
request[4] -> Discard;
rules[9] -> Discard;
