// A learning Ethernet switch with four ports.
//
//   clicklet boot learning-switch.click --name sw --port tap:a --port tap:b --port tap:c --port tap:d -d
//   clicklet handler sw switch.table

switch :: EtherSwitch;

FromDevice(0, SNAPLEN 9216) -> c0 :: Counter -> [0] switch [0] -> Queue(256) -> ToDevice(0);
FromDevice(1, SNAPLEN 9216) -> c1 :: Counter -> [1] switch [1] -> Queue(256) -> ToDevice(1);
FromDevice(2, SNAPLEN 9216) -> c2 :: Counter -> [2] switch [2] -> Queue(256) -> ToDevice(2);
FromDevice(3, SNAPLEN 9216) -> c3 :: Counter -> [3] switch [3] -> Queue(256) -> ToDevice(3);
