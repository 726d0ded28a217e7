// A learning Ethernet switch with four ports.
//
//   clicklet boot learning-switch.click --name sw --port tap:a --port tap:b --port tap:c --port tap:d -d
//   clicklet handler sw switch.table

switch :: EtherSwitch;

FromDevice(0) -> c0 :: Counter -> [0] switch [0] -> Queue(256) -> ToDevice(0);
FromDevice(1) -> c1 :: Counter -> [1] switch [1] -> Queue(256) -> ToDevice(1);
FromDevice(2) -> c2 :: Counter -> [2] switch [2] -> Queue(256) -> ToDevice(2);
FromDevice(3) -> c3 :: Counter -> [3] switch [3] -> Queue(256) -> ToDevice(3);
