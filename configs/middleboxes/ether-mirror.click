// Sends every frame back to where it came from, with its Ethernet addresses swapped. The far end for a test of latency.
//
//   clicklet boot ether-mirror.click --name mirror --port tap:a -d
//   clicklet handler mirror c.count

FromDevice(0, SNAPLEN 9216) -> c :: Counter -> EtherMirror -> Queue(512) -> ToDevice(0);
